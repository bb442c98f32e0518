"""A collector of ours, joined to a fake manager, inside the test's event loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.hertzbeat.backoff import Backoff
from openai_monitor.hertzbeat.connection import Address
from openai_monitor.hertzbeat.link import Membership, Timings
from openai_monitor.hertzbeat.listener import Listener
from openai_monitor.hertzbeat.messages import Mode
from openai_monitor.hertzbeat.node import Node
from openai_monitor.hertzbeat.rounds import JobCollector
from openai_monitor.schedule.scheduler import Scheduler, Turn
from openai_monitor.schedule.stats import Stats

QUICK = Timings(connect=1.0, heartbeat=0.1, silence=0.5, silence_while_sending=1.0, farewell=0.5)


@dataclass
class Joined:
    """A running collector, and what it runs on."""

    node: Node
    scheduler: Scheduler
    stats: Stats
    task: "asyncio.Task[None]"


@contextlib.asynccontextmanager
async def joined(
    port: int,
    *,
    identity: str = "py-wire",
    mode: Mode = "private",
    address: Address | None = None,
    timings: Timings = QUICK,
    first_wait: float = 0.02,
    listener: Listener | None = None,
    lengths: bool = True,
) -> AsyncIterator[Joined]:
    """Join the manager at a port; leave it at the end."""
    membership = Membership(address or Address("127.0.0.1", port), identity, mode, lengths=lengths)
    stats = Stats()
    nodes: list[Node] = []

    async def turn(turn: Turn) -> bool:
        return await nodes[0].turn(turn)

    async with Transport(TransportSettings(trust_env=False, allow_plaintext_token=True)) as transport:
        scheduler = Scheduler(turn, stats)
        backoff = Backoff(first_wait, lambda: 1.0)
        node = Node(
            membership, scheduler, JobCollector(transport, stats), listener=listener, timings=timings, backoff=backoff
        )
        nodes.append(node)
        task = asyncio.create_task(node.run())
        try:
            yield Joined(node, scheduler, stats, task)
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            await scheduler.close(1.0)
