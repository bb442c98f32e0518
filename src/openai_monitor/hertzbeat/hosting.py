"""A collector inside a process that has a scheduler and a client: the service, or ``join`` alone."""

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from openai_monitor.errors import SettingsError
from openai_monitor.hertzbeat import extras
from openai_monitor.hertzbeat.link import Membership
from openai_monitor.hertzbeat.listener import Listener
from openai_monitor.hertzbeat.node import Node
from openai_monitor.hertzbeat.rounds import JobCollector
from openai_monitor.schedule.scheduler import Scheduler

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class Hosted:
    """A running collector. ``task`` ends when the manager has deleted it, or with a SettingsError."""

    node: Node
    task: "asyncio.Task[None]"


@asynccontextmanager
async def hosted(
    membership: Membership,
    scheduler: Scheduler,
    collector: JobCollector,
    *,
    listener: Listener | None = None,
    farewell: float = 2.0,
) -> AsyncIterator[Hosted]:
    """Be a collector for as long as the context lasts; at its end, ``farewell`` seconds are there to send what waits.

    The scheduler has to give it its turns: see ``turns``. Raises SettingsError when the extra is missing.
    """
    extras.check()
    _say_what_it_means(membership)
    node = Node(membership, scheduler, collector, listener=listener)
    task = scheduler.supervisor.start("hertzbeat", node.run, final=(SettingsError,))
    task.add_done_callback(_tell)
    try:
        yield Hosted(node, task)
    finally:
        if not task.done():
            await node.flush(farewell)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


def _tell(task: "asyncio.Task[None]") -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the collector of the HertzBeat cluster has ended: %s", error)


def _say_what_it_means(membership: Membership) -> None:
    manager = membership.manager
    if not manager.tls and not manager.is_this_machine:
        _log.warning(
            "the connection to %s is in clear: HertzBeat's cluster protocol has neither TLS nor authentication, "
            "and the key to the passwords of its monitors goes over it; keep it inside a trusted network, "
            "or use TLS with a tunnel in front of the manager",
            manager,
        )
    if membership.mode == "public":
        _log.warning(
            "mode public: HertzBeat gives this collector a share of all monitors that are pinned to none; "
            "those of other protocols than http fail here"
        )
