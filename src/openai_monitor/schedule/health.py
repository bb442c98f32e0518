"""How the service and its monitors are, for whoever asks: the listener's /healthz and /readyz, status pages."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from openai_monitor.schedule.events import Trouble


@dataclass(slots=True)
class MonitorHealth:
    """One monitor as of its last round. Times are aware, UTC.

    ``trouble`` with ``since``, ``failures`` (rounds in a row) and ``message`` say what is wrong; ``slowed_to`` is
    the period in seconds while too many 429 made it slower than ``period``. ``remarks`` are what was
    said of sets that were collected, by name.
    """

    name: str
    app: str
    host: str | None
    period: float
    trouble: Trouble | None = None
    since: datetime | None = None
    failures: int = 0
    message: str = ""
    slowed_to: float | None = None
    rounds: int = 0
    last_round: datetime | None = None
    last_success: datetime | None = None
    remarks: dict[str, set[str]] = field(default_factory=dict)

    @property
    def waiting(self) -> bool:
        """Whether its first round is still to come."""
        return self.rounds == 0


@dataclass(slots=True)
class Health:
    """The service as a whole. ``monitors`` are those that run here, by name.

    ``reload_problem`` says why the last change of the monitors file was not taken over; None when it was.
    """

    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    monitors: dict[str, MonitorHealth] = field(default_factory=dict)
    reload_problem: str | None = None
    stopping: bool = False
    _first_rounds: set[str] | None = None
    """Monitors without a round yet; None until it is known which monitors there are."""

    def expect(self, names: Iterable[str]) -> None:
        """Wait for the first round of these before being ready. Nothing is ready until this was told."""
        self._first_rounds = {*(self._first_rounds or ()), *names}

    def done(self, name: str) -> None:
        """A monitor had its first round, or is gone."""
        if self._first_rounds:
            self._first_rounds.discard(name)

    @property
    def ready(self) -> bool:
        """Whether every monitor of the start has had its first round, collected or failed."""
        return not self.wait()

    def wait(self) -> str:
        """What the service is still waiting for, in a sentence; empty when it is ready."""
        if self.stopping:
            return "The service is ending."
        if self._first_rounds is None:
            return "The service is starting."
        waiting = len(self._first_rounds)
        return f"{waiting:,} of {len(self.monitors):,} monitors have not had their first round." if waiting else ""

    def in_trouble(self) -> Mapping[Trouble, int]:
        """How many monitors have which trouble now."""
        counts: dict[Trouble, int] = {}
        for monitor in self.monitors.values():
            if monitor.trouble is not None:
                counts[monitor.trouble] = counts.get(monitor.trouble, 0) + 1
        return counts
