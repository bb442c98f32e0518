"""Metric sets with intervals of their own: each is due in its own rhythm, on one clock of the monitor's."""

import asyncio
from collections import defaultdict

import pytest
from tests.schedule.virtual import run_virtual

from openai_monitor.schedule.intervals import Dues
from openai_monitor.schedule.scheduler import Scheduler, Turn
from openai_monitor.schedule.stats import Stats


def dues(period: float, *intervals: float) -> Dues:
    return Dues(((f"s{number}", each) for number, each in enumerate(intervals)), period)


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
        (0.5, (0, 2), 0.5),
    ],
)
def test_a_monitor_is_looked_at_as_often_as_its_intervals_need(
    period: float, intervals: tuple[float, ...], tick: float
) -> None:
    assert dues(period, *intervals).tick == tick


def run(of: Dues, seconds: int, late: float = 0.0) -> dict[str, list[int]]:
    """When each set is collected, looked at every tick, each time a little late or early."""
    times: dict[str, list[int]] = {name: [] for name in sorted(of.names)}
    for number, at in enumerate(range(0, seconds, int(of.tick))):
        now = at + (late if number % 2 else -late)
        if of.next() <= now:
            names = of.due(now)
            of.began(names, now)
            for name in names:
                times[name].append(at)
    return times


@pytest.mark.parametrize("late", [0.0, 0.4, 2.0])
def test_each_set_has_its_own_interval(late: float) -> None:
    assert run(dues(10, 0, 30), 61, late) == {"s0": [0, 10, 20, 30, 40, 50, 60], "s1": [0, 30, 60]}
    assert run(dues(60, 0, 20), 61, late) == {"s0": [0, 60], "s1": [0, 20, 40, 60]}


def test_an_interval_that_no_tick_meets_is_met_on_average() -> None:
    times = run(dues(60, 0, 7), 600)["s1"]
    assert 600 / len(times) == pytest.approx(7, abs=2)


def test_a_round_that_comes_too_early_takes_what_is_due_first() -> None:
    of = dues(60, 0, 600)
    of.began({"s0", "s1"}, 0)
    assert of.due(1) == {"s0"}


def test_what_was_not_begun_stays_due_and_all_can_be_made_due() -> None:
    of = dues(60, 0, 600)
    of.began({"s0"}, 0)
    assert of.due(60) == {"s0", "s1"}
    of.began({"s0", "s1"}, 60)
    assert of.due(120) == {"s0"}
    of.forget()
    assert of.due(121) == {"s0", "s1"}


def test_on_the_scheduler_no_round_is_due_in_which_no_set_is() -> None:
    """A period of 60 s and a set every 45 s have 15 s in common: one look in two finds nothing to do."""
    of, stats = dues(60, 0, 45), Stats()
    times: dict[str, list[float]] = defaultdict(list)

    async def collect(turn: Turn) -> bool:
        for name in of.due(turn.due):
            times[name].append(turn.due)
        of.began(of.due(turn.due), turn.due)
        turn.schedule.rest(turn.name, of.next())
        return True

    async def main() -> None:
        scheduler = Scheduler(collect, stats)
        scheduler.add("acme", of.tick, within=0)
        await asyncio.sleep(20)  # from the second round on it keeps its place
        times.clear()
        before = stats.collected
        await asyncio.sleep(1800)
        assert [len(times["s0"]), len(times["s1"])] == [30, 40]
        assert stats.due - before == stats.collected - before == len({*times["s0"], *times["s1"]})
        assert stats.skipped == 0
        assert scheduler.next_due("acme") == pytest.approx(min(times["s0"][-1] + 60, times["s1"][-1] + 45))
        await scheduler.close(1)

    run_virtual(main())
