"""(e) A page of 180 day buckets with 40 items each to rows with their day, against json.loads and a plain loop."""

import asyncio
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING

from benchmarks.measure import Ratio, compare
from openai_monitor import load_definition, make_plan
from openai_monitor.collect.answer import Answer, Headers

if TYPE_CHECKING:
    from openai_monitor import Row


def run() -> Iterator[Ratio]:
    """CPU; amounts are numbers, the day comes from the enclosing object."""
    body = _body()
    plan = make_plan(load_definition("openai_organization"), {"token": "sk-admin-fake"})
    program = next(item.program for item in plan.sets if item.name == "daily_costs")
    assert program is not None
    runner = asyncio.Runner()

    async def no_more(url: str) -> Answer:
        raise AssertionError(url)

    def ours() -> "list[Row]":
        answer = Answer(200, Headers([("content-type", "application/json")]), body, 1, "http://localhost/")
        rows: list[Row] = []

        async def read() -> None:
            rows.extend(await program.rows(answer, no_more, frozenset(), lambda _: None))

        runner.run(read())
        return rows

    def floor() -> object:
        return [
            (bucket["start_time"], result["line_item"], result["amount"]["value"], result["amount"]["currency"])
            for bucket in json.loads(body)["data"]
            for result in bucket["results"]
        ]

    assert len(ours()) == 180 * 40
    yield compare("180 buckets of 40 items to rows / json.loads + loop (CPU)", ours, floor, goal=3, rounds=25)


def _body() -> bytes:
    return json.dumps(
        {
            "object": "page",
            "data": [
                {
                    "object": "bucket",
                    "start_time": 1730419200 + day * 86400,
                    "end_time": 1730505600 + day * 86400,
                    "results": [
                        {
                            "object": "organization.costs.result",
                            "amount": {"value": item / 7 + day, "currency": "usd"},
                            "line_item": f"model-{item}, input",
                            "project_id": "proj_abc",
                            "api_key_id": None,
                            "quantity": None,
                        }
                        for item in range(40)
                    ],
                }
                for day in range(180)
            ],
            "has_more": False,
            "next_page": None,
        }
    ).encode()
