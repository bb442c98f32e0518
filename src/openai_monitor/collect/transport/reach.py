"""The way to a server, walked step by step, each step timed: what one request does at once, taken apart."""

import os
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.transport import failures
from openai_monitor.collect.transport.certificate import certificate_of, presented_certificate
from openai_monitor.collect.transport.client import engine_of, peer_of, wire_of
from openai_monitor.collect.transport.connection import Way
from openai_monitor.collect.transport.dial import Dialer, TunnelDialer, forwards, in_time, look_up, race
from openai_monitor.collect.transport.proxies import Proxies, netloc
from openai_monitor.collect.transport.tls import client_context
from openai_monitor.collect.transport.wire import address_of, checked_host
from openai_monitor.errors import CollectionError
from openai_monitor.reached import Step
from openai_monitor.rows import Code

if TYPE_CHECKING:
    from openai_monitor.collect.request import Request
    from openai_monitor.collect.transport.settings import TransportSettings
    from openai_monitor.collect.transport.stream import Stream

Facts = Mapping[str, object]
Found = tuple[str, Facts]
"""What a step found, for a person and for machines."""

Work = Callable[[], Awaitable[Found]]
"""A step; raises CollectionError."""

Judge = Callable[[Answer], str]
"""Says what an answer means, or raises CollectionError."""


@dataclass(frozen=True, slots=True)
class Heard:
    """An answer, and when it was asked for and had come (aware, UTC)."""

    answer: Answer
    sent: datetime
    received: datetime


class Reach:
    """Walks to the server of a request that carries no key.

    ``heard`` is the answer, once the walk got so far. Raises SettingsError for a proxy or certificates that can't be
    used, CollectionError for an address that is none.
    """

    def __init__(self, request: "Request", settings: "TransportSettings") -> None:
        self.heard: Heard | None = None
        self._request, self._settings = request, settings
        self._host, self._port, self._patience = checked_host(request), request.port, request.timeout
        environ = os.environ if settings.trust_env else {}
        self.proxy = Proxies(environ, settings.proxy).find(request.scheme, self._host, self._port)
        # Made beforehand, since it takes some 20 ms that belong to no step. Where none is needed it trusts nobody.
        secure = "https" in (request.scheme, self.proxy and self.proxy.scheme)
        self._context = client_context(settings.ca_file) if secure else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._engine = engine_of(settings)
        self._addresses: list[str] = []
        self._stream: Stream | None = None

    async def walk(self, judge: Judge) -> list[Step]:
        """Take the steps, until one fails."""
        steps: list[Step] = []
        try:
            for name, work in self._way(judge):
                steps.append(await _take(name, work))
                if not steps[-1].ok:
                    break
        finally:
            if self._stream is not None:
                self._stream.abort()
        return steps

    def _way(self, judge: Judge) -> Iterator[tuple[str, Work]]:
        yield "name", self._look_up
        yield "connect", self._connect
        if self.proxy is not None:
            yield "proxy", self._go_through_proxy
        if self._request.scheme == "https":
            yield "tls", self._start_tls
        yield "answer", lambda: self._ask(judge)

    @property
    def _first(self) -> tuple[str, int, str]:
        """Whom the connection is made to: host, port, and how messages name them."""
        if self.proxy is not None:
            return self.proxy.host, self.proxy.port, str(self.proxy)
        return self._host, self._port, netloc(self._host, self._port)

    @property
    def _connected(self) -> "Stream":
        if self._stream is None:
            raise AssertionError
        return self._stream

    async def _look_up(self) -> Found:
        host, port, peer = self._first
        self._addresses = await in_time(look_up(host, port), host, peer, self._patience)
        found = "is an address" if self._addresses == [host] else f"is {', '.join(self._addresses)}"
        return f"{host} {found}", {"addresses": self._addresses}

    async def _connect(self) -> Found:
        self._stream = await self._dial()
        address, port = self._stream.get_extra_info("peername")[:2]
        return f"to {netloc(address, port)}", {"address": netloc(address, port)}

    async def _go_through_proxy(self) -> Found:
        self._stream = await self._through_proxy(self._connected)
        place = netloc(self._host, self._port)
        if self.proxy and forwards(self.proxy, self._request.scheme):
            return f"{self.proxy} is asked for addresses of {place}", {}
        return f"{self.proxy} connects to {place}", {}

    async def _start_tls(self) -> Found:
        try:
            await self._connected.start_tls(self._context, self._host, self._patience)
        except failures.CertificateRefused as refusal:
            shown = await presented_certificate(self._another, self._host, self._patience)
            if shown is None:
                raise
            raise _Failed(f"{refusal} (it shows a {shown})", shown.facts()) from None
        version, certificate = self._connected.get_extra_info("ssl_object").version(), certificate_of(self._connected)
        return f"{version}, {certificate}", {"version": version, **certificate.facts()}

    async def _ask(self, judge: Judge) -> Found:
        answer, sent = await self._exchange()
        self.heard = Heard(answer, sent, datetime.now(UTC))
        facts = {"status": answer.status}
        try:
            return judge(answer), facts
        except CollectionError as error:
            raise _Failed(str(error), facts) from None

    async def _exchange(self) -> tuple[Answer, datetime]:
        request, proxy = self._request, self.proxy
        way = Way("http", self._host, self._port, _Made(self._connected), None)  # TLS, where wanted, is spoken already
        connection = self._engine.connect(way)
        wire = wire_of(request, self._host, proxy, self._settings.user_agent)
        prepared = self._engine.prepare(wire, way)
        sent, began = datetime.now(UTC), time.perf_counter()
        try:
            status, headers, body = await connection.ask(prepared, self._settings.limits.body)
        except CollectionError:
            raise
        except Exception as error:  # noqa: BLE001 - this is the edge
            peer = peer_of(request.scheme, self._host, self._port, proxy)
            failure = failures.in_exchange(error, peer, self._patience, answered=connection.answered)
        else:
            took = round((time.perf_counter() - began) * 1000)
            return Answer(status, headers, body, took, address_of(request)), sent
        raise failure

    async def _dial(self) -> "Stream":
        host, port, peer = self._first
        return await in_time(race(self._addresses, port, peer), host, peer, self._patience)

    async def _through_proxy(self, stream: "Stream") -> "Stream":
        proxy = self.proxy
        if proxy is None:
            return stream
        if proxy.scheme == "https":
            await stream.start_tls(self._context, proxy.host, self._patience)
        if forwards(proxy, self._request.scheme):
            return stream
        tunnel = TunnelDialer(proxy, self._context, self._settings.user_agent)
        return await tunnel.pass_through(stream, self._host, self._port, self._patience)

    async def _another(self) -> "Stream":
        """Make one more connection of the same kind."""
        return await self._through_proxy(await self._dial())


class _Made(Dialer):
    """Gives the connection that is there already."""

    def __init__(self, stream: "Stream") -> None:
        self._stream = stream

    async def dial(self, host: str, port: int, patience: float | None) -> "Stream":  # noqa: ARG002 - it leads there
        return self._stream


class _Failed(CollectionError):
    """A step failed, and there are facts about it."""

    def __init__(self, message: str, facts: Facts) -> None:
        super().__init__(Code.FAIL, message)
        self.facts = facts


async def _take(name: str, work: Work) -> Step:
    began = time.perf_counter()
    try:
        message, facts = await work()
    except CollectionError as error:
        facts = error.facts if isinstance(error, _Failed) else {}
        return Step(name, ok=False, seconds=time.perf_counter() - began, message=str(error), facts=facts)
    return Step(name, ok=True, seconds=time.perf_counter() - began, message=message, facts=facts)
