"""The sinks of a service together: each is offered every round, and none of them stops another."""

import asyncio
import logging
from collections.abc import Callable, Mapping

from pydantic import BaseModel

from openai_monitor.errors import MonitorError
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.sinks import Sink, SinkHealth

_log = logging.getLogger(__name__)

START_SECONDS = 20.0

Make = Callable[[str, BaseModel], Sink]
"""(name, settings) to a sink; raises SettingsError."""


class Outputs:
    """Holds the sinks by name. A sink that can't be made or started is told of, and left out.

    ``lossy`` names those that were left out, or that lost rows by the time they were closed.
    """

    def __init__(self, make: Make, supervisor: Supervisor | None = None) -> None:
        self._supervisor = supervisor or Supervisor()
        self._make = make
        self._settings: dict[str, BaseModel] = {}
        self._sinks: dict[str, Sink] = {}
        self._broken: dict[str, str] = {}
        self._well: dict[str, bool] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self.lossy: set[str] = set()

    def __getitem__(self, name: str) -> Sink:
        return self._sinks[name]

    def get(self, name: str) -> Sink | None:
        """The sink of this name, if it runs."""
        return self._sinks.get(name)

    async def use(self, settings: Mapping[str, BaseModel], *, deadline: float) -> None:
        """Have a sink for each of these settings: those whose settings are the same go on undisturbed.

        When it is cancelled, sinks that are being closed go on with that, and the next call waits for them.
        """
        for name in [name for name, kept in self._settings.items() if settings.get(name) != kept]:
            self._end(name, deadline)
        if self._ending:
            await asyncio.wait(self._ending)
        for name, wanted in settings.items():
            if name not in self._settings:
                await self._begin(name, wanted)

    def offer(self, event: RoundEvent) -> None:
        """Give a round to every sink."""
        for name, sink in self._sinks.items():
            try:
                sink.offer(event)
            except Exception as error:  # noqa: BLE001 - an output may fail, the service may not
                self._supervisor.met(f"output {name}", error, f"it lacks a round of {event.monitor.name}")

    def forget(self, monitor: str) -> None:
        """Tell every sink that a monitor is gone."""
        for name, sink in self._sinks.items():
            try:
                sink.forget(monitor)
            except Exception as error:  # noqa: BLE001 - as above
                self._supervisor.met(f"output {name}", error, f"it may still tell of {monitor}, which is gone")

    def healths(self) -> tuple[SinkHealth, ...]:
        """How each of them is, those that never started too."""
        broken = (SinkHealth(name, ok=False, detail=reason) for name, reason in self._broken.items())
        return (*(sink.health() for sink in self._sinks.values()), *broken)

    def tell(self) -> None:
        """Log each output that failed or recovered since the last call."""
        for health in self.healths():
            if self._well.get(health.name, True) is health.ok:
                continue
            self._well[health.name] = health.ok
            if health.ok:
                _log.info("output %s: works again; %d rows were dropped", health.name, health.dropped)
            else:
                _log.warning("output %s: %s; collecting goes on", health.name, health.detail or "it does not work")

    async def close(self, deadline: float) -> None:
        """Close all of them side by side."""
        await self.use({}, deadline=deadline)

    async def _begin(self, name: str, settings: BaseModel) -> None:
        self._settings[name] = settings
        try:
            sink = self._make(name, settings)
            async with asyncio.timeout(START_SECONDS):
                await sink.start(self._supervisor)
        except MonitorError as error:
            self._give_up(name, str(error))
        except TimeoutError:
            self._give_up(name, f"it did not start within {START_SECONDS:g} s")
        except Exception as error:  # noqa: BLE001 - as above
            self._supervisor.met(f"output {name}", error)
            self._give_up(name, f"it failed to start ({type(error).__name__})")
        else:
            self._sinks[name] = sink

    def _give_up(self, name: str, reason: str) -> None:
        self._broken[name] = reason
        self.lossy.add(name)
        self._well[name] = False
        _log.error("output %s can't be used: %s; the others go on", name, reason)

    def _end(self, name: str, deadline: float) -> None:
        del self._settings[name]
        self._broken.pop(name, None)
        self._well.pop(name, None)
        if (sink := self._sinks.pop(name, None)) is not None:
            task = asyncio.create_task(self._close(name, sink, deadline), name=f"end of output {name}")
            self._ending.add(task)
            task.add_done_callback(self._ending.discard)

    async def _close(self, name: str, sink: Sink, deadline: float) -> None:
        try:
            async with asyncio.timeout(deadline + 1):
                await sink.close(deadline)
            health = sink.health()
            if health.ok and not health.dropped:
                return
        except TimeoutError:
            _log.warning("output %s did not end within %g s: what it still held is lost", name, deadline)
        except Exception as error:  # noqa: BLE001 - an output may fail, the service may not
            self._supervisor.met(f"output {name}", error, "it has ended, and may lack its last rows")
        self.lossy.add(name)
