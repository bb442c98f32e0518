"""(c) A usage answer of 100,000 line items to typed rows, against json.loads and the plain loop that builds them."""

import asyncio
import json
import tracemalloc
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from benchmarks.measure import Ratio, compare
from openai_monitor import load_definition, make_plan
from openai_monitor.collect.answer import Answer, Headers

if TYPE_CHECKING:
    from openai_monitor.rows import Row

_ITEMS = 100_000


def run() -> Iterator[Ratio]:
    """CPU, then the peak of allocated memory."""
    body = _body()
    plan = make_plan(load_definition("openai"), {"token": "sess-fake"})
    program = next(item.program for item in plan.sets if item.name == "model_cost")
    assert program is not None
    runner = asyncio.Runner()

    async def no_more(url: str) -> Answer:
        raise AssertionError(url)

    def ours() -> object:
        # A new answer each time: what was decoded is kept on it.
        answer = Answer(200, Headers([("content-type", "application/json")]), body, 1, "http://localhost/")
        rows: list[Row] = []

        async def read() -> None:  # asyncio's runner calls repr on what its coroutine returns
            rows.extend(await program.rows(answer, no_more, frozenset(), lambda _: None))

        runner.run(read())
        return rows

    def floor() -> object:
        return [
            (item["name"], item["cost"] / 100) for day in json.loads(body)["daily_costs"] for item in day["line_items"]
        ]

    assert ours() == floor()
    yield compare("100,000 line items to rows / json.loads + loop (CPU)", ours, floor, goal=3, rounds=9)
    mine, theirs = _peak(ours), _peak(floor)
    yield Ratio("the same, peak memory", mine / theirs, 3, f"{mine / 2**20:.0f} MiB against {theirs / 2**20:.0f} MiB")


def _body() -> bytes:
    items = [{"name": f"model-{number % 997}", "cost": number / 7} for number in range(_ITEMS)]
    return json.dumps(
        {
            "object": "list",
            "daily_costs": [{"timestamp": 1681171200.0, "line_items": items}],
            "total_usage": 1.0,
        }
    ).encode()


def _peak(work: Callable[[], object]) -> int:
    tracemalloc.start()
    try:
        work()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
