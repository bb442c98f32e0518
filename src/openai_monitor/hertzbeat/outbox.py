"""What waits to be sent to the manager: answers first, then rows, of which only so many are kept."""

import asyncio
from collections import deque
from collections.abc import Container
from dataclasses import dataclass

from openai_monitor.hertzbeat.messages import Message

MOST_BYTES = 16 * 2**20
"""Of rows that wait. What is over is dropped, the oldest first: the manager shows the newest."""


@dataclass(frozen=True, slots=True)
class Rows:
    """A message with rows of a monitor; with None, of a one-time job."""

    monitor_id: int | None
    message: Message


class Outbox:
    """Lasts over connections: rows of a round that ended while there was none go out with the next.

    ``monitors`` are those assigned now: rows of others are nobody's any more. ``sent`` and ``dropped`` count messages
    with rows.
    """

    def __init__(self, monitors: Container[int], most_bytes: int = MOST_BYTES) -> None:
        self.sent = 0
        self.dropped = 0
        self._monitors = monitors
        self._most_bytes = most_bytes
        self._answers: deque[Message] = deque()
        self._rows: deque[Rows] = deque()
        self._bytes = 0
        self._is_open = False
        self._ready = asyncio.Event()
        self._idle = asyncio.Event()

    def answer(self, message: Message) -> None:
        """Send this before any rows."""
        self._answers.append(message)
        self._wake()

    def put(self, rows: Rows) -> None:
        """Send these when their turn comes."""
        self._rows.append(rows)
        self._bytes += len(rows.message.msg)
        while self._bytes > self._most_bytes and len(self._rows) > 1:
            self._take()
            self.dropped += 1
        self._wake()

    def hold(self) -> None:
        """A connection ended: answers meant for it are void, rows wait until the manager knows us again."""
        self._answers.clear()
        self._is_open = False

    def open(self) -> None:
        """The manager knows us: let rows go."""
        self._is_open = True
        self._wake()

    async def emptied(self) -> None:
        """Wait until all that may leave has left."""
        await self._idle.wait()

    async def next(self) -> Message:
        """Wait for the next message to send."""
        while True:
            if self._answers:
                return self._answers.popleft()
            if self._is_open and self._rows:
                rows = self._take()
                if rows.monitor_id is None or rows.monitor_id in self._monitors:
                    self.sent += 1
                    return rows.message
                continue
            self._ready.clear()
            self._idle.set()
            await self._ready.wait()

    def _wake(self) -> None:
        self._idle.clear()
        self._ready.set()

    def _take(self) -> Rows:
        rows = self._rows.popleft()
        self._bytes -= len(rows.message.msg)
        return rows
