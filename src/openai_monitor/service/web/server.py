"""HTTP over sockets, with a bound on everything a stranger can use up.

So many connections; so many seconds until a request is there and until its answer is gone; so many bytes of a head, and
no body. When all connections are taken, the one that has waited longest for its request goes: whoever sends
one gets in, however many only hold on.
"""

import asyncio
import contextlib
import logging
import socket
import ssl
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass, field
from email.utils import formatdate
from functools import partial
from pathlib import Path
from typing import cast

import h11

from openai_monitor import system
from openai_monitor.errors import SettingsError
from openai_monitor.schedule.stats import Stats
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.service.web.seldom import Seldom

MOST_CONNECTIONS = 64
MOST_HEAD = 16_384
HEAD_SECONDS = 10.0
IDLE_SECONDS = 90.0
ANSWER_SECONDS = 60.0
_PIECE = 65_536

_log = logging.getLogger(__name__)
_ONCE = ("host", "authorization", "content-length", "transfer-encoding")
"""Headers of which a second one would be read by one program and not by the next."""


@dataclass(frozen=True, slots=True)
class Ask:
    """A request: path and query as they came, headers by lower-case name. ``host`` is as Host says, or the address."""

    method: str
    path: str
    query: str
    headers: dict[str, str] = field(repr=False)
    host: str = ""


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer."""

    status: int
    body: bytes
    content_type: str = "text/plain; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


def text(status: int, message: str, *headers: tuple[str, str]) -> Reply:
    """Answer with a sentence."""
    return Reply(status, f"{message}\n".encode("utf-8", "replace"), headers=headers)


Answer = Callable[[Ask], Awaitable[Reply]]
Context = Callable[[], ssl.SSLContext | None]


class Server:
    """Listens and has GET and HEAD answered by ``answer``; ``context`` gives the TLS context of each connection."""

    def __init__(self, answer: Answer, context: Context = lambda: None, stats: Stats | None = None) -> None:
        self._stats = stats or Stats()
        self.seldom = Seldom(_log)
        self._answer = answer
        self._context = context
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._connections: set[asyncio.Task[None]] = set()
        self._waiting: dict[asyncio.Task[None], None] = {}
        self._closing = False

    @property
    def port(self) -> int:
        """The port it listens on."""
        port: int = self._listeners[0].getsockname()[1]
        return port

    def start(self, host: str, port: int, supervisor: Supervisor | None = None) -> None:
        """Listen on every address of the host; without a host on every address. Raises SettingsError."""
        try:
            for address in _addresses(host, port):
                self._listeners.append(_listener(address, self.port if self._listeners else port))
        except OSError as error:
            self._close_listeners()
            place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
            reason = error.strerror or type(error).__name__
            raise SettingsError(f"web: can't listen on {place}: {reason}; give another `listen`") from None
        supervisor = supervisor or Supervisor()
        self._accepting = [
            supervisor.start("listener", partial(self._accept, listener)) for listener in self._listeners
        ]

    async def close(self, deadline: float) -> None:
        """Stop listening, and let answers that are under way end within so many seconds."""
        self._closing = True
        await _end(self._accepting)
        self._close_listeners()
        await _end(self._waiting)
        if self._connections:
            await asyncio.wait(self._connections, timeout=deadline)
        await _end(self._connections)
        self.seldom.close()

    def _close_listeners(self) -> None:
        for listener in self._listeners:
            listener.close()

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:
                self.seldom.tell(
                    "connections that can't be taken", f"a connection can't be taken: {system.words(error)}"
                )
                await asyncio.sleep(1)  # such as when there are no more file handles
                continue
            if not self._has_room():
                connection.close()
                continue
            task = asyncio.create_task(self._serve(connection))
            self._connections.add(task)
            self._waiting[task] = None  # until it has begun to talk
            task.add_done_callback(self._gone)
            await asyncio.sleep(0)  # what has come already is taken without waiting: let those before begin to talk

    def _has_room(self) -> bool:
        if len(self._connections) < MOST_CONNECTIONS:
            return True
        longest = next(iter(self._waiting), None)
        if longest is None:
            return False
        del self._waiting[longest]
        longest.cancel()
        return True

    def _gone(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        self._waiting.pop(task, None)
        error = None if task.cancelled() else task.exception()
        if error is not None:
            self._mistaken("in a connection", error)

    def _mistaken(self, where: str, error: BaseException) -> None:
        """Say in one line what is wrong and where: what a stranger sends may cause it again and again."""
        self._stats.listener_errors += 1
        place = error.__traceback__
        while place is not None and place.tb_next is not None:
            place = place.tb_next
        code = f"{Path(place.tb_frame.f_code.co_filename).name}, line {place.tb_lineno}" if place else "nowhere"
        self.seldom.tell(
            "mistakes of ours", f"a mistake of ours {where} ({type(error).__name__} in {code}): please report it"
        )

    # One connection

    async def _serve(self, connection: socket.socket) -> None:
        try:
            reader, writer = await self._open(connection)
        except OSError:  # gone, or no TLS
            connection.close()
            return
        try:
            await self._converse(reader, writer)
        except (OSError, TimeoutError):
            pass  # it went, or took too long
        finally:
            writer.transport.abort()

    async def _open(self, connection: socket.socket) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        loop, context = asyncio.get_running_loop(), self._context()
        # asyncio does so only for sockets that know they are TCP's; without it each kept answer takes 40 ms longer.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        reader = asyncio.StreamReader(_PIECE, loop)
        protocol = asyncio.StreamReaderProtocol(reader)
        transport, _ = await loop.connect_accepted_socket(
            lambda: protocol, connection, ssl=context, ssl_handshake_timeout=HEAD_SECONDS if context else None
        )
        return reader, asyncio.StreamWriter(transport, protocol, reader, loop)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        talk = h11.Connection(h11.SERVER, max_incomplete_event_size=MOST_HEAD)
        seconds, goes_on = HEAD_SECONDS, True
        while goes_on:
            ask = await self._next(talk, reader, seconds)
            if ask is None:
                return
            reply = ask if isinstance(ask, Reply) else await self._answered(ask)
            goes_on = isinstance(ask, Ask) and _is_read(talk) and not self._closing
            async with asyncio.timeout(ANSWER_SECONDS):
                has_body = isinstance(ask, Reply) or ask.method != "HEAD"
                await _send(talk, writer, reply, has_body=has_body, goes_on=goes_on)
            goes_on = goes_on and talk.our_state is h11.DONE
            if goes_on:
                talk.start_next_cycle()
            seconds = IDLE_SECONDS
        with self.evictable():
            await _part(reader, writer)

    async def _next(self, talk: h11.Connection, reader: asyncio.StreamReader, seconds: float) -> Ask | Reply | None:
        """Wait for a request; give what to answer where it is not a valid one, None when there will be no more."""
        try:
            with self.evictable():
                async with asyncio.timeout(seconds):
                    return await _next_ask(talk, reader)
        except h11.RemoteProtocolError as error:
            if error.error_status_hint == 431:
                return text(431, f"This is not a valid HTTP request: its head is longer than {MOST_HEAD} bytes.")
            return text(error.error_status_hint, "This is not a valid HTTP/1.1 request: look at its line and headers.")

    @contextlib.contextmanager
    def evictable(self) -> Iterator[None]:
        """Let this connection be the one that goes when there is no room."""
        task = asyncio.current_task()
        if task is not None:
            self._waiting[task] = None
        try:
            yield
        finally:
            self._waiting.pop(cast("asyncio.Task[None]", task), None)

    async def _answered(self, ask: Ask) -> Reply:
        if ask.method not in ("GET", "HEAD"):
            return text(405, f"{ask.path} is read with GET.", ("Allow", "GET, HEAD"))
        try:
            return await self._answer(ask)
        except Exception as error:  # noqa: BLE001 - one answer may fail, the listener may not
            self._mistaken(f"at {ask.path[:100]}", error)
            return text(500, "A mistake of ours; the log says more.")


async def _next_ask(talk: h11.Connection, reader: asyncio.StreamReader) -> Ask | Reply | None:
    while True:
        event = talk.next_event()
        if event is h11.NEED_DATA:
            talk.receive_data(await reader.read(_PIECE))
        elif isinstance(event, h11.Request):
            return _ask(event)
        elif not isinstance(event, h11.EndOfMessage):
            return None


def _ask(request: h11.Request) -> Ask | Reply:
    names = [name.decode("ascii") for name, _ in request.headers]
    for name in _ONCE:
        if names.count(name) > 1:
            return text(400, f"This is not a valid HTTP request: it has two headers {name.title()}.")
    if "content-length" in names and "transfer-encoding" in names:
        return text(400, "This is not a valid HTTP request: Content-Length and Transfer-Encoding exclude each other.")
    headers = {name: value.decode("latin-1") for name, (_, value) in zip(names, request.headers, strict=True)}
    target, host = request.target.decode("ascii", "replace"), headers.get("host", "")
    if not target.startswith("/"):  # the form that is meant for proxies
        host, _, rest = target.partition("://")[2].partition("/")
        target = f"/{rest}"
    path, _, query = target.partition("?")
    return Ask(request.method.decode("ascii"), path, query, headers, host)


def _is_read(talk: h11.Connection) -> bool:
    """Tell whether the request has ended, so that another may follow; bodies are not read."""
    try:
        return talk.their_state is h11.SEND_BODY and isinstance(talk.next_event(), h11.EndOfMessage)
    except h11.RemoteProtocolError:
        return False


async def _send(
    talk: h11.Connection, writer: asyncio.StreamWriter, reply: Reply, *, has_body: bool, goes_on: bool
) -> None:
    headers = [
        ("Date", formatdate(usegmt=True)),
        ("Content-Type", reply.content_type),
        ("Content-Length", str(len(reply.body))),
        ("Cache-Control", "no-store"),
        ("X-Content-Type-Options", "nosniff"),
        *reply.headers,
        *(() if goes_on else (("Connection", "close"),)),
    ]
    writer.write(talk.send(h11.Response(status_code=reply.status, headers=headers)) or b"")
    # Piece by piece: what a slow reader leaves lying is held only once, and not for each of them.
    for start in range(0, len(reply.body) if has_body else 0, _PIECE):
        writer.write(talk.send(h11.Data(data=reply.body[start : start + _PIECE])) or b"")
        await writer.drain()
    writer.write(talk.send(h11.EndOfMessage()) or b"")
    await writer.drain()


async def _part(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close so that the answer arrives: closing on unread bytes would take it back."""
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(1.0):
            if writer.can_write_eof():
                writer.write_eof()
            while await reader.read(_PIECE):
                pass
    writer.close()
    with contextlib.suppress(TimeoutError, OSError):
        async with asyncio.timeout(1.0):
            await writer.wait_closed()


def _addresses(host: str, port: int) -> list[tuple[socket.AddressFamily, str]]:
    if not host:
        return [(socket.AF_INET6, "::")] if socket.has_dualstack_ipv6() else [(socket.AF_INET, "0.0.0.0")]  # noqa: S104 - asked for
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    return list(dict.fromkeys((family, str(address[0])) for family, _, _, _, address in found))


def _listener(address: tuple[socket.AddressFamily, str], port: int) -> socket.socket:
    family, host = address
    dual = family is socket.AF_INET6 and host == "::"
    listener = socket.create_server((host, port), family=family, backlog=128, dualstack_ipv6=dual)
    listener.setblocking(False)
    return listener


async def _end(tasks: Iterable[asyncio.Task[None]]) -> None:
    several = list(tasks)
    for task in several:
        task.cancel()
    await asyncio.gather(*several, return_exceptions=True)
