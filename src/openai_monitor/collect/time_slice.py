"""Work in slices, so that one answer never keeps the event loop from all the others."""

import asyncio
import time

LONGEST = 0.004
"""Seconds of work between two turns of the event loop; ten answers at once then keep it for 40 ms."""


class TimeSlice:
    """Counts from its making, or from the last turn it gave the event loop."""

    __slots__ = ("_since",)

    def __init__(self) -> None:
        self._since = time.perf_counter()

    async def give_way(self) -> None:
        """Let the event loop turn if the slice is used up. Waiting counts as work, which errs on the safe side."""
        if time.perf_counter() - self._since > LONGEST:
            await asyncio.sleep(0)
            self._since = time.perf_counter()
