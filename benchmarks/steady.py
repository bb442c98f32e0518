"""(f) A warm collection of the service, 16 at a time: its schedule, three metric sets, its part of Prometheus's page.

Against three prebuilt requests given straight to httpx-aiohttp's transport, and three plain ``AsyncClient.get``. The
page is made once for every round of all monitors, as for a Prometheus that scrapes once in a period. Between the
rounds the clock is put forward by a period. Python looks for garbage as seldom as in the command, for all sides.
"""

import asyncio
import gc
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import cast

import httpx
import sniffio  # noqa: F401 - all sides have it: httpcore asks for it at every lock
from httpx_aiohttp import AiohttpTransport

from benchmarks.local import Account, local_account
from benchmarks.measure import Ratio
from openai_monitor.cli.run import GARBAGE_THRESHOLD
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.definition.shipped import load_definition
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.gate import Gate
from openai_monitor.schedule.health import Health
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.news import News
from openai_monitor.schedule.scheduler import FIRST_WITHIN, SPREAD_OVER, Room, Scheduler
from openai_monitor.schedule.stats import Stats
from openai_monitor.service.runner import Runner
from openai_monitor.sinks import Surroundings
from openai_monitor.sinks.present import Page
from openai_monitor.sinks.settings import PrometheusSettings
from openai_monitor.threads import run_in_thread

AT_ONCE = 16
MONITORS = 208
PERIOD = 300
PAIRS = 15
PATHS = (
    "/dashboard/billing/credit_grants",
    "/dashboard/billing/usage?start_date=2026-01-01&end_date=2026-01-02",
    "/dashboard/billing/subscription",
)

Work = Callable[[], Awaitable[object]]


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose clock can be put forward."""

    ahead = 0.0

    def time(self) -> float:
        return time.monotonic() + self.ahead


@dataclass(frozen=True)
class Way:
    """One way to collect ``MONITORS`` times, and what it is to be against."""

    name: str
    work: Work
    goal: float | None = None


def run() -> Iterator[Ratio]:
    """CPU of this process; the server is another one."""
    gc.set_threshold(GARBAGE_THRESHOLD)
    gc.freeze()
    with local_account() as account, asyncio.Runner(loop_factory=Loop) as runner:
        yield from runner.run(_compare(account))


async def _compare(account: Account) -> list[Ratio]:
    async with AsyncExitStack() as stack:
        ours = await _service(account, stack)
        floors = [
            Way("three prebuilt requests to httpx-aiohttp's transport", await _prebuilt(account, stack), 1.3),
            Way("three AsyncClient.get", await _plain(account, stack), 0.2),
        ]
        for way in (ours, *(floor.work for floor in floors)):
            await way()
        costs = [[await _cost(way) for way in (ours, *(floor.work for floor in floors))] for _ in range(PAIRS)]
    return [_ratio(costs, number, floor) for number, floor in enumerate(floors, start=1)]


def _ratio(costs: Sequence[Sequence[float]], number: int, floor: Way) -> Ratio:
    value = statistics.median(each[0] / each[number] for each in costs)
    mine, theirs = (statistics.median(each[index] for each in costs) / MONITORS * 1e3 for index in (0, number))
    detail = f"{mine:.2f} ms against {theirs:.2f} ms, {PAIRS} pairs"
    return Ratio(f"a collection of the service at {AT_ONCE} in flight / {floor.name} (CPU)", value, floor.goal, detail)


async def _cost(work: Work) -> float:
    began = time.process_time()
    await work()
    return time.process_time() - began


# Ours


async def _service(account: Account, stack: AsyncExitStack) -> Work:
    """One round of every monitor, each at its time, and a page of all of them."""
    settings = TransportSettings(max_connections=2 * AT_ONCE, lean=True)
    transport = await stack.enter_async_context(Transport(settings))
    stats, definition = Stats(), load_definition("openai")
    page = Page(PrometheusSettings(), Surroundings(stats))
    left = asyncio.Semaphore(0)

    def take(event: RoundEvent) -> None:
        assert event.trouble is None, event
        page.latest.offer(event)
        left.release()

    gate = Gate(transport, stats, total=2 * AT_ONCE, per_host=2 * AT_ONCE)
    runner = Runner(gate, take, stats=stats, health=Health(), deadline=240, news=News())
    schedule = Scheduler(runner.run, stats, Room(AT_ONCE, AT_ONCE))
    for number in range(MONITORS):
        runner.put(MonitorSpec(f"account-{number}", definition, tuple(account.parameters.items()), PERIOD))
        schedule.add(f"account-{number}", PERIOD, lane="127.0.0.1")
    loop = cast("Loop", asyncio.get_running_loop())

    async def after(seconds: float) -> None:
        due = stats.due
        loop.ahead += seconds
        for _ in range(MONITORS):
            await left.acquire()
        assert stats.due - due == MONITORS

    async def rounds() -> None:
        await after(PERIOD)
        await run_in_thread(page.build, page.take())

    await after(FIRST_WITHIN)
    await after(PERIOD + SPREAD_OVER)  # from here on each has its own place
    stack.push_async_callback(schedule.close, 1)
    return rounds


# The floors


async def _prebuilt(account: Account, stack: AsyncExitStack) -> Work:
    transport = await stack.enter_async_context(AiohttpTransport(limits=httpx.Limits(max_connections=AT_ONCE)))
    headers = {"Authorization": f"Bearer {account.token}", "Accept": "application/json"}
    requests = [httpx.Request("GET", account.url + path, headers=headers) for path in PATHS]

    async def one() -> None:
        for request in requests:
            response = await transport.handle_async_request(request)
            await response.aread()
            await response.aclose()

    return lambda: _at_once(one)


async def _plain(account: Account, stack: AsyncExitStack) -> Work:
    headers = {"Authorization": f"Bearer {account.token}"}
    client = await stack.enter_async_context(httpx.AsyncClient(headers=headers, base_url=account.url))

    async def one() -> None:
        for path in PATHS:
            await client.get(path)

    return lambda: _at_once(one)


async def _at_once(one: Work) -> None:
    async def several(times: int) -> None:
        for _ in range(times):
            await one()

    await asyncio.gather(*(several(MONITORS // AT_ONCE) for _ in range(AT_ONCE)))
