"""HTTP as the server speaks it, byte by byte, and how it starts and ends."""

import asyncio
import io
import json
import re
import signal
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime

import httpx
import pytest
import trustme

from openai_monitor.errors import SettingsError
from openai_monitor.sandbox import ENDPOINTS, FAULTS, Account, Keys, Server, describe, run, running, serve

CREDIT = "/dashboard/billing/credit_grants"
GET = f"GET {CREDIT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer sess-sandbox\r\n\r\n".encode()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def talk(server: Server, *pieces: bytes) -> bytes:
    """Send the pieces, then read until the server closes or has nothing to say."""
    with closing(socket.create_connection((server.host, server.port), timeout=5)) as connection:
        for piece in pieces:
            connection.sendall(piece)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


def statuses(answers: bytes) -> list[int]:
    return [int(status) for status in re.findall(rb"HTTP/1\.1 (\d{3}) ", answers)]


def test_a_connection_is_kept_for_the_next_request(server: Server) -> None:
    with closing(socket.create_connection((server.host, server.port), timeout=5)) as connection:
        for _ in range(3):
            connection.sendall(GET)
            answer = connection.recv(65536)
            head, body = answer.split(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200 OK\r\n")
            assert f"Content-Length: {len(body)}".encode() in head
            assert json.loads(body)["object"] == "credit_summary"


def test_requests_in_one_piece_and_in_many_are_answered_in_order(server: Server) -> None:
    missing = GET.replace(b"credit_grants", b"nowhere")
    assert statuses(talk(server, GET + missing + GET)) == [200, 404, 200]
    assert statuses(talk(server, *(GET[place : place + 1] for place in range(len(GET))))) == [200]


def test_who_speaks_tls_is_answered_at_once(server: Server) -> None:
    assert statuses(talk(server, b"\x16\x03\x01\x02\x00\x01")) == [400]


def test_a_slow_answer_holds_back_those_behind_it() -> None:
    with (
        running(faults=("usage=slow:0.2",)) as server,
        closing(socket.create_connection((server.host, server.port), timeout=5)) as connection,
    ):
        connection.sendall(GET.replace(b"credit_grants", b"usage") + GET)
        received = b""
        while len(statuses(received)) < 2:
            received += connection.recv(65536)
    assert statuses(received) == [400, 200]


@pytest.mark.parametrize(
    ("version", "header", "kept"),
    [
        ("1.1", "", True),
        ("1.1", "Connection: close\r\n", False),
        ("1.0", "", False),
        ("1.0", "Connection: keep-alive\r\n", True),
    ],
)
def test_who_closes(server: Server, version: str, header: str, kept: bool) -> None:
    request = f"GET / HTTP/{version}\r\nHost: x\r\n{header}\r\n".encode()
    answer = talk(server, request * 2)
    assert statuses(answer) == [404, 404] if kept else [404]
    assert (b"Connection: keep-alive" in answer) is kept


@pytest.mark.parametrize("method", ["HEAD", "POST", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_only_get_is_allowed(server: Server, method: str) -> None:
    answer = talk(server, GET.replace(b"GET", method.encode(), 1) + GET)
    assert statuses(answer) == [405, 200]
    assert b"\r\nAllow: GET\r\n" in answer
    assert (answer.count(b'"error"') == 0) is (method == "HEAD")


def test_a_body_is_read_and_dropped(server: Server) -> None:
    post = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nGET /"
    assert statuses(talk(server, post[:-2], post[-2:] + GET)) == [405, 200]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"G\xffT / HTTP/1.1\r\nHost: x\r\n\r\n", 400),
        (b"GET / HTTP/2.0\r\nHost: x\r\n\r\n", 505),
        (b"GET / HTTP/1.1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nname : y\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400),
        (b"GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999\r\n\r\n", 413),
        (b"GET / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET / HTTP/1.1\r\nHost: x\r\nX: " + b"y" * 70_000 + b"\r\n\r\n", 431),
        (b"GET /" + b"y" * 70_000, 431),
    ],
)
def test_what_is_no_request_is_refused_and_the_connection_closed(
    server: Server, request_bytes: bytes, status: int
) -> None:
    with closing(socket.create_connection((server.host, server.port), timeout=5)) as connection:
        connection.sendall(request_bytes)
        answer = connection.recv(65536)
        assert statuses(answer) == [status]
        assert b"\r\nConnection: close\r\n" in answer
    assert server.requests == []


@pytest.mark.parametrize(
    "target",
    ["/dashboard/billing/credit%5Fgrants", "http://api.openai.com/v1/dashboard/billing/credit_grants"],
)
def test_targets_are_decoded(server: Server, target: str) -> None:
    answer = talk(server, GET.replace(CREDIT.encode(), target.encode()))
    assert statuses(answer) == [200]
    assert server.requests[0].target == target
    assert server.requests[0].path.endswith(CREDIT)


def test_a_query_is_decoded(server: Server) -> None:
    answer = talk(
        server,
        GET.replace(CREDIT.encode(), b"/dashboard/billing/usage?start%5Fdate=2023%2D04%2D11&end_date="),
    )
    assert b"end_date is required" in answer


def test_what_it_was_asked_is_recorded_without_showing_keys() -> None:
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    with running(now=lambda: moment) as server:
        talk(server, GET.replace(b"Host", b"X-Twice: a\r\nx-twice: b\r\nHost"))
    (request,) = server.requests
    assert (request.method, request.target, request.path, request.time) == ("GET", CREDIT, CREDIT, moment)
    assert request.headers == {"host": "x", "x-twice": "a, b", "authorization": "Bearer sess-sandbox"}
    assert "sess" not in repr(server.requests)


def test_the_date_is_the_clock_s() -> None:
    with running(now=lambda: datetime(2028, 2, 29, 1, 2, 3, tzinfo=UTC)) as server:
        assert b"\r\nDate: Tue, 29 Feb 2028 01:02:03 GMT\r\n" in talk(server, GET)


def test_a_new_day_is_a_new_answer() -> None:
    clock = [datetime(2026, 3, 31, 23, 59, 59, tzinfo=UTC)]
    with running(now=lambda: clock[0]) as server:
        usage = GET.replace(CREDIT.encode(), b"/dashboard/billing/usage?start_date=2026-03-31&end_date=2026-04-02")
        assert talk(server, usage).count(b'"timestamp"') == 1
        clock[0] = datetime(2026, 4, 1, 0, 0, 0, tzinfo=UTC)
        assert talk(server, usage).count(b'"timestamp"') == 2


def test_an_account_may_have_other_keys() -> None:
    with running(Account(keys=Keys(session="sess-fake"))) as server:
        assert statuses(talk(server, GET)) == [401]
        assert statuses(talk(server, GET.replace(b"sess-sandbox", b"sess-fake"))) == [200]


def test_it_serves_in_the_callers_event_loop() -> None:
    async def collect() -> int:
        async with serve() as server, httpx.AsyncClient(trust_env=False) as client:
            answers = await asyncio.gather(*(client.get(server.url + CREDIT) for _ in range(20)))
            assert len(server.requests) == 20
            return answers[0].status_code

    assert asyncio.run(collect()) == 401


@pytest.mark.parametrize("fault", ["", "slow:60", "drip:60", "huge:1000000000000"])
def test_it_ends_at_once_with_connections_open(fault: str) -> None:
    async def leave() -> bytes:
        async with asyncio.timeout(5):
            async with serve(faults=(fault,) if fault else ()) as server:
                reader, writer = await asyncio.open_connection(server.host, server.port)
                writer.write(GET)
                await asyncio.sleep(0.05)
                assert len(server.requests) == 1
            try:
                return await reader.read()
            except ConnectionError:
                return b""
            finally:
                writer.close()

    asyncio.run(leave(), debug=True)


def test_it_ends_at_once_with_a_handshake_under_way() -> None:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)

    async def leave() -> None:
        async with asyncio.timeout(5):
            async with serve(tls=context) as server:
                _, writer = await asyncio.open_connection(server.host, server.port)
                await asyncio.sleep(0.05)
            writer.close()

    asyncio.run(leave())


def test_the_port_is_free_again_afterwards() -> None:
    with running() as first:
        port = first.port
        with (
            pytest.raises(SettingsError, match=rf"can't listen on 127\.0\.0\.1 port {port}: .*give another"),
            running(port=port),
        ):
            pass
    with running(port=port) as again:
        assert again.url == f"http://127.0.0.1:{port}"


def test_an_impossible_port_or_host_is_refused() -> None:
    with pytest.raises(SettingsError, match="port 70000"), running(port=70000):
        pass
    with pytest.raises(SettingsError, match=r"can't listen on 192\.0\.2\.1"), running(host="192.0.2.1"):
        pass


def test_an_unknown_fault_is_refused_before_anything_listens() -> None:
    with pytest.raises(SettingsError, match="there is no '418'"), running(faults=("418",)):
        pass


def test_it_speaks_tls_when_given_a_certificate() -> None:
    authority = trustme.CA()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with running(tls=context) as server, httpx.Client(verify=trusting, trust_env=False) as client:
        assert server.url == f"https://127.0.0.1:{server.port}"
        assert client.get(server.url + CREDIT).status_code == 401
        server.switch("reset")
        with pytest.raises(httpx.TransportError):
            client.get(server.url + CREDIT)


def test_the_description_names_address_keys_faults_and_endpoints() -> None:
    with running(faults=("usage=429",)) as server:
        text = describe(server, ("usage=429",))
    for part in (server.url, "sess-sandbox", "sk-admin-sandbox", "sk-ant-admin-sandbox", *FAULTS, *ENDPOINTS):
        assert part in text
    assert "Faults that are on: usage=429" in text
    assert "none" in describe(server)
    assert max(map(len, text.splitlines())) <= 120


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT")
def test_run_serves_until_ctrl_c() -> None:
    code = "from openai_monitor.sandbox import run; run(faults=('404',)); print('ended')"
    with subprocess.Popen([sys.executable, "-W", "error", "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[2]
        assert httpx.get(url + CREDIT, trust_env=False).status_code == 404
        process.send_signal(signal.SIGINT)
        rest = process.stdout.read()
    assert rest.endswith("ended\n")
    assert process.returncode == 0


def test_run_refuses_what_it_cannot_do() -> None:
    with pytest.raises(SettingsError):
        run(faults=("418",), out=io.StringIO())


def test_naming_the_faults_does_not_load_the_server() -> None:
    code = (
        "import sys; from openai_monitor.sandbox import FAULTS, accounts, key_for; accounts.demo();"
        "assert not {'asyncio', 'ssl', 'socket', 'httpx'} & set(sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_no_thread_is_left_behind() -> None:
    before = threading.active_count()
    with running():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before
