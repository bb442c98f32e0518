"""Through a transport of httpx that the program brings: httpx's own, one that retries or caches, a mock of its tests.

Connections, certificates and proxies are then that transport's. Requests, limits, redirects, cookies, who may see a key
and how failures are told stay ours.
"""

import asyncio
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import httpx

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.transport import failures
from openai_monitor.collect.transport.body import check_length, read_body
from openai_monitor.collect.transport.client import Reply
from openai_monitor.collect.transport.guard import is_in_clear, is_loopback, plaintext_refused
from openai_monitor.collect.transport.proxies import netloc
from openai_monitor.collect.transport.settings import TransportSettings
from openai_monitor.collect.transport.wire import checked_host, wire_headers
from openai_monitor.errors import CollectionError, MonitorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from openai_monitor.collect.request import Request


_GRACE = 0.1
"""Seconds that a transport's own timeouts get to say what took so long, before the whole request is ended."""


@dataclass(frozen=True, slots=True, repr=False)
class _Native:
    """A request as httpx takes it, built once."""

    owner: "HttpxClient"
    request: httpx.Request
    host: str


class HttpxClient:
    """Asks through ``transport``, which whoever made it also closes."""

    def __init__(self, transport: httpx.AsyncBaseTransport, settings: TransportSettings) -> None:
        self._transport = transport
        self._settings = settings

    async def send(self, request: "Request") -> Reply:
        """As ``Client.send``; raises CollectionError."""
        native = request.native
        if not isinstance(native, _Native) or native.owner is not self:
            request.native = native = self._prepare(request)
        started = time.perf_counter()
        response: httpx.Response | None = None
        try:
            async with asyncio.timeout(request.timeout + _GRACE if request.timeout else None):
                response = await self._transport.handle_async_request(native.request)
                headers = Headers([(n.decode("latin-1"), v.decode("latin-1")) for n, v in response.headers.raw])
                check_length(headers, self._settings.limits.body)
                chunks = cast("AsyncIterable[bytes]", response.stream)
                body = await read_body(chunks, headers.all("content-encoding"), self._settings.limits.body)
        except Exception as error:
            if isinstance(error, MonitorError):
                raise
            raise _failure(error, request, native.host, answered=response is not None) from None
        finally:
            if response is not None:
                await response.aclose()
        return Reply(response.status_code, headers, body, time.perf_counter() - started)

    async def aclose(self) -> None:
        """Leave the transport open: it is not ours."""

    def _prepare(self, request: "Request") -> _Native:
        host = checked_host(request)
        if is_in_clear(request) and not self._settings.allow_plaintext_token and not _is_this_machine(host):
            raise plaintext_refused(host, request.port)
        target = request.target.encode("ascii")
        native = httpx.Request(
            request.method,
            httpx.URL(scheme=request.scheme, host=host, port=request.port, raw_path=target),
            headers=wire_headers(request, host, self._settings.user_agent, None),
            content=request.body,
            extensions={
                "timeout": dict.fromkeys(("connect", "read", "write", "pool"), request.timeout or None),
                "target": target,  # as it stands: a URL of httpx may quote it anew
            },
        )
        return _Native(self, native, host)


def _is_this_machine(host: str) -> bool:
    """Whether a host is written as this machine. Which address a name gets is the transport's to find out."""
    try:
        return is_loopback(host)
    except ValueError:
        return host.lower() == "localhost"


def _failure(error: Exception, request: "Request", host: str, *, answered: bool) -> CollectionError:
    peer, timeout = netloc(host, request.port), request.timeout
    root = _root(error)
    if isinstance(error, httpx.ConnectTimeout):
        return failures.while_connecting(TimeoutError(), host, peer, timeout)
    if isinstance(error, httpx.TimeoutException):
        return failures.in_exchange(TimeoutError(), peer, timeout, answered=answered)
    if isinstance(error, httpx.ConnectError | httpx.ProxyError):
        if isinstance(root, ssl.SSLError):
            return failures.in_handshake(root, peer, timeout)
        return failures.while_connecting(root if isinstance(root, OSError) else OSError(), host, peer, timeout)
    if isinstance(error, httpx.RemoteProtocolError):
        return failures.in_exchange(failures.NotHttp(), peer, timeout, answered=answered)
    if isinstance(error, httpx.NetworkError):
        return failures.in_exchange(failures.ConnectionCut(), peer, timeout, answered=answered)
    return failures.in_exchange(error, peer, timeout, answered=answered)


def _root(error: BaseException) -> BaseException:
    """The error below httpx's own, which tells a name without address from a port that refuses."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return error
