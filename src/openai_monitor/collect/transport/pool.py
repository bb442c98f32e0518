"""Kept connections.

httpcore's own pool is not used: a request that is cancelled at the wrong moment leaves its connection there for
good, until none is left to give; and each step looks through everything that is open or waits.
"""

import time

from openai_monitor.collect.transport.connection import KEEP_ALIVE, Connection, Engine, Way


class Pool:
    """Lends each connection to one request at a time, and keeps at most ``most`` idle ones."""

    def __init__(self, engine: Engine, most: int) -> None:
        self._engine = engine
        self._most = most
        self._idle: dict[Connection, tuple[Way, float]] = {}  # until when, oldest first
        self._closed = False

    async def take(self, way: Way) -> Connection:
        """Return an idle connection that still lives, or a new one."""
        while way.idle:
            connection = way.idle.pop()
            del self._idle[connection]
            if not connection.has_expired():
                return connection
            await connection.aclose()
        return self._engine.connect(way)

    async def give_back(self, connection: Connection, way: Way) -> None:
        """Keep a connection whose answer was read to its end, if the server does."""
        if self._closed or not connection.is_available():
            await connection.aclose()
            return
        now = time.monotonic()
        way.idle.append(connection)
        self._idle[connection] = way, now + KEEP_ALIVE
        oldest = next(iter(self._idle))
        while len(self._idle) > self._most or self._idle[oldest][1] < now:
            self._idle.pop(oldest)[0].idle.remove(oldest)
            await oldest.aclose()
            oldest = next(iter(self._idle))

    async def aclose(self) -> None:
        """Close what is idle, and keep nothing any more."""
        self._closed = True
        while self._idle:
            connection, (way, _) = self._idle.popitem()
            way.idle.remove(connection)
            await connection.aclose()
