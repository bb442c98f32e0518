from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.service.history.rounds import (
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

from openai_monitor.schedule.events import RoundEvent
from openai_monitor.service.history.hourly import Hour
from openai_monitor.service.history.queries import History
from openai_monitor.service.history.retention import Calendar, tidy

MIDNIGHT = NOON - 12 * HOUR
NOW = NOON + 10 * DAY


def some_days(days: int = 5, every: timedelta = 20 * MINUTE) -> Iterator[RoundEvent]:
    """Two monitors: one answers, one fails every second hour. Costs grow through the day."""
    at = MIDNIGHT
    while at < MIDNIGHT + days * DAY:
        hours = (at - MIDNIGHT) / HOUR
        spent = [(f"m{number}", float(round(hours % 24 * (number + 1)))) for number in range(3)]
        yield event(answered(rows=[(100 - hours // 30, "pro")], at=at), costs(spent, at), at=at)
        broken = int(hours) % 2 == 1
        yield event(failed(at=at) if broken else answered(at=at), at=at + MINUTE, who=monitor("beta"))
        at += every


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    write(path, *some_days())
    return path


def run_tidy(path: Path, now: datetime = NOW, steps: int = 10**9, rows_days: int = 7, hourly_days: int = 400) -> int:
    """Tidy, at most so many steps; tells how many there were."""
    connection = open_store(path).connection
    done = 0
    for _ in tidy(connection, now, rows_days=rows_days, hourly_days=hourly_days):
        done += 1
        if done >= steps:
            break
    connection.close()
    return done


def hours(path: Path) -> dict[tuple[str, str], list[Hour]]:
    with History(path) as history:
        return {
            (record.name, name): [
                # the layouts of two readings are different objects
                Hour(each.hour, each.samples, each.failed, None, each.rows, each.spreads)
                for each in history.hours(record.id, number, MIDNIGHT, NOW)
            ]
            for record in history.monitors()
            for name, number in history.metric_sets().items()
        }


def test_days_of_rows_that_are_old_become_hours(path: Path) -> None:
    run_tidy(path)
    assert rows_of(path, "SELECT day FROM span ORDER BY day") == [("2026-03-05",), ("2026-03-06",)]
    assert rows_of(path, "SELECT min(started) / 1000 FROM round") == [(int((MIDNIGHT + 3 * DAY).timestamp()),)]
    assert count(path, "result") == count(path) * 3 // 2
    assert count(path, "hourly") == 3 * 24 * 3


def test_hours_are_the_same_before_and_after(path: Path) -> None:
    before = hours(path)
    assert len(before["acme", "credit"]) == 5 * 24
    assert any(each.spreads for each in before["acme", "model_cost"])
    assert any(each.failed for each in before["beta", "credit"])
    run_tidy(path)
    assert hours(path) == before


def test_being_killed_at_any_step_loses_nothing_and_counts_nothing_twice(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("openai_monitor.service.history.retention.ROUNDS_A_STEP", 50)
    before, kept = hours(path), path.read_bytes()
    steps = run_tidy(path)
    assert steps > 15
    for step in range(1, steps):
        path.write_bytes(kept)
        run_tidy(path, steps=step)
        assert hours(path) == before, f"read after step {step}"
        run_tidy(path)
        assert hours(path) == before, f"tidied again after step {step}"
        assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]


def test_the_day_that_is_being_written_stays(path: Path) -> None:
    run_tidy(path, NOW + 99 * DAY)
    assert rows_of(path, "SELECT day FROM span") == [("2026-03-06",)]


def test_hours_go_when_they_are_old_and_costs_stay(path: Path) -> None:
    day_totals = rows_of(path, "SELECT * FROM day_total")
    run_tidy(path)
    run_tidy(path, MIDNIGHT + 400 * DAY + 25 * HOUR)
    first = rows_of(path, "SELECT min(hour) FROM hourly")[0][0]
    assert first == int((MIDNIGHT + DAY).timestamp()) // 3600
    run_tidy(path, NOW + 9999 * DAY)
    assert count(path, "hourly") == 0
    assert len(day_totals) == 5
    assert rows_of(path, "SELECT * FROM day_total") == day_totals


def test_what_hours_share_stays_readable_while_the_oldest_go(path: Path) -> None:
    run_tidy(path)
    shared = rows_of(path, "SELECT hour, texts_from FROM hourly WHERE texts_from IS NOT NULL")
    assert shared
    assert all(int(str(hour)) // 24 == int(str(of)) // 24 for hour, of in shared)
    before = hours(path)["acme", "credit"]
    run_tidy(path, MIDNIGHT + 400 * DAY + 25 * HOUR)
    assert hours(path)["acme", "credit"] == before[24:]


def test_the_tables_can_be_read_by_plain_sql_before_and_after(path: Path) -> None:
    query = (
        "SELECT max(value) FROM {} WHERE monitor = 'acme' AND metrics = 'model_cost' AND field = 'cost' AND line = 2"
    )
    assert rows_of(path, query.format("cell")) == [(71.0,)]
    run_tidy(path)
    assert rows_of(path, query.format("hourly_cell")) == [(71.0,)]
    moved = rows_of(
        path,
        "SELECT time, value, least, most, mean FROM hourly_cell"
        " WHERE metrics = 'model_cost' AND field = 'cost' AND line = 0 AND least < most ORDER BY time LIMIT 1",
    )
    begin = int((MIDNIGHT).timestamp()) * 1000
    assert moved == [(begin, 1.0, 0.0, 1.0, 0.333333333)]


def test_rows_that_came_with_a_wrong_clock_take_nothing_with_them(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    far, back = NOON + 9999 * DAY, NOON - 9999 * DAY
    write(path, *(event(answered(at=at), at=at) for at in (NOON, far, NOON + MINUTE, back, NOON + 2 * MINUTE)))
    with History(path) as history:
        found = history.answers(1, 1, NOON, NOON + HOUR)
        assert len([answer.time for answer in found]) == 3
    run_tidy(path, NOON + DAY)
    with History(path) as history:
        assert len(list(history.answers(1, 1, NOON, NOON + HOUR))) == 3
    assert rows_of(path, "SELECT day FROM span ORDER BY first_round") == [
        ("2026-03-02",), (str(far.date()),), ("2026-03-02",), ("2026-03-02",),
    ]  # fmt: skip


# The clock


class Clocks:
    def __init__(self) -> None:
        self.wall, self.ticks = NOON, 1000.0

    def pass_by(self, time: timedelta) -> None:
        self.wall += time
        self.ticks += time.total_seconds()

    def calendar(self, last: datetime | None = None) -> Calendar:
        return Calendar(lambda: self.wall, lambda: self.ticks, last)


def test_time_goes_on_with_the_clock() -> None:
    clocks = Clocks()
    calendar = clocks.calendar(NOON - MINUTE)
    for _ in range(50):
        clocks.pass_by(HOUR)
        clocks.wall += 20 * MINUTE  # a clock that drifts is followed
        assert calendar.now() == clocks.wall


def test_a_clock_that_jumps_ahead_is_believed_after_a_day() -> None:
    clocks = Clocks()
    calendar = clocks.calendar()
    clocks.wall += 365 * DAY
    seen = []
    for _ in range(30):
        clocks.pass_by(HOUR)
        seen.append(calendar.now() < NOON + 3 * DAY)
    assert seen == [True] * 24 + [False] * 6


def test_a_clock_that_comes_back_in_time_was_never_believed() -> None:
    clocks = Clocks()
    calendar = clocks.calendar()
    for _ in range(3):
        clocks.wall += 365 * DAY
        clocks.pass_by(20 * HOUR)
        assert calendar.now() < NOON + 4 * DAY
        clocks.wall -= 365 * DAY
        clocks.pass_by(HOUR)
        assert calendar.now() == clocks.wall


def test_a_clock_that_jumps_back_keeps_rows_longer() -> None:
    clocks = Clocks()
    calendar = clocks.calendar()
    clocks.wall -= 365 * DAY
    assert calendar.now() == clocks.wall


def test_at_the_start_time_goes_on_from_the_last_round() -> None:
    clocks = Clocks()
    assert clocks.calendar(NOON - 30 * DAY).now() == NOON - 30 * DAY
    assert clocks.calendar(NOON + 30 * DAY).now() == NOON
    assert clocks.calendar(None).now() == NOON
