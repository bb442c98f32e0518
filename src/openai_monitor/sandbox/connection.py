"""One connection: HTTP/1.1 in, answers out, in the order of the requests."""

import asyncio
import socket
import struct
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import NamedTuple, cast

from openai_monitor.sandbox.exchange import Reply, error_reply, render_head

MAX_HEAD = 65536
MAX_BODY = 2**20
LINGER = 1.0
_LINGER_FORMAT = "hh" if sys.platform == "win32" else "ii"
_END = b"\r\n\r\n"
_TLS_HELLO = b"\x16\x03"
_TOKEN = frozenset("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


class Incoming(NamedTuple):
    """A request as it stands on the wire; headers by lower-case name, repeated ones joined by a comma."""

    method: str
    target: str
    version: str
    headers: dict[str, str]
    length: int

    @property
    def closes(self) -> bool:
        """Whether the connection ends with the answer."""
        options = self.headers.get("connection", "").lower()
        return "close" in options or (self.version == "HTTP/1.0" and "keep-alive" not in options)


class BadRequestError(Exception):
    """The bytes are no request this server takes; ``status`` is the answer."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


def parse_head(head: bytes) -> Incoming:
    """Read the bytes before the empty line; raises BadRequestError."""
    first, *lines = head.decode("latin-1").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[1] or not _TOKEN.issuperset(words[0]):
        raise BadRequestError(400, "The request line must be METHOD TARGET VERSION.")
    method, target, version = words
    if version not in {"HTTP/1.1", "HTTP/1.0"}:
        raise BadRequestError(505, f"{version[:20]!r} is not spoken here, only HTTP/1.1.")
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or not _TOKEN.issuperset(name):
            raise BadRequestError(400, "A header line must be NAME: VALUE.")
        name, value = name.lower(), value.strip(" \t")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    if version == "HTTP/1.1" and "host" not in headers:
        raise BadRequestError(400, "An HTTP/1.1 request must have a Host header.")
    return Incoming(method, target, version, headers, _length(headers))


def _length(headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequestError(411, "Send a Content-Length.")
    text = headers.get("content-length", "0")
    if not (text.isascii() and text.isdigit()):
        raise BadRequestError(400, "Content-Length must be a number.")
    if len(text) > 10 or int(text) > MAX_BODY:
        raise BadRequestError(413, "The body is too large.")
    return int(text)


class Connection(asyncio.Protocol):
    """Reads requests, has them answered by ``respond`` and writes the answers.

    While an answer is under way that takes time (slow, dripping, streamed), reading pauses.
    """

    def __init__(
        self,
        respond: Callable[[Incoming], Reply],
        now: Callable[[], datetime],
        open_connections: "set[Connection]",
    ) -> None:
        self._respond = respond
        self._now = now
        self._open = open_connections
        self._buffer = bytearray()
        self._refused = False
        self._delivery: asyncio.Task[None] | None = None
        self._writable = asyncio.Event()
        self._writable.set()
        self.closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        self._transport = cast("asyncio.Transport", transport)
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - the name is asyncio's
        """Stop what is being sent."""
        self._open.discard(self)
        if self._delivery is not None:
            self._delivery.cancel()
        if not self.closed.done():
            self.closed.set_result(None)

    def pause_writing(self) -> None:
        """Wait: the peer reads slower than we write."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Go on: the peer has caught up."""
        self._writable.set()

    def data_received(self, data: bytes) -> None:
        """Answer every request that is complete."""
        if not self._refused:
            self._buffer += data
            self._answer_complete()

    async def close(self) -> None:
        """Drop the connection, whatever it is doing."""
        self._transport.abort()
        if self._delivery is not None:
            self._delivery.cancel()
        await self.closed

    def _answer_complete(self) -> None:
        try:
            while self._delivery is None and not self._transport.is_closing():
                request = self._next()
                if request is None:
                    return
                self._send(request, self._respond(request))
        except BadRequestError as bad:
            self._refuse(bad)

    def _refuse(self, bad: BadRequestError) -> None:
        """Say why and stop listening; close a little later, as closing on unread bytes kills the answer."""
        reply = error_reply(bad.status, str(bad))
        self._transport.write(render_head(reply, self._now(), close=True) + reply.body)
        self._refused = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        asyncio.get_running_loop().call_later(LINGER, self._transport.close)

    def _next(self) -> Incoming | None:
        end = self._buffer.find(_END)
        if max(end, 0) > MAX_HEAD or (end < 0 and len(self._buffer) > MAX_HEAD):
            raise BadRequestError(431, "The request's headers are too large.")
        if self._buffer.startswith(_TLS_HELLO):  # it would wait for an answer that never comes
            raise BadRequestError(400, "The sandbox speaks plain HTTP.")
        if end < 0:
            return None
        request = parse_head(bytes(self._buffer[:end]))
        whole = end + len(_END) + request.length
        if len(self._buffer) < whole:
            return None
        del self._buffer[:whole]
        return request

    def _send(self, request: Incoming, reply: Reply) -> None:
        if not reply.plain:
            self._transport.pause_reading()
            self._delivery = asyncio.get_running_loop().create_task(self._deliver(request, reply))
            self._delivery.add_done_callback(self._delivered)
            return
        head = render_head(reply, self._now(), close=request.closes)
        self._transport.write(head if request.method == "HEAD" else head + reply.body)
        if request.closes:
            self._transport.close()

    async def _deliver(self, request: Incoming, reply: Reply) -> None:
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.abort:
            self._reset()
        elif reply.raw is not None:
            self._transport.write(reply.raw)
            self._transport.close()
        else:
            await self._write(request, reply)
            if request.closes:
                self._transport.close()

    async def _write(self, request: Incoming, reply: Reply) -> None:
        chunked = reply.pieces is not None and request.version == "HTTP/1.1"
        self._transport.write(render_head(reply, self._now(), close=request.closes, chunked=chunked))
        for piece in _pieces(reply):
            await asyncio.sleep(reply.pace)  # even 0 lets others run: a write to a lost connection never waits
            await self._writable.wait()
            self._transport.write(b"%x\r\n%b\r\n" % (len(piece), piece) if chunked else piece)
        if chunked:
            self._transport.write(b"0\r\n\r\n")

    def _reset(self) -> None:
        handle = self._transport.get_extra_info("socket")
        handle.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack(_LINGER_FORMAT, 1, 0))
        self._transport.abort()

    def _delivered(self, task: "asyncio.Task[None]") -> None:
        self._delivery = None
        if not task.cancelled() and not self._transport.is_closing():
            self._transport.resume_reading()
            self._answer_complete()


def _pieces(reply: Reply) -> Iterator[bytes]:
    if reply.pieces is not None:
        return reply.pieces()
    if reply.pace:
        return (reply.body[place : place + 1] for place in range(len(reply.body)))
    return iter((reply.body,))
