"""One request and its answer on the wire. The only place that knows httpcore, the engine below httpx.

httpcore is driven directly, with a request built once: httpx's client costs half as much again, imports
more, and takes no network backend, which the guard and the proxies need. Another engine goes behind
``Client``.
"""

import asyncio
import logging
import os
import ssl
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Protocol, cast
from weakref import WeakValueDictionary

import httpcore

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.transport import failures
from openai_monitor.collect.transport.body import read_body
from openai_monitor.collect.transport.dial import (
    Dialer,
    ForwardDialer,
    LoopbackDialer,
    TunnelDialer,
    forwards,
    proxy_authorization,
)
from openai_monitor.collect.transport.guard import is_in_clear, proxy_refused
from openai_monitor.collect.transport.pool import Pool, Way
from openai_monitor.collect.transport.proxies import Proxies, Proxy, netloc
from openai_monitor.collect.transport.settings import TransportSettings
from openai_monitor.collect.transport.tls import client_context
from openai_monitor.collect.transport.wire import checked_host, wire_headers
from openai_monitor.errors import MonitorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterable

    from openai_monitor.collect.request import Request

# Its debug messages show the headers of answers; those of httpx, should the program use it, whole addresses.
for _name in ("httpcore", "httpx"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True)
class Reply:
    """One answer of one server as it came. ``seconds`` is from sending to the last byte."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    seconds: float


class Client(Protocol):
    """What an HTTP engine has to do for a transport."""

    async def send(self, request: "Request") -> Reply:
        """Ask once: no redirects, no cookies, no second try.

        Raises CollectionError, and SettingsError for a proxy or a certificate file that can't be used.
        """

    async def aclose(self) -> None:
        """Close every connection."""


@dataclass(frozen=True, slots=True)
class _Native:
    """A request as httpcore takes it, the way it goes, and how messages name the peer."""

    owner: "HttpcoreClient"
    way: Way
    request: httpcore.Request
    peer: str
    timeout: float | None

    def __repr__(self) -> str:
        return f"_Native(peer={self.peer!r})"


class HttpcoreClient:
    """HTTP/1.1 over kept connections."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._proxies = Proxies(os.environ if settings.trust_env else {}, settings.proxy)
        # A way lives as long as a request that goes it, or an idle connection there.
        self._ways: WeakValueDictionary[tuple[str, str, int, bool], Way] = WeakValueDictionary()
        self._pool = Pool(settings.max_connections)
        self._slots = asyncio.Semaphore(settings.max_connections)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return client_context(self._settings.ca_file)

    async def send(self, request: "Request") -> Reply:
        """See Client."""
        native = request.native
        if not isinstance(native, _Native) or native.owner is not self:
            request.native = native = self._prepare(request)
        async with self._slots:
            return await self._exchange(native)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def _exchange(self, native: _Native) -> Reply:
        answered = False
        started = time.perf_counter()
        connection = await self._pool.take(native.way)
        try:
            response = await connection.handle_async_request(native.request)
            answered = True
            headers = headers_of(response)
            body = await read_response(response, headers, self._settings.max_body)
        except BaseException as error:
            # Also when cancelled: httpcore itself may leave a connection neither open nor closed then.
            await connection.aclose()
            if isinstance(error, MonitorError) or not isinstance(error, Exception):
                raise
            raise failures.in_exchange(error, native.peer, native.timeout, answered=answered) from None
        await self._pool.give_back(connection, native.way)
        return Reply(response.status, headers, body, time.perf_counter() - started)

    def _prepare(self, request: "Request") -> _Native:
        host, port = checked_host(request), request.port
        proxy = self._proxies.find(request.scheme, host, port)
        guarded = is_in_clear(request) and not self._settings.allow_plaintext_token
        if guarded and proxy is not None:
            raise proxy_refused(host, port, proxy)
        native = native_request(request, host, proxy, self._settings.user_agent)
        way = self._way(request.scheme, host, port, proxy, guarded)
        return _Native(self, way, native, peer_of(request.scheme, host, port, proxy), request.timeout)

    def _way(self, scheme: str, host: str, port: int, proxy: Proxy | None, guarded: bool) -> Way:
        # The proxy follows from the destination, which the environment decides once.
        key = (scheme, host, port, guarded)
        way = self._ways.get(key)
        if way is None:
            context = self._context if "https" in (scheme, proxy and proxy.scheme) else None
            dialer = self._dialer(scheme, proxy, guarded, context)
            self._ways[key] = way = Way(scheme, host, port, dialer, context)
        return way

    def _dialer(self, scheme: str, proxy: Proxy | None, guarded: bool, context: ssl.SSLContext | None) -> Dialer:
        if proxy is None:
            return LoopbackDialer() if guarded else Dialer()
        if forwards(proxy, scheme):
            return ForwardDialer(proxy, context)
        return TunnelDialer(proxy, context, self._settings.user_agent)


def native_request(request: "Request", host: str, proxy: Proxy | None, user_agent: str) -> httpcore.Request:
    """Build a request as httpcore takes it; a proxy that forwards is asked for the whole address."""
    forwarder = proxy if proxy and forwards(proxy, request.scheme) else None
    target = f"http://{netloc(host, request.port)}{request.target}" if forwarder else request.target
    credentials = proxy_authorization(forwarder) if forwarder else None
    return httpcore.Request(
        request.method,
        httpcore.URL(scheme=request.scheme, host=host, port=request.port, target=target),
        headers=wire_headers(request, host, user_agent, credentials),
        content=request.body,
        extensions={"timeout": dict.fromkeys(("connect", "read", "write"), request.timeout or None)},
    )


def peer_of(scheme: str, host: str, port: int, proxy: Proxy | None) -> str:
    """Name whoever answers: the host, or a proxy that forwards."""
    return str(proxy) if proxy and forwards(proxy, scheme) else netloc(host, port)


def headers_of(response: httpcore.Response) -> Headers:
    """Give the headers of an answer."""
    return Headers([(name.decode("latin-1"), value.decode("latin-1")) for name, value in response.headers])


async def read_response(response: httpcore.Response, headers: Headers, limit: int) -> bytes:
    """Read the body, decompressed and at most so many bytes; raises what ``failures.in_exchange`` tells of."""
    try:
        declared = headers.get("content-length") or ""
        if declared.isdecimal() and int(declared) > limit:
            raise failures.BodyTooLarge(limit)
        chunks = cast("AsyncIterable[bytes]", response.stream)
        return await read_body(chunks, headers.all("content-encoding"), limit)
    finally:
        await response.aclose()
