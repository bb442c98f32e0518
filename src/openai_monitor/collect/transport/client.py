"""One request and its answer on the wire, whichever engine speaks HTTP.

httpcore, the engine below httpx, is driven directly, with a request built once: httpx's client costs half as much
again, imports more, and takes no network backend, which the guard and the proxies need. The service, which asks for
months, takes a leaner engine where its library is installed; see ``engine_httptools``.
"""

import logging
import os
import ssl
import time
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.places import Places
from openai_monitor.collect.transport import failures
from openai_monitor.collect.transport.connection import Engine, Way, Wire
from openai_monitor.collect.transport.dial import (
    Dialer,
    ForwardDialer,
    LoopbackDialer,
    TunnelDialer,
    forwards,
    proxy_authorization,
)
from openai_monitor.collect.transport.guard import is_in_clear, proxy_refused
from openai_monitor.collect.transport.pool import Pool
from openai_monitor.collect.transport.proxies import Proxies, Proxy, netloc
from openai_monitor.collect.transport.settings import TransportSettings
from openai_monitor.collect.transport.tls import client_context
from openai_monitor.collect.transport.wire import checked_host, wire_headers
from openai_monitor.errors import MonitorError

if TYPE_CHECKING:
    from openai_monitor.collect.request import Request

# Its debug messages show the headers of answers; those of httpx, should the program use it, whole addresses.
for _name in ("httpcore", "httpx"):
    logging.getLogger(_name).setLevel(logging.WARNING)


@dataclass(slots=True)
class Reply:
    """One answer of one server as it came. ``seconds`` is from sending to the last byte."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    seconds: float


@dataclass(frozen=True, slots=True)
class _Native:
    """A request as the engine takes it, the way it goes, and how messages name the peer."""

    owner: "Client"
    way: Way
    prepared: object
    peer: str
    timeout: float | None

    def __repr__(self) -> str:
        return f"_Native(peer={self.peer!r})"


def engine_of(settings: TransportSettings) -> Engine:
    """The engine that these settings ask for, as far as its library is here."""
    if settings.lean and find_spec("httptools") is not None:
        from openai_monitor.collect.transport.engine_httptools import HttptoolsEngine  # noqa: PLC0415 - an extra

        return HttptoolsEngine()
    from openai_monitor.collect.transport.engine_httpcore import HttpcoreEngine  # noqa: PLC0415 - not beside the other

    return HttpcoreEngine()


class Client:
    """HTTP/1.1 over kept connections."""

    def __init__(self, settings: TransportSettings) -> None:
        self._settings = settings
        self._proxies = Proxies(os.environ if settings.trust_env else {}, settings.proxy)
        # A way lives as long as a request that goes it, or an idle connection there.
        self._ways: WeakValueDictionary[tuple[str, str, int, bool], Way] = WeakValueDictionary()
        self._engine = engine_of(settings)
        self._pool = Pool(self._engine, settings.max_connections)
        self._slots = Places(settings.max_connections)

    @cached_property
    def _context(self) -> ssl.SSLContext:
        return client_context(self._settings.ca_file)

    async def send(self, request: "Request") -> Reply:
        """Ask once: no redirects, no cookies, no second try.

        Raises CollectionError, and SettingsError for a proxy or a certificate file that can't be used.
        """
        native = request.native
        if not isinstance(native, _Native) or native.owner is not self:
            request.native = native = self._prepare(request)
        if not self._slots.take():
            await self._slots.wait()
        try:
            return await self._exchange(native)
        finally:
            self._slots.leave()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._pool.aclose()

    async def _exchange(self, native: _Native) -> Reply:
        started = time.perf_counter()
        connection = await self._pool.take(native.way)
        try:
            status, headers, body = await connection.ask(native.prepared, self._settings.limits.body)
        except BaseException as error:
            # Also when cancelled: an engine may leave a connection neither open nor closed then.
            await connection.aclose()
            if isinstance(error, MonitorError) or not isinstance(error, Exception):
                raise
            raise failures.in_exchange(error, native.peer, native.timeout, answered=connection.answered) from None
        await self._pool.give_back(connection, native.way)
        return Reply(status, headers, body, time.perf_counter() - started)

    def _prepare(self, request: "Request") -> _Native:
        host, port = checked_host(request), request.port
        proxy = self._proxies.find(request.scheme, host, port)
        guarded = is_in_clear(request) and not self._settings.allow_plaintext_token
        if guarded and proxy is not None:
            raise proxy_refused(host, port, proxy)
        wire = wire_of(request, host, proxy, self._settings.user_agent)
        way = self._way(request.scheme, host, port, proxy, guarded)
        prepared = self._engine.prepare(wire, way)
        return _Native(self, way, prepared, peer_of(request.scheme, host, port, proxy), request.timeout)

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


def wire_of(request: "Request", host: str, proxy: Proxy | None, user_agent: str) -> Wire:
    """Give a request as it stands on the wire; a proxy that forwards is asked for the whole address."""
    forwarder = proxy if proxy and forwards(proxy, request.scheme) else None
    target = f"http://{netloc(host, request.port)}{request.target}" if forwarder else request.target
    credentials = proxy_authorization(forwarder) if forwarder else None
    headers = wire_headers(request, host, user_agent, credentials)
    return Wire(request.method, target, headers, request.body, request.timeout or None)


def peer_of(scheme: str, host: str, port: int, proxy: Proxy | None) -> str:
    """Name whoever answers: the host, or a proxy that forwards."""
    return str(proxy) if proxy and forwards(proxy, scheme) else netloc(host, port)
