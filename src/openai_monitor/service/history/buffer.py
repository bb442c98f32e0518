"""What waits to be written: bounded in memory, between the event loop and the thread that writes."""

import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from openai_monitor.schedule.events import RoundEvent

MOST_BYTES = 32 * 2**20
MOST_AT_ONCE = 200
"""Rounds in one transaction: enough to make its cost small, few enough to be quick."""

_EVENT, _ROW, _CELL = 2000, 80, 32
"""About how many bytes each takes in memory."""


@dataclass(frozen=True, slots=True)
class Forget:
    """A monitor was removed."""

    monitor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Waiting:
    """A round or a removal; how many rows it counts as, and about how many bytes it holds."""

    what: RoundEvent | Forget
    rows: int
    size: int


def waiting(what: RoundEvent | Forget) -> Waiting:
    """Estimate the size of what is to wait. A round without rows counts as one."""
    if isinstance(what, Forget):
        return Waiting(what, 0, _EVENT)
    rows, size = 0, _EVENT
    for result in what.round.results:
        rows += len(result.rows)
        size += len(result.rows) * (_ROW + _CELL * len(result.fields))
        size += sum(len(cell) for row in result.rows for cell in row if isinstance(cell, str))
    return Waiting(what, rows or 1, size)


class Buffer:
    """A queue that drops its oldest when it is full.

    ``rows`` are waiting or taken and not yet written; ``dropped`` rows found no room, or could not be written.
    """

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._items: deque[Waiting] = deque()
        self._bytes = 0
        self._changed = threading.Condition()
        self.rows = 0
        self.dropped = 0
        self.closing = False

    @property
    def rounds(self) -> int:
        """How many rounds wait to be taken."""
        return len(self._items)

    def put(self, item: Waiting) -> None:
        """Add to the end. Nothing is taken any more once it is closing."""
        with self._changed:
            if self.closing:
                self.dropped += item.rows
                return
            self._items.append(item)
            self._bytes += item.size
            self.rows += item.rows
            self._drop_oldest()
            self._changed.notify()

    def take(self, seconds: float) -> list[Waiting]:
        """Take what waits, some rounds at most; waits so long for something. Empty when there is nothing.

        What was taken is to be told ``written``, ``refused``, or to be given back.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._items or self.closing, seconds)
            return [self._items.popleft() for _ in range(min(MOST_AT_ONCE, len(self._items)))]

    def written(self, items: Sequence[Waiting]) -> None:
        """Let go of what was written."""
        with self._changed:
            for item in items:
                self._let_go(item)

    def refused(self, item: Waiting) -> None:
        """Let go of what can't be written."""
        with self._changed:
            self._let_go(item)
            self.dropped += item.rows

    def give_back(self, items: Sequence[Waiting]) -> None:
        """Put back what could not be written, in front of the others."""
        with self._changed:
            self._items.extendleft(reversed(items))
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        while self._bytes > self._most_bytes and len(self._items) > 1:
            oldest = self._items.popleft()
            self._let_go(oldest)
            self.dropped += oldest.rows

    def _let_go(self, item: Waiting) -> None:
        self._bytes -= item.size
        self.rows -= item.rows

    def pause(self, seconds: float) -> None:
        """Wait so long, or until it is closing."""
        with self._changed:
            self._changed.wait_for(lambda: self.closing, seconds)

    def close(self) -> None:
        """Wake whoever waits."""
        with self._changed:
            self.closing = True
            self._changed.notify_all()
