"""What the rest of a service learns of jobs: its log, its health, its other outputs."""

from dataclasses import dataclass, field
from typing import Protocol

from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.health import Health, MonitorHealth
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.news import News
from openai_monitor.schedule.pace import Pace


class Listener(Protocol):
    """Who wants to know of rounds beside the manager."""

    def offer(self, job: Job, pace: Pace, event: RoundEvent) -> None:
        """A round of a job has ended."""

    def forget(self, job: Job) -> None:
        """A job is not ours any more."""


class Outputs(Protocol):
    """The service's outputs."""

    def offer(self, event: RoundEvent) -> None:
        """Take a round."""

    def forget(self, monitor: str) -> None:
        """Let go of a monitor."""


@dataclass(slots=True)
class ServiceListener:
    """Tells log, health and outputs of jobs as of the service's own monitors."""

    news: News
    health: Health | None = None
    outputs: Outputs | None = None
    _states: dict[str, MonitorHealth] = field(default_factory=dict)

    def offer(self, job: Job, pace: Pace, event: RoundEvent) -> None:
        """See Listener."""
        state = self._state(job)
        if job.kind.definition is not None:
            given = (("host", job.host),) if job.host else ()
            spec = MonitorSpec(job.name, job.kind.definition, given, job.dues().tick, job.labels)
            self.news.tell(spec, state, pace, event)
        if self.outputs is not None:
            self.outputs.offer(event)

    def forget(self, job: Job) -> None:
        """See Listener."""
        state = self._states.pop(job.name, None)
        self.news.forget(job.name)
        if self.health is not None and state is not None and self.health.monitors.get(job.name) is state:
            del self.health.monitors[job.name]
        if self.outputs is not None:
            self.outputs.forget(job.name)

    def _state(self, job: Job) -> MonitorHealth:
        state = self._states.get(job.name)
        if state is None:
            state = self._states[job.name] = MonitorHealth(job.name, job.kind.app, job.host, job.dues().tick)
            if self.health is not None:
                self.health.monitors.setdefault(job.name, state)  # a monitor of the file may be called the same
        return state
