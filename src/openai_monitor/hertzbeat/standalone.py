"""A collector in a process of its own: what ``join`` runs."""

import asyncio
import logging
import signal
from dataclasses import dataclass, field, replace

from openai_monitor.collect.retry import RetryPolicy
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.hertzbeat import extras
from openai_monitor.hertzbeat.hosting import Hosted, hosted
from openai_monitor.hertzbeat.link import Membership
from openai_monitor.hertzbeat.listener import ServiceListener
from openai_monitor.hertzbeat.rounds import JobCollector
from openai_monitor.schedule import signals
from openai_monitor.schedule.gate import Gate
from openai_monitor.schedule.news import News
from openai_monitor.schedule.scheduler import Room, Scheduler, Turn
from openai_monitor.schedule.stats import Stats
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.schedule.systemd import Notifier

IN_FLIGHT = 32
PER_HOST = 8
SHUTDOWN = 8.0
"""Seconds from the signal to end until the process has ended."""

_ROUNDS_PER_REQUEST = 4
_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Standalone:
    """Joins a cluster, and stays until a signal or the manager ends it."""

    membership: Membership
    transport: TransportSettings = field(default_factory=TransportSettings)
    retries: int = 0
    stats: Stats = field(default_factory=Stats)
    supervisor: Supervisor = field(default_factory=Supervisor)
    _ended_by: int = 0
    _host: Hosted | None = None

    async def run(self) -> int:
        """Be a collector; gives the exit code. Raises SettingsError for settings that can't be used."""
        extras.check()
        end = asyncio.Event()

        def on_end(number: int) -> None:
            self._ended_by = number
            end.set()

        asyncio.get_running_loop().set_exception_handler(self.supervisor.take_up_stray)
        with signals.handled(on_end, lambda: None):
            await self._until(end)
        return 130 if self._ended_by == signal.SIGINT else 0

    async def _until(self, end: asyncio.Event) -> None:
        news = News()
        async with Transport(replace(self.transport, lean=True)) as transport:
            gate = Gate(transport, self.stats, total=IN_FLIGHT, per_host=PER_HOST)
            room = Room(IN_FLIGHT * _ROUNDS_PER_REQUEST, PER_HOST * _ROUNDS_PER_REQUEST)
            scheduler = Scheduler(self._turn, self.stats, room, supervisor=self.supervisor, stopped=self._stopped)
            collector = JobCollector(gate, self.stats, policy=RetryPolicy(retries=self.retries))
            systemd = Notifier()
            watchdog = {"watchdog": lambda: systemd.keep_alive(lambda: scheduler.is_alive)}
            async with (
                self.supervisor.running(watchdog),
                hosted(self.membership, scheduler, collector, listener=ServiceListener(news)) as self._host,
            ):
                systemd.ready()
                await self._stay(self._host, end)
                systemd.stopping()
                await scheduler.close(SHUTDOWN / 2)
        news.close()
        if not self._host.task.cancelled():
            self._host.task.result()

    async def _turn(self, turn: Turn) -> bool:
        return self._host is not None and await self._host.node.turn(turn)

    def _stopped(self, name: str, error: Exception) -> None:
        if self._host is not None:
            self._host.node.stopped(name, error)

    async def _stay(self, host: Hosted, end: asyncio.Event) -> None:
        """Until a signal, or until the manager has deleted this collector."""
        ending = asyncio.create_task(end.wait())
        await asyncio.wait((host.task, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not host.task.done():
            _log.info("ending: %d rounds still running; a second signal ends at once", self.stats.running)
