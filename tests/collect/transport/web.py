"""Small servers on loopback that record what they are asked, and say exactly what a test wants, byte by byte."""

import contextlib
import re
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Self

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.request import Request
from openai_monitor.collect.transport import Session, Transport, TransportSettings

KEY = "sess-fake-secret"


@dataclass
class Asked:
    """One request as it came."""

    method: str
    target: str
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """All values of this name, joined as one would see them doubled."""
        values = [value for key, value in self.headers if key.lower() == name.lower()]
        return " | ".join(values) if values else None


Said = bytes | Iterable[bytes] | None
"""What a server says: bytes, pieces, or None to close without a word. It closes after an answer without length."""


def ok(body: bytes = b'{"a":1}', *headers: str, status: str = "200 OK") -> bytes:
    """A complete answer."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def moved(location: str, status: int = 302) -> bytes:
    """A redirect."""
    return ok(b"moved", f"Location: {location}", status=f"{status} Moved")


class Server:
    """Listens on loopback; each connection has a thread and is kept as long as answers have a length."""

    def __init__(
        self,
        say: Callable[[Asked], Said] | Said = None,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        self.say = say
        self._tls = tls
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server((host, 0), family=family)
        self.host = host
        self.port = self._socket.getsockname()[1]
        self.asked: list[Asked] = []
        self.connections = 0
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for connection in self._open:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    @property
    def place(self) -> str:
        return f"{self.host}:{self.port}"

    @property
    def targets(self) -> list[str]:
        return [asked.target for asked in self.asked]

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        # A client that breaks off in the middle of a word is no fault of the server's.
        with contextlib.suppress(OSError, IndexError, ValueError), contextlib.closing(connection):
            if self._tls is not None:
                connection = self._tls.wrap_socket(connection, server_side=True)
            with contextlib.closing(connection):
                self.talk(connection)

    def talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            while (asked := read_request(reader)) is not None:
                self.asked.append(asked)
                said = self.say(asked) if callable(self.say) else self.say
                if said is None:
                    return
                head = b""
                for piece in [said] if isinstance(said, bytes) else said:
                    connection.sendall(piece)
                    head = head or piece
                if b"Content-Length" not in head:
                    return


def read_request(reader: Any) -> Asked | None:
    line = reader.readline()
    if not line:
        return None
    method, target, _ = line.decode("latin-1").split(" ", 2)
    headers = []
    while line := reader.readline().decode("latin-1").rstrip("\r\n"):
        name, _, value = line.partition(":")
        headers.append((name, value.strip()))
    lengths = [value for name, value in headers if name.lower() == "content-length"]
    chunked = any(name.lower() == "transfer-encoding" for name, _ in headers)
    body = _read_chunks(reader) if chunked else reader.read(int(lengths[0]) if lengths else 0)
    return Asked(method, target, headers, body)


def _read_chunks(reader: Any) -> bytes:
    body = b""
    while size := int(reader.readline(), 16):
        body += reader.read(size)
        reader.readline()
    reader.readline()
    return body


def pipe(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until either side closes."""

    def carry(source: socket.socket, target: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    back = threading.Thread(target=carry, args=(other, one), daemon=True)
    back.start()
    carry(one, other)
    back.join(5)


class HttpProxy(Server):
    """Forwards absolute addresses and makes tunnels; ``names`` says where a name leads."""

    def __init__(
        self,
        names: dict[str, int] | None = None,
        credentials: str | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        super().__init__(tls=tls)
        self._names = names or {}
        self._credentials = credentials

    def talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            while (asked := read_request(reader)) is not None:
                self.asked.append(asked)
                if self._credentials and asked.header("proxy-authorization") != self._credentials:
                    connection.sendall(ok(b"", status="407 Proxy Authentication Required"))
                elif asked.method == "CONNECT":
                    return self._tunnel(connection, asked)
                else:
                    connection.sendall(ok(b'{"via":"proxy"}'))
        return None

    def _tunnel(self, connection: socket.socket, asked: Asked) -> None:
        host, _, port = asked.target.rpartition(":")
        try:
            remote = socket.create_connection(("127.0.0.1", self._names.get(host, int(port))))
        except OSError:
            connection.sendall(b"HTTP/1.1 502 Bad Gateway\r\n\r\n")
            return
        with remote:
            connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            pipe(connection, remote)


class SocksProxy(Server):
    """SOCKS5, in pieces of one byte; records (user, password, host, port)."""

    def __init__(
        self,
        names: dict[str, int] | None = None,
        login: tuple[str, str] | None = None,
        reply: int = 0,
        silent: bool = False,
    ) -> None:
        super().__init__()
        self._names = names or {}
        self._login = login
        self._reply = reply
        self._silent = silent
        self.wanted: list[tuple[str, int]] = []

    def talk(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as reader:
            methods = reader.read(reader.read(2)[1])
            if self._silent:
                reader.read()
                return
            chosen = 2 if self._login else 0
            _dribble(connection, bytes([5, chosen if chosen in methods else 255]))
            if chosen not in methods:
                return
            if self._login:
                user = reader.read(reader.read(2)[1]).decode()
                password = reader.read(reader.read(1)[0]).decode()
                _dribble(connection, bytes([1, (user, password) != self._login]))
            kind = reader.read(4)[3]
            host = (
                reader.read(reader.read(1)[0]).decode()
                if kind == 3
                else socket.inet_ntop(
                    socket.AF_INET if kind == 1 else socket.AF_INET6, reader.read(4 if kind == 1 else 16)
                )
            )
            port = int.from_bytes(reader.read(2))
            self.wanted.append((host, port))
            _dribble(connection, bytes([5, self._reply, 0, 1, 0, 0, 0, 0, 0, 0]))
            if self._reply:
                return
        with socket.create_connection(("127.0.0.1", self._names.get(host, port))) as remote:
            pipe(connection, remote)


def _dribble(connection: socket.socket, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        time.sleep(0.002)


@dataclass
class To:
    """Makes requests to a server."""

    server: Server
    scheme: str = "http"
    host: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    options: dict[str, Any] = field(default_factory=dict)

    def __call__(self, target: str = "/v1/usage", method: str = "GET", **options: Any) -> Request:
        fields: dict[str, Any] = {
            "method": method,
            "scheme": self.scheme,
            "host": self.host or self.server.host,
            "port": self.server.port,
            "target": target,
            "headers": (("Accept", "application/json"), *self.headers),
            "body": None,
            "timeout": 5.0,
            "digest": None,
            "sensitive": False,
        }
        return Request(**fields | self.options | options)


def request_to(server: Server, target: Any = "/v1/usage", **options: Any) -> Request:
    """A GET to the server."""
    return To(server)(target, **options)


def closed_port() -> int:
    """A port nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def send(*requests: Request, session: Session | None = None, **settings: Any) -> list[Answer]:
    """Send one after the other over one transport."""
    session = session or Session()
    async with Transport(TransportSettings(**settings)) as transport:
        return [await transport.send(request, session) for request in requests]


def numbers_of(text: str) -> Iterator[int]:
    """The whole numbers in a text."""
    return map(int, re.findall(r"\d+", text))
