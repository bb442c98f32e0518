"""The engine of httpx: httpcore's connection, driven directly."""

from typing import TYPE_CHECKING, cast

import httpcore

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.transport import pool
from openai_monitor.collect.transport.body import check_length, read_body
from openai_monitor.collect.transport.connection import Connection, Wire

if TYPE_CHECKING:
    from collections.abc import AsyncIterable


class HttpcoreEngine:
    """HTTP/1.1 by httpcore and h11."""

    def prepare(self, wire: Wire, way: pool.Way) -> httpcore.Request:
        """See Engine."""
        return httpcore_request(wire, way.scheme, way.host, way.port)

    def connect(self, way: pool.Way) -> Connection:
        """See Engine."""
        return _Connection(way)


class _Connection:
    def __init__(self, way: pool.Way) -> None:
        self.answered = False
        self._inner = httpcore.AsyncHTTPConnection(
            httpcore.Origin(way.scheme.encode("ascii"), way.host.encode("ascii"), way.port),
            ssl_context=way.context,
            keepalive_expiry=pool.KEEP_ALIVE,
            network_backend=way.dialer,
        )

    async def ask(self, prepared: object, limit: int) -> tuple[int, Headers, bytes]:
        self.answered = False
        response = await self._inner.handle_async_request(cast("httpcore.Request", prepared))
        self.answered = True
        headers, body = await read_answer(response, limit)
        return response.status, headers, body

    def is_available(self) -> bool:
        return self._inner.is_available() and not self._has_more()

    def _has_more(self) -> bool:
        """Whether the server said more than its answer, which httpcore would take for the answer to what comes next."""
        protocol = self._inner._connection  # noqa: SLF001 - httpcore has no other way to tell
        return bool(cast("httpcore.AsyncHTTP11Connection", protocol)._h11_state.trailing_data[0])  # noqa: SLF001

    def has_expired(self) -> bool:
        return self._inner.has_expired()

    async def aclose(self) -> None:
        await self._inner.aclose()


def httpcore_request(wire: Wire, scheme: str, host: str, port: int) -> httpcore.Request:
    """Build a request as httpcore takes it."""
    return httpcore.Request(
        wire.method,
        httpcore.URL(scheme=scheme, host=host, port=port, target=wire.target),
        headers=list(wire.headers),
        content=wire.body,
        extensions={"timeout": dict.fromkeys(("connect", "read", "write"), wire.timeout)},
    )


async def read_answer(response: httpcore.Response, limit: int) -> tuple[Headers, bytes]:
    """Read headers and body, decompressed and at most so many bytes; raises what ``failures.in_exchange`` tells of."""
    try:
        headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers])
        check_length(headers, limit)
        chunks = cast("AsyncIterable[bytes]", response.stream)
        return headers, await read_body(chunks, headers.all("content-encoding"), limit)
    finally:
        await response.aclose()
