"""A collector as a whole: connection, jobs, and the way of their rows to the manager."""

import asyncio
import contextlib
import logging
from collections.abc import Iterable

from openai_monitor.collect.rounds import utc_now
from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.arrow import payload
from openai_monitor.hertzbeat.assignments import Assignments
from openai_monitor.hertzbeat.backoff import Backoff
from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.hertzbeat.kinds import SetHead
from openai_monitor.hertzbeat.link import Link, Membership, Timings
from openai_monitor.hertzbeat.listener import Listener
from openai_monitor.hertzbeat.outbox import Outbox, Rows
from openai_monitor.hertzbeat.rounds import JobCollector
from openai_monitor.hertzbeat.runner import ScheduledJobs
from openai_monitor.hertzbeat.session import State
from openai_monitor.hertzbeat.tables import table_of
from openai_monitor.rows import Code, MetricSetResult, Round
from openai_monitor.schedule.scheduler import Scheduler, Turn

_log = logging.getLogger(__name__)


class Node:
    """One collector of a cluster, on a scheduler it may share with others: give it the turns of what it ``owns``."""

    def __init__(
        self,
        membership: Membership,
        schedule: Scheduler,
        collector: JobCollector,
        *,
        listener: Listener | None = None,
        timings: Timings | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._membership = membership
        self._jobs = ScheduledJobs(schedule, collector, self._deliver, self._answer, listener)
        self._assignments = Assignments(self._jobs)
        self._outbox = Outbox(self._assignments.jobs)
        self._link = Link(
            membership,
            self._assignments,
            self._outbox,
            timings=timings,
            backoff=backoff,
            supervisor=schedule.supervisor,
        )

    owns = staticmethod(ScheduledJobs.owns)

    @property
    def state(self) -> State:
        """How the manager sees this collector, as far as known."""
        return self._link.state

    @property
    def monitors(self) -> int:
        """How many monitors are assigned."""
        return len(self._assignments.jobs)

    @property
    def sent(self) -> int:
        """How many messages with rows were sent."""
        return self._outbox.sent

    @property
    def dropped(self) -> int:
        """How many messages with rows were dropped, since the manager took none for too long."""
        return self._outbox.dropped

    async def run(self) -> None:
        """Be a collector; returns when it was deleted in the manager. Raises SettingsError for unusable settings."""
        try:
            await self._link.run()
        finally:
            self._assignments.clear()
            await self._jobs.close()

    async def turn(self, turn: Turn) -> bool:
        """Take a turn of the scheduler; tells whether everything was collected."""
        return await self._jobs.run(turn)

    def stopped(self, name: str, error: Exception) -> None:
        """Take up that the scheduler has stopped a job: the manager and the other outputs are told."""
        self._jobs.stopped(name, error)

    async def flush(self, seconds: float) -> None:
        """Let what waits be sent, within so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._outbox.emptied()

    # The way of the rows

    def _deliver(self, job: Job, collected: Round) -> None:
        """The rows of a round: a message a set, as HertzBeat's own collector does."""
        before = self._outbox.dropped
        for result in collected.results:
            data = self._payload([result], job)
            self._outbox.put(Rows(job.monitor_id, messages.cyclic_data(self._membership.identity, data)))
        if self._outbox.dropped > before:
            _log.warning("the manager is too slow: %d messages with rows were dropped so far", self._outbox.dropped)

    def _answer(self, job: Job, collected: Round) -> None:
        """All sets of a one-time job in one message. What failed comes first: the manager shows nothing behind it."""
        results = sorted(collected.results or (_nothing(job),), key=lambda result: result.ok)
        self._outbox.put(Rows(None, messages.one_time_data(self._payload(results, job))))

    def _payload(self, results: Iterable[MetricSetResult], job: Job) -> bytes:
        return payload([table_of(result, job) for result in results], lengths=self._membership.lengths)


def _nothing(job: Job) -> MetricSetResult:
    """What is said of a job of which no set was asked: the manager waits for an answer all the same."""
    head = job.kind.heads[0] if job.kind.heads else SetHead("nothing", 0, 0, ())
    message = "the time was over before anything was asked" if job.kind.heads else "the job has no metric sets"
    return MetricSetResult(head.name, Code.FAIL, message, head.fields, (), utc_now(), 0.0)
