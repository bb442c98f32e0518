"""The way to a server, step by step: what each step finds, and where it ends."""

import asyncio
import datetime as dt
import socket
import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.collect.transport.conftest import Resolve, Serve, Start
from tests.collect.transport.web import HttpProxy, Server, SocksProxy, closed_port, ok, request_to

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.request import Request
from openai_monitor.collect.transport import TransportSettings
from openai_monitor.collect.transport.reach import Reach
from openai_monitor.errors import CollectionError, SettingsError
from openai_monitor.reached import Step
from openai_monitor.rows import Code

REFUSAL = ok(b"{}", "Date: Sun, 22 Nov 2026 19:50:00 GMT", status="401 Unauthorized")


def walked(request: Request, *, judge: Any = lambda answer: f"it says {answer.status}", **settings: Any) -> list[Step]:
    return asyncio.run(Reach(request, TransportSettings(**settings)).walk(judge))


def names(steps: list[Step]) -> list[str]:
    return [step.name for step in steps]


def https(server: Server, **options: object) -> Request:
    return request_to(server, scheme="https", **options)


def last(steps: list[Step]) -> Step:
    """The step that failed, which is the last one."""
    assert [step.ok for step in steps] == [True] * (len(steps) - 1) + [False]
    return steps[-1]


def certified(authority: trustme.CA, *names: str, **options: Any) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names, **options).configure_cert(context)
    return context


def test_plain_http_straight(serve: Serve) -> None:
    server = serve(REFUSAL)
    steps = walked(request_to(server))
    assert [(step.name, step.ok, step.message) for step in steps] == [
        ("name", True, "127.0.0.1 is an address"),
        ("connect", True, f"to {server.place}"),
        ("answer", True, "it says 401"),
    ]
    assert all(step.seconds is not None and step.seconds > 0 for step in steps)
    assert [dict(step.facts) for step in steps] == [
        {"addresses": ["127.0.0.1"]},
        {"address": server.place},
        {"status": 401},
    ]
    assert server.connections == 1


def test_the_answer_can_be_looked_at(serve: Serve) -> None:
    async def main() -> Reach:
        reach = Reach(request_to(serve(REFUSAL)), TransportSettings())
        await reach.walk(lambda _: "")
        return reach

    heard = asyncio.run(main()).heard
    assert heard is not None
    assert (heard.answer.status, heard.answer.body) == (401, b"{}")
    assert dt.timedelta(0) <= heard.received - heard.sent < dt.timedelta(seconds=60)


def test_tls_tells_of_the_certificate(serve: Serve, authority: trustme.CA, ca_file: Path, resolve: Resolve) -> None:
    until = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=61, hours=1)
    server = serve(REFUSAL, tls=certified(authority, "api.test", common_name="api.test", not_after=until))
    resolve("api.test", "127.0.0.1")
    steps = walked(https(server, host="api.test"), ca_file=ca_file)
    assert names(steps) == ["name", "connect", "tls", "answer"]
    assert steps[0].message == "api.test is 127.0.0.1"
    tls = steps[2]
    assert tls.ok
    assert tls.message.startswith("TLSv1.3, certificate of api.test by trustme v")
    assert tls.message.endswith(", 61 days left")
    assert (tls.facts["subject"], tls.facts["days_left"]) == ("api.test", 61)
    assert tls.facts["expires"] == until.isoformat().replace("+00:00", "Z")


def test_an_unknown_name(resolve: Resolve) -> None:
    steps = walked(Request("GET", "http", "no-such-host.invalid", 80, "/", (), None, 5.0, None, sensitive=False))
    assert names(steps) == ["name"]
    assert "has no address: check the host, this machine's DNS" in last(steps).message


def test_a_refused_port(serve: Serve) -> None:
    port = closed_port()
    steps = walked(request_to(serve(None), port=port))
    assert names(steps) == ["name", "connect"]
    assert last(steps).message.startswith(f"127.0.0.1:{port} refused the connection")


def test_a_certificate_nobody_vouches_for_is_shown(serve: Serve, server_tls: ssl.SSLContext) -> None:
    server = serve(REFUSAL, tls=server_tls)
    step = last(walked(https(server)))
    assert step.name == "tls"
    assert "is not trusted: if your company signs its own or looks into TLS, name its certificate" in step.message
    assert "(it shows a certificate of 127.0.0.1 by trustme v" in step.message
    assert str(step.facts["issuer"]).startswith("trustme v")
    assert server.asked == []  # the handshakes that looked at it sent nothing


def test_an_expired_certificate_is_shown(serve: Serve, authority: trustme.CA, ca_file: Path) -> None:
    past = dt.datetime(2020, 1, 2, tzinfo=dt.UTC)
    tls = certified(authority, "127.0.0.1", not_before=past - dt.timedelta(days=9), not_after=past)
    step = last(walked(https(serve(REFUSAL, tls=tls)), ca_file=ca_file))
    assert "has expired: its owner has to renew it" in step.message
    assert step.message.endswith(", expired on 2020-01-02)")


class Plain(Server):
    """Answers whatever comes, a handshake too."""

    def talk(self, connection: socket.socket) -> None:
        connection.recv(1)
        connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        connection.recv(65536)


def test_no_tls_where_it_is_expected(start: Start) -> None:
    step = last(walked(https(start(Plain()))))
    assert (step.name, dict(step.facts)) == ("tls", {})
    assert "does not speak TLS: check the port, or set ssl to false" in step.message


def test_an_answer_that_is_refused(serve: Serve) -> None:
    def refuse(answer: Answer) -> str:
        raise CollectionError(Code.FAIL, f"{answer.status} is nothing")

    step = last(walked(request_to(serve(ok())), judge=refuse))
    assert (step.name, step.message, dict(step.facts)) == ("answer", "200 is nothing", {"status": 200})


@pytest.mark.parametrize("said", [None, b"garbage\r\n\r\n", [b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n", b"cut"]])
def test_an_answer_that_is_none(serve: Serve, said: Any) -> None:
    assert last(walked(request_to(serve(said)))).name == "answer"


def test_a_server_that_says_nothing(start: Start) -> None:
    silent = start(SocksProxy(silent=True))  # it takes the request, and never answers
    step = last(walked(request_to(silent, timeout=0.2)))
    assert (step.name, "took longer than 0.2 s" in step.message) == ("answer", True)


def test_a_tunnel(
    serve: Serve, start: Start, server_tls: ssl.SSLContext, ca_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(REFUSAL, tls=server_tls)
    proxy = start(HttpProxy({"api.test": server.port}))
    monkeypatch.setenv("HTTPS_PROXY", f"http://{proxy.place}")
    steps = walked(https(server, host="api.test"), ca_file=ca_file)
    assert names(steps) == ["name", "connect", "proxy", "tls", "answer"]
    assert steps[1].message == f"to {proxy.place}"
    assert steps[2].message == f"the proxy {proxy.place} (from HTTPS_PROXY) connects to api.test:{server.port}"
    assert steps[4].message == "it says 401"
    assert [asked.method for asked in proxy.asked] == ["CONNECT"]


def test_a_proxy_that_is_given_takes_the_place_of_the_environments(
    serve: Serve, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "*")
    proxy = start(HttpProxy())
    steps = walked(request_to(serve(None), host="api.test"), proxy=f"http://me:fake-pass@{proxy.place}")
    assert names(steps) == ["name", "connect", "proxy", "answer"]
    assert steps[2].message.startswith(f"the proxy {proxy.place} (from --proxy) is asked for addresses of api.test:")
    assert "fake-pass" not in str(steps)
    (asked,) = proxy.asked
    assert asked.target.startswith("http://api.test:")
    assert asked.header("proxy-authorization") == "Basic bWU6ZmFrZS1wYXNz"


def test_a_socks_proxy(serve: Serve, start: Start, server_tls: ssl.SSLContext, ca_file: Path) -> None:
    server = serve(REFUSAL, tls=server_tls)
    proxy = start(SocksProxy({"api.test": server.port}))
    steps = walked(https(server, host="api.test"), ca_file=ca_file, proxy=f"socks5://{proxy.place}")
    assert names(steps) == ["name", "connect", "proxy", "tls", "answer"]
    assert all(step.ok for step in steps)
    assert proxy.wanted == [("api.test", server.port)]


def test_a_proxy_that_wants_credentials(serve: Serve, start: Start) -> None:
    proxy = start(HttpProxy(credentials="Basic eA=="))
    step = last(walked(https(serve(None)), proxy=f"http://{proxy.place}"))
    assert step.name == "proxy"
    assert "wants credentials, or others: put user:password@ before its host in --proxy" in step.message


def test_a_proxy_that_does_not_run(serve: Serve) -> None:
    port = closed_port()
    step = last(walked(https(serve(None)), proxy=f"http://127.0.0.1:{port}"))
    assert step.name == "connect"
    assert step.message.startswith(f"the proxy 127.0.0.1:{port} (from --proxy) refused the connection")


def test_through_a_proxy_too_a_refused_certificate_is_shown(
    serve: Serve, start: Start, server_tls: ssl.SSLContext
) -> None:
    server = serve(REFUSAL, tls=server_tls)
    proxy = start(HttpProxy({"api.test": server.port}))
    step = last(walked(https(server, host="api.test"), proxy=f"http://{proxy.place}"))
    assert "(it shows a certificate of 127.0.0.1 by trustme v" in step.message


def test_no_proxy_address(serve: Serve) -> None:
    with pytest.raises(SettingsError, match="--proxy holds no proxy address"):
        Reach(request_to(serve(None)), TransportSettings(proxy="fake://me:fake-pass@x"))


def test_every_connection_is_closed(serve: Serve, server_tls: ssl.SSLContext) -> None:
    """A socket that is left open warns, and a warning is an error here."""
    import gc

    walked(https(serve(REFUSAL, tls=server_tls)))
    walked(request_to(serve(REFUSAL)))
    gc.collect()
