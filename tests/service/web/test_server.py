"""What a stranger can't use up."""

import asyncio
import gc
import logging
import socket
import time
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.service.web.clients import Client, connect, get, listening, no_probe, sink_with
from tests.sinks.events import event

from openai_monitor.errors import SettingsError
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.service.web import seldom, server
from openai_monitor.service.web.server import Ask, Reply, Server, text
from openai_monitor.service.web.settings import WebSettings
from openai_monitor.service.web.site import Site, Web


def test_a_connection_is_kept_for_the_next_request() -> None:
    async def main() -> None:
        async with listening(sink_with()) as web:
            client = await connect(web)
            assert [(await client.ask(path)).status for path in ("/healthz", "/metrics", "/readyz")] == [200, 200, 200]
            assert (await client.ask("/healthz", Connection="close")).headers["connection"] == "close"
            assert await client.is_closed()

    asyncio.run(main())


def test_requests_sent_without_waiting_are_answered_in_order() -> None:
    async def main() -> None:
        async with listening() as web:
            client = await connect(web)
            await client.send(
                "GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n" + "GET /nothing HTTP/1.1\r\nHost: [::1]\r\n\r\n"
            )
            assert [(await client.answer()).status, (await client.answer()).status] == [200, 404]
            client.close()

    asyncio.run(main())


def test_http_1_0_is_answered_and_closed() -> None:
    async def main() -> None:
        async with listening() as web:
            client = await connect(web)
            await client.send("GET /healthz HTTP/1.0\r\n\r\n")
            assert (await client.answer()).status == 200
            assert await client.is_closed()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ("NONSENSE\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nbad header\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nX: " + "y" * 20_000, 431),
        ("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400),
        ("GET /metrics HTTP/1.1\r\nHost: localhost:1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", 404),
        ("POST /metrics HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\nabc", 405),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nAuthorization: a\r\nauthorization: b\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n", 501),
        ("GET /healthz HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
    ],
)
def test_what_is_no_request_is_told_so_and_closed(sent: str, status: int) -> None:
    async def main() -> None:
        async with listening() as web:
            client = await connect(web)
            await client.send(sent)
            assert (await client.answer()).status == status
            assert await client.is_closed()
            assert (await get(web, "/healthz")).status == 200

    asyncio.run(main())


async def _slowly(client: Client, sent: str) -> None:
    for letter in sent:
        await client.send(letter)
        await asyncio.sleep(0.02)


def test_who_sends_a_request_byte_by_byte_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "HEAD_SECONDS", 0.3)

    async def main() -> None:
        async with listening() as web:
            client = await connect(web)
            began = time.monotonic()
            sending = asyncio.create_task(_slowly(client, "GET /healthz HTTP/1.1\r\nX: " + "y" * 10_000))
            assert await client.is_closed()
            sending.cancel()
            assert 0.2 < time.monotonic() - began < 60  # and not the 200 s that sending takes

    asyncio.run(main())


def test_who_says_nothing_after_an_answer_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "IDLE_SECONDS", 0.2)

    async def main() -> None:
        async with listening() as web:
            client = await connect(web)
            await client.ask("/healthz")
            async with asyncio.timeout(2):
                assert await client.is_closed()

    asyncio.run(main())


def test_however_many_only_hold_on_who_asks_gets_in() -> None:
    async def main() -> None:
        async with listening() as web:
            holding = [await connect(web) for _ in range(server.MOST_CONNECTIONS * 3)]
            for client in holding:
                await client.send("GET /healthz HTTP/1.1\r\nX: ")
            for _ in range(5):
                async with asyncio.timeout(2):
                    assert (await get(web, "/healthz")).status == 200
            assert len(web._server._connections) <= server.MOST_CONNECTIONS
            for client in holding:
                client.close()

    asyncio.run(main())


def test_all_who_ask_in_the_same_instant_are_answered() -> None:
    """More than there are places for: those who came first are not sent away for those who came last."""

    async def main() -> None:
        async with listening() as web:
            asking = [
                socket.create_connection(("127.0.0.1", web.port)) for _ in range(server.MOST_CONNECTIONS * 3 // 2)
            ]
            for each in asking:
                each.sendall(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                each.setblocking(False)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(5):
                answers = await asyncio.gather(*(loop.sock_recv(each, 1000) for each in asking))
            for each in asking:
                each.close()
            assert [answer.startswith(b"HTTP/1.1 200") for answer in answers].count(False) == 0

    asyncio.run(main())
    gc.collect()  # and none is left open, of which it would warn


def test_when_all_connections_are_being_answered_a_further_one_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "MOST_CONNECTIONS", 2)

    async def main() -> None:
        free = asyncio.Event()

        async def answer(ask: Ask) -> Reply:
            await free.wait()
            return text(200, "ok")

        made = Server(answer)
        made.start("127.0.0.1", 0)
        clients = [Client(*await asyncio.open_connection("127.0.0.1", made.port)) for _ in range(2)]
        asked = [asyncio.create_task(client.ask("/")) for client in clients]
        await asyncio.sleep(0.05)
        third = Client(*await asyncio.open_connection("127.0.0.1", made.port))
        assert await third.is_closed()
        free.set()
        assert [got.status for got in await asyncio.gather(*asked)] == [200, 200]
        await Client.close_all()
        await made.close(1)

    asyncio.run(main())


def test_who_reads_nothing_holds_little_and_not_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server, "ANSWER_SECONDS", 0.3)
    large = Reply(200, bytes(50_000_000))

    async def answer(ask: Ask) -> Reply:
        return large if ask.path == "/large" else text(200, "ok")

    async def main() -> None:
        made = Server(answer)
        made.start("127.0.0.1", 0)
        _, writer = await asyncio.open_connection("127.0.0.1", made.port, limit=1024)
        writer.write(b"GET /large HTTP/1.1\r\nHost: x\r\n\r\n")
        await asyncio.sleep(0.1)
        assert len(made._connections) == 1
        await asyncio.sleep(0.5)
        assert not made._connections
        writer.transport.abort()
        await Client.close_all()
        await made.close(1)

    asyncio.run(main())


def test_closing_lets_an_answer_end_and_drops_those_who_wait() -> None:
    async def main() -> None:
        async def answer(ask: Ask) -> Reply:
            await asyncio.sleep(0.2)
            return text(200, "late")

        made = Server(answer)
        made.start("127.0.0.1", 0)
        port = made.port
        busy, idle = [Client(*await asyncio.open_connection("127.0.0.1", made.port)) for _ in range(2)]
        asked = asyncio.create_task(busy.ask("/"))
        await asyncio.sleep(0.05)
        began = time.monotonic()
        await made.close(60)
        assert time.monotonic() - began < 30
        assert (await asked).body == b"late\n"
        assert await idle.is_closed()
        await Client.close_all()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)

    asyncio.run(main())


def test_a_port_that_is_taken_is_told_with_what_to_do() -> None:
    async def main() -> None:
        async with listening() as web:
            second = Web(WebSettings(listen=f"127.0.0.1:{web.port}"), Site(lambda: None, no_probe, lambda: ""))
            with pytest.raises(SettingsError, match=rf"can't listen on 127.0.0.1:{web.port}: .*another `listen`"):
                await second.start()

    asyncio.run(main())


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "", "::1"])
def test_it_listens_where_it_is_told(host: str) -> None:
    if host == "::1" and not socket.has_ipv6:
        pytest.skip("this machine has no IPv6")

    async def answer(ask: Ask) -> Reply:
        return text(200, "ok")

    async def main() -> None:
        made = Server(answer)
        try:
            made.start(host, 0)
        except SettingsError:
            pytest.skip(f"this machine has no {host}")
        target = "::1" if host == "::1" else "127.0.0.1"
        client = Client(*await asyncio.open_connection(target, made.port))
        assert (await client.ask("/")).status == 200
        client.close()
        await Client.close_all()
        await made.close(1)

    asyncio.run(main())


@pytest.mark.parametrize(("listen", "warned"), [("0.0.0.0:0", True), ("127.0.0.1:0", False), ("localhost:0", False)])
def test_other_machines_without_authentication_are_warned_of(
    listen: str, warned: bool, caplog: pytest.LogCaptureFixture
) -> None:
    async def main() -> None:
        async with listening(listen=listen):
            pass

    asyncio.run(main())
    assert ("without authentication" in caplog.text) is warned


@pytest.mark.parametrize("listen", ["9464", "127.0.0.1", "127.0.0.1:99999", "::1:9464", "http://x:1", "a b:1/"])
def test_what_is_no_address_is_refused(listen: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        WebSettings(listen=listen)


@pytest.mark.parametrize("path", ["/metrics", "/", "/nothing", "/healthz", "/readyz", "/probe?monitor=a", "/probe"])
def test_head_is_answered_as_get_without_the_body_and_the_connection_is_kept(
    path: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def probe(name: str) -> RoundEvent:
        return event(name=name)

    async def main() -> None:
        async with listening(sink_with(), probe) as web:
            client = await connect(web)
            full = await client.ask(path)
            head = await client.ask(path, "HEAD")
            assert head.status == full.status
            differing = {name for name in full.headers if full.headers[name] != head.headers[name]}
            assert differing <= {"date", "content-length"}  # a probe says how long it took
            assert int(head.headers["content-length"]) > 0
            assert (await client.ask("/healthz")).status == 200
            client.close()

    asyncio.run(main())
    assert caplog.text == ""


QUERIES = st.lists(
    st.sampled_from(["&", "=", "monitor", ";", "%", "%zz", "%00", "+", "a", "%ff", "?", "\x80"]), max_size=60
)
REQUESTS = st.lists(
    st.sampled_from(
        ["GET", "HEAD", "OPTIONS", " ", "/", "/probe?monitor=", "/metrics", "*", "http://[::1", "HTTP/1.1", "HTTP/1.0", "\r\n",
         "Host: localhost", "Host: [", "Content-Length: 5", "Transfer-Encoding: chunked", "Connection: upgrade", "Upgrade: h2c",
         "Expect: 100-continue", "Accept-Encoding: gzip", "Authorization: Basic", "X-Prometheus-Scrape-Timeout-Seconds: nan",
         "\0", "\xff", ":", "é", "5\r\nhello\r\n0\r\n\r\n"]
    ),
    max_size=12,
)  # fmt: skip


def test_no_request_is_answered_by_a_traceback_or_with_500(caplog: pytest.LogCaptureFixture) -> None:
    found: list[str] = []

    @settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None, database=None)
    @given(REQUESTS.map("".join), QUERIES.map("".join))
    def collect(wild: str, query: str) -> None:
        found.append(f"{wild}\r\n\r\n")
        found.append(f"GET /probe?{query} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        found.append(f"HEAD /probe?monitor={query} HTTP/1.1\r\nHost: {query}\r\nConnection: close\r\n\r\n")

    async def one(web: Web, sent: str) -> bytes:
        reader, writer = await asyncio.open_connection("127.0.0.1", web.port)
        writer.write(sent.encode("latin-1"))
        writer.write_eof()
        said = b""
        with suppress(ConnectionError):
            said = await reader.read()
        writer.transport.abort()
        return said

    async def main() -> list[bytes]:
        async with listening(sink_with()) as web:
            return [await one(web, sent) for sent in found]

    collect()
    said = asyncio.run(main())
    assert len(said) >= 300
    statuses = {answer.split(b" ")[1] for answer in said if answer}
    assert statuses <= {b"200", b"400", b"404", b"405", b"421", b"431", b"501"}
    assert "mistake" not in caplog.text
    assert "Traceback" not in caplog.text
    assert len(caplog.text) < 1000


def test_what_strangers_cause_in_the_log_is_bounded(caplog: pytest.LogCaptureFixture) -> None:
    async def answer(ask: Ask) -> Reply:
        raise RuntimeError("sess-fake")

    async def main() -> None:
        made = Server(answer)
        made.start("127.0.0.1", 0)
        client = Client(*await asyncio.open_connection("127.0.0.1", made.port))
        for _ in range(20):
            assert (await client.ask("/" + "x" * 1000)).status == 500
        await Client.close_all()
        await made.close(1)

    asyncio.run(main())
    first, summed = caplog.messages
    assert "a mistake of ours at /xxx" in first
    assert "(RuntimeError in test_server.py, line" in first
    assert len(first) < 300
    assert summed == "web: mistakes of ours: 19 more since then"


def test_after_a_while_it_is_told_again(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(seldom, "SECONDS", 0.0)

    async def main() -> None:
        told = seldom.Seldom(logging.getLogger("openai_monitor.test"))
        for _ in range(3):
            told.tell("visits", "somebody came")
        told.tell("calls", "somebody called")
        await asyncio.sleep(0.05)
        told.tell("visits", "somebody came again")
        told.close()

    asyncio.run(main())
    assert caplog.messages == [
        "web: somebody came",
        "web: somebody called",
        "web: visits: 2 more since then",
        "web: somebody came again",
    ]


def test_answers_on_a_kept_connection_wait_for_no_acknowledgement() -> None:
    """An answer is two packets or more; without TCP_NODELAY each answer but the first takes 40 ms."""

    async def main() -> None:
        async with listening() as web:
            client = await connect(web)
            await client.ask("/healthz")
            (served,) = web._server._connections
            writer = served.get_coro().cr_frame.f_locals["writer"]  # type: ignore[union-attr]
            connection = writer.get_extra_info("socket")
            assert connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
            client.close()

    asyncio.run(main())
