"""How a monitor slows down after repeated 429, and recovers."""

from datetime import UTC, datetime

import pytest

from openai_monitor.rows import Code, MetricSetResult, Round
from openai_monitor.schedule.pace import SLOWEST, Pace

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


def a_round(status: int | None = None, retry_after: float | None = None) -> Round:
    code = Code.SUCCESS if status is None else Code.FAIL
    result = MetricSetResult("s", code, "", (), (), NOW, 0.1, status=status, retry_after=retry_after)
    return Round("app", "host", NOW, (result,))


def next_start(pace: Pace, outcome: Round, due: float, now: float) -> float:
    """The first of the monitor's times that is not held."""
    until = pace.after(outcome, due, now) or 0
    time = due + pace.period
    while time < until:
        time += pace.period
    return time


def test_one_429_changes_nothing() -> None:
    pace = Pace(300)
    assert next_start(pace, a_round(429), 1000, 1001) == 1300
    assert next_start(pace, a_round(), 1300, 1301) == 1600
    assert next_start(pace, a_round(429), 1600, 1601) == 1900
    assert pace.factor == 1


def test_repeated_429_doubles_the_time_between_rounds_up_to_a_bound() -> None:
    pace, due, gaps = Pace(300), 0.0, []
    for _ in range(7):
        start = next_start(pace, a_round(429), due, due + 1)
        gaps.append((start - due) / 300)
        due = start
    assert gaps == [1, 2, 4, 8, 8, 8, 8]
    assert pace.factor == SLOWEST


def test_three_good_rounds_halve_it_again_and_another_failure_does_not_count() -> None:
    pace = Pace(300, factor=4)
    factors = []
    for outcome in (a_round(), a_round(), a_round(500), a_round(), *[a_round()] * 3):
        pace.after(outcome, 0, 1)
        factors.append(pace.factor)
    assert factors == [4, 4, 4, 2, 2, 2, 1]
    assert pace.seconds == 300


@pytest.mark.parametrize(("asked", "expected"), [(0.0, 300), (100.0, 300), (299.5, 600), (3600.0, 3900)])
def test_what_the_server_asks_for_is_waited_for(asked: float, expected: float) -> None:
    assert next_start(Pace(300), a_round(429, asked), 0, 1) == expected
    assert next_start(Pace(300), a_round(503, asked), 0, 1) == expected


def test_no_server_silences_a_monitor_for_more_than_a_day() -> None:
    assert next_start(Pace(300), a_round(429, 1e9), 0, 1) <= 86_400 + 300
