"""One TCP or TLS connection, on asyncio itself.

httpcore's streams go through anyio, which costs a third of the whole exchange, and can't tell a peer that
closed in silence from one that sent something else than HTTP.
"""

import asyncio
import math
import select
import ssl
from collections.abc import Callable
from contextvars import Context
from functools import partial
from typing import Any, cast

from openai_monitor.collect.transport import failures

_BUFFER = 2**18
_TLS_RECORDS = (b"\x15\x03", b"\x16\x03")


class Stream(asyncio.Protocol):
    """A connection to ``peer``, which is how messages name it."""

    def __init__(self, peer: str) -> None:
        self.peer = peer
        self._buffer = bytearray()
        self._ended = False
        self._broken: Exception | None = None
        self._silent = True
        self._secure = False
        self._foreign: Exception | None = None
        self._reader: asyncio.Future[None] | None = None
        self._writer: asyncio.Future[None] | None = None
        self._paused = False
        self._poll: Callable[[], object] | None = None
        self._read_by = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._transport: asyncio.Transport

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way to write."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Keep what comes; past a bound, let the peer wait."""
        if self._silent:
            self._silent = False
            if not self._secure and data.startswith(_TLS_RECORDS):
                self._foreign = failures.SpokeTls()
        self._buffer += data
        if len(self._buffer) > _BUFFER and not self._paused:
            self._paused = True
            self._transport.pause_reading()
        _wake(self._reader)

    def eof_received(self) -> None:
        """Note that nothing more comes."""
        self._ended = True
        _wake(self._reader)

    def connection_lost(self, exc: Exception | None) -> None:
        """Note that it is over, and why."""
        self._ended = True
        self._broken = exc
        self._stop_timer()
        _wake(self._reader)
        _wake(self._writer)

    def pause_writing(self) -> None:
        """Make writers wait for a slow peer."""
        self._writer = asyncio.get_running_loop().create_future()

    def resume_writing(self) -> None:
        """Let writers go on."""
        _wake(self._writer)
        self._writer = None

    # What engines call.

    async def read(self, max_bytes: int, deadline: float = math.inf) -> bytes:
        """Return what has come, or what comes before the deadline; empty at the end. Raises TimeoutError.

        A peer that sends a little all the time does not move the deadline, a time of the event loop's clock.
        """
        if not self._ended:
            if not self._buffer:
                await self._wait_for_data(deadline)
            elif deadline < math.inf and asyncio.get_running_loop().time() > deadline:
                raise TimeoutError
        if self._foreign is not None:
            raise self._foreign
        if not self._buffer:
            return self._end()
        data = bytes(memoryview(self._buffer)[:max_bytes])
        del self._buffer[: len(data)]
        if self._paused and not self._buffer:
            self._paused = False
            self._transport.resume_reading()
        return data

    async def write(self, buffer: bytes, deadline: float = math.inf) -> None:
        """Send; raises WriteCut when the peer has gone, after which an answer may still be read."""
        self._silent = True
        if self._ended or self._transport.is_closing():
            raise failures.WriteCut
        self._transport.write(buffer)
        if self._writer is None:
            return
        async with asyncio.timeout(seconds_left(deadline)):
            await self._writer

    async def aclose(self) -> None:
        """Close."""
        self.abort()

    def abort(self) -> None:
        """Close at once: nothing worth waiting for is on its way."""
        self._stop_timer()  # asyncio tells nobody of a connection that is lost within a handshake
        self._transport.abort()

    async def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        patience: float | None = None,
        deadline: float = math.inf,
    ) -> None:
        """Speak TLS from here on; raises CollectionError, and then the connection is closed.

        The handshake may take until the deadline; ``patience`` is what the message names, and the bound without one.
        """
        try:
            if self._buffer:
                # A TLS server waits for the client to speak: whoever speaks first is none, or a proxy that
                # slips something in.
                failure = failures.in_handshake(_not_tls(), self.peer, patience)
            else:
                seconds = patience if deadline == math.inf else seconds_left(deadline)
                self._transport = await self._upgrade(ssl_context, server_hostname, seconds)
                self._secure = True
                return
        except Exception as error:  # noqa: BLE001 - this is the edge
            failure = failures.in_handshake(error, self.peer, patience)
        except BaseException:
            self.abort()
            raise
        self.abort()
        raise failure

    def get_extra_info(self, info: str) -> Any:
        """Answer what engines ask: the TLS object, and whether an idle connection is dead."""
        if info == "is_readable":
            return self._ended or bool(self._buffer) or self._transport.is_closing() or self._has_news()
        return self._transport.get_extra_info(info)

    async def _upgrade(
        self, context: ssl.SSLContext, hostname: str | None, patience: float | None
    ) -> asyncio.Transport:
        upgraded = await asyncio.get_running_loop().start_tls(
            self._transport, self, context, server_hostname=hostname, ssl_handshake_timeout=patience
        )
        if upgraded is None:
            raise ConnectionResetError
        return upgraded

    async def _wait_for_data(self, deadline: float) -> None:
        loop = asyncio.get_running_loop()
        self._reader = loop.create_future()
        self._read_by = deadline
        if deadline < math.inf and (self._timer is None or self._timer.when() > deadline):
            self._set_timer(loop)
        try:
            await self._reader
        finally:
            self._reader = None

    def _set_timer(self, loop: asyncio.AbstractEventLoop) -> None:
        """Look at ``_read_by`` then. The timer stays for the reads to come, each of which would cost one otherwise."""
        self._stop_timer()
        # In a context of its own, as it outlives the round that sets it.
        self._timer = loop.call_at(self._read_by, self._look_at_time, context=Context())

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look_at_time(self) -> None:
        self._timer, loop = None, asyncio.get_running_loop()
        if self._reader is None or self._reader.done() or self._read_by == math.inf:
            return
        if loop.time() < self._read_by:
            self._set_timer(loop)
        else:
            self._reader.set_exception(TimeoutError())

    def _end(self) -> bytes:
        if isinstance(self._broken, ssl.SSLError):
            raise failures.ConnectionCut from self._broken
        if self._silent:
            raise failures.ClosedWithoutAnswer
        if self._broken is not None:
            raise failures.ConnectionCut
        return b""

    def _has_news(self) -> bool:
        """Whether the peer closed (or spoke) while the event loop was busy."""
        if self._poll is None:
            self._poll = _poller(self._transport.get_extra_info("socket").fileno())
        return bool(self._poll())


def deadline_of(seconds: float | None) -> float:
    """When a request that may take so long has to be over, by the event loop's clock; infinity for None."""
    return math.inf if seconds is None else asyncio.get_running_loop().time() + seconds


def seconds_left(deadline: float) -> float | None:
    """How long it is until then, at least a moment; None for ever."""
    return None if deadline == math.inf else max(0.001, deadline - asyncio.get_running_loop().time())


def _poller(number: int) -> Callable[[], object]:
    """Return what tells whether there is something to read, for as long as the file is open."""
    if not hasattr(select, "poll"):
        return lambda: select.select([number], [], [], 0)[0]
    poll = select.poll()
    poll.register(number, select.POLLIN)
    return partial(poll.poll, 0)


def _wake(future: asyncio.Future[None] | None) -> None:
    if future is not None and not future.done():
        future.set_result(None)


def _not_tls() -> ssl.SSLError:
    error = ssl.SSLError()
    error.reason = "WRONG_VERSION_NUMBER"
    return error
