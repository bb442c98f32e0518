"""Kept connections: lent to one request at a time, bounded, and none lost when requests are cancelled."""

import asyncio
import gc
import random
import ssl
import time
from collections.abc import Iterable
from pathlib import Path

import pytest
from tests.collect.transport.conftest import Serve
from tests.collect.transport.web import Asked, Server, ok, request_to, send

from openai_monitor.collect.transport import Session, Transport, TransportSettings, engine_httpcore, engine_httptools


def test_no_more_are_kept_than_may_be_in_flight(serve: Serve) -> None:
    servers = [serve(ok()) for _ in range(3)]
    first, second, third = (request_to(server) for server in servers)
    asyncio.run(send(first, second, third, third, second, first, max_connections=2))
    assert [server.connections for server in servers] == [2, 1, 1]


def test_a_connection_is_not_kept_for_ever(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    for engine in (engine_httpcore, engine_httptools):
        monkeypatch.setattr(engine, "KEEP_ALIVE", 0.05)
    server, other = serve(ok()), serve(ok())

    async def pausing() -> None:
        async with Transport() as transport:
            for request in (request_to(server), request_to(other), request_to(server)):
                await transport.send(request, Session())
                await asyncio.sleep(0.1)

    asyncio.run(pausing())
    assert server.connections == 2


def test_a_connection_the_server_wants_closed_is_not_kept(serve: Serve) -> None:
    server = serve(ok(b"", "Connection: close"))
    asyncio.run(send(request_to(server), request_to(server)))
    assert server.connections == 2


@pytest.mark.parametrize("more", [b"x", ok(b"of another request")])
def test_a_connection_on_which_more_came_than_was_asked_for_is_not_kept(serve: Serve, more: bytes) -> None:
    server = serve(ok() + more)
    answers = asyncio.run(send(request_to(server), request_to(server)))
    assert [answer.body for answer in answers] == [b'{"a":1}'] * 2
    assert server.connections == 2


def test_a_connection_the_request_wants_closed_is_not_kept(serve: Serve) -> None:
    server = serve(ok())
    request = request_to(server, headers=(("connection", "Close"),))
    asyncio.run(send(request, request))
    assert server.connections == 2


def test_connections_are_lent_to_one_request_at_a_time(serve: Serve) -> None:
    def late(asked: Asked) -> bytes:
        time.sleep(0.02)
        return ok(asked.target.encode())

    server = serve(late)

    async def many() -> list[bytes]:
        async with Transport(TransportSettings(max_connections=4)) as transport:
            requests = [request_to(server, f"/{n}") for n in range(40)]
            answers = await asyncio.gather(*(transport.send(request, Session()) for request in requests))
            return [answer.body for answer in answers]

    assert asyncio.run(many()) == [f"/{n}".encode() for n in range(40)]
    assert server.connections <= 4


def dripping(_: Asked) -> Iterable[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 300\r\n\r\n"
    for _n in range(3):
        time.sleep(0.001)
        yield b"x" * 100


def test_requests_cancelled_at_any_moment_cost_no_place(
    serve: Serve, server_tls: ssl.SSLContext, ca_file: Path
) -> None:
    chance = random.Random(7)  # noqa: S311 - moments, not keys
    servers = {"http": serve(dripping), "https": serve(dripping, tls=server_tls)}

    async def impatient(transport: Transport, scheme: str, server: Server) -> None:
        try:
            async with asyncio.timeout(chance.random() * 0.02):
                await transport.send(request_to(server, scheme=scheme), Session())
        except TimeoutError:
            pass

    async def many() -> int:
        async with Transport(TransportSettings(max_connections=2, ca_file=ca_file)) as transport:
            for _ in range(60):
                await asyncio.gather(*(impatient(transport, *item) for item in servers.items() for _ in "ab"))
            async with asyncio.timeout(5):
                answers = [
                    await transport.send(request_to(server, scheme=scheme), Session())
                    for scheme, server in servers.items()
                ]
            return sum(len(answer.body) for answer in answers)

    assert asyncio.run(many()) == 600


def test_a_request_that_ends_after_the_transport_was_closed_keeps_no_connection(serve: Serve) -> None:
    def late(_: Asked) -> bytes:
        time.sleep(0.1)
        return ok()

    server = serve(late)

    async def main() -> None:
        transport = Transport()
        asking = asyncio.create_task(transport.send(request_to(server), Session()))
        await asyncio.sleep(0.05)
        await transport.aclose()
        assert (await asking).body == b'{"a":1}'
        await asyncio.sleep(0)

    asyncio.run(main())
    gc.collect()  # nothing is left open, of which it would warn
