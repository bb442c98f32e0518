"""Hand-made rounds in the vocabulary of `balance`; today is 22 November 2026 in UTC."""

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta

from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Round, Skipped, Value
from openai_monitor.spend import Account, Figures, read, work_out

NOW = datetime(2026, 11, 22, 19, 50, tzinfo=UTC)
TODAY = NOW.date()

Record = Mapping[str, Value]
Rows = Iterable[Record]

_TEXTS = ("currency", "item", "project", "unlimited", "interval", "delinquent", "billing_mechanism")
_SECRETS = ("secret",)


def ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def seconds(days_from_today: float) -> float:
    """The Unix time of the start of a day, counted from today."""
    return datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC).timestamp() + days_from_today * 86400


def metric_set(name: str, rows: Rows, *, warnings: tuple[str, ...] = (), time: datetime = NOW) -> MetricSetResult:
    records = [dict(row) for row in rows]
    names = list(dict.fromkeys(key for record in records for key in record))
    fields = tuple(Field(key, _kind(key)) for key in names)
    cells = tuple(tuple(record.get(key) for key in names) for record in records)
    return MetricSetResult(name, Code.SUCCESS, "", fields, cells, time, 0.1, warnings)


def _kind(name: str) -> FieldType:
    if name in _SECRETS:
        return FieldType.SECRET
    return FieldType.STRING if name in _TEXTS else FieldType.NUMBER


def failed(name: str, message: str) -> MetricSetResult:
    return MetricSetResult(name, Code.FAIL, message, (), (), NOW, 0.1)


def round_of(*results: MetricSetResult, skipped: tuple[Skipped, ...] = (), time: datetime = NOW) -> Round:
    return Round("openai_spend", "api.openai.com", time, results, skipped)


def balance(
    available: Value = None, granted: Value = None, used: Value = None, currency: Value = None
) -> MetricSetResult:
    return metric_set("balance", [{"available": available, "granted": granted, "used": used, "currency": currency}])


def costs(*rows: tuple[int, Value] | tuple[int, Value, str], currency: Value = None) -> MetricSetResult:
    """(days ago, cost, item)."""
    return metric_set(
        "daily_costs",
        [
            {"day": seconds(-row[0]), "item": row[2] if len(row) > 2 else "m", "cost": row[1], "currency": currency}
            for row in rows
        ],
    )


def every_day(cost: Value, days: range, item: str = "m") -> list[tuple[int, Value, str]]:
    return [(day, cost, item) for day in days]


def grants(*rows: tuple[Value, Value, float | None]) -> MetricSetResult:
    """(amount, used, days from today until it expires)."""
    return metric_set(
        "grants",
        [
            {
                "amount": amount,
                "used": used,
                "effective_at": seconds(-100),
                "expires_at": None if until is None else seconds(until),
            }
            for amount, used, until in rows
        ],
    )


def limit(amount: Value, used: Value = None, unlimited: Value = None, interval: Value = None) -> MetricSetResult:
    return metric_set("limit", [{"limit": amount, "used": used, "unlimited": unlimited, "interval": interval}])


def account_of(*results: MetricSetResult, time: datetime = NOW) -> Account:
    [account] = read(round_of(*results, time=time)).accounts
    return account


def figures_of(*results: MetricSetResult, time: datetime = NOW) -> Figures:
    return work_out(account_of(*results, time=time), time)
