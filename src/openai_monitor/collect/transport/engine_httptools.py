"""A leaner engine: llhttp (by httptools, as uvicorn has it) parses, and nothing stands between it and the stream.

It costs a third of httpcore's CPU. What is read and what is refused is the same, which the transport's tests show of
both, but for a Content-Length that stands there twice: llhttp takes no such answer. An extra: where httptools is
missing, httpcore does the work.
"""

import time
from typing import cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.time_slice import TimeSlice
from openai_monitor.collect.transport import failures
from openai_monitor.collect.transport.body import Body, check_length
from openai_monitor.collect.transport.connection import KEEP_ALIVE, Connection, Way, Wire
from openai_monitor.collect.transport.stream import Stream, deadline_of
from openai_monitor.collect.transport.wire import RawHeader

_READ = 65_536
_BEGIN = b"HTTP/"  # llhttp takes RTSP too
_MOST_WITHOUT_BODY = 102_400
"""Bytes of a head, or of anything else that brings no body; h11 has the same bound."""


class HttptoolsEngine:
    """HTTP/1.1 by llhttp."""

    def prepare(self, wire: Wire, way: Way) -> "_Prepared":  # noqa: ARG002 - the target is complete
        """See Engine."""
        return _Prepared(wire)

    def connect(self, way: Way) -> Connection:
        """See Engine."""
        return _Connection(way)


class _Prepared:
    """A request as bytes."""

    __slots__ = ("closes", "data", "timeout")

    def __init__(self, wire: Wire) -> None:
        headers = sorted(wire.headers, key=lambda header: header[0].lower() != b"host")  # h11 writes Host first
        body = wire.body or b""
        if _values(headers, b"transfer-encoding"):
            body = (b"%x\r\n%b\r\n" % (len(body), body) if body else b"") + b"0\r\n\r\n"
        lines = [f"{wire.method} {wire.target} HTTP/1.1".encode("ascii"), *(b"%b: %b" % header for header in headers)]
        self.data = b"\r\n".join([*lines, b"", body])
        self.closes = b"close" in b",".join(_values(headers, b"connection")).lower().replace(b" ", b"").split(b",")
        self.timeout = wire.timeout


class _Answer:
    """Takes what the parser finds. ``extra`` is set when something follows the answer."""

    __slots__ = ("complete", "extra", "has_head", "headers", "keeps", "parser", "pieces", "status")

    def __init__(self) -> None:
        self.headers: list[tuple[str, str]] = []
        self.pieces: list[bytes] = []
        self.status = 0
        self.has_head = self.complete = self.keeps = self.extra = False
        # What HTTP's standard lets a reader be lenient about, and h11 is: line ends without CR, a length beside
        # chunks, which then counts for nothing, folded headers.
        self.parser: HttpResponseParser | None = HttpResponseParser(self)
        self.parser.set_dangerous_leniencies(
            lenient_headers=True,
            lenient_chunked_length=True,
            lenient_version=True,
            lenient_optional_cr_before_lf=True,
            lenient_spaces_after_chunk_size=True,
        )

    def on_message_begin(self) -> None:
        self.extra = self.complete

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # otherwise a trailer
            self.headers.append((name.decode("latin-1"), value.decode("latin-1")))

    def on_headers_complete(self) -> None:
        if self.complete or self.parser is None:
            return
        status = self.parser.get_status_code()
        if status < 200:  # one that only announces the answer
            self.headers.clear()
            return
        self.status, self.keeps, self.has_head = status, self.parser.should_keep_alive(), True

    def on_body(self, data: bytes) -> None:
        if not self.complete:
            self.pieces.append(data)

    def on_message_complete(self) -> None:
        self.complete = self.has_head

    def feed(self, data: bytes) -> bool:
        """Read on; tells whether it is HTTP so far. What follows a complete answer is none of its business."""
        if self.parser is None:
            return False
        try:
            self.parser.feed_data(data)
        except (HttpParserError, HttpParserUpgrade):
            self.extra = True
            return self.complete
        return True


class _Connection:
    def __init__(self, way: Way) -> None:
        self.answered = False
        self._way = way
        self._stream: Stream | None = None
        self._is_available = False
        self._expires = 0.0

    async def ask(self, prepared: object, limit: int) -> tuple[int, Headers, bytes]:
        request = cast("_Prepared", prepared)
        self.answered = self._is_available = False
        deadline = deadline_of(request.timeout)
        stream = self._stream
        if stream is None:
            stream = self._stream = await self._connect(request.timeout, deadline)
        was_sent = await _send(stream, request.data, deadline)
        answer = _Answer()
        try:
            headers, body = await self._receive(stream, answer, deadline, limit)
        finally:
            answer.parser = None  # it holds the answer, too
        self._is_available = answer.keeps and was_sent and not answer.extra and not request.closes
        self._expires = time.monotonic() + KEEP_ALIVE
        return answer.status, headers, body

    def is_available(self) -> bool:
        return self._is_available

    def has_expired(self) -> bool:
        return (
            self._stream is None or time.monotonic() > self._expires or bool(self._stream.get_extra_info("is_readable"))
        )

    async def aclose(self) -> None:
        self._is_available = False
        if self._stream is not None:
            self._stream.abort()

    async def _connect(self, patience: float | None, deadline: float) -> Stream:
        way = self._way
        stream = await way.dialer.dial(way.host, way.port, patience)
        if way.scheme == "https" and way.context is not None:
            way.context.set_alpn_protocols(["http/1.1"])
            await stream.start_tls(way.context, way.host, patience, deadline)
        return stream

    async def _receive(self, stream: Stream, answer: _Answer, deadline: float, limit: int) -> tuple[Headers, bytes]:
        headers, body, begin, idle = None, Body((), limit), b"", 0
        time_slice = TimeSlice()
        while not answer.complete:
            data = await stream.read(_READ, deadline)
            begin += data[: len(_BEGIN) - len(begin)]
            is_http = bool(data) and _BEGIN.startswith(begin) and answer.feed(data)
            if headers is None and answer.has_head:
                headers = _checked(answer.headers)
                self.answered = True
                check_length(headers, limit)
                body = Body(headers.all("content-encoding"), limit)
            idle = 0 if answer.pieces else idle + len(data)
            if answer.pieces:
                await body.feed(b"".join(answer.pieces), time_slice)
                answer.pieces.clear()
            if not data and headers is not None and _ends_with_connection(headers):
                break
            if not is_http or idle > _MOST_WITHOUT_BODY:
                raise failures.NotHttp
            if not answer.complete:
                await time_slice.give_way()
        if headers is None:
            raise failures.NotHttp
        return headers, body.finish()


async def _send(stream: Stream, data: bytes, deadline: float) -> bool:
    """Send; tells whether that went well. A server may answer, and close, before it has read everything."""
    try:
        await stream.write(data, deadline)
    except failures.WriteCut:
        return False
    return True


def _checked(items: list[tuple[str, str]]) -> Headers:
    """The headers of an answer. Raises NotHttp for those of which h11 says that they are none."""
    headers = Headers(items)
    codings = headers.all("transfer-encoding")
    if codings and [coding.strip().lower() for coding in codings] != ["chunked"]:
        raise failures.NotHttp
    if "\0" in "".join([value for _, value in items]):
        raise failures.NotHttp
    return headers


def _ends_with_connection(headers: Headers) -> bool:
    return headers.get("content-length") is None and headers.get("transfer-encoding") is None


def _values(headers: list[RawHeader], name: bytes) -> list[bytes]:
    return [value.strip() for key, value in headers if key.lower() == name]
