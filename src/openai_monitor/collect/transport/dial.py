"""How a connection is made: straight, to this machine only, or through a proxy.

Proxies are dialled here and not by httpcore, whose SOCKS handshake knows no timeout and leaves the socket open
when it fails, and whose tunnels can't say why they failed.
"""

import asyncio
import base64
import ipaddress
import re
import socket
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar

from openai_monitor.collect.transport import failures
from openai_monitor.collect.transport.guard import is_loopback, plaintext_refused
from openai_monitor.collect.transport.proxies import Proxy, netloc
from openai_monitor.collect.transport.stream import Stream
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

_NEXT_ADDRESS = 0.25
"""Seconds until the next address of a name is tried beside the first (RFC 8305)."""

_LARGEST_HEAD = 2**16

T = TypeVar("T")

Check = Callable[[str, int, Sequence[str]], None]
"""Refuses a host and port, looked up as these addresses, by raising CollectionError."""


class Dialer:
    """Makes connections; raises CollectionError."""

    async def dial(self, host: str, port: int, patience: float | None) -> Stream:
        """Connect straight to the host within ``patience`` seconds."""
        return await _connect(host, port, netloc(host, port), patience)


class LoopbackDialer(Dialer):
    """Connects to this machine only: every address of the name has to be a loopback one."""

    async def dial(self, host: str, port: int, patience: float | None) -> Stream:
        """Connect to the host, or refuse."""
        return await _connect(host, port, netloc(host, port), patience, _only_this_machine)


class ForwardDialer(Dialer):
    """Connects to an HTTP proxy that is then asked for the absolute address."""

    def __init__(self, proxy: Proxy, context: ssl.SSLContext | None) -> None:
        self._proxy = proxy
        self._context = context

    async def dial(self, host: str, port: int, patience: float | None) -> Stream:  # noqa: ARG002 - its business
        """Connect to the proxy."""
        proxy = self._proxy
        stream = await _connect(proxy.host, proxy.port, str(proxy), patience)
        if proxy.scheme == "https" and self._context is not None:
            await stream.start_tls(self._context, proxy.host, patience)
        return stream


class TunnelDialer(ForwardDialer):
    """Connects through a proxy, HTTP or SOCKS5, to the host, whose name the proxy looks up."""

    def __init__(self, proxy: Proxy, context: ssl.SSLContext | None, user_agent: str) -> None:
        super().__init__(proxy, context)
        self._user_agent = user_agent

    async def dial(self, host: str, port: int, patience: float | None) -> Stream:
        """Connect to the proxy, and have it connect to the host."""
        return await self.pass_through(await super().dial(host, port, patience), host, port, patience)

    async def pass_through(self, stream: Stream, host: str, port: int, patience: float | None) -> Stream:
        """Have the proxy at the other end of the stream connect to the host; the stream then leads there."""
        failure: CollectionError
        try:
            await self._ask_for(host, port, stream, patience)
        except CollectionError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - this is the edge
            failure = failures.in_exchange(error, stream.peer, patience, answered=False)
        except BaseException:
            await stream.aclose()
            raise
        else:
            stream.peer = netloc(host, port)
            return stream
        await stream.aclose()
        raise failure

    async def _ask_for(self, host: str, port: int, stream: Stream, patience: float | None) -> None:
        async with asyncio.timeout(patience):
            if self._proxy.is_socks:
                await _ask_socks(self._proxy, host, port, stream)
            else:
                await _ask_http(self._proxy, host, port, stream, self._user_agent)


def forwards(proxy: Proxy, scheme: str) -> bool:
    """Whether the proxy is asked for the address itself, not for a tunnel to its host."""
    return scheme == "http" and not proxy.is_socks


def proxy_authorization(proxy: Proxy) -> str | None:
    """Return the value of Proxy-Authorization, when the proxy's address holds credentials."""
    if not proxy.username and not proxy.password:
        return None
    return "Basic " + base64.b64encode(f"{proxy.username}:{proxy.password}".encode()).decode("ascii")


async def _connect(host: str, port: int, peer: str, patience: float | None, check: Check = lambda *_: None) -> Stream:
    async def connect() -> Stream:
        addresses = await look_up(host, port)
        check(host, port, addresses)
        return await race(addresses, port, peer)

    return await in_time(connect(), host, peer, patience)


async def in_time(connecting: Awaitable[T], host: str, peer: str, patience: float | None) -> T:
    """Give what a part of connecting gives within so many seconds; raises CollectionError."""
    try:
        async with asyncio.timeout(patience):
            return await connecting
    except CollectionError:
        raise
    except Exception as error:  # noqa: BLE001 - this is the edge
        failure = failures.while_connecting(error, host, peer, patience)
    raise failure


def _only_this_machine(host: str, port: int, addresses: Sequence[str]) -> None:
    if not all(map(is_loopback, addresses)):
        raise plaintext_refused(host, port)


async def look_up(host: str, port: int) -> list[str]:
    """Find the addresses of a name; an address is its own."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(address[0]) for *_, address in found))
    return [host]


async def race(addresses: Sequence[str], port: int, peer: str) -> Stream:
    """Connect to the first address that answers.

    asyncio can do this too, but forgets what the attempts met, and a socket when it is cancelled.
    """
    if len(addresses) == 1:
        return await _attempt(addresses[0], port, peer)
    waiting, attempts, winner = list(addresses), list[asyncio.Task[Stream]](), None
    try:
        while winner is None and (waiting or not all(attempt.done() for attempt in attempts)):
            if waiting:
                attempts.append(asyncio.create_task(_attempt(waiting.pop(0), port, peer)))
            running = [attempt for attempt in attempts if not attempt.done()]
            await asyncio.wait(running, timeout=_NEXT_ADDRESS if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            winner = next((attempt for attempt in attempts if _has_connected(attempt)), None)
    finally:
        for attempt in attempts:
            if attempt is not winner:
                attempt.add_done_callback(_drop)
                attempt.cancel()
    refused = (attempt for attempt in attempts if isinstance(attempt.exception(), ConnectionRefusedError))
    return (winner or next(refused, attempts[0])).result()


async def _attempt(address: str, port: int, peer: str) -> Stream:
    _, stream = await asyncio.get_running_loop().create_connection(lambda: Stream(peer), address, port)
    return stream


def _has_connected(attempt: asyncio.Task[Stream]) -> bool:
    return attempt.done() and not attempt.cancelled() and attempt.exception() is None


def _drop(attempt: asyncio.Task[Stream]) -> None:
    if _has_connected(attempt):
        attempt.result().abort()


async def _ask_http(proxy: Proxy, host: str, port: int, stream: Stream, user_agent: str) -> None:
    place = netloc(host, port)
    lines = [f"CONNECT {place} HTTP/1.1", f"Host: {place}", f"User-Agent: {user_agent}"]
    if credentials := proxy_authorization(proxy):
        lines.append(f"Proxy-Authorization: {credentials}")
    await stream.write("\r\n".join([*lines, "", ""]).encode("latin-1"))
    status = await _connect_status(stream)
    if status is None:
        raise failures.not_http(stream.peer)
    if not 200 <= status < 300:
        raise CollectionError(Code.UN_CONNECTABLE, _refusal(proxy, place, status))


async def _connect_status(stream: Stream) -> int | None:
    head = b""
    while b"\r\n\r\n" not in head and len(head) < _LARGEST_HEAD:
        # Byte by byte past the blank line would be the server's: nothing comes from there before TLS starts.
        data = await stream.read(_LARGEST_HEAD)
        if not data:
            return None
        head += data
    match = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    return int(match[1]) if match and head.endswith(b"\r\n\r\n") else None


def _refusal(proxy: Proxy, place: str, status: int) -> str:
    if status == 407:
        return f"{proxy} wants credentials, or others: put user:password@ before its host in {proxy.source}"
    return (
        f"{proxy} does not connect to {place} (it answered {status}): "
        f"check the host, or name it in NO_PROXY if it can be reached directly"
    )


_SOCKS_REFUSALS = {
    1: "it failed",
    2: "its rules forbid it",
    3: "it can't reach the network",
    4: "it can't reach the host",
    5: "the host refused the connection",
    6: "it waited too long",
    7: "it does not know the command",
    8: "it does not know this kind of address",
}


async def _ask_socks(proxy: Proxy, host: str, port: int, stream: Stream) -> None:
    """Play the client's side of RFC 1928 and RFC 1929."""
    methods = b"\x00\x02" if proxy.username else b"\x00"
    await stream.write(bytes([5, len(methods)]) + methods)
    version, method = await _exactly(stream, 2)
    if version != 5 or method not in methods:
        raise _socks_credentials(proxy)
    if method:
        user, password = proxy.username.encode()[:255], proxy.password.encode()[:255]
        await stream.write(bytes([1, len(user)]) + user + bytes([len(password)]) + password)
        if (await _exactly(stream, 2))[1] != 0:
            raise _socks_credentials(proxy)
    await stream.write(b"\x05\x01\x00" + _socks_address(host) + port.to_bytes(2))
    version, reply, _, kind = await _exactly(stream, 4)
    if version != 5:
        raise failures.not_http(stream.peer)
    if reply:
        reason = _SOCKS_REFUSALS.get(reply, f"reply {reply}")
        raise CollectionError(
            Code.UN_CONNECTABLE, f"{proxy} does not connect to {netloc(host, port)}: {reason}; check the host"
        )
    length = {1: 4, 4: 16}.get(kind) or (await _exactly(stream, 1))[0]
    await _exactly(stream, length + 2)


def _socks_credentials(proxy: Proxy) -> CollectionError:
    return CollectionError(
        Code.UN_CONNECTABLE,
        f"{proxy} is no SOCKS5 proxy, or wants other credentials: put user:password@ before its host in {proxy.source}",
    )


def _socks_address(host: str) -> bytes:
    try:
        ip = ipaddress.ip_address(host)
    except ValueError:
        name = host.encode("ascii")[:255]
        return bytes([3, len(name)]) + name
    return bytes([1 if ip.version == 4 else 4]) + ip.packed


async def _exactly(stream: Stream, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = await stream.read(count - len(data))
        if not piece:
            raise failures.ClosedWithoutAnswer
        data += piece
    return data
