"""One-time jobs: the manager's test button, and its look at a monitor that was just made."""

import asyncio
from collections.abc import Callable

from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.hertzbeat.rounds import JobCollector, Plans, failed_round
from openai_monitor.rows import Code, Round
from openai_monitor.schedule.supervision import Supervisor, mistake

ONE_TIME_SECONDS = 110.0
"""What a one-time job may take: the manager waits 120 s for its answer."""

_AT_LEAST = 0.05
"""Seconds before a one-time job is answered: the manager begins to wait only after it has sent the job."""

_AT_ONCE = 16

FirstRound = Callable[[int], tuple[Job, asyncio.Future[Round]] | None]


class OneTimeJobs:
    """Runs jobs once, beside the schedule: a person waits for the answer.

    ``first_round`` gives the repeating job of a monitor, and its first round, while that is still to come.
    """

    def __init__(
        self,
        collector: JobCollector,
        answer: Callable[[Job, Round], None],
        first_round: FirstRound,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._collector = collector
        self._answer = answer
        self._first_round = first_round
        self._loop = asyncio.get_running_loop()
        self._key: str | None = None
        self._online = asyncio.Event()
        self._room = asyncio.Semaphore(_AT_ONCE)
        self._running: set[asyncio.Task[None]] = set()

    def start(self, job: Job) -> None:
        """Run a job now, or as soon as there is a key."""
        running = self._loop.create_task(self._run(job))
        self._running.add(running)
        running.add_done_callback(self._running.discard)

    def suspend(self) -> None:
        """There is no manager: begin nothing."""
        self._online.clear()

    def resume(self, key: str | None) -> None:
        """There is one; ``key`` opens the encrypted parameters."""
        self._key = key
        self._online.set()

    async def close(self) -> None:
        """End all."""
        for running in self._running:
            running.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def _run(self, job: Job) -> None:
        began = self._loop.time()
        try:
            collected = await self._round(job, began + ONE_TIME_SECONDS)
            await asyncio.sleep(began + _AT_LEAST - self._loop.time())
            self._answer(job, collected)
        except Exception as error:  # noqa: BLE001 - one job may fail, the others may not
            self._supervisor.met("jobs", error, f"the test of {job.name} has failed")
            self._answer(job, failed_round(job, job.kind.names, Code.FAIL, mistake(error)))

    async def _round(self, job: Job, ends: float) -> Round:
        """Collect within the time; the round's own deadline names the sets that were late."""
        names = job.kind.names
        try:
            async with asyncio.timeout_at(ends + 1), self._room:
                await self._online.wait()
                async with asyncio.timeout_at(ends):
                    if shared := await self._shared(job):
                        return shared
                left = max(ends - self._loop.time(), 0.0)
                return (await self._collector.collect(Plans(job), names, self._key, within=left / 2, seconds=left))[0]
        except TimeoutError:
            message = f"no answer within {ONE_TIME_SECONDS:g} s: too many tests at once, or the API is slow"
            return failed_round(job, names, Code.TIMEOUT, message)

    async def _shared(self, job: Job) -> Round | None:
        """The first round of the monitor's repeating job, where that is still to come and asks the same.

        Making a monitor issues both, and an API may take two requests in a row for one too many.
        """
        found = self._first_round(job.monitor_id)
        if found is None or not _is_part(job, found[0]):
            return None
        await asyncio.wait([found[1]])
        if found[1].cancelled():
            return None
        whole = found[1].result()
        if job.kind.is_page:
            return whole
        results = tuple(result for result in whole.results if result.name in job.kind.names)
        return Round(whole.app, whole.host, whole.time, results, whole.skipped, whole.name)


def _is_part(job: Job, whole: Job) -> bool:
    return set(job.kind.heads) <= set(whole.kind.heads) and job.given() == whole.given()
