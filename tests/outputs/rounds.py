"""Small rounds for the tests of outputs and of what prints them."""

from datetime import UTC, datetime

from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Round, Row, Skipped

NUMBER, STRING, SECRET, TIME = FieldType.NUMBER, FieldType.STRING, FieldType.SECRET, FieldType.TIME
MOMENT = datetime(2026, 11, 22, 19, 50, 0, 120_000, tzinfo=UTC)

CREDIT_FIELDS = (Field("total_granted", NUMBER, "USD"), Field("total_available", NUMBER, "USD"))
COST_FIELDS = (Field("model_name", STRING, None, label=True), Field("cost", NUMBER, "USD"))


def result(
    name: str,
    fields: tuple[Field, ...],
    *rows: Row,
    code: Code = Code.SUCCESS,
    message: str = "",
    warnings: tuple[str, ...] = (),
) -> MetricSetResult:
    return MetricSetResult(name, code, message, fields, rows, MOMENT, 0.0314, warnings)


CREDIT = result("credit_grants", CREDIT_FIELDS, (18, 12.75))
COST = result("model_cost", COST_FIELDS, ("gpt-4o", 1.0661900000000002), ("o1, input", 0.02), ("GPT-4", 0))
FAILED = result("model_cost", COST_FIELDS, code=Code.FAIL, message="HTTP 401: get a new key")


def round_of(
    *results: MetricSetResult,
    skipped: tuple[Skipped, ...] = (),
    name: str | None = None,
    tags: tuple[tuple[str, str], ...] = (),
    host: str | None = "api.openai.com",
) -> Round:
    return Round("openai", host, MOMENT, results, skipped, name, tags)
