"""Async tests."""

import asyncio
import functools
from collections.abc import Awaitable, Callable
from typing import Any


async def eventually(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until something holds that nobody tells of."""
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - there is nothing to wait for but time
            await asyncio.sleep(0.01)


def in_loop(test: Callable[..., Awaitable[None]]) -> Callable[..., None]:
    """Run a test function in an event loop of its own, for half a minute at most."""

    @functools.wraps(test)
    def run(*arguments: Any, **named: Any) -> None:
        async def bounded() -> None:
            async with asyncio.timeout(30):
                await test(*arguments, **named)

        asyncio.run(bounded())

    return run
