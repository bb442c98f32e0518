"""The engine of httpx: httpcore's connection, driven directly."""

import math
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, cast

import anyio
import httpcore

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.transport import failures
from openai_monitor.collect.transport.body import check_length, read_body
from openai_monitor.collect.transport.connection import KEEP_ALIVE, Connection, Way, Wire
from openai_monitor.collect.transport.dial import Dialer
from openai_monitor.collect.transport.stream import Stream, deadline_of

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterable


class HttpcoreEngine:
    """HTTP/1.1 by httpcore and h11."""

    def __init__(self) -> None:
        anyio.Lock()  # loads what httpcore needs of it now, and not in the time of the first answer

    def prepare(self, wire: Wire, way: Way) -> httpcore.Request:
        """See Engine."""
        return httpcore.Request(
            wire.method,
            httpcore.URL(scheme=way.scheme, host=way.host, port=way.port, target=wire.target),
            headers=list(wire.headers),
            content=wire.body,
            extensions={"timeout": dict.fromkeys(("connect", "read", "write"), wire.timeout)},
        )

    def connect(self, way: Way) -> Connection:
        """See Engine."""
        return _Connection(way)


class _Connection:
    def __init__(self, way: Way) -> None:
        self.answered = False
        self._backend = _Backend(way.dialer)
        self._inner = httpcore.AsyncHTTPConnection(
            httpcore.Origin(way.scheme.encode("ascii"), way.host.encode("ascii"), way.port),
            ssl_context=way.context,
            keepalive_expiry=KEEP_ALIVE,
            network_backend=self._backend,
        )

    async def ask(self, prepared: object, limit: int) -> tuple[int, Headers, bytes]:
        try:
            return await self._ask(cast("httpcore.Request", prepared), limit)
        except httpcore.RemoteProtocolError:
            pass
        raise failures.NotHttp

    async def _ask(self, request: httpcore.Request, limit: int) -> tuple[int, Headers, bytes]:
        self.answered = False
        self._backend.deadline = deadline_of(request.extensions["timeout"]["read"])
        response = await self._inner.handle_async_request(request)
        self.answered = True
        try:
            headers = Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers])
            check_length(headers, limit)
            chunks = cast("AsyncIterable[bytes]", response.stream)
            return response.status, headers, await read_body(chunks, headers.all("content-encoding"), limit)
        finally:
            await response.aclose()

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


class _Backend(httpcore.AsyncNetworkBackend):
    """A dialer as httpcore takes it. ``deadline`` is that of the request under way, which httpcore does not bound."""

    def __init__(self, dialer: Dialer) -> None:
        self._dialer = dialer
        self.deadline = math.inf

    async def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109 - httpcore's own signature
        local_address: str | None = None,  # noqa: ARG002 - likewise
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002 - likewise
    ) -> httpcore.AsyncNetworkStream:
        return _Stream(await self._dialer.dial(host, port, timeout), self)


class _Stream(httpcore.AsyncNetworkStream):
    """A stream as httpcore takes it. Its errors pass through, but for the one that httpcore itself looks for."""

    def __init__(self, inner: Stream, backend: _Backend) -> None:
        self._inner = inner
        self._backend = backend

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002, ASYNC109 - likewise
        return await self._inner.read(max_bytes, self._backend.deadline)

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - likewise
        try:
            await self._inner.write(buffer, self._backend.deadline)
        except failures.WriteCut:
            raise httpcore.WriteError from None

    async def aclose(self) -> None:
        await self._inner.aclose()

    async def start_tls(
        self,
        ssl_context: "ssl.SSLContext",
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ASYNC109 - likewise
    ) -> httpcore.AsyncNetworkStream:
        await self._inner.start_tls(ssl_context, server_hostname, timeout, self._backend.deadline)
        return self

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
