"""(a) One warm collection: three metric sets over one kept client, against three plain GETs and json.loads."""

import asyncio
import json
from collections.abc import Iterator

import httpx
import sniffio  # noqa: F401 - both sides have it: httpcore asks for it at every lock

from benchmarks.local import Account, local_account
from benchmarks.measure import Ratio, compare
from openai_monitor import Collector, Plan, load_definition, make_plan

_COLLECTIONS = 40
_PATHS = (
    "/dashboard/billing/credit_grants",
    "/dashboard/billing/usage?start_date=2026-01-01&end_date=2026-01-02",
    "/dashboard/billing/subscription",
)


def run() -> Iterator[Ratio]:
    """CPU of this process; the server is another one."""
    with local_account() as account:
        yield asyncio.Runner().run(_compare(account))


async def _compare(account: Account) -> Ratio:
    plan = make_plan(load_definition("openai"), account.parameters)
    loop = asyncio.get_running_loop()
    headers = {"Authorization": f"Bearer {account.token}"}
    async with Collector() as collector, httpx.AsyncClient(headers=headers) as client:
        return await loop.run_in_executor(None, _measure, loop, collector, plan, client, account)


def _measure(
    loop: asyncio.AbstractEventLoop,
    collector: Collector,
    plan: Plan,
    client: httpx.AsyncClient,
    account: Account,
) -> Ratio:
    async def collections() -> None:
        for _ in range(_COLLECTIONS):
            outcome = await collector.collect(plan)
            assert outcome.ok

    async def plain_gets() -> None:
        for _ in range(_COLLECTIONS):
            for path in _PATHS:
                json.loads((await client.get(account.url + path)).content)

    return compare(
        "warm collection / three AsyncClient.get + json.loads (CPU)",
        lambda: asyncio.run_coroutine_threadsafe(collections(), loop).result(),
        lambda: asyncio.run_coroutine_threadsafe(plain_gets(), loop).result(),
        goal=0.9,
        rounds=15,
    )
