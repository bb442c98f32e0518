import json
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.hertzbeat_cluster import rig, samples
from tests.hertzbeat_cluster.reading import Seen, read_payload

from openai_monitor.hertzbeat.arrow import payload
from openai_monitor.hertzbeat.jobs import Job, parse_job
from openai_monitor.hertzbeat.tables import MOST_ROWS, MOST_TEXT, table_of
from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Row

JOB = parse_job(json.dumps(rig.job()).encode())
BASIC = JOB.kind.heads[0].fields
NAME = Field("name", FieldType.STRING, label=True)


def result(rows: list[Row], fields: tuple[Field, ...] = BASIC, **more: Any) -> MetricSetResult:
    time = more.pop("time", datetime(2026, 11, 22, tzinfo=UTC))
    return MetricSetResult(
        more.pop("name", "basic"),
        more.pop("code", Code.SUCCESS),
        more.pop("message", ""),
        fields,
        tuple(rows),
        time,
        0.1,
    )


def seen(of: MetricSetResult, job: Job = JOB) -> Seen:
    [found] = read_payload(payload([table_of(of, job)]))
    return found


def cells(of: MetricSetResult, name: str) -> list[str | None]:
    return [row[name] for row in seen(of).rows]


@samples.recorded
@pytest.mark.parametrize("number", [11, 13])
def test_a_set_looks_as_the_java_collector_sent_it(number: int) -> None:
    job = parse_job(json.dumps(samples.job(6)).encode())
    fields = job.kind.heads[0].fields
    [arrow] = samples.sample(number)["decoded"]["arrow"]
    told = arrow["schema_metadata"]
    time = datetime.fromtimestamp(int(told["time"]) / 1000, UTC)
    code, message = Code(int(told.get("code", 0))), told.get("msg", "")
    read = {None: None, "&nbsp;": None}
    rows = [tuple(read.get(row[field.name], row[field.name]) for field in fields) for row in arrow["rows"]]
    found = seen(result(rows, fields, code=code, message=message, time=time), job)
    assert found.metadata == told
    assert found.rows == arrow["rows"]
    assert found.fields == [{**field, "arrow_type": "string"} for field in arrow["fields"]]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "&nbsp;"), ("", ""), ("a", "a"), (0, "0"), (1.5, "1.5"), (1e-05, "0.00001"), (1e21, "1" + "0" * 21),
        (1.0661900000000002, "1.0661900000000002"), (123456789012345678901234567890, "123456789012345678901234567890"),
        (-2.0, "-2"), (0.1 + 0.2, "0.30000000000000004"),
        (10**400, "1" + "0" * 400),
    ],
)  # fmt: skip
def test_numbers_are_plain_decimals_in_full(value: Any, text: str) -> None:
    field = Field("v", FieldType.STRING if isinstance(value, str) else FieldType.NUMBER)
    assert cells(result([(value,)], (field,)), "v") == [text]


def test_types_are_those_the_manager_knows() -> None:
    fields = tuple(Field(kind.word, kind) for kind in FieldType)
    found = seen(result([(1, "s", "hidden", 60)], fields))
    assert [field["metadata"]["type"] for field in found.fields] == ["0", "1", "1", "3"]
    assert found.rows == [{"number": "1", "string": "s", "secret": "***", "time": "60"}]


def test_metadata_of_the_job_never_hides_ours() -> None:
    told = {**rig.job(), "metadata": {"instance": "i", "id": "9", "code": "4", "empty": None}}
    table = table_of(result([]), parse_job(json.dumps(told).encode()))
    assert table.metadata["id"] == str(rig.MONITOR)
    assert table.metadata["instance"] == "i"
    assert "code" not in table.metadata
    assert "empty" not in table.metadata


def test_a_cron_schedule_is_said_not_to_be_followed() -> None:
    job = parse_job(json.dumps({**rig.job(), "scheduleType": "cron", "cronExpression": "*/5 * * * * *"}).encode())
    told = table_of(result([]), job).metadata
    assert told["msg"] == "the schedule '*/5 * * * * *' is not followed by this collector: it asks every 10 s"
    assert "code" not in told


def test_labels_that_are_missing_after_a_reconnect_are_left_out() -> None:
    table = table_of(result([]), parse_job(json.dumps(rig.issued_again()).encode()))
    assert "labels" not in table.metadata
    assert "annotations" not in table.metadata


# Rows with equal labels


def test_money_of_rows_with_equal_labels_is_added_up() -> None:
    fields = (NAME, Field("cost", FieldType.NUMBER, "USD"), Field("n", FieldType.NUMBER), Field("t", FieldType.STRING))
    rows: list[Row] = [("a", 0.1, 1, "x"), ("b", 1, 1, "y"), ("a", 0.2, 2, "z"), ("a", None, 3, None)]
    found = seen(result(rows, fields))
    assert found.rows == [
        {"name": "a", "cost": "0.3", "n": "3", "t": "z"},
        {"name": "b", "cost": "1", "n": "1", "t": "y"},
    ]
    assert found.metadata["msg"].startswith("2 rows had the labels of another")


def test_rows_of_a_set_without_labels_all_stay() -> None:
    assert cells(result([("a",), ("a",)], (Field("t", FieldType.STRING),)), "t") == ["a", "a"]


def test_a_missing_label_is_a_label() -> None:
    fields = (NAME, Field("n", FieldType.NUMBER))
    assert [row["name"] for row in seen(result([(None, 1), ("a", 2), (None, 3)], fields)).rows] == ["&nbsp;", "a"]


# Size


def test_a_large_set_is_cut_and_says_so() -> None:
    fields = (NAME, Field("n", FieldType.NUMBER))
    found = seen(result([(f"r{number}", number) for number in range(10_000)], fields, message="all good"))
    assert len(found.rows) == MOST_ROWS
    assert found.code == 0
    assert found.metadata["msg"] == ("all good. 1,000 of 10,000 rows were sent: more would hold up HertzBeat's storage")


def test_a_set_of_much_text_is_cut_too() -> None:
    fields = (NAME, Field("t", FieldType.STRING))
    found = seen(result([(str(number), "x" * (MOST_TEXT // 4)) for number in range(8)], fields))
    assert len(found.rows) == 3
    assert found.metadata["msg"].startswith("3 of 8 rows were sent")


def test_a_set_of_the_right_size_says_nothing() -> None:
    fields = (NAME,)
    assert "msg" not in seen(result([(f"r{number}",) for number in range(MOST_ROWS)], fields)).metadata


def test_a_set_without_name_in_the_job_has_the_priority_of_all_unknown_ones() -> None:
    assert seen(result([], name="detail")).metadata["priority"] == "1"
