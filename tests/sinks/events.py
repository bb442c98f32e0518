"""Rounds as the service tells of them, for the tests of its outputs."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Round, Row, Skipped
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent, Trouble, trouble_of

MOMENT = datetime(2026, 11, 22, 19, 50, 0, 120_000, tzinfo=UTC)


def number(name: str, unit: str | None = None, *, label: bool = False) -> Field:
    return Field(name, FieldType.NUMBER, unit, label)


def text(name: str, *, label: bool = False) -> Field:
    return Field(name, FieldType.STRING, None, label)


CREDIT_FIELDS = (number("total_granted", "USD"), number("total_available", "USD"))
COST_FIELDS = (text("model_name", label=True), number("cost", "USD"))
BILLING_FIELDS = (
    text("canceled"),
    text("plan"),
    text("trust_tier"),
    text("billing_mechanism"),
    text("billing_email"),
    text("tax_ids"),
    text("billing_address"),
    text("po_number"),
    text("account_name"),
    Field("token", FieldType.SECRET),
    number("hard_limit_usd", "USD"),
)
PRIVATE = ("ann@example.com", "DE999", "1 Long Lane", "PO-77")
SECRET = "sess-fake-secret"


def result(
    name: str,
    fields: tuple[Field, ...],
    *rows: Row,
    code: Code = Code.SUCCESS,
    status: int | None = None,
    time: datetime = MOMENT,
    message: str = "",
) -> MetricSetResult:
    return MetricSetResult(name, code, message, fields, rows, time, 0.0314, (), status)


CREDIT = result("credit_grants", CREDIT_FIELDS, (18, 12.75))
COST = result("model_cost", COST_FIELDS, ("gpt-4o", 1.06619), ("o1, input", 0.02))
BILLING = result(
    "billing_subscription",
    BILLING_FIELDS,
    ("false", "Pay as you go", "tier_3", "advance", *PRIVATE, "Acme", SECRET, 120.5),
)


def refused(name: str) -> MetricSetResult:
    return result(name, (), code=Code.FAIL, status=401, message="HTTP 401: get a new key")


def down(name: str) -> MetricSetResult:
    return result(name, (), code=Code.FAIL, status=503, message="HTTP 503")


def event(
    *results: MetricSetResult,
    name: str = "acme",
    app: str = "openai",
    tags: tuple[tuple[str, str], ...] = (("team", "ml"),),
    after: float = 0.0,
    skipped: tuple[Skipped, ...] = (),
    trouble: Trouble | None = None,
    period: float | None = None,
) -> RoundEvent:
    """Tell of a round of these results, so many seconds after MOMENT; the next is due after ``period``."""
    started = MOMENT + timedelta(seconds=after)
    moved = tuple(replace(each, time=each.time + timedelta(seconds=after)) for each in results)
    collected = Round(app, "api.openai.com", started, moved, skipped, name, tags)
    return RoundEvent(
        monitor=MonitorIdentity(name, app, "api.openai.com", tags),
        round=collected,
        due=started - timedelta(seconds=0.25),
        started=started,
        finished=started + timedelta(seconds=0.5),
        trouble=trouble or trouble_of(collected),
        next_due=None if period is None else started + timedelta(seconds=period),
    )
