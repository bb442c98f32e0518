"""The scheduler, on a clock that jumps: hours of many monitors in a moment."""

import asyncio
from collections import defaultdict
from collections.abc import Mapping
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.schedule.virtual import run_virtual

from openai_monitor.schedule.scheduler import CUT_WITHIN, FIRST_WITHIN, SPREAD_OVER, Room, Scheduler, Turn, place_of
from openai_monitor.schedule.stats import Stats

HOUR = 3600.0


@dataclass
class Rounds:
    """Rounds that take their time, and what was seen of them."""

    seconds: float | dict[str, float] = 0.0
    starts: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    turns: dict[str, list[Turn]] = field(default_factory=lambda: defaultdict(list))
    running: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    overlaps: int = 0
    at_once: int = 0

    async def run(self, turn: Turn) -> bool:
        now = asyncio.get_running_loop().time()
        self.starts[turn.name].append(now)
        self.turns[turn.name].append(turn)
        self.overlaps += self.running[turn.name] > 0
        self.running[turn.name] += 1
        self.at_once = max(self.at_once, sum(self.running.values()))
        try:
            await asyncio.sleep(self.seconds.get(turn.name, 0) if isinstance(self.seconds, dict) else self.seconds)
        finally:
            self.running[turn.name] -= 1
        return True


def accounted(stats: Stats) -> bool:
    return stats.collected + stats.failed + stats.skipped + stats.running + stats.queued == stats.due


def watch(rounds: Rounds, periods: Mapping[str, float], seconds: float, room: Room | None = None) -> Stats:
    """Run these monitors for so long."""
    stats = Stats()

    async def main() -> None:
        scheduler = Scheduler(rounds.run, stats, room)
        for name, period in periods.items():
            scheduler.add(name, period)
        await asyncio.sleep(seconds)
        assert accounted(stats)
        await scheduler.close(HOUR)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())
    return stats


def test_the_first_round_comes_within_five_seconds_or_a_shorter_period() -> None:
    rounds = Rounds()
    watch(rounds, {f"m{number}": 300 for number in range(50)} | {"quick": 1}, 6)
    firsts = {name: starts[0] - 1000 for name, starts in rounds.starts.items()}
    assert len(firsts) == 51
    assert max(firsts.values()) < FIRST_WITHIN
    assert max(firsts.values()) - min(firsts.values()) > FIRST_WITHIN / 2
    assert firsts["quick"] < 1


def test_from_the_second_round_on_monitors_are_spread_and_keep_their_period() -> None:
    rounds = Rounds()
    periods = {f"m{number}": 300.0 for number in range(200)}
    watch(rounds, periods, HOUR)
    seconds = sorted(starts[1] - 1000 for starts in rounds.starts.values())
    assert 300 <= seconds[0] < 310
    assert 410 < seconds[-1] < 300 + SPREAD_OVER
    for starts in rounds.starts.values():
        gaps = [later - earlier for earlier, later in pairwise(starts[1:])]
        assert gaps == pytest.approx([300.0] * len(gaps))
        assert starts[1] - starts[0] >= 300


@pytest.mark.parametrize("name", ["a", "b", "hertzbeat:7", "m19"])
def test_without_spreading_the_second_round_comes_one_period_after_the_first(name: str) -> None:
    rounds = Rounds()

    async def main() -> None:
        scheduler = Scheduler(rounds.run)
        scheduler.add(name, 60, within=0.0, spread=False)
        await asyncio.sleep(200)
        await scheduler.close(HOUR)

    run_virtual(main())
    assert [later - earlier for earlier, later in pairwise(rounds.starts[name])] == [60.0] * 3


def test_a_monitor_has_the_same_place_in_every_process() -> None:
    assert [round(place_of(name), 6) for name in ("acme", "β", "m1")] == [0.364174, 0.9328, 0.530944]


@given(st.lists(st.text(), min_size=200, max_size=200, unique=True))
@settings(max_examples=5)
def test_places_are_spread_evenly(names: list[str]) -> None:
    places = [place_of(name) for name in names]
    assert all(0 <= place < 1 for place in places)
    for quarter in range(4):
        assert 20 < sum(quarter / 4 <= place < (quarter + 1) / 4 for place in places) < 85


def test_a_round_longer_than_its_period_misses_what_comes_meanwhile() -> None:
    rounds = Rounds(seconds=70)
    stats = watch(rounds, {"slow": 30}, 30 + 30 * 12)
    starts = rounds.starts["slow"][1:]
    gaps = [later - earlier for earlier, later in pairwise(starts)]
    assert gaps == pytest.approx([90.0] * len(gaps))
    missed = [turn.missed for turn in rounds.turns["slow"]]
    assert missed[2:4] == [2, 2]
    assert stats.skipped - sum(missed) in (0, 1, 2)  # those since the last round


def test_one_slow_lane_does_not_delay_another() -> None:
    rounds = Rounds(seconds={f"slow{number}": 50.0 for number in range(40)})
    stats = Stats()

    async def main() -> None:
        scheduler = Scheduler(rounds.run, stats, Room(total=8, lane=4))
        for number in range(40):
            scheduler.add(f"slow{number}", 60, lane="slow")
        for number in range(40):
            scheduler.add(f"quick{number}", 60, lane="quick")
        await asyncio.sleep(10 * 60)
        await scheduler.close(100)

    run_virtual(main())
    quick = [start - turn.due for name in rounds.starts if name.startswith("quick")
             for start, turn in zip(rounds.starts[name], rounds.turns[name], strict=True)]  # fmt: skip
    assert len(quick) >= 40 * 8
    assert max(quick) == 0
    assert rounds.at_once <= 8


def test_waiting_for_room_is_no_round_lost_until_the_next_one_is_due() -> None:
    rounds = Rounds(seconds=20)
    stats = watch(rounds, {"a": 60, "b": 60, "c": 60}, HOUR, Room(total=1, lane=1))
    assert sum(turn.missed for turns in rounds.turns.values() for turn in turns) == 0
    assert rounds.at_once == 1
    assert stats.lag.longest > 10


def test_held_times_pass_without_a_round_and_the_next_one_is_told() -> None:
    rounds, told = Rounds(), list[float | None]()

    async def run(turn: Turn) -> bool:
        if len(rounds.starts["m"]) == 2:
            turn.schedule.hold("m", turn.due + 150)
        told.append(turn.schedule.next_due("m"))
        return await rounds.run(turn)

    async def main() -> None:
        scheduler = Scheduler(run, stats := Stats())
        scheduler.add("m", 60)
        await asyncio.sleep(600)
        assert accounted(stats)
        await scheduler.close(1)

    run_virtual(main())
    starts = rounds.starts["m"]
    assert starts[3] - starts[2] == pytest.approx(180)
    assert told[:-1] == pytest.approx(starts[1:])
    assert rounds.turns["m"][3].missed == 2


def test_after_a_sleep_of_the_machine_there_is_one_round_and_the_rest_is_missed() -> None:
    rounds = Rounds()

    async def main() -> Stats:
        scheduler = Scheduler(rounds.run, stats := Stats())
        scheduler.add("m", 60)
        await asyncio.sleep(250)
        before = len(rounds.starts["m"])
        asyncio.get_running_loop().now += 3000  # type: ignore[attr-defined]
        await asyncio.sleep(0.1)
        assert len(rounds.starts["m"]) == before + 1
        assert rounds.turns["m"][-1].missed == stats.skipped
        assert stats.skipped in (49, 50)
        assert 0 <= rounds.starts["m"][-1] - rounds.turns["m"][-1].due < 60
        await scheduler.close(1)
        return stats

    stats = run_virtual(main())
    assert stats.due == stats.collected + stats.skipped


def test_a_trigger_runs_a_monitor_now_but_not_beside_itself_nor_while_it_is_held() -> None:
    rounds = Rounds(seconds=1)

    async def main() -> None:
        scheduler = Scheduler(rounds.run, stats := Stats())
        scheduler.add("m", 600)
        await asyncio.sleep(10)
        assert scheduler.trigger("m")
        assert not scheduler.trigger("m")
        assert scheduler.is_busy("m")
        await asyncio.sleep(2)
        scheduler.hold("m", 2000)
        assert not scheduler.trigger("m")
        assert not scheduler.trigger("unknown")
        assert (stats.due, stats.collected) == (2, 2)
        await scheduler.close(1)

    run_virtual(main())


def test_whoever_hears_of_the_end_of_a_round_finds_the_monitor_free() -> None:
    async def main() -> None:
        ended = asyncio.Event()

        async def run(_: Turn) -> bool:
            ended.set()
            return True

        scheduler = Scheduler(run)
        scheduler.add("m", HOUR)
        await ended.wait()
        assert not scheduler.is_busy("m")
        assert scheduler.trigger("m")
        await scheduler.close(HOUR)

    run_virtual(main())


def test_a_round_triggered_as_another_ends_is_one_of_its_own() -> None:
    async def main() -> None:
        rounds, ended = Rounds(seconds=1), asyncio.Semaphore(0)

        async def run(turn: Turn) -> bool:
            await rounds.run(turn)
            ended.release()
            return True

        scheduler = Scheduler(run, stats := Stats(), Room(total=2, lane=2))
        for name in "ab":
            scheduler.add(name, HOUR, within=HOUR)
        for number in range(1, 6):
            assert scheduler.trigger("a")
            assert scheduler.trigger("b")
            await ended.acquire()
            await ended.acquire()
            assert (stats.collected, stats.failed, stats.running, stats.queued) == (2 * number, 0, 0, 0)
        await scheduler.close(HOUR)
        assert accounted(stats)
        assert (rounds.overlaps, rounds.at_once) == (0, 2)

    run_virtual(main())


def test_a_round_knows_nothing_of_the_one_that_set_the_timer() -> None:
    """What the log says a line is about is such a thing that a timer hands on."""
    about: ContextVar[str] = ContextVar("about", default="")
    known: list[str] = []

    async def run(turn: Turn) -> bool:
        known.append(about.get())
        token = about.set(turn.name)
        turn.schedule.rest(turn.name, asyncio.get_running_loop().time() + 5)
        about.reset(token)
        return True

    async def main() -> None:
        scheduler = Scheduler(run)
        scheduler.add("a", 1, within=0)
        await asyncio.sleep(60)
        await scheduler.close(1)

    run_virtual(main())
    assert len(known) > 5
    assert set(known) == {""}


def test_a_replaced_monitor_runs_anew_after_its_cancelled_round_has_ended() -> None:
    ends: list[float] = []
    starts: list[float] = []

    async def run(turn: Turn) -> bool:
        starts.append(asyncio.get_running_loop().time())
        try:
            await asyncio.sleep(1000)
        finally:
            await asyncio.sleep(7)  # closing takes its time
            ends.append(asyncio.get_running_loop().time())
        return True

    async def main() -> None:
        scheduler = Scheduler(run, stats := Stats())
        scheduler.add("m", 60)
        await asyncio.sleep(20)
        scheduler.replace("m", 60)
        await asyncio.sleep(10)
        assert len(starts) == 2
        assert starts[1] == ends[0]
        assert (stats.running, stats.failed) == (1, 1)
        assert accounted(stats)
        await scheduler.close(0)

    run_virtual(main())


def test_a_removed_monitor_is_cancelled_and_leaves_nothing() -> None:
    rounds = Rounds(seconds=1000)

    async def main() -> None:
        scheduler = Scheduler(rounds.run, stats := Stats(), Room(total=10, lane=1))
        for number in range(100):
            scheduler.add(f"m{number}", 60)
        await asyncio.sleep(30)
        assert (stats.running, stats.queued) == (1, 99)
        for number in range(100):
            scheduler.remove(f"m{number}")
        scheduler.remove("unknown")
        await asyncio.sleep(0.01)
        assert (stats.running, stats.queued, len(scheduler)) == (0, 0, 0)
        assert accounted(stats)
        assert not scheduler._lanes
        assert len(scheduler._heap) < 50
        await asyncio.sleep(HOUR)
        assert stats.due == 100

    run_virtual(main())


def test_a_name_is_scheduled_once() -> None:
    async def main() -> None:
        scheduler = Scheduler(Rounds().run)
        scheduler.add("m", 60)
        with pytest.raises(ValueError, match="m is scheduled already"):
            scheduler.add("m", 60)
        await scheduler.close(0)

    run_virtual(main())


def test_closing_does_not_wait_for_ever_for_a_round_that_can_not_be_cut() -> None:
    async def stubborn(_turn: Turn) -> bool:
        end = asyncio.get_running_loop().time() + 60
        while (left := end - asyncio.get_running_loop().time()) > 0:
            with suppress(asyncio.CancelledError):
                await asyncio.sleep(left)
        return True

    async def main() -> None:
        scheduler = Scheduler(stubborn, stats := Stats())
        scheduler.add("m", 600, within=0)
        await asyncio.sleep(0.1)
        began = asyncio.get_running_loop().time()
        assert await scheduler.close(1) == 1
        assert asyncio.get_running_loop().time() - began == pytest.approx(1 + CUT_WITHIN)
        await asyncio.sleep(HOUR)
        assert accounted(stats)

    run_virtual(main())


@pytest.mark.parametrize(("patience", "cut", "collected"), [(5.0, 0, 3), (1.0, 3, 0)])
def test_closing_waits_for_rounds_and_cuts_those_that_take_too_long(patience: float, cut: int, collected: int) -> None:
    async def main() -> None:
        scheduler = Scheduler(Rounds(seconds=3).run, stats := Stats(), Room(total=3, lane=3))
        for number in range(5):
            scheduler.add(f"m{number}", 60, within=0)
        await asyncio.sleep(0.1)
        assert await scheduler.close(patience) == cut
        assert (stats.collected, stats.failed, stats.skipped) == (collected, cut, 2)
        assert accounted(stats)
        await asyncio.sleep(HOUR)
        assert stats.due == 5

    run_virtual(main())


def test_a_round_that_raises_has_failed_and_the_next_one_comes() -> None:
    async def run(turn: Turn) -> bool:
        raise RuntimeError("a bug")

    async def main() -> None:
        scheduler = Scheduler(run, stats := Stats())
        scheduler.add("m", 60)
        await asyncio.sleep(300)
        await scheduler.close(0)
        assert stats.failed == stats.due > 2

    run_virtual(main())


NAMES = st.sampled_from(["a", "b", "c", "d"])
DEEDS = st.lists(
    st.tuples(
        st.floats(0, 200),
        st.sampled_from(["add", "remove", "replace", "trigger", "hold"]),
        NAMES,
        st.floats(1, 400),
    ),
    max_size=25,
)


@given(
    deeds=DEEDS, seconds=st.fixed_dictionaries({name: st.floats(0, 200) for name in "abcd"}), total=st.integers(1, 3)
)
@settings(max_examples=150, deadline=None)
def test_whatever_happens_nothing_overlaps_comes_early_or_is_lost(
    deeds: list[tuple[float, str, str, float]], seconds: dict[str, float], total: int
) -> None:
    rounds, stats = Rounds(seconds=dict(seconds)), Stats()

    async def main() -> None:
        scheduler = Scheduler(rounds.run, stats, Room(total=total, lane=2))
        for pause, deed, name, number in deeds:
            await asyncio.sleep(pause)
            if deed == "add" and name not in scheduler:
                scheduler.add(name, number, lane="x" if name > "b" else "y")
            elif deed == "remove":
                scheduler.remove(name)
            elif deed == "replace":
                scheduler.replace(name, number, lane="x" if name > "b" else "y")
            elif deed == "trigger":
                scheduler.trigger(name)
            elif deed == "hold":
                scheduler.hold(name, asyncio.get_running_loop().time() + number)
            assert accounted(stats)
        await asyncio.sleep(500)
        await scheduler.close(0)
        assert accounted(stats)
        assert stats.running == stats.queued == 0
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())
    assert rounds.overlaps == 0
    assert rounds.at_once <= total
    for name, starts in rounds.starts.items():
        assert all(start >= turn.due for start, turn in zip(starts, rounds.turns[name], strict=True))


@given(st.dictionaries(NAMES, st.tuples(st.floats(0.5, 300), st.floats(0, 100)), min_size=1), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_every_time_is_a_round_or_missed_and_none_comes_before_its_period_is_over(
    monitors: dict[str, tuple[float, float]], total: int
) -> None:
    rounds = Rounds(seconds={name: seconds for name, (_, seconds) in monitors.items()})
    periods = {name: period for name, (period, _) in monitors.items()}
    stats = watch(rounds, periods, 1000, Room(total, total))
    for name, turns in rounds.turns.items():
        dues = [turn.due for turn in turns]
        for earlier, later in pairwise(dues):
            assert later - earlier >= periods[name] - 1e-6
        first, last = dues[0], dues[-1]
        steps = (last - first - (min(periods[name], SPREAD_OVER) if len(dues) > 1 else 0)) / periods[name]
        assert len(turns) - 1 + sum(turn.missed for turn in turns) >= int(steps)
    assert stats.due == stats.collected + stats.failed + stats.skipped
