"""The monitors that run here: which of the configured ones, and what happens to them when the configuration changes."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from openai_monitor.errors import MonitorError
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.health import Health
from openai_monitor.schedule.monitors import MonitorSpec, is_this_machine
from openai_monitor.schedule.scheduler import FIRST_WITHIN, Scheduler
from openai_monitor.service.config import LEAST_PERIOD
from openai_monitor.service.runner import Runner


class NotNow(MonitorError):
    """A monitor is not collected on demand at the moment; the message says why."""


@dataclass(frozen=True, slots=True)
class Share:
    """Which monitors are ours: those of this collector and, unless ``assigned_only``, those that name none."""

    collector: str | None = None
    assigned_only: bool = False

    def holds(self, spec: MonitorSpec) -> bool:
        """Whether a monitor is to run here."""
        ours = not self.assigned_only if spec.collector is None else spec.collector == self.collector
        return spec.enabled and ours


@dataclass(frozen=True, slots=True)
class Changes:
    """How many monitors a new configuration added, changed and removed, and how many go on as they were."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    kept: int = 0

    def __str__(self) -> str:
        return (
            f"{self.added} monitors added, {self.changed} changed, {self.removed} removed, "
            f"{self.kept} go on as they were"
        )


class Fleet:
    """Keeps runner and schedule in step with the configuration. ``forget`` is told of monitors whose rows are over."""

    def __init__(
        self,
        runner: Runner,
        scheduler: Scheduler,
        health: Health,
        share: Share,
        forget: Callable[[str], None],
        *,
        first_within: float = FIRST_WITHIN,
    ) -> None:
        self._runner = runner
        self._scheduler = scheduler
        self._health = health
        self._share = share
        self._forget = forget
        self._first_within = first_within
        self._specs: dict[str, MonitorSpec] = {}

    def __len__(self) -> int:
        return len(self._specs)

    def __iter__(self) -> Iterator[str]:
        return iter(self._specs)

    def apply(self, monitors: Iterable[MonitorSpec]) -> Changes:
        """Have exactly these running, as far as they are ours. Those that ask as before go on undisturbed."""
        wanted = {spec.name: spec for spec in monitors if self._share.holds(spec)}
        before, self._specs = self._specs, wanted
        gone = before.keys() - wanted.keys()
        for name in gone:
            self._remove(name)
        added = [spec for name, spec in wanted.items() if name not in before]
        changed = [spec for name, spec in wanted.items() if name in before and before[name] != spec]
        for spec in (*changed, *added):
            try:
                if spec.name in before:
                    self._change(before[spec.name], spec)
                else:
                    self._runner.put(spec)
                    self._scheduler.add(spec.name, spec.dues().tick, lane=_lane(spec), within=self._first_within)
            except Exception as error:  # noqa: BLE001 - told; one monitor may fail, the others may not
                self._scheduler.supervisor.met("monitors", error, f"{spec.name} is not collected, the others are")
                self._scheduler.remove(spec.name)
                self._runner.stop(spec, error)
        return Changes(len(added), len(changed), len(gone), len(wanted) - len(added) - len(changed))

    async def probe(self, name: str) -> RoundEvent:
        """Collect a monitor now, or wait for its round that runs. Raises KeyError and NotNow."""
        spec = self._specs[name]
        if not self._scheduler.is_busy(name):
            if reason := self._reason_to_wait(spec):
                raise NotNow(reason)
            if not self._scheduler.trigger(name):
                raise NotNow(f"{name} was asked too often and waits, or the service ends")
        return await self._runner.next_event(name)

    def stopped(self, name: str, error: Exception) -> None:
        """Take up that the scheduler has stopped a monitor."""
        if (spec := self._specs.get(name)) is not None:
            self._runner.stop(spec, error)

    def _remove(self, name: str) -> None:
        self._scheduler.remove(name)
        self._runner.drop(name)
        self._forget(name)

    def _change(self, old: MonitorSpec, new: MonitorSpec) -> None:
        self._runner.put(new)
        if not old.asks_like(new):
            self._forget(new.name)  # what it showed may be another account's
            self._scheduler.replace(new.name, new.dues().tick, lane=_lane(new))

    def _reason_to_wait(self, spec: MonitorSpec) -> str:
        """Why a monitor may not be asked beside its times: no API is asked more often than LEAST_PERIOD allows."""
        last = self._health.monitors[spec.name].last_round
        if last is None or is_this_machine(spec.host):
            return ""
        age = (datetime.now(UTC) - last).total_seconds()
        if age >= LEAST_PERIOD:
            return ""
        return f"{spec.name} was collected {age:.0f} s ago: ask again in {LEAST_PERIOD - age:.0f} s"


def _lane(spec: MonitorSpec) -> str:
    return (spec.host or spec.definition.app).lower()
