"""What the transport's tests share: both engines, servers that end with the test, and no proxy but the test's own."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any, Protocol, TypeVar

import pytest
import trustme
from tests.collect.transport.web import Server, send

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.request import Request
from openai_monitor.collect.transport import client as client_module
from openai_monitor.collect.transport.engine_httpcore import HttpcoreEngine
from openai_monitor.collect.transport.engine_httptools import HttptoolsEngine

S = TypeVar("S", bound=Server)


class Start(Protocol):
    """Starts a server, which ends with the test."""

    def __call__(self, server: S) -> S: ...


Serve = Callable[..., Server]
Fetch = Callable[..., Answer]
Resolve = Callable[..., None]


@pytest.fixture(params=[HttpcoreEngine, HttptoolsEngine])
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every rule holds with either engine."""
    monkeypatch.setattr(client_module, "engine_of", lambda _: request.param())


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


@pytest.fixture
def start(engine: None) -> Iterator[Start]:
    """Starts a server, which ends with the test."""
    with ExitStack() as stack:

        def start(server: S) -> S:
            stack.enter_context(server)
            return server

        yield start


@pytest.fixture
def serve(start: Start) -> Serve:
    """Starts a server that says what it is given."""

    def serve(say: Any, **options: Any) -> Server:
        return start(Server(say, **options))

    return serve


@pytest.fixture
def fetch(engine: None) -> Fetch:
    """Sends one request over a transport of its own."""

    def fetch(request: Request, **settings: Any) -> Answer:
        return asyncio.run(send(request, **settings))[0]

    return fetch


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="session")
def server_tls(authority: trustme.CA) -> ssl.SSLContext:
    """What a server of 127.0.0.1, localhost and api.test shows."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost", "api.test").configure_cert(context)
    return context


@pytest.fixture(scope="session")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Any:
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return path


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Says which addresses a name has."""
    real = socket.getaddrinfo

    def resolve(name: str, *addresses: str) -> None:
        def answer(host: Any, port: Any, *args: Any, **options: Any) -> Any:
            if host in (name, name.encode()):
                return [item for address in addresses for item in real(address, port, *args, **options)]
            return real(host, port, *args, **options)

        monkeypatch.setattr(socket, "getaddrinfo", answer)

    return resolve
