from datetime import timedelta
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
    count,
    event,
    failed,
    monitor,
    open_store,
    rows_of,
    write,
)  # fmt: skip

from openai_monitor.rows import Code, Field, FieldType, Row, Skipped
from openai_monitor.service.history.hourly import Answer
from openai_monitor.service.history.queries import History
from openai_monitor.service.history.schema import transaction


def answers(path: Path, name: str = "credit", who: str = "acme") -> list[Answer]:
    with History(path) as history:
        number = next(record.id for record in history.monitors() if record.name == who)
        return list(history.answers(number, history.metric_sets()[name], NOON - 99 * DAY, NOON + 99 * DAY))


def stored(path: Path, name: str = "credit", who: str = "acme") -> list[tuple[Row, ...]]:
    return [answer.rows for answer in answers(path, name, who)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_rows_are_stored_as_collected(path: Path) -> None:
    rows = [("gpt-4o", 1.5), ("gpt-4o", 2), (None, None), ("混合", 0.1)]
    write(path, event(answered(), costs(rows)))
    assert stored(path) == [((9.5, "pro"),)]
    assert stored(path, "model_cost") == [tuple(rows)]
    assert [answer.layout.fields for answer in answers(path, "model_cost") if answer.layout] == [COST]


def test_an_answer_without_rows_is_not_one_that_failed(path: Path) -> None:
    write(path, event(costs([])), event(failed("model_cost")))
    assert [(answer.code, answer.rows, answer.message) for answer in answers(path, "model_cost")] == [
        (0, (), None),
        (5, (), "no answer"),
    ]


def test_a_secret_is_stored_as_its_mask(path: Path) -> None:
    fields = (Field("name", FieldType.STRING), Field("key", FieldType.SECRET), Field("n", FieldType.NUMBER))
    write(path, event(answered("keys", fields, [("a", "sess-fake-key", 1), ("b", None, 2)])))
    assert stored(path, "keys") == [(("a", "***", 1), ("b", None, 2))]
    assert b"sess-fake-key" not in b"".join(each.read_bytes() for each in path.parent.iterdir())


def test_each_answer_reads_back_however_little_of_it_changed(path: Path) -> None:
    rows = [(f"model-{number}", float(number)) for number in range(30)]
    told = []
    for change in (None, 3, 29, None, 0, 3, 15):
        if change is not None:
            rows[change] = (rows[change][0], rows[change][1] + 0.125)
        told.append(tuple(rows))
    told += [tuple(rows[:20]), tuple(rows), tuple(reversed(rows)), ()]
    write(path, *(event(costs(each)) for each in told))
    assert stored(path, "model_cost") == told


def test_what_did_not_change_is_not_written_again(path: Path) -> None:
    rows = [(f"model-{number}", number / 7) for number in range(200)]
    changed = [*rows[:-1], ("model-199", 0.5)]
    write(path, *(event(costs(each)) for each in (rows, rows, changed)))
    sizes = rows_of(path, "SELECT length(texts), length(numbers) FROM result ORDER BY id")
    assert sizes[1] == (None, None)
    assert sizes[2][0] is None
    assert int(str(sizes[2][1])) < 25


def test_texts_of_one_monitor_are_not_taken_for_those_of_another(path: Path) -> None:
    write(
        path,
        event(answered(rows=[(1, "a")]), who=monitor("one")),
        event(answered(rows=[(2, "b")]), who=monitor("two")),
        event(answered(rows=[(1, "a")]), who=monitor("one")),
    )
    assert stored(path, who="one") == [((1, "a"),), ((1, "a"),)]
    assert stored(path, who="two") == [((2, "b"),)]


def test_a_definition_may_change_its_fields(path: Path) -> None:
    more = (*CREDIT, Field("tier", FieldType.STRING))
    write(path, event(answered()), event(answered("credit", more, [(1, "pro", "t4")])), event(answered()))
    assert stored(path) == [((9.5, "pro"),), ((1, "pro", "t4"),), ((9.5, "pro"),)]
    assert count(path, "layout") == 2
    with History(path) as history:
        assert [field.name for field in history.fields(history.metric_sets()["credit"])] == [
            "available",
            "plan",
            "tier",
        ]


def test_failures_and_skipped_sets_are_stored_with_their_reason(path: Path) -> None:
    bad = event(failed(message="401: renew the key"), skipped=(Skipped("model_cost", "credit failed"),))
    write(path, bad)
    assert rows_of(path, "SELECT code, message FROM result ORDER BY id") == [
        (int(Code.TIMEOUT), "401: renew the key"),
        (None, "credit failed"),
    ]
    assert rows_of(path, "SELECT trouble FROM round") == [("timeout",)]


def test_odd_characters_in_a_message_do_not_lose_the_round(path: Path) -> None:
    write(path, event(failed(message="bad \ud800 \x00 byte")))
    assert rows_of(path, "SELECT message FROM result") == [("bad ? \x00 byte",)]


def test_a_second_run_goes_on_where_the_first_ended(path: Path) -> None:
    for number in range(3):
        write(path, event(answered(rows=[(number, "pro")]), at=NOON + number * MINUTE))
    assert stored(path) == [((0, "pro"),), ((1, "pro"),), ((2, "pro"),)]
    assert [count(path, table) for table in ("monitor", "metric_set", "layout", "span")] == [1, 1, 1, 1]


def test_each_day_of_writing_is_a_span_of_its_own(path: Path) -> None:
    moments = [NOON, NOON + 11 * HOUR, NOON + 12 * HOUR, NOON + 13 * HOUR, NOON + 2 * DAY]
    write(path, *(event(answered(), at=at) for at in moments))
    assert rows_of(path, "SELECT first_round, day FROM span") == [
        (1, "2026-03-02"),
        (3, "2026-03-03"),
        (5, "2026-03-04"),
    ]
    backwards = rows_of(
        path,
        "SELECT id FROM result AS r WHERE texts_from < 4096 *"
        " (SELECT max(first_round) FROM span WHERE first_round <= r.id / 4096)",
    )
    assert backwards == []
    assert stored(path) == [((9.5, "pro"),)] * 5


def test_a_monitor_carries_its_newest_tags_and_may_come_back(path: Path) -> None:
    store = open_store(path)
    with transaction(store.connection):
        store.write(event(answered(), who=monitor("acme", ("team", "ml"))))
        store.write(event(answered(), who=monitor("acme", ("team", "search"))))
        store.forget("acme", NOON)
        store.forget("never seen", NOON)
    with History(path) as history:
        (record,) = history.monitors()
        assert (record.tags, record.removed) == ({"team": "search"}, NOON)
    with transaction(store.connection):
        store.write(event(answered(), who=monitor("acme", ("team", "search"))))
    store.connection.close()
    with History(path) as history:
        assert history.monitors()[0].removed is None


def test_times_are_kept_to_the_millisecond(path: Path) -> None:
    at = NOON + timedelta(milliseconds=123)
    write(path, event(answered(at=at + timedelta(milliseconds=7)), at=at))
    assert [answer.time % 1000 for answer in answers(path)] == [130]
    with History(path) as history:
        last = history.last_round(1)
        assert last is not None
        assert (last.started, last.next_due) == (at, at + 5 * MINUTE)
