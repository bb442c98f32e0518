"""Tiny servers on this machine that know nothing of the program under test."""

import contextlib
import json
import select
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit


class Asked(NamedTuple):
    """A request as it arrived."""

    method: str
    target: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes
    peer: int
    everything: str


class Answer(NamedTuple):
    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = {}


Answering = Answer | Callable[[Asked], Answer]


def answer(document: object, status: int = 200, **headers: str) -> Answer:
    return Answer(json.dumps(document).encode(), status, {"Content-Type": "application/json", **headers})


def text(body: str, status: int = 200, kind: str = "application/json", **headers: str) -> Answer:
    return Answer(body.encode(), status, {"Content-Type": kind, **headers})


@dataclass
class Origin:
    """A server that is listening, and what it was asked."""

    port: int
    asked: list[Asked] = field(default_factory=list)

    def paths(self) -> list[str]:
        return [request.path for request in self.asked]

    def only(self) -> Asked:
        assert len(self.asked) == 1
        return self.asked[0]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: clients that go away are part of the tests."""


class _QuietIPv6(_Quiet):
    address_family = socket.AF_INET6


@contextlib.contextmanager
def origin(
    answers: Mapping[str, Answering], *, tls: ssl.SSLContext | None = None, address: str = "127.0.0.1", port: int = 0
) -> Iterator[Origin]:
    """Answer each path as told, anything else with 404."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name is the base's
            """Say nothing."""

        def answer_it(self) -> None:
            split = urlsplit(self.path)
            length = int(self.headers.get("Content-Length") or 0)
            body = self.rfile.read(length)
            asked = Asked(
                self.command,
                self.path,
                split.path,
                dict(parse_qsl(split.query, keep_blank_values=True)),
                {name.lower(): value for name, value in self.headers.items()},
                body,
                self.client_address[1],
                f"{self.requestline}\n{self.headers}\n{body!r}",
            )
            found.asked.append(asked)
            chosen = answers.get(split.path, Answer(b'{"error":{"message":"no such path"}}', 404))
            if not isinstance(chosen, Answer):
                chosen = chosen(asked)
            self.send_response(chosen.status)
            for name, value in chosen.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(chosen.body)))
            self.end_headers()
            self.wfile.write(chosen.body)

        do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = answer_it  # noqa: N815 - the names are the base's

    server = (_QuietIPv6 if ":" in address else _Quiet)((address, port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    found = Origin(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _relay(one: socket.socket, other: socket.socket) -> None:
    while True:
        ready, _, _ = select.select([one, other], [], [], 10)
        if not ready:
            return
        for source in ready:
            data = source.recv(65536)
            if not data:
                return
            (other if source is one else one).sendall(data)


@dataclass
class Proxy:
    """A proxy that is listening; ``wanted`` is the addresses it was asked for, ``seen`` the bytes sent to it first."""

    port: int
    wanted: list[tuple[str, int]] = field(default_factory=list)
    seen: list[bytes] = field(default_factory=list)


class _Proxying(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def _proxying(handle: Callable[[socket.socket, Proxy], None]) -> Iterator[Proxy]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with contextlib.suppress(OSError):
                handle(self.request, found)

    server = _Proxying(("127.0.0.1", 0), Handler)
    found = Proxy(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield found
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def http_proxy(to: int) -> contextlib.AbstractContextManager[Proxy]:
    """Be an HTTP proxy that takes everything to this port of this machine."""

    def handle(client: socket.socket, proxy: Proxy) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            data = client.recv(65536)
            if not data:
                return
            head += data
        proxy.seen.append(head)
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
        if method == "CONNECT":
            host, _, port = target.rpartition(":")
            proxy.wanted.append((host, int(port)))
            with socket.create_connection(("127.0.0.1", to), timeout=10) as server:
                client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                _relay(client, server)
            return
        split = urlsplit(target)
        proxy.wanted.append((split.hostname or "", split.port or 80))
        with socket.create_connection(("127.0.0.1", to), timeout=10) as server:
            server.sendall(head)
            _relay(client, server)

    return _proxying(handle)


def socks_proxy(to: int) -> contextlib.AbstractContextManager[Proxy]:
    """Be a SOCKS5 proxy that takes everything to this port of this machine."""

    def exactly(client: socket.socket, count: int) -> bytes:
        data = b""
        while len(data) < count:
            more = client.recv(count - len(data))
            if not more:
                raise ConnectionError
            data += more
        return data

    def handle(client: socket.socket, proxy: Proxy) -> None:
        _, methods = exactly(client, 2)
        exactly(client, methods)
        client.sendall(b"\x05\x00")
        _, _, _, kind = exactly(client, 4)
        if kind == 3:
            host = exactly(client, exactly(client, 1)[0]).decode()
        else:
            host = socket.inet_ntoa(exactly(client, 4)) if kind == 1 else exactly(client, 16).hex()
        proxy.wanted.append((host, int.from_bytes(exactly(client, 2), "big")))
        with socket.create_connection(("127.0.0.1", to), timeout=10) as server:
            client.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            _relay(client, server)

    return _proxying(handle)
