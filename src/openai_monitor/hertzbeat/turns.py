"""One scheduler for the monitors of a file and for the jobs of a cluster."""

from collections.abc import Callable
from typing import Protocol

from openai_monitor.schedule.scheduler import Run, Turn


class Jobs(Protocol):
    """What takes the turns of jobs, such as a Node."""

    def owns(self, name: str) -> bool:
        """Whether a name of the scheduler is a job's."""

    async def turn(self, turn: Turn) -> bool:
        """Take a turn; tells whether everything was collected."""

    def stopped(self, name: str, error: Exception) -> None:
        """Hear of a job that can't be scheduled any more."""


def shared(run: Run, jobs: Callable[[], Jobs | None]) -> Run:
    """What a scheduler runs that has monitors of its own and, where there is a collector, jobs."""

    async def turn(turn: Turn) -> bool:
        found = jobs()
        return await (found.turn(turn) if found is not None and found.owns(turn.name) else run(turn))

    return turn
