"""What a monitor's rows mean in money, as series: see ``spend``."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

from openai_monitor.rows import MetricSetResult, Round
from openai_monitor.schedule.events import MonitorIdentity
from openai_monitor.spend import PARTS, Figures, read, work_out

_DAY = 86_400
_AMOUNTS = {
    "credit_left": "What is left of the credit.",
    "spent_today": "What was spent today so far (UTC).",
    "spent_month": "What was spent this month so far (UTC).",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One value: ``name`` without the application's, what it is, and its labels beside the monitor's."""

    name: str
    help: str
    labels: tuple[tuple[str, str], ...]
    value: float


def figures_of(monitor: MonitorIdentity, results: Sequence[MetricSetResult]) -> tuple[Figure, ...]:
    """Work out the figures as of the oldest of these results; none where they tell of no account."""
    told = tuple(result for result in results if result.name in PARTS)
    if not told:
        return ()
    # Of the oldest: where a set still shows its values of yesterday, "today" is the day they were read.
    as_of = min(result.time for result in told)
    reading = read(Round(monitor.app, monitor.host, as_of, told))
    return tuple(
        figure for account in reading.accounts for figure in _figures(work_out(account, as_of), as_of.astimezone(UTC))
    )


def _figures(figures: Figures, as_of: datetime) -> Iterator[Figure]:
    amounts = {"credit_left": figures.left, "spent_today": figures.spent_today, "spent_month": figures.spent_month}
    for name, amount in amounts.items():
        if amount is not None:
            yield Figure(f"{name}_{figures.currency.lower()}", _AMOUNTS[name], (), float(amount))
    if figures.forecast is not None:
        yield from _forecast(figures.currency, figures.forecast.days_left, as_of)


def _forecast(currency: str, days_left: Decimal, as_of: datetime) -> Iterator[Figure]:
    labels = (("currency", currency),)
    days = float(days_left)
    # The name ends in no unit since Prometheus's rules know seconds only, and people count credit in days.
    yield Figure(
        "forecast",
        "The forecast that the label names; days_left: for how many days the credit lasts at the present burn.",
        (("figure", "days_left"), *labels),
        days,
    )
    if math.isfinite(days):
        yield Figure(
            "credit_gone_timestamp_seconds",
            "When the credit is gone at the present burn.",
            labels,
            as_of.timestamp() + days * _DAY,
        )
