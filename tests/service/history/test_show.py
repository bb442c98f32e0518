import csv
import io
import json
from datetime import datetime
from pathlib import Path

import pytest
from tests.service.history.rounds import (
    COST,
    CREDIT,
    DAY,
    HOUR,
    MINUTE,
    NOON,
    answered,
    costs,
    event,
    failed,
    monitor,
    write,
)  # fmt: skip

from openai_monitor.errors import ParameterError
from openai_monitor.outputs import Style
from openai_monitor.rows import Field, FieldType, Skipped
from openai_monitor.service.history import show, state
from openai_monitor.service.history.queries import History
from openai_monitor.service.history.selection import Reader, select


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    write(
        path,
        event(answered(), costs([("o3", 1.5)])),
        event(answered(at=NOON + MINUTE), costs([("o3", 2.5)], NOON + MINUTE), at=NOON + MINUTE),
        event(failed(at=NOON + 2 * MINUTE), costs([("o3", 2.5)], NOON + 2 * MINUTE), at=NOON + 2 * MINUTE),
        event(answered(rows=[(7, "free")]), who=monitor("beta")),
    )
    return path


def text(path: Path, how: str, who: str | None = None, *metrics: str, until: datetime = NOON + DAY) -> str:
    with History(path) as history:
        reader = Reader(history, select(history, who, metrics or None, NOON - HOUR, until))
        if how.endswith("csv"):
            return "".join(getattr(show, how)(reader, metrics[0]))
        if how.endswith("table"):
            return "".join(getattr(show, how)(reader, Style()))
        return "".join(getattr(show, how)(reader))


def costs_text(path: Path, how: str) -> str:
    with History(path) as history:
        style = (Style(),) if how.endswith("table") else ()
        return "".join(getattr(show, how)(history.daily_costs(None, NOON - DAY), *style))


def test_json_has_an_object_for_each_row_and_each_failure(path: Path) -> None:
    assert json.loads(text(path, "answers_json", "acme")) == [
        {"monitor": "acme", "metrics": "credit", "time": "2026-03-02T12:00:00.000Z", "row": {"available": 9.5, "plan": "pro"}},
        {"monitor": "acme", "metrics": "credit", "time": "2026-03-02T12:01:00.000Z", "row": {"available": 9.5, "plan": "pro"}},
        {"monitor": "acme", "metrics": "credit", "time": "2026-03-02T12:02:00.000Z", "code": "TIMEOUT", "message": "no answer", "row": None},
        {"monitor": "acme", "metrics": "model_cost", "time": "2026-03-02T12:00:00.000Z", "row": {"model_name": "o3", "cost": 1.5}},
        {"monitor": "acme", "metrics": "model_cost", "time": "2026-03-02T12:01:00.000Z", "row": {"model_name": "o3", "cost": 2.5}},
        {"monitor": "acme", "metrics": "model_cost", "time": "2026-03-02T12:02:00.000Z", "row": {"model_name": "o3", "cost": 2.5}},
    ]  # fmt: skip


def test_json_by_the_hour_says_between_what_numbers_moved(path: Path) -> None:
    assert json.loads(text(path, "hours_json", "acme")) == [
        {"monitor": "acme", "metrics": "credit", "time": "2026-03-02T12:00:00.000Z", "samples": 2, "failed": 1, "row": {"available": 9.5, "plan": "pro"}},
        {"monitor": "acme", "metrics": "model_cost", "time": "2026-03-02T12:00:00.000Z", "samples": 3, "failed": 0, "row": {"model_name": "o3", "cost": 2.5},
         "least": {"cost": 1.5}, "most": {"cost": 2.5}, "mean": {"cost": 2.16666667}},
    ]  # fmt: skip


def test_nothing_is_an_empty_list(path: Path) -> None:
    assert text(path, "answers_json", "beta", "model_cost") == "[]\n"


def test_csv_has_the_columns_of_the_set(path: Path) -> None:
    assert list(csv.reader(io.StringIO(text(path, "answers_csv", None, "credit")))) == [
        ["monitor name", "monitor time", "available", "plan"],
        ["acme", "2026-03-02T12:00:00.000Z", "9.5", "pro"],
        ["acme", "2026-03-02T12:01:00.000Z", "9.5", "pro"],
        ["beta", "2026-03-02T12:00:00.000Z", "7", "free"],
    ]


def test_csv_by_the_hour_has_three_more_columns_for_a_number(path: Path) -> None:
    found = list(csv.reader(io.StringIO(text(path, "hours_csv", "acme", "model_cost"))))
    assert found == [
        [
            "monitor name",
            "monitor time",
            "samples",
            "failed",
            "model_name",
            "cost",
            "cost least",
            "cost most",
            "cost mean",
        ],
        ["acme", "2026-03-02T12:00:00.000Z", "3", "0", "o3", "2.5", "1.5", "2.5", "2.16666667"],
    ]


def test_csv_joins_the_fields_that_a_set_had_over_time(path: Path) -> None:
    more = (Field("tier", FieldType.STRING), *CREDIT)
    write(path, event(answered("credit", more, [("t4", 1, "pro")], at=NOON + HOUR), at=NOON + HOUR))
    found = list(csv.reader(io.StringIO(text(path, "answers_csv", "acme", "credit"))))
    assert found[0] == ["monitor name", "monitor time", "tier", "available", "plan"]
    assert [line[2:] for line in found[1:]] == [["", "9.5", "pro"], ["", "9.5", "pro"], ["t4", "1", "pro"]]


def test_a_table_shows_what_changed_and_says_what_it_leaves_out(path: Path) -> None:
    assert text(path, "answers_table", "acme").splitlines() == [
        "credit",
        "  time (UTC)           monitor  available (USD)  plan",
        "  -------------------  -------  ---------------  ----",
        "  2026-03-02 12:00:00  acme               $9.50  pro",
        "  not collected 1 time: --format json says why",
        "",
        "model_cost",
        "  time (UTC)           monitor  model_name  cost (USD)",
        "  -------------------  -------  ----------  ----------",
        "  2026-03-02 12:00:00  acme     o3               $1.50",
        "  2026-03-02 12:01:00  acme     o3               $2.50",
    ]
    assert "$2.50" in text(path, "hours_table", "acme")


def test_a_table_has_the_newest_lines_of_all_monitors(path: Path) -> None:
    many = [event(answered(rows=[(n, "pro")], at=NOON + n * MINUTE), at=NOON + n * MINUTE) for n in range(5, 105)]
    write(path, *many)
    lines = text(path, "answers_table", None, "credit").splitlines()
    assert len([line for line in lines if "2026-" in line]) == show.MOST_LINES
    assert "2026-03-02 13:44:00" in lines[-3]
    assert lines[-2:] == [
        "  42 earlier rows: --format csv or json shows all",
        "  not collected 1 time: --format json says why",
    ]


def test_daily_costs_in_each_format(path: Path) -> None:
    assert costs_text(path, "costs_table").splitlines()[2:] == ["2026-03-02  acme     o3     2.5  USD"]
    assert costs_text(path, "costs_csv").splitlines()[1] == "acme,2026-03-02,o3,USD,2.5,2026-03-02T12:01:01.000Z"
    assert json.loads(costs_text(path, "costs_json"))[0]["cost"] == 2.5


@pytest.mark.parametrize(
    ("who", "metrics", "message"),
    [
        ("acne", ["credit"], "no history of a monitor named 'acne': did you mean `acme`?"),
        (None, ["credits"], "no history of a metric set named 'credits': did you mean `credit`?"),
    ],
)
def test_unknown_names_are_told(who: str | None, metrics: list[str], message: str, path: Path) -> None:
    with History(path) as history, pytest.raises(ParameterError, match=message.replace("?", r"\?")):
        select(history, who, metrics, NOON, NOON)


# Status


def states(path: Path, now: datetime, configured: list[str] | None = None) -> list[str]:
    with History(path) as history:
        found = state.read_states(history, configured)
    assert [each["monitor"] for each in json.loads(state.to_json(found, now))] == [each.name for each in found]
    assert len(list(csv.reader(io.StringIO(state.to_csv(found, now))))) == len(found) + 1
    return [" ".join(line.split()) for line in state.to_table(found, now, Style()).splitlines()[2:]]


def test_each_monitor_has_a_line_with_what_is_wrong(path: Path) -> None:
    assert states(path, NOON + 4 * MINUTE) == [
        "acme 1 of 2 failed 2m in 3m timeout for 2m; credit: no answer",
        "beta ok 4m in 1m",
    ]


def test_a_round_that_is_long_overdue_is_told(path: Path) -> None:
    assert states(path, NOON + 3 * HOUR)[1] == "beta ok 3h 2h 55m ago overdue: does the service run?"


def test_a_monitor_without_a_round_is_told_where_it_is_configured(path: Path) -> None:
    found = states(path, NOON + MINUTE, ["gamma", "beta"])
    assert found == ["beta ok 1m in 4m", "gamma none yet - -"]


def test_sets_that_failed_alike_are_told_together(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    write(path, event(failed("one", message="401"), failed("two", message="401")))
    assert states(path, NOON) == ["acme failed 0s in 5m timeout for 0s; one, two: 401"]


def test_sets_that_were_skipped_are_counted_and_what_failed_is_told(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    write(path, event(failed("one", message="401"), skipped=(Skipped("two", "one failed"),)))
    assert states(path, NOON) == ["acme failed 0s in 5m timeout for 0s; one: 401"]


def test_a_monitor_that_was_removed_has_no_line(path: Path) -> None:
    from tests.service.history.rounds import open_store

    store = open_store(path)
    store.forget("acme", NOON)
    store.connection.close()
    assert len(states(path, NOON)) == 1


def test_the_shape_of_json_is_kept(path: Path) -> None:
    with History(path) as history:
        found = json.loads(state.to_json(state.read_states(history), NOON + 3 * MINUTE))
    assert found[0] == {
        "monitor": "acme", "app": "openai", "host": "api.openai.com", "tags": {}, "result": "1 of 2 failed",
        "time": "2026-03-02T12:02:00.000Z", "duration_ms": 1000, "next": "2026-03-02T12:07:00.000Z", "overdue": False,
        "trouble": "timeout", "failing_since": "2026-03-02T12:02:00.000Z", "failed": {"credit": "no answer"}, "skipped": {},
        "missed": 0, "retries": 0,
    }  # fmt: skip
    assert COST[0].label
