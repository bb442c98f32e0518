"""Collecting from a program: once, or again and again over kept connections.

``transport`` is, everywhere here, a transport of httpx to ask through: its own with other settings, one that retries or
caches, a mock in a test. Without it connections, certificates and proxies are as ``settings`` say.
"""

import asyncio
from collections.abc import Collection, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Self

from openai_monitor.collect.plan import Plan, make_plan
from openai_monitor.collect.rounds import ROUND_SECONDS, collect_round
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.definition.load import Definition
from openai_monitor.rows import Round

if TYPE_CHECKING:
    import httpx


class Collector:
    """Collects plans over kept connections. An async context manager; one event loop only."""

    def __init__(
        self, settings: TransportSettings | None = None, *, transport: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        self._transport = Transport(settings, over=transport)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    async def collect(self, plan: Plan, *, deadline: float | None = ROUND_SECONDS) -> Round:
        """One round; ``deadline`` is in seconds. A failing metric set is a result with a code and a message."""
        return await collect_round(plan, self._transport, deadline=deadline)


async def collect_once_async(
    definition: Definition,
    values: Mapping[str, str | None],
    *,
    metrics: Collection[str] | None = None,
    deadline: float | None = ROUND_SECONDS,
    settings: TransportSettings | None = None,
    transport: "httpx.AsyncBaseTransport | None" = None,
) -> Round:
    """Collect a definition once. ``values`` are its parameters as text.

    Raises ParameterError for parameters that do not suit, SettingsError for unusable certificates or proxies.
    """
    plan = make_plan(definition, values, metrics=metrics)
    async with Collector(settings, transport=transport) as collector:
        return await collector.collect(plan, deadline=deadline)


def collect_once(
    definition: Definition,
    values: Mapping[str, str | None],
    *,
    metrics: Collection[str] | None = None,
    deadline: float | None = ROUND_SECONDS,
    settings: TransportSettings | None = None,
    transport: "httpx.AsyncBaseTransport | None" = None,
) -> Round:
    """As ``collect_once_async``, for programs without an event loop."""
    return asyncio.run(
        collect_once_async(
            definition, values, metrics=metrics, deadline=deadline, settings=settings, transport=transport
        )
    )
