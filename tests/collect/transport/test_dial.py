"""Connections through proxies, over real ones."""

import asyncio
import base64
import ssl
from pathlib import Path

import pytest
from tests.collect.transport.conftest import Fetch, Resolve, Serve, Start
from tests.collect.transport.web import HttpProxy, Server, SocksProxy, closed_port, ok, request_to, send

from openai_monitor.collect.transport import Session, Transport, TransportSettings
from openai_monitor.errors import CollectionError, SettingsError
from openai_monitor.rows import Code

Env = pytest.MonkeyPatch


def test_of_several_addresses_the_first_that_answers_is_taken(serve: Serve, fetch: Fetch, resolve: Resolve) -> None:
    resolve("api.test", "192.0.2.1", "127.9.9.9", "127.0.0.1")
    assert fetch(request_to(serve(ok()), host="api.test")).elapsed_ms < 3000


def test_of_several_addresses_none_may_answer(serve: Serve, fetch: Fetch, resolve: Resolve) -> None:
    resolve("api.test", "127.9.9.9", "127.0.0.1")
    port = closed_port()
    with pytest.raises(CollectionError) as caught:
        fetch(request_to(serve(ok()), host="api.test", port=port))
    assert str(caught.value).startswith(f"api.test:{port} refused the connection")


def test_an_attempt_that_is_given_up_leaves_no_socket(resolve: Resolve, fetch: Fetch, serve: Serve) -> None:
    resolve("api.test", "192.0.2.1", "192.0.2.2")
    with pytest.raises(CollectionError) as caught:
        fetch(request_to(serve(ok()), host="api.test", timeout=0.4))
    assert caught.value.code is Code.UN_CONNECTABLE


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def test_plain_http_is_asked_of_the_proxy_by_its_whole_address(
    start: Start, serve: Serve, fetch: Fetch, monkeypatch: Env
) -> None:
    proxy, server = start(HttpProxy()), serve(ok())
    monkeypatch.setenv("HTTP_PROXY", f"http://me:p%40ss@{proxy.place}")
    assert fetch(request_to(server, "/v1?q=1")).body == b'{"via":"proxy"}'
    asked = proxy.asked[0]
    assert asked.target == f"http://{server.place}/v1?q=1"
    assert asked.header("Host") == server.place
    assert asked.header("Proxy-Authorization") == basic("me:p@ss")
    assert server.asked == []


def test_https_goes_through_a_tunnel_that_knows_only_host_and_port(
    start: Start, serve: Serve, server_tls: ssl.SSLContext, ca_file: Path, monkeypatch: Env
) -> None:
    server = serve(ok(b"inside"), tls=server_tls)
    proxy = start(HttpProxy(names={"api.test": server.port}, credentials=basic("me:word")))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:word@{proxy.place}")
    request = request_to(
        server,
        "/v1?q=1",
        scheme="https",
        host="api.test",
        headers=(("X-Api-Key", "sess-fake"),),
        sensitive=True,
    )
    answers = asyncio.run(send(request, request, ca_file=ca_file))
    assert [answer.body for answer in answers] == [b"inside"] * 2
    assert [asked.method for asked in proxy.asked] == ["CONNECT"]
    assert proxy.targets == [f"api.test:{server.port}"]
    assert [name for name, _ in proxy.asked[0].headers] == ["Host", "User-Agent", "Proxy-Authorization"]
    assert [asked.header("Proxy-Authorization") for asked in server.asked] == [None, None]
    assert server.asked[0].header("X-Api-Key") == "sess-fake"


def test_the_proxy_itself_may_want_tls(
    *, start: Start, serve: Serve, fetch: Fetch, server_tls: ssl.SSLContext, ca_file: Path, monkeypatch: Env
) -> None:
    proxy = start(HttpProxy(tls=server_tls))
    for scheme in ("HTTP", "HTTPS"):
        monkeypatch.setenv(f"{scheme}_PROXY", f"https://{proxy.place}")
    assert fetch(request_to(serve(ok())), ca_file=ca_file).body == b'{"via":"proxy"}'
    server = serve(ok(b"inside"), tls=server_tls)
    assert fetch(request_to(server, scheme="https"), ca_file=ca_file).body == b"inside"


@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_socks_looks_names_up_at_the_proxy(
    *,
    start: Start,
    serve: Serve,
    fetch: Fetch,
    server_tls: ssl.SSLContext,
    ca_file: Path,
    monkeypatch: Env,
    scheme: str,
) -> None:
    server = serve(ok(b"inside"), tls=server_tls)
    proxy = SocksProxy(names={"api.test": server.port}, login=("me", "p@ss"))
    start(proxy)
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:p%40ss@{proxy.place}")
    assert fetch(request_to(server, scheme="https", host="api.test"), ca_file=ca_file).body == b"inside"
    assert proxy.wanted == [("api.test", server.port)]


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_socks_takes_addresses_as_such(start: Start, serve: Serve, fetch: Fetch, monkeypatch: Env, host: str) -> None:
    server = serve(ok(b"inside"))
    proxy = SocksProxy(names={host: server.port})
    start(proxy)
    monkeypatch.setenv("all_proxy", f"socks5://{proxy.place}")
    assert fetch(request_to(server, host=host)).body == b"inside"
    assert proxy.wanted == [(host, server.port)]


def test_no_proxy_goes_straight(start: Start, serve: Serve, fetch: Fetch, monkeypatch: Env) -> None:
    proxy, server = start(HttpProxy()), serve(ok(b"straight"))
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.place}")
    monkeypatch.setenv("NO_PROXY", "127.0.0.0/8")
    assert fetch(request_to(server)).body == b"straight"


def test_a_transport_may_ignore_the_environment(serve: Serve, fetch: Fetch, monkeypatch: Env) -> None:
    monkeypatch.setenv("HTTP_PROXY", "nonsense://")
    assert fetch(request_to(serve(ok(b"straight"))), trust_env=False).body == b"straight"


def test_an_unusable_proxy_address_is_a_setting_to_mend(serve: Serve, fetch: Fetch, monkeypatch: Env) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://me:sess-fake@p:1")
    with pytest.raises(SettingsError, match="HTTP_PROXY holds no proxy address"):
        fetch(request_to(serve(ok())))


def failure(fetch: Fetch, server: Server, scheme: str = "https", **options: object) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        fetch(request_to(server, scheme=scheme, **options))
    return caught.value


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_proxy_that_is_not_there(serve: Serve, fetch: Fetch, monkeypatch: Env, scheme: str) -> None:
    port = closed_port()
    monkeypatch.setenv("ALL_PROXY", f"http://me:sess-fake@127.0.0.1:{port}")
    error = failure(fetch, serve(ok()), scheme)
    assert str(error).startswith(f"the proxy 127.0.0.1:{port} (from ALL_PROXY) refused the connection")
    assert error.code is Code.UN_CONNECTABLE


def test_a_proxy_without_address(serve: Serve, fetch: Fetch, monkeypatch: Env) -> None:
    monkeypatch.setenv("ALL_PROXY", "http://proxy.invalid:1")
    error = failure(fetch, serve(ok()))
    assert str(error) == (
        "the proxy proxy.invalid:1 (from ALL_PROXY) can't be found: proxy.invalid has no address; "
        "check that variable, and this machine's DNS"
    )
    assert error.code is Code.UN_REACHABLE


def test_a_proxy_that_wants_other_credentials(start: Start, serve: Serve, fetch: Fetch, monkeypatch: Env) -> None:
    proxy = start(HttpProxy(credentials=basic("me:other")))
    monkeypatch.setenv("HTTPS_PROXY", f"http://me:sess-fake@{proxy.place}")
    error = failure(fetch, serve(ok()))
    assert str(error) == (
        f"the proxy {proxy.place} (from HTTPS_PROXY) wants credentials, or others: "
        "put user:password@ before its host in HTTPS_PROXY"
    )
    assert error.code is Code.UN_CONNECTABLE


def test_a_proxy_that_does_not_get_there(start: Start, serve: Serve, fetch: Fetch, monkeypatch: Env) -> None:
    proxy = start(HttpProxy(names={"127.0.0.1": closed_port()}))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
    server = serve(ok())
    error = failure(fetch, server)
    assert f"does not connect to {server.place} (it answered 502)" in str(error)
    assert error.code is Code.UN_CONNECTABLE


@pytest.mark.parametrize(
    ("said", "message", "code"),
    [
        (b"junk\r\n\r\n", "is no HTTP", Code.UN_CONNECTABLE),
        (b"junk", "is no HTTP", Code.UN_CONNECTABLE),
        (None, "closed the connection without an answer", Code.FAIL),
        (b"HTTP/1.1 200 OK\r\n\r\nslipped in", "is no HTTP", Code.UN_CONNECTABLE),
    ],
)
def test_a_proxy_that_is_none(
    *, serve: Serve, fetch: Fetch, monkeypatch: Env, said: bytes | None, message: str, code: Code
) -> None:
    proxy = serve(said)
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
    error = failure(fetch, serve(ok()))
    assert message in str(error)
    assert f"the proxy {proxy.place}" in str(error)
    assert error.code is code


@pytest.mark.parametrize(("reply", "reason"), [(2, "its rules forbid it"), (5, "the host refused"), (99, "reply 99")])
def test_a_socks_proxy_that_refuses(
    *, start: Start, serve: Serve, fetch: Fetch, monkeypatch: Env, reply: int, reason: str
) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5://{start(SocksProxy(reply=reply)).place}")
    error = failure(fetch, serve(ok()))
    assert reason in str(error)
    assert error.code is Code.UN_CONNECTABLE


@pytest.mark.parametrize("user", ["", "me:sess-fake@"])
def test_a_socks_proxy_that_wants_other_credentials(
    start: Start, serve: Serve, fetch: Fetch, monkeypatch: Env, user: str
) -> None:
    proxy = start(SocksProxy(login=("me", "other")))
    monkeypatch.setenv("ALL_PROXY", f"socks5://{user}{proxy.place}")
    error = failure(fetch, serve(ok()))
    assert "put user:password@ before its host in ALL_PROXY" in str(error)
    assert error.code is Code.UN_CONNECTABLE


def test_a_socks_proxy_that_is_an_http_server(serve: Serve, fetch: Fetch, monkeypatch: Env) -> None:
    monkeypatch.setenv("ALL_PROXY", f"socks5://{serve(b'HTTP/1.1 400 Bad' + bytes(4)).place}")
    assert failure(fetch, serve(ok()), timeout=0.5).code in (Code.UN_CONNECTABLE, Code.FAIL)


def test_a_socks_proxy_that_says_nothing(start: Start, serve: Serve, fetch: Fetch, monkeypatch: Env) -> None:
    proxy = start(SocksProxy(silent=True))
    monkeypatch.setenv("ALL_PROXY", f"socks5://{proxy.place}")
    error = failure(fetch, serve(ok()), timeout=0.3)
    assert f"the answer of the proxy {proxy.place} (from ALL_PROXY) took longer than 0.3 s" in str(error)
    assert error.code is Code.UN_CONNECTABLE


@pytest.mark.parametrize("proxied", [False, True])
def test_failed_handshakes_take_no_place_in_the_pool(
    start: Start, serve: Serve, server_tls: ssl.SSLContext, monkeypatch: Env, proxied: bool
) -> None:
    server = serve(ok(), tls=server_tls)
    if proxied:
        monkeypatch.setenv("HTTPS_PROXY", f"http://{start(HttpProxy()).place}")

    async def often() -> None:
        async with Transport(TransportSettings(max_connections=2)) as transport, asyncio.timeout(10):
            for _ in range(5):
                with pytest.raises(CollectionError, match="is not trusted"):
                    await transport.send(request_to(server, scheme="https"), Session())

    asyncio.run(often())


def test_cancelled_handshakes_leave_nothing_behind(start: Start, serve: Serve, monkeypatch: Env) -> None:
    proxy = start(SocksProxy(silent=True))
    monkeypatch.setenv("ALL_PROXY", f"socks5://{proxy.place}")
    server = serve(ok())

    async def often() -> None:
        async with Transport(TransportSettings(max_connections=1)) as transport:
            for _ in range(3):
                with pytest.raises(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await transport.send(request_to(server, timeout=None), Session())

    asyncio.run(often())
    assert proxy.connections == 3
