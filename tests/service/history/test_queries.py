import sqlite3
from pathlib import Path

import pytest
from tests.service.history.rounds import (
    DAY,
    HOUR,
    MINUTE,
    NOON,
    SECOND,
    answered,
    costs,
    event,
    failed,
    monitor,
    open_store,
    write,
)  # fmt: skip

from openai_monitor.rows import Skipped
from openai_monitor.service.history.queries import History
from openai_monitor.service.history.retention import tidy
from openai_monitor.service.history.schema import HistoryError, transaction


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def test_answers_are_those_of_the_time_asked_for(path: Path) -> None:
    write(path, *(event(answered(rows=[(n, "pro")], at=NOON + n * HOUR), at=NOON + n * HOUR) for n in range(72)))
    with History(path) as history:
        found = list(history.answers(1, 1, NOON + 10 * HOUR, NOON + 30 * HOUR))
        assert [answer.rows[0][0] for answer in found] == list(range(10, 31))
        assert list(history.answers(1, 1, NOON + 99 * DAY, NOON + 100 * DAY)) == []


def test_a_round_that_was_written_late_is_found_by_its_own_time(path: Path) -> None:
    """It waited in memory while the file could not be written, until the next day."""
    write(path, event(answered(rows=[(1, "a")])), event(answered(rows=[(2, "b")]), at=NOON + DAY), event(answered()))
    with History(path) as history:
        assert len(list(history.answers(1, 1, NOON - HOUR, NOON + HOUR))) == 2


def test_a_reader_sees_one_moment_while_the_service_writes(path: Path) -> None:
    write(path, event(answered()))
    store = open_store(path)
    with History(path) as history:
        with transaction(store.connection):
            store.write(event(answered(at=NOON + MINUTE), costs([("o3", 1)]), at=NOON + MINUTE))
        assert len(list(history.answers(1, 1, NOON, NOON + DAY))) == 1
        assert list(history.metric_sets()) == ["credit"]
    with History(path) as history:
        assert len(list(history.answers(1, 1, NOON, NOON + DAY))) == 2
    store.connection.close()


def test_hours_join_what_is_condensed_and_what_is_not(path: Path) -> None:
    moments = [NOON + number * 15 * MINUTE for number in range(4 * 24 * 10)]
    write(path, *(event(answered(rows=[(n, "pro")], at=at), at=at) for n, at in enumerate(moments)))
    store = open_store(path)
    for _ in tidy(store.connection, moments[-1], rows_days=7, hourly_days=400):
        pass
    store.connection.close()
    with History(path) as history:
        hours = history.hours(1, 1, NOON, moments[-1])
        assert [hour.hour - hours[0].hour for hour in hours] == list(range(240))
        assert [hour.rows[0][0] for hour in hours] == list(range(3, 960, 4))
        assert history.is_condensed(NOON)
        assert history.is_condensed(moments[-1] - 9 * DAY)
        assert not history.is_condensed(moments[-1] - 6 * DAY)
        some = history.hours(1, 1, NOON + 30 * MINUTE, NOON + 5 * HOUR)
        assert (len(some), some[0].samples) == (6, 4)


def test_the_last_round_tells_what_is_wrong_and_since_when(path: Path) -> None:
    bad = failed(message="401: renew the key")
    write(
        path,
        event(answered()),
        *(event(bad, skipped=(Skipped("costs", "credit failed"),), at=NOON + n * MINUTE, missed=2) for n in (1, 2, 3)),
    )
    with History(path) as history:
        last = history.last_round(1)
    assert last is not None
    assert (last.started, last.duration) == (NOON + 3 * MINUTE, SECOND)
    assert (last.trouble, last.failing_since) == ("timeout", NOON + MINUTE)
    assert last.failed == {"credit": "401: renew the key"}
    assert last.skipped == {"costs": "credit failed"}
    assert (last.metric_sets, last.missed) == (2, 2)


def test_a_monitor_that_never_did_well_fails_since_its_first_round(path: Path) -> None:
    write(path, event(answered(), who=monitor("other")), event(failed()), event(failed(), at=NOON + MINUTE))
    with History(path) as history:
        last = history.last_round(2)
        assert last is not None
        assert last.failing_since == NOON
        assert history.last_round(3) is None


def test_the_last_round_is_the_one_written_last_whatever_the_clock_said(path: Path) -> None:
    write(path, event(failed(), at=NOON + 999 * DAY), event(answered()))
    with History(path) as history:
        last = history.last_round(1)
        assert last is not None
        assert (last.started, last.trouble) == (NOON, None)


def test_a_file_that_is_damaged_is_told_in_words(path: Path) -> None:
    write(path, *(event(answered(rows=[(n, "x" * 900 + str(n))])) for n in range(300)))
    with path.open("r+b") as file:
        file.seek(20 * 4096)
        file.write(b"\xa5" * 4096 * 20)
    with pytest.raises(HistoryError, match=r"can't be read: .*malformed"), History(path) as history:
        list(history.answers(1, 1, NOON, NOON))
    sqlite3.connect(path).close()


def test_a_lookup_for_one_monitor_does_not_scan_the_rounds_of_others(path: Path) -> None:
    write(path, event(answered()))
    from openai_monitor.service.history.raw import _ANSWERS, Wanted

    with History(path) as history:
        plan = history._connection.execute("EXPLAIN QUERY PLAN " + _ANSWERS, Wanted(1, 1).parameters())
        steps = [str(row[3]) for row in plan]
    assert not [step for step in steps if step.startswith("SCAN") or "TEMP B-TREE" in step], steps
