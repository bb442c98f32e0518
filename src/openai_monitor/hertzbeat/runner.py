"""Jobs on the service's scheduler: when each runs, and whose rows are still wanted when they come."""

import asyncio
import logging
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.hertzbeat.listener import Listener
from openai_monitor.hertzbeat.one_time import OneTimeJobs
from openai_monitor.hertzbeat.rounds import JobCollector, Plans, failed_round
from openai_monitor.rows import Code, Round
from openai_monitor.schedule.events import (
    MonitorIdentity,
    RoundEvent,
    Trouble,
    fail_without_values,
    gravest,
    note_troubles,
    trouble_of,
)
from openai_monitor.schedule.intervals import Dues
from openai_monitor.schedule.pace import Pace
from openai_monitor.schedule.scheduler import CUT, FIRST_WITHIN, Scheduler, Turn
from openai_monitor.schedule.supervision import mistake

_FEW = 8
_PREFIX = "hertzbeat:"
_log = logging.getLogger(__name__)

Deliver = Callable[[Job, Round], None]


@dataclass(slots=True, eq=False)
class Task:
    """A job that is ours.

    ``first`` is its first round, ``held_until`` (loop time) when its API may be asked again. ``troubles`` are of the
    sets that failed when they were last due, ``with_values`` the sets that had a value when they last were good.
    """

    job: Job
    plans: Plans
    dues: Dues
    pace: Pace
    first: asyncio.Future[Round]
    troubles: dict[str, Trouble] = field(default_factory=dict)
    with_values: set[str] = field(default_factory=set)
    held_until: float = 0.0
    is_running: bool = False

    @property
    def name(self) -> str:
        """Its name in the scheduler."""
        return name_of(self.job.monitor_id)


class ScheduledJobs:
    """A JobRunner on the service's scheduler, which has to give it the turns of the names that it ``owns``.

    ``deliver`` gets the rounds of repeating jobs, ``answer`` those of one-time jobs.
    """

    def __init__(
        self,
        schedule: Scheduler,
        collector: JobCollector,
        deliver: Deliver,
        answer: Deliver,
        listener: Listener | None = None,
    ) -> None:
        self._listener = listener
        self._schedule = schedule
        self._collector = collector
        self._deliver = deliver
        self._loop = asyncio.get_running_loop()
        self._tasks: dict[str, Task] = {}
        self._key: str | None = None
        self._is_online = False
        self._recent: deque[float] = deque(maxlen=_FEW)
        self._one_time = OneTimeJobs(collector, answer, self._first_round, schedule.supervisor)

    @staticmethod
    def owns(name: str) -> bool:
        """Whether a name of the scheduler is a job's."""
        return name.startswith(_PREFIX)

    # JobRunner

    def put(self, job: Job) -> None:
        """See JobRunner. A job that asks just what the one before it asked goes on in that one's rhythm."""
        task = self._tasks.get(name_of(job.monitor_id))
        if task is not None and task.job.collects_as(job):
            task.job = job
            return
        self.remove(job.monitor_id)
        try:
            dues = job.dues()
            task = Task(job, Plans(job), dues, Pace(dues.tick), self._loop.create_future())
            self._tasks[task.name] = task
            if job.cron:
                _log.warning("%s: its cron schedule is not followed here; it runs every %d s", job.name, job.period)
            if self._is_online:
                self._start(task, self._within())
        except Exception as error:  # noqa: BLE001 - told; one job may fail, the others may not
            self._give_up(job, error)

    def remove(self, monitor_id: int) -> None:
        """See JobRunner."""
        task = self._tasks.pop(name_of(monitor_id), None)
        if task is not None:
            self._schedule.remove(task.name)
            task.first.cancel()
            if self._listener is not None:
                self._listener.forget(task.job)

    def once(self, job: Job) -> None:
        """See JobRunner."""
        self._one_time.start(job)

    def suspend(self) -> None:
        """See JobRunner. Rounds that run may end: their rows wait for the manager."""
        self._is_online = False
        self._one_time.suspend()
        for name in self._tasks:
            self._schedule.hold(name, math.inf)

    def resume(self, key: str | None) -> None:
        """See JobRunner. What was due meanwhile comes soon, what was not keeps its time."""
        self._key = key
        self._is_online = True
        due = [task for task in self._tasks.values() if self._is_waiting(task)]  # _start may take some away
        for task in self._tasks.values():
            self._schedule.hold(task.name, task.held_until)
        for task in due:
            try:
                self._start(task, FIRST_WITHIN if len(due) > _FEW else 0.0)
            except Exception as error:  # noqa: BLE001 - as above
                self._give_up(task.job, error)
        self._one_time.resume(key)

    async def close(self) -> None:
        """End what runs beside the scheduler."""
        await self._one_time.close()

    # For the scheduler

    def stopped(self, name: str, error: Exception) -> None:
        """Take up that the scheduler can't go on with a job."""
        if (task := self._tasks.get(name)) is not None:
            self._tell(task.job, f"{mistake(error)}; it is not collected any more", Code.FAIL)

    async def run(self, turn: Turn) -> bool:
        """Take a turn: collect the sets that are due. Tells whether they were."""
        task = self._tasks.get(turn.name)
        if task is None or not self._is_online or not task.dues.names:
            return True
        names = task.dues.due(turn.due) if task.dues.differ else task.dues.names
        task.dues.began(names, turn.due)
        if task.dues.differ:
            self._schedule.rest(turn.name, task.dues.next())
        task.is_running = True
        try:
            return await self._round(task, turn, names)
        except asyncio.CancelledError:
            if self._tasks.get(turn.name) is task and self._listener is not None:  # the end of the service cuts it
                self._offer_failed(task.job, failed_round(task.job, names, Code.TIMEOUT, CUT))
            raise
        except Exception as error:  # noqa: BLE001 - one job may fail, the others may not
            self._schedule.supervisor.met("jobs", error, f"this round of {task.job.name} has failed")
            self._tell(task.job, mistake(error), Code.FAIL)
            return False
        finally:
            task.is_running = False

    async def _round(self, task: Task, turn: Turn, names: frozenset[str]) -> bool:
        started = datetime.now(UTC)
        collected, retries = await self._collector.collect(task.plans, names, self._key, within=task.dues.tick)
        collected = fail_without_values(task.with_values, collected)
        task.held_until = task.pace.after(collected, turn.due, self._loop.time()) or 0.0
        if task.held_until and self._is_online:
            self._schedule.hold(turn.name, task.held_until)
        note_troubles(task.troubles, collected)
        self._deliver(task.job, collected)
        if not task.first.done():
            task.first.set_result(collected)
        if self._listener is not None:
            self._listener.offer(task.job, task.pace, self._event(task, turn, collected, started, retries))
        return collected.ok

    def _event(self, task: Task, turn: Turn, collected: Round, started: datetime, retries: int) -> RoundEvent:
        job, now, finished = task.job, self._loop.time(), datetime.now(UTC)
        next_due = self._schedule.next_due(turn.name) if self._is_online else None
        return RoundEvent(
            monitor=MonitorIdentity(job.name, job.kind.app, job.host, job.labels),
            round=collected,
            due=finished + timedelta(seconds=turn.due - now),
            started=started,
            finished=finished,
            trouble=gravest((trouble_of(collected), *task.troubles.values())),
            missed=turn.missed,
            retries=retries,
            next_due=None if next_due is None else finished + timedelta(seconds=next_due - now),
        )

    def _give_up(self, job: Job, error: Exception) -> None:
        """Go on without a job that can't be scheduled."""
        self._schedule.supervisor.met("jobs", error, f"{job.name} is not collected, the others are")
        self._tasks.pop(name_of(job.monitor_id), None)
        self._schedule.remove(name_of(job.monitor_id))
        self._tell(job, f"{mistake(error)}; it is not collected", Code.FAIL)

    def _tell(self, job: Job, reason: str, code: Code) -> None:
        """Tell the manager, and who listens, of a round in which everything failed."""
        collected = failed_round(job, job.kind.names, code, reason)
        self._deliver(job, collected)
        self._offer_failed(job, collected)

    def _offer_failed(self, job: Job, collected: Round) -> None:
        if self._listener is None:
            return
        now = datetime.now(UTC)
        event = RoundEvent(
            monitor=MonitorIdentity(job.name, job.kind.app, job.host, job.labels),
            round=collected,
            due=now,
            started=now,
            finished=now,
            trouble=trouble_of(collected) or Trouble.BAD_ANSWER,
            missed=0,
            retries=0,
            next_due=None,
        )
        self._listener.offer(job, Pace(float(FIRST_WITHIN)), event)

    def _start(self, task: Task, within: float) -> None:
        self._schedule.remove(task.name)
        self._schedule.add(task.name, task.dues.tick, lane=task.job.host or "", within=within, spread=False)
        self._schedule.hold(task.name, task.held_until)

    def _is_waiting(self, task: Task) -> bool:
        is_due = task.dues.next() <= self._loop.time()
        return task.name not in self._schedule or (is_due and not task.is_running)

    def _within(self) -> float:
        """At once for a few jobs, spread for many: a manager may issue a thousand."""
        now = self._loop.time()
        is_many = len(self._recent) == _FEW and now - self._recent[0] < 1.0
        self._recent.append(now)
        return FIRST_WITHIN if is_many else 0.0

    def _first_round(self, monitor_id: int) -> tuple[Job, asyncio.Future[Round]] | None:
        """The job of a monitor whose first round is still to come, and that round; it begins at once."""
        task = self._tasks.get(name_of(monitor_id))
        if task is None or task.first.done():
            return None
        self._schedule.trigger(task.name)
        return task.job, task.first


def name_of(monitor_id: int) -> str:
    """What the job of a monitor is called in the scheduler."""
    return f"{_PREFIX}{monitor_id}"
