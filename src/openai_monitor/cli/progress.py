"""A line that shows a run is alive, on a terminal, when it takes over a second."""

import asyncio
import contextlib
import os
import sys
import time
from collections.abc import AsyncIterator

from openai_monitor.cli import terminal
from openai_monitor.outputs.text import visible

PATIENCE = 1.0
INTERVAL = 0.5
_ERASE = "\r\x1b[K"


@contextlib.asynccontextmanager
async def progress(text: str, *, enabled: bool = True) -> AsyncIterator[None]:
    """Show the text and the seconds that have passed, and leave no trace of it."""
    if not enabled or not terminal.is_terminal(sys.stderr) or os.environ.get("TERM") == "dumb":
        yield
        return
    line = asyncio.create_task(_show(visible(text)))
    try:
        yield
    finally:
        line.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await line


async def _show(text: str) -> None:
    began = time.monotonic()
    await asyncio.sleep(PATIENCE)
    room = terminal.width() - 10
    try:
        while True:
            _put(f"{_ERASE}{text[:room]} {time.monotonic() - began:.0f} s")
            await asyncio.sleep(INTERVAL)
    finally:
        _put(_ERASE)


def _put(text: str) -> None:
    with contextlib.suppress(OSError):
        sys.stderr.write(text)
        sys.stderr.flush()
