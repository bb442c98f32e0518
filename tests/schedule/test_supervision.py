"""Supervision, on a clock that jumps: what a task meets is told once, counted and shown, and the task begins anew."""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import pytest
from tests.schedule.virtual import run_virtual

from openai_monitor.errors import SettingsError
from openai_monitor.schedule.scheduler import DEAD_AFTER, Scheduler, Turn
from openai_monitor.schedule.stats import Stats
from openai_monitor.schedule.supervision import AGAIN_AFTER, LONGEST_PAUSE, Supervisor

SECRET = "sess-never-shown"


class Task:
    """Raises what it is given, one after the other, after so many seconds each; then it runs for good."""

    def __init__(self, *errors: BaseException, after: float = 0.0) -> None:
        self.errors = list(errors)
        self.after = after
        self.starts: list[float] = []

    async def run(self) -> None:
        self.starts.append(asyncio.get_running_loop().time() - 1000)
        if not self.errors:
            await asyncio.Event().wait()
        await asyncio.sleep(self.after)
        raise self.errors.pop(0)


def watch(task: Task, seconds: float, check: Callable[[Supervisor], None] = lambda _: None) -> Supervisor:
    """Run a task under supervision for so long."""
    found: list[Supervisor] = []

    async def main() -> None:
        supervisor = Supervisor(asyncio.get_running_loop().time)
        found.append(supervisor)
        async with supervisor.running({"a task": task.run}):
            await asyncio.sleep(seconds)
            check(supervisor)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    run_virtual(main())
    return found[0]


def test_a_task_that_fails_is_told_with_its_place_and_begins_anew(caplog: pytest.LogCaptureFixture) -> None:
    task = Task(KeyError(SECRET))
    with caplog.at_level(logging.DEBUG):
        supervisor = watch(task, 5)
    assert task.starts == [0, 1]
    assert supervisor.failures == {"a task": 1}
    assert supervisor.down == []
    told, worked = [each.message for each in caplog.records if each.levelno >= logging.INFO]
    assert told.startswith("a task: internal error (KeyError in schedule/supervision.py, _keep, line ")
    assert told.endswith("): please report it; it begins anew in 1 s")
    assert worked == "a task: works again"
    assert SECRET not in caplog.text


def test_a_task_is_known_with_no_failure_from_the_beginning() -> None:
    assert watch(Task(), 1).failures == {"a task": 0}


def test_a_task_is_down_until_it_has_gone_on_for_as_long_as_it_paused() -> None:
    errors = [RuntimeError() for _ in range(3)]
    for seconds, is_down in ((0.5, True), (1.5, True), (6.9, True), (7.5, True), (10.9, True), (11.1, False)):
        seen: list[list[str]] = []
        watch(Task(*errors), seconds, lambda supervisor: seen.append(supervisor.down))  # noqa: B023 - called at once
        assert seen == [["a task"] if is_down else []], seconds


def test_pauses_grow_to_a_bound_and_begin_again_after_it_was_calm() -> None:
    task = Task(*(RuntimeError() for _ in range(9)))
    watch(task, 1000)
    pauses = [later - earlier for earlier, later in zip(task.starts, task.starts[1:], strict=False)]
    assert pauses == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    calm = Task(RuntimeError(), RuntimeError(), RuntimeError(), after=LONGEST_PAUSE + 1)
    watch(calm, 1000)
    assert calm.starts == [0, 62, 124, 186]


def test_the_same_failure_is_told_once_an_hour_with_a_count(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        supervisor = watch(Task(*(RuntimeError(str(number)) for number in range(1000))), AGAIN_AFTER + 100)
    lines = [each.message for each in caplog.records]
    assert len(lines) == 2
    assert "more times since it was last told" in lines[1]
    assert supervisor.failures["a task"] > 60


def test_a_cancelled_future_within_a_task_is_a_failure_and_not_its_end() -> None:
    task = Task(asyncio.CancelledError())
    assert watch(task, 5).failures == {"a task": 1}
    assert task.starts == [0, 1]


def test_what_the_system_refuses_is_told_in_its_words(caplog: pytest.LogCaptureFixture) -> None:
    watch(Task(OSError(24, "Too many open files", SECRET)), 1)
    assert "a task: Too many open files: raise the limit of this process" in caplog.text
    assert "report" not in caplog.text
    assert SECRET not in caplog.text


def test_a_final_error_ends_a_task_which_stays_down() -> None:
    async def main() -> None:
        supervisor, task = Supervisor(), Task(SettingsError("no such certificate"))
        running = supervisor.start("a task", task.run, final=(SettingsError,))
        await asyncio.wait((running,))
        assert isinstance(running.exception(), SettingsError)
        assert supervisor.down == ["a task"]

    run_virtual(main())


def test_a_callback_that_raises_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        loop, supervisor = asyncio.get_running_loop(), Supervisor()
        loop.set_exception_handler(supervisor.take_up_stray)
        scheduler = Scheduler(None, supervisor=supervisor)  # type: ignore[arg-type]
        loop.call_later(1, scheduler.add, "a", 0)
        await asyncio.sleep(2)
        assert supervisor.failures == {"event loop": 1}

    run_virtual(main())
    assert "event loop: internal error (ValueError in schedule/scheduler.py, add, line " in caplog.text


# The scheduler


class Broken(float):
    """A number that can't be added to."""

    def __add__(self, _other: Any) -> float:
        raise OverflowError(SECRET)

    __radd__ = __add__


def schedule(seconds: float, sabotage: Callable[[Scheduler], None]) -> tuple[dict[str, int], list[str], Stats, Any]:
    """Three monitors every 10 s, and what is done to the scheduler after 35 s."""
    rounds, stopped, stats = {"a": 0, "b": 0, "c": 0}, [], Stats()
    seen: list[Supervisor] = []

    async def run(turn: Turn) -> bool:
        rounds[turn.name] += 1
        return True

    async def main() -> None:
        supervisor = Supervisor(asyncio.get_running_loop().time)
        seen.append(supervisor)
        scheduler = Scheduler(run, stats, supervisor=supervisor, stopped=lambda name, _: stopped.append(name))
        for name in rounds:
            scheduler.add(name, 10, within=0)
        await asyncio.sleep(35)
        sabotage(scheduler)
        await asyncio.sleep(seconds)
        await scheduler.close(0)

    run_virtual(main())
    assert stats.collected + stats.failed + stats.skipped == stats.due
    return rounds, stopped, stats, seen[0]


def test_a_monitor_whose_times_cant_be_told_stops_only_itself(caplog: pytest.LogCaptureFixture) -> None:
    def sabotage(scheduler: Scheduler) -> None:
        scheduler._entries["b"].period = Broken(10)

    rounds, stopped, _, supervisor = schedule(100, sabotage)
    assert stopped == ["b"]
    assert rounds["b"] <= 5
    assert min(rounds["a"], rounds["c"]) >= 11
    assert supervisor.failures["scheduler"] == 1
    assert supervisor.down == []
    assert "b is not collected any more, the others are" in caplog.text
    assert SECRET not in caplog.text


def test_a_tick_that_raises_is_tried_again_and_shown_meanwhile(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bool] = []

    def sabotage(scheduler: Scheduler) -> None:
        real = scheduler._take_up

        def fail(now: float) -> None:
            calls.append(scheduler.is_alive)
            if len(calls) <= 5:
                raise RuntimeError
            real(now)

        monkeypatch.setattr(scheduler, "_take_up", fail)

    rounds, stopped, _, supervisor = schedule(200, sabotage)
    assert stopped == []
    assert supervisor.failures["scheduler"] == 5
    assert supervisor.down == []
    assert min(rounds.values()) > 15
    assert calls[:6] == [True, True, True, True, False, False]  # the times that nobody took up are 15 s old by then
    assert DEAD_AFTER < 15


def test_a_period_that_is_not_a_number_of_seconds_is_refused_at_the_door() -> None:
    async def main() -> None:
        scheduler = Scheduler(None)  # type: ignore[arg-type]
        for period in (0, -1, float("inf"), float("nan"), 10**400):
            with pytest.raises(ValueError, match="positive number of seconds"):
                scheduler.add("a", period)
        assert len(scheduler) == 0

    run_virtual(main())


def test_a_round_that_raises_is_told_and_counted(caplog: pytest.LogCaptureFixture) -> None:
    async def run(_turn: Turn) -> bool:
        raise RuntimeError(SECRET)

    async def main() -> None:
        stats = Stats()
        scheduler = Scheduler(run, stats)
        scheduler.add("a", 10)
        await asyncio.sleep(100)
        assert stats.failed == scheduler.supervisor.failures["rounds"] > 5

    run_virtual(main())
    (record,) = caplog.records
    assert record.message.endswith("this round of a has failed")
    assert SECRET not in caplog.text
