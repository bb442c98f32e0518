"""The server: an account, faults and a clock behind an address on this machine."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from concurrent.futures import Future
from contextlib import asynccontextmanager, contextmanager
from datetime import UTC, datetime
from functools import partial
from ssl import SSLContext
from typing import NamedTuple, TextIO
from urllib.parse import unquote

from openai_monitor.errors import SettingsError
from openai_monitor.sandbox.account import Account, Ledger, spent_more
from openai_monitor.sandbox.accounts import demo
from openai_monitor.sandbox.connection import Connection, Incoming
from openai_monitor.sandbox.exchange import Call, Reply, error_reply
from openai_monitor.sandbox.faults import FAULTS, Switch, parse_faults, spoil
from openai_monitor.sandbox.routes import ENDPOINTS, Route, find

Clock = Callable[[], datetime]

LOOPBACK = "127.0.0.1"
KEPT_REQUESTS = 10_000
KEPT_ANSWERS = 256
IDENTITY = ("authorization", "openai-organization", "x-api-key", "anthropic-version")
"""The headers on which an answer depends."""


def utc_now() -> datetime:
    """Read the clock of this machine."""
    return datetime.now(UTC)


class RecordedRequest(NamedTuple):
    """A request the server was asked; its repr leaves out what may hold a key."""

    method: str
    target: str
    path: str
    headers: dict[str, str]
    time: datetime

    def __repr__(self) -> str:
        return f"RecordedRequest({self.method} {self.path} at {self.time:%H:%M:%S.%f})"


class Server:
    """A sandbox that is listening. ``requests`` are those it got, oldest first (the last ten thousand)."""

    def __init__(self, account: Account, faults: Iterable[str], now: Clock) -> None:
        self.account = account
        self.now = now
        self.requests: list[RecordedRequest] = []
        self.host = ""
        self.port = 0
        self.url = ""
        self._began = now()
        self._day_zero = account.day_zero or self._began.astimezone(UTC).date()
        self._switches: list[Switch] = []
        self._answers: dict[tuple[object, ...], Reply] = {}
        self.switch(*faults)

    def switch(self, *faults: str) -> None:
        """Put these faults in the place of those that were on; none of them: answer well."""
        self._switches = parse_faults(faults)

    def respond(self, request: Incoming) -> Reply:
        """Answer one request."""
        call = self._call(request)
        self._record(request, call)
        if request.method != "GET":
            reply = error_reply(405, f"Not allowed to {request.method} on {call.path}; use GET.")
            return Reply(reply.status, reply.body, headers=(("Allow", "GET"),))
        route = find(call)
        return spoil(self._answer(route, call, request.target), call, route.endpoint, self._switches)

    def _answer(self, route: Route, call: Call, target: str) -> Reply:
        """Answer as the route does; what was asked a moment ago is not worked out again."""
        key = (target, int(call.now.timestamp()) // 60, call.account.credit, *map(call.headers.get, IDENTITY))
        known = self._answers.get(key)
        if known is None:
            if len(self._answers) >= KEPT_ANSWERS:
                self._answers.clear()
            known = self._answers[key] = route.handler(call)
        return known

    def _call(self, request: Incoming) -> Call:
        path, _, query = _origin_form(request.target).partition("?")
        moved = path.startswith("/moved/")
        path = unquote(path.removeprefix("/moved") if moved else path)
        now = self.now()
        return Call(request.method, path, query, request.headers, self._ledger(now), now, self.url, moved)

    def _ledger(self, now: datetime) -> Ledger:
        minutes = (now - self._began).total_seconds() / 60
        return Ledger(spent_more(self.account, round(self.account.drift * minutes, 2)), self._day_zero)

    def _record(self, request: Incoming, call: Call) -> None:
        if len(self.requests) >= KEPT_REQUESTS:
            del self.requests[: KEPT_REQUESTS // 2]
        record = RecordedRequest(request.method, request.target, call.path, request.headers, call.now)
        self.requests.append(record)


def _origin_form(target: str) -> str:
    """Return the path and query of a target; a proxy's client writes the whole URL."""
    scheme, found, rest = target.partition("://")
    if target.startswith("/") or not found or not scheme.isalpha():
        return target
    _, slash, path = rest.partition("/")
    return slash + path or "/"


@asynccontextmanager
async def serve(
    account: Account | None = None,
    faults: Iterable[str] = (),
    *,
    host: str = LOOPBACK,
    port: int = 0,
    now: Clock = utc_now,
    tls: SSLContext | None = None,
) -> AsyncIterator[Server]:
    """Serve an account (the demo's when None is given) in the running event loop while the context lasts.

    ``faults`` are switches as ``faults.parse_faults`` reads them; port 0 takes a free one; ``now`` must
    return aware times. Raises SettingsError for an unknown fault or an address that can't be listened on.
    """
    server = Server(demo() if account is None else account, faults, now)
    connections: set[Connection] = set()
    listener = await _listen(partial(Connection, server.respond, now, connections), host, port, tls)
    server.host, server.port = host, listener.sockets[0].getsockname()[1]
    server.url = f"{'https' if tls else 'http'}://{f'[{host}]' if ':' in host else host}:{server.port}"
    try:
        yield server
    finally:
        listener.close()  # not to be waited for: from Python 3.12 on that takes as long as a TLS handshake under way
        while connections:
            await asyncio.gather(*(connection.close() for connection in set(connections)))


async def _listen(protocol: Callable[[], Connection], host: str, port: int, tls: SSLContext | None) -> asyncio.Server:
    try:
        return await asyncio.get_running_loop().create_server(protocol, host, port, ssl=tls)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        message = f"the sandbox can't listen on {host} port {port}: {reason}; give another host or port"
        raise SettingsError(message) from None


@contextmanager
def running(
    account: Account | None = None,
    faults: Iterable[str] = (),
    *,
    host: str = LOOPBACK,
    port: int = 0,
    now: Clock = utc_now,
    tls: SSLContext | None = None,
) -> Iterator[Server]:
    """Do as ``serve``, in a thread of its own: for callers without an event loop or that block theirs."""
    ready: Future[tuple[Server, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def host_server() -> None:
        stop = asyncio.Event()
        async with serve(account, faults, host=host, port=port, now=now, tls=tls) as server:
            ready.set_result((server, asyncio.get_running_loop(), stop))
            await stop.wait()

    def host_loop() -> None:
        try:
            asyncio.run(host_server())
        except SettingsError as error:
            ready.set_exception(error)

    thread = threading.Thread(target=host_loop, name="sandbox", daemon=True)
    thread.start()
    server, loop, stop = ready.result()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join()


def run(
    host: str = LOOPBACK,
    port: int = 0,
    faults: Iterable[str] = (),
    account: Account | None = None,
    out: TextIO | None = None,
) -> None:
    """Serve until Ctrl-C; say where, with which keys, and which faults there are. Raises SettingsError."""
    try:
        asyncio.run(_run(host, port, tuple(faults), account, sys.stdout if out is None else out))
    except KeyboardInterrupt:
        return


async def _run(host: str, port: int, faults: tuple[str, ...], account: Account | None, out: TextIO) -> None:
    async with serve(account, faults, host=host, port=port) as server:
        out.write(describe(server, faults))
        out.flush()
        await asyncio.Event().wait()


def describe(server: Server, faults: tuple[str, ...] = ()) -> str:
    """Say what a person needs who wants to use this sandbox."""
    keys = server.account.keys
    key_lines = (
        (keys.session, "OpenAI's dashboard: credit, usage, subscription"),
        (keys.admin, "OpenAI's organization API: costs, usage, spend limit"),
        (keys.gateway, "the paths of a one-api or new-api gateway"),
        (keys.deepseek, "DeepSeek's balance"),
        (keys.openrouter, "OpenRouter's credits and key"),
        (keys.anthropic, "Anthropic's cost report (X-Api-Key)"),
        (keys.ordinary, "an API key that may see none of it"),
    )
    fault_lines = [(name, _fault_text(name)) for name in FAULTS]
    return (
        f"Sandbox at {server.url} (Ctrl-C ends it)\n\nKeys it takes:\n{_columns(key_lines)}\n"
        f"Faults that are on: {', '.join(faults) or 'none'}\n\n"
        f"Faults there are ([endpoint=]fault[:number][*times]):\n{_columns(fault_lines)}\n"
        f"Endpoints there are:\n  {', '.join(ENDPOINTS)}\n"
    )


def _fault_text(name: str) -> str:
    fault = FAULTS[name]
    number = f" (number: {fault.unit}, usually {fault.number:.12g})" if fault.unit else ""
    return fault.description + number


def _columns(lines: Iterable[tuple[str, str]]) -> str:
    return "".join(f"  {left:<22}{right}\n" for left, right in lines)
