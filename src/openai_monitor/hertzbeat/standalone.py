"""A collector in a process of its own: what ``join`` runs."""

import asyncio
import contextlib
import logging
import signal
from dataclasses import dataclass, field

from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.hertzbeat import extras
from openai_monitor.hertzbeat.connection import is_this_machine
from openai_monitor.hertzbeat.link import Membership
from openai_monitor.hertzbeat.listener import ServiceListener
from openai_monitor.hertzbeat.node import Node
from openai_monitor.hertzbeat.rounds import JobCollector
from openai_monitor.service import signals
from openai_monitor.service.gate import Gate
from openai_monitor.service.news import News
from openai_monitor.service.scheduler import Room, Scheduler, Turn
from openai_monitor.service.stats import Stats

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
    stats: Stats = field(default_factory=Stats)
    _ended_by: int = 0

    async def run(self) -> int:
        """Be a collector; gives the exit code. Raises SettingsError for settings that can't be used."""
        extras.check()
        _say_what_it_means(self.membership)
        end = asyncio.Event()

        def on_end(number: int) -> None:
            self._ended_by = number
            end.set()

        with signals.handled(on_end, lambda: None):
            await self._until(end)
        return 130 if self._ended_by == signal.SIGINT else 0

    async def _until(self, end: asyncio.Event) -> None:
        async with Transport(self.transport) as transport:
            gate = Gate(transport, self.stats, total=IN_FLIGHT, per_host=PER_HOST)
            room = Room(IN_FLIGHT * _ROUNDS_PER_REQUEST, PER_HOST * _ROUNDS_PER_REQUEST)
            scheduler = Scheduler(lambda turn: self._turn(node, turn), self.stats, room)
            news = News()
            node = Node(self.membership, scheduler, JobCollector(gate, self.stats), listener=ServiceListener(news))
            await self._stay(node, scheduler, end)
            news.close()

    @staticmethod
    async def _turn(node: Node, turn: Turn) -> bool:
        return await node.turn(turn)

    async def _stay(self, node: Node, scheduler: Scheduler, end: asyncio.Event) -> None:
        """Until the one or the other; then let rounds end, and their rows leave."""
        collecting, ending = asyncio.create_task(node.run()), asyncio.create_task(end.wait())
        await asyncio.wait((collecting, ending), return_when=asyncio.FIRST_COMPLETED)
        ending.cancel()
        if not collecting.done():
            _log.info("ending: %d rounds still running; a second signal ends at once", self.stats.running)
        await scheduler.close(SHUTDOWN / 2)
        if not collecting.done():
            await node.flush(SHUTDOWN / 4)
            collecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await collecting


def _say_what_it_means(membership: Membership) -> None:
    manager = membership.manager
    if not manager.tls and not is_this_machine(manager.host):
        _log.warning(
            "the connection to %s is in clear: HertzBeat's cluster protocol has neither TLS nor authentication, "
            "and the key to the passwords of its monitors goes over it; keep it inside a trusted network, "
            "or use --tls with a tunnel in front of the manager",
            manager,
        )
    if membership.mode == "public":
        _log.warning(
            "mode public: HertzBeat gives this collector a share of all monitors that are pinned to none; "
            "those of other protocols than http fail here"
        )
