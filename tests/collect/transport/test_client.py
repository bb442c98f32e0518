"""What stands on the wire, and how connections are kept."""

import asyncio
import logging
import subprocess
import sys
import time

import pytest
from tests.collect.transport.conftest import Fetch, Serve
from tests.collect.transport.web import Asked, Server, ok, request_to, send

from openai_monitor import __version__
from openai_monitor.collect.transport import Session, Transport, TransportSettings, wire
from openai_monitor.collect.transport import client as client_module
from openai_monitor.collect.transport.engine_httpcore import HttpcoreEngine
from openai_monitor.collect.transport.engine_httptools import HttptoolsEngine


def test_the_target_goes_out_exactly_as_it_is(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok())
    target = "/a/../b//%7e|[x]?q=%2520&empty=&bare&t={}~'"
    fetch(request_to(server, target))
    assert server.targets == [target]


def test_the_transfer_is_described_where_the_request_does_not(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok())
    fetch(request_to(server, headers=(("Accept", "text/csv"), ("X-A", "é"))))
    assert server.asked[0].headers == [
        ("Host", server.place),
        ("User-Agent", f"openai-monitor/{__version__}"),
        ("Accept-Encoding", "gzip, deflate"),
        ("Connection", "keep-alive"),
        ("Accept", "text/csv"),
        ("X-A", "é"),
    ]


def test_headers_of_the_user_win(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok())
    fetch(request_to(server, headers=(("host", "api.example.com"), ("USER-AGENT", "mine/1"))))
    assert server.asked[0].header("Host") == "api.example.com"
    assert server.asked[0].header("User-Agent") == "mine/1"


def test_an_ipv6_host_stands_in_brackets(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok(), host="::1")
    answer = fetch(request_to(server, "/x?q=1"))
    assert server.asked[0].header("Host") == f"[::1]:{server.port}"
    assert answer.url == f"http://[::1]:{server.port}/x"


@pytest.mark.parametrize(
    ("scheme", "port", "host"),
    [("http", 80, "h"), ("https", 443, "h"), ("http", 443, "h:443"), ("https", 80, "h:80")],
)
def test_a_default_port_is_left_out_of_host(scheme: str, port: int, host: str) -> None:
    assert wire._authority(scheme, "h", port) == host


def test_a_body_is_sent_with_its_length(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok())
    fetch(request_to(server, method="POST", body=b'{"q":1}'))
    asked = server.asked[0]
    assert (asked.method, asked.body, asked.header("Content-Length")) == ("POST", b'{"q":1}', "7")


def test_a_post_without_body_says_so(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok())
    fetch(request_to(server, method="POST"))
    assert server.asked[0].header("Content-Length") == "0"


def test_a_large_body_is_sent_whole(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok())
    body = b"0123456789abcdef" * 2**16
    fetch(request_to(server, method="PUT", body=body))
    assert server.asked[0].body == body


def test_a_transfer_encoding_of_the_user_replaces_the_length(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok())
    fetch(request_to(server, method="POST", body=b"abc", headers=(("Transfer-Encoding", "chunked"),)))
    assert server.asked[0].body == b"abc"
    assert server.asked[0].header("Content-Length") is None


def test_an_expect_header_gets_its_final_answer(serve: Serve, fetch: Fetch) -> None:
    server = serve(b"HTTP/1.1 100 Continue\r\n\r\n" + ok(b"late"))
    assert fetch(request_to(server, headers=(("Expect", "100-continue"),))).body == b"late"


def test_the_answer_carries_what_came(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok(b"no", "X-A: 1", "X-A: 2", status="429 Too Many Requests"))
    answer = fetch(request_to(server, "/p?secret=1"))
    assert (answer.status, answer.body, answer.headers.all("x-a")) == (429, b"no", ["1", "2"])
    assert answer.url == f"http://{server.place}/p"


def test_the_time_is_that_of_the_exchange(serve: Serve, fetch: Fetch) -> None:
    def late(_: Asked) -> bytes:
        time.sleep(0.2)
        return ok()

    assert 200 <= fetch(request_to(serve(late))).elapsed_ms < 2000


def test_connections_are_kept(serve: Serve) -> None:
    server = serve(ok())
    request = request_to(server)
    asyncio.run(send(request, request, request_to(server, "/b")))
    assert (len(server.asked), server.connections) == (3, 1)


def test_a_connection_the_server_closed_meanwhile_is_not_used_again(serve: Serve) -> None:
    server: Server = serve(lambda _: [ok(), b""] if len(server.asked) > 1 else b"HTTP/1.1 200 OK\r\n\r\nx")

    async def twice() -> None:
        async with Transport() as transport:
            request = request_to(server)
            await transport.send(request, Session())
            time.sleep(0.05)  # noqa: ASYNC251 - the event loop is busy, and can't see the end of the connection
            await transport.send(request, Session())

    asyncio.run(twice())
    assert server.connections == 2


def test_a_request_of_one_transport_can_be_sent_by_another(serve: Serve) -> None:
    server = serve(ok())
    request = request_to(server)
    asyncio.run(send(request, user_agent="one"))
    asyncio.run(send(request, user_agent="two"))
    assert [asked.header("User-Agent") for asked in server.asked] == ["one", "two"]


def test_more_requests_than_connections_do_not_stall(serve: Serve) -> None:
    server = serve(ok())

    async def many() -> None:
        async with Transport(TransportSettings(max_connections=3)) as transport, asyncio.timeout(20):
            session = Session()
            await asyncio.gather(*(transport.send(request_to(server, f"/{n}"), session) for n in range(60)))

    asyncio.run(many())
    assert len(server.asked) == 60
    assert server.connections <= 3


def test_waiting_for_a_place_is_not_the_servers_time(serve: Serve) -> None:
    def late(_: Asked) -> bytes:
        time.sleep(0.15)
        return ok()

    server = serve(late)

    async def both() -> list[int]:
        async with Transport(TransportSettings(max_connections=1)) as transport:
            session = Session()
            requests = [request_to(server, timeout=0.3) for _ in range(4)]
            return [a.elapsed_ms for a in await asyncio.gather(*(transport.send(r, session) for r in requests))]

    assert all(elapsed < 300 for elapsed in asyncio.run(both()))


def test_a_cancelled_request_leaves_its_place_to_others(serve: Serve) -> None:
    def slow(asked: Asked) -> bytes:
        if asked.target == "/slow":
            time.sleep(0.5)
        return ok()

    server = serve(slow)

    async def cancel_some() -> int:
        async with Transport(TransportSettings(max_connections=2)) as transport:
            session = Session()
            for _ in range(5):
                try:
                    async with asyncio.timeout(0.05):
                        await transport.send(request_to(server, "/slow"), session)
                except TimeoutError:
                    pass
            async with asyncio.timeout(5):
                return (await transport.send(request_to(server), session)).status

    assert asyncio.run(cancel_some()) == 200


def test_a_slow_drip_ends_with_the_callers_deadline(serve: Serve) -> None:
    def drip(_: Asked) -> object:
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        for _n in range(1000):
            time.sleep(0.02)
            yield b"x"

    server = serve(drip)

    async def bounded() -> float:
        started = time.perf_counter()
        async with Transport() as transport:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.3):
                    await transport.send(request_to(server, timeout=5.0), Session())
        return time.perf_counter() - started

    assert asyncio.run(bounded()) < 2


def test_no_message_of_the_http_libraries_is_logged(
    serve: Serve, fetch: Fetch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    fetch(request_to(serve(ok(b"{}", "X-Secret: sess-fake")), "/x?key=sess-fake"))
    assert "sess-fake" not in caplog.text
    assert not [record for record in caplog.records if record.name.startswith("http")]


def test_no_tls_context_is_made_for_plain_http(serve: Serve, fetch: Fetch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "client_context", lambda _: pytest.fail("20 ms for nothing"))
    assert fetch(request_to(serve(ok()))).status == 200


def test_the_lean_engine_is_for_those_who_ask_where_its_library_is(monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(client_module.engine_of(TransportSettings()), HttpcoreEngine)
    assert isinstance(client_module.engine_of(TransportSettings(lean=True)), HttptoolsEngine)
    monkeypatch.setattr(client_module, "find_spec", lambda _: None)
    assert isinstance(client_module.engine_of(TransportSettings(lean=True)), HttpcoreEngine)


def test_the_lean_engine_loads_neither_httpcore_nor_what_that_needs() -> None:
    code = (
        "import sys; from openai_monitor.collect.transport import Transport, TransportSettings; "
        "Transport(TransportSettings(lean=True)); print({'httpcore', 'httpx', 'anyio', 'h11'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_the_package_is_loaded_with_the_first_request_only() -> None:
    code = "import sys, openai_monitor.collect.rounds as r; print('openai_monitor.collect.transport.client' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
