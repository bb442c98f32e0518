"""The figures as one more metric set, for whatever works on rows: conditions, outputs, alerts."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Value
from openai_monitor.spend.figures import Figures

NAME = "figures"

_MONEY = (
    "left",
    "granted",
    "used",
    "spent_today",
    "spent_yesterday",
    "spent_month",
    "spent_30_days",
    "mean_7_days",
    "mean_30_days",
    "burn",
    "expiring",
    "limit",
    "limit_used",
)
_OTHERS = (
    Field("days_left", FieldType.NUMBER, "days"),
    Field("limit_used_percent", FieldType.NUMBER, "%"),
    Field("gone_on", FieldType.STRING),
    Field("sure", FieldType.STRING),
    Field("expires_on", FieldType.STRING),
)

FIGURES: tuple[str, ...] = (*_MONEY, *(field.name for field in _OTHERS))
"""The names of the figures, as conditions and the JSON object have them."""

OF_FORECAST = frozenset(("days_left", "gone_on", "sure"))
"""Those there are none of without a forecast."""


def as_metric_set(figures: Sequence[Figures], time: datetime) -> MetricSetResult:
    """Give each currency's figures as a row of one metric set.

    ``days_left`` is infinite where there is no end, and ``limit_used_percent`` 0 where there is no limit, so
    that what is compared with them comes out as it should.
    """
    unit = figures[0].currency if len(figures) == 1 else None
    money = (Field(name, FieldType.NUMBER, unit) for name in _MONEY)
    fields = (Field("currency", FieldType.STRING, label=unit is None), *money, *_OTHERS)
    return MetricSetResult(NAME, Code.SUCCESS, "", fields, tuple(map(_row, figures)), time, 0.0)


def values(figures: Figures) -> dict[str, Decimal | str | None]:
    """Give the figures by their names; days as ISO 8601."""
    forecast, expiry, limit = figures.forecast, figures.next_expiry, figures.limit
    return {
        "left": figures.left,
        "granted": figures.granted,
        "used": figures.used,
        "spent_today": figures.spent_today,
        "spent_yesterday": figures.spent_yesterday,
        "spent_month": figures.spent_month,
        "spent_30_days": figures.spent_30_days,
        "mean_7_days": figures.mean_7_days.amount if figures.mean_7_days else None,
        "mean_30_days": figures.mean_30_days.amount if figures.mean_30_days else None,
        "burn": figures.burn,
        "expiring": expiry.amount if expiry else None,
        "limit": limit.amount if limit else None,
        "limit_used": figures.limit_used,
        "days_left": forecast.days_left if forecast else None,
        "limit_used_percent": figures.limit_used_percent,
        "gone_on": str(forecast.gone_on) if forecast and forecast.gone_on else None,
        "sure": forecast.sure if forecast else None,
        "expires_on": str(expiry.at.date()) if expiry else None,
    }


def number(value: Decimal) -> int | float:
    """Write an amount as the number a row or JSON holds."""
    whole = value.is_finite() and value == value.to_integral_value()
    return int(value) if whole else float(value)


def _row(figures: Figures) -> tuple[Value, ...]:
    told = values(figures)
    if figures.limit is not None and figures.limit.unlimited:
        told["limit_used_percent"] = Decimal(0)
    return (figures.currency, *(_cell(told[name]) for name in FIGURES))


def _cell(value: Decimal | str | None) -> Value:
    return number(value) if isinstance(value, Decimal) else value
