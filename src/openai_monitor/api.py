"""The library in three calls: read a definition, collect it once, or collect it again and again."""

import asyncio
from collections.abc import Collection, Mapping
from os import PathLike, fspath
from types import TracebackType
from typing import Self

from openai_monitor.collect.plan import Plan, make_plan
from openai_monitor.collect.rounds import ROUND_SECONDS, collect_round
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.definition.load import Definition
from openai_monitor.definition.shipped import find_definition
from openai_monitor.rows import Round


def load_definition(name: str | PathLike[str]) -> Definition:
    """Read a definition by path or shipped name (``"openai"``).

    Raises SettingsError when there is none, DefinitionError when it can't be used.
    """
    return find_definition(fspath(name))


class Collector:
    """Collects plans over kept connections. An async context manager; one event loop only."""

    def __init__(self, settings: TransportSettings | None = None) -> None:
        self._transport = Transport(settings or TransportSettings())

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


async def collect_async(
    definition: Definition,
    values: Mapping[str, str | None],
    *,
    metrics: Collection[str] | None = None,
    deadline: float | None = ROUND_SECONDS,
    settings: TransportSettings | None = None,
) -> Round:
    """Collect a definition once. ``values`` are its parameters as text.

    Raises ParameterError for parameters that do not suit, SettingsError for unusable certificates or proxies.
    """
    plan = make_plan(definition, values, metrics=metrics)
    async with Collector(settings) as collector:
        return await collector.collect(plan, deadline=deadline)


def collect(
    definition: Definition,
    values: Mapping[str, str | None],
    *,
    metrics: Collection[str] | None = None,
    deadline: float | None = ROUND_SECONDS,
    settings: TransportSettings | None = None,
) -> Round:
    """``collect_async`` for programs without an event loop."""
    return asyncio.run(collect_async(definition, values, metrics=metrics, deadline=deadline, settings=settings))
