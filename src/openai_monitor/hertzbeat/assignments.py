"""Which monitors are this collector's, by the monitor's id: whatever is issued twice runs once."""

import logging
from collections.abc import Iterable, Mapping
from typing import Protocol

from openai_monitor.hertzbeat.jobs import Job

_log = logging.getLogger(__name__)


class JobRunner(Protocol):
    """What runs jobs; the service's scheduler does."""

    def put(self, job: Job) -> None:
        """Run a job from now on, in the place of the one of the same monitor."""

    def remove(self, monitor_id: int) -> None:
        """Stop the job of a monitor, and a round of it that runs."""

    def once(self, job: Job) -> None:
        """Run a one-time job now."""

    def suspend(self) -> None:
        """Start no rounds: there is nobody to take their rows."""

    def resume(self, key: str | None) -> None:
        """Start rounds again; ``key`` opens the encrypted parameters."""


class Assignments:
    """The jobs of this collector.

    A connection begins with everything in question: the manager issues all jobs anew, then sends the key. What it did
    not issue by then is not ours any more.
    """

    def __init__(self, runner: JobRunner) -> None:
        self._runner = runner
        self._jobs: dict[int, Job] = {}
        self._in_question: set[int] = set()

    @property
    def jobs(self) -> Mapping[int, Job]:
        """The jobs by the id of their monitor."""
        return self._jobs

    def question(self) -> None:
        """The connection is lost, or a new one begins: hold everything until the manager has said what is ours."""
        self._in_question = set(self._jobs)
        self._runner.suspend()

    def settle(self, key: str | None) -> None:
        """The manager has said all: what it did not issue ends, the rest goes on."""
        for monitor_id in self._in_question:
            self._drop(monitor_id)
        self._in_question = set()
        self._runner.resume(key)

    def put(self, job: Job) -> None:
        """A job was issued. It replaces that of the same monitor, whatever the id of that was."""
        self._in_question.discard(job.monitor_id)
        self._jobs[job.monitor_id] = job
        self._runner.put(job)

    def once(self, job: Job) -> None:
        """A one-time job was issued."""
        self._runner.once(job)

    def delete(self, job_ids: Iterable[int]) -> None:
        """Stop these jobs. Ids of jobs that were replaced, or never came, are passed over."""
        gone = set(job_ids)
        for job in [job for job in self._jobs.values() if job.id in gone]:
            self._drop(job.monitor_id)

    def clear(self) -> None:
        """Stop all jobs."""
        for monitor_id in list(self._jobs):
            self._drop(monitor_id)
        self._in_question = set()

    def _drop(self, monitor_id: int) -> None:
        if self._jobs.pop(monitor_id, None) is not None:
            self._runner.remove(monitor_id)
