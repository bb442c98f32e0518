import json
from typing import Any

import pytest
from tests.hertzbeat_cluster import rig

from openai_monitor.hertzbeat.intervals import due_sets, tick_of
from openai_monitor.hertzbeat.jobs import Job, parse_job


def job(period: int, *intervals: int) -> Job:
    base: dict[str, Any] = rig.job()
    sets = [{**base["metrics"][0], "name": f"s{number}", "interval": each} for number, each in enumerate(intervals)]
    return parse_job(json.dumps({**base, "defaultInterval": period, "metrics": sets}).encode())


@pytest.mark.parametrize(
    ("period", "intervals", "tick"),
    [
        (10, (0, 30), 10),
        (60, (0,), 60),
        (60, (0, 45), 15),
        (60, (0, 7), 5),
        (3, (0, 30), 3),
        (10, (), 10),
        (60, (600,), 600),
    ],
)
def test_a_job_is_looked_at_as_often_as_its_intervals_need(period: int, intervals: tuple[int, ...], tick: int) -> None:
    assert tick_of(job(period, *intervals)) == tick


def run(of: Job, seconds: int, late: float = 0.0) -> dict[str, list[int]]:
    """When each set is collected, looked at every tick, each time a little late or early."""
    last: dict[str, float] = {}
    times: dict[str, list[int]] = {head.name: [] for head in of.kind.heads}
    for number, at in enumerate(range(0, seconds, tick_of(of))):
        now = at + (late if number % 2 else -late)
        for name in due_sets(of, last, now):
            last[name] = now
            times[name].append(at)
    return times


@pytest.mark.parametrize("late", [0.0, 0.4, 2.0])
def test_each_set_has_its_own_interval(late: float) -> None:
    assert run(job(10, 0, 30), 61, late) == {"s0": [0, 10, 20, 30, 40, 50, 60], "s1": [0, 30, 60]}
    assert run(job(60, 0, 20), 61, late) == {"s0": [0, 60], "s1": [0, 20, 40, 60]}


def test_an_interval_that_no_tick_meets_is_met_on_average() -> None:
    times = run(job(60, 0, 7), 600)["s1"]
    assert 600 / len(times) == pytest.approx(7, abs=2)
