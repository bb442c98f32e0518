"""Collected metric sets as the manager stores them: text cells, rows told apart by their labels, of bounded size."""

from collections.abc import Iterable

from openai_monitor.collect.values import number_text
from openai_monitor.hertzbeat.arrow import Column, Table
from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.hertzbeat.messages import compact_json
from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Row, Value
from openai_monitor.sinks.readings import Shape, readings
from openai_monitor.spend.currency import currency_of

NO_VALUE = "&nbsp;"
"""A missing value; Arrow's own nulls break the manager's storage."""

MOST_ROWS = 1_000
MOST_TEXT = 2**20
"""Characters of all cells. One thread of the manager stores the rows of all monitors, at some 2 ms a row."""

_OURS = ("labels", "annotations", "code", "msg")
"""What a round says or does not say of itself, whatever the job's metadata hold."""

_NUMBERS = {FieldType.NUMBER: "0", FieldType.STRING: "1", FieldType.SECRET: "1", FieldType.TIME: "3"}


def table_of(result: MetricSetResult, job: Job) -> Table:
    """A metric set of a round of this job."""
    remarks = [result.message] if result.message else []
    if job.cron:
        remarks.append(f"the schedule {job.cron!r} is not followed by this collector: it asks every {job.period} s")
    rows = _merged(result, remarks)
    texts = _bounded([tuple(map(cell_text, row)) for row in rows], remarks)
    return Table(tuple(map(_column, result.fields)), _metadata(result, job, ". ".join(remarks)), texts)


def cell_text(cell: Value) -> str:
    """A cell as text: numbers in full precision and without exponent."""
    if cell is None:
        return NO_VALUE
    return cell if isinstance(cell, str) else number_text(cell)


def _column(field: Field) -> Column:
    label = "true" if field.label else "false"
    return Column(field.name, (("type", _NUMBERS[field.type]), ("unit", field.unit or ""), ("label", label)))


def _metadata(result: MetricSetResult, job: Job, message: str) -> dict[str, str]:
    priority = next((head.priority for head in job.kind.heads if head.name == result.name), 0)
    metadata = {
        **{name: text for name, text in job.metadata if name not in _OURS},
        "id": str(job.monitor_id),
        "tenantId": str(job.tenant_id),
        "app": job.kind.app,
        "metrics": result.name,
        "priority": str(priority),
        "time": str(int(result.time.timestamp() * 1000)),
    }
    for name, texts in (("labels", job.labels), ("annotations", job.annotations)):
        if texts:
            metadata[name] = compact_json(dict(texts)).decode()
    if result.code is not Code.SUCCESS:
        metadata["code"] = str(int(result.code))
    if message:
        metadata["msg"] = message
    return metadata


def _bounded(rows: list[tuple[str, ...]], remarks: list[str]) -> list[tuple[str, ...]]:
    """As many rows as the manager can take; the cut is remarked on."""
    left = MOST_TEXT
    for index, row in enumerate(rows):
        left -= sum(map(len, row))
        if left < 0 or index == MOST_ROWS:
            remarks.append(f"{index:,} of {len(rows):,} rows were sent: more would hold up HertzBeat's storage")
            return rows[:index]
    return rows


def _merged(result: MetricSetResult, remarks: list[str]) -> Iterable[Row]:
    """One row for each combination of labels, by the rule of all outputs: money is added up, else the last one stands.

    Without any label no row can be told from another, and all stay.
    """
    fields, rows = result.fields, result.public_rows()
    labels = tuple(index for index, field in enumerate(fields) if field.label)
    if not labels:
        return rows
    money = frozenset(index for index, field in enumerate(fields) if _is_money(field))
    found = readings(Shape(fields, labels, (), money), rows, complete=result.complete)
    if found.merged:
        sums = "was added up" if result.complete else "has no sum, since rows are missing"
        remarks.append(f"{found.merged:,} rows had the labels of another and were merged: money {sums}")
    if found.left_out:
        remarks.append(f"{found.left_out:,} rows were left out: more than HertzBeat's storage can take")
    return found.rows.values()


def _is_money(field: Field) -> bool:
    return field.type is FieldType.NUMBER and currency_of(field.unit) is not None
