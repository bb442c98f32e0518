"""No failure shows the key: not its message, its repr, its chain, the frames of its traceback, nor a log."""

import asyncio
import base64
import json
import logging
import ssl
import traceback
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import pytest
from tests.collect.transport.conftest import Serve, Start
from tests.collect.transport.web import HttpProxy, Server, closed_port, moved, ok, request_to, send

from openai_monitor.collect.answer import AnswerLimits
from openai_monitor.collect.request import Credentials, Request
from openai_monitor.errors import MonitorError

KEY = "sess-fake/+ \"é'key"
"""Looks different in every spelling."""

WIRE = KEY.encode().decode("latin-1")


def spellings() -> Iterator[str]:
    yield from (KEY, WIRE, quote(KEY), quote(KEY, safe=""), json.dumps(KEY)[1:-1], repr(KEY)[1:-1])
    yield repr(KEY.encode())[2:-1]
    yield base64.b64encode(KEY.encode()).decode()
    yield base64.b64encode(f"me:{KEY}".encode()).decode()


def keyed(server: Server, **options: Any) -> Request:
    """A request with the key wherever one can stand (but the path, which is no place for it)."""
    basic = base64.b64encode(f"me:{KEY}".encode()).decode()
    fields: dict[str, Any] = {
        "headers": (
            ("Authorization", f"Bearer {WIRE}"),
            ("X-Api-Key", WIRE),
            ("X-Basic", basic),
            ("Cookie", WIRE),
        ),
        "body": KEY.encode(),
        "method": "POST",
        "digest": Credentials("digest", "me", KEY),
        "sensitive": True,
        "timeout": 0.5,
    }
    return request_to(server, f"/v1?key={quote(KEY, safe='')}", **fields | options)


def shown(error: BaseException) -> str:
    """Everything a log, a debugger or a crash reporter could show of it, but for the test's own frames."""
    parts: list[str] = []
    chain: list[BaseException | None] = [error]
    while chain:
        link = chain.pop()
        if link is None:
            continue
        parts += [str(link), repr(link), repr(link.args), repr(getattr(link, "__notes__", ""))]
        chain += [link.__cause__, link.__context__]
        for frame, _ in traceback.walk_tb(link.__traceback__):
            if "/tests/" not in frame.f_code.co_filename:
                parts += [f"{name}={value!r}" for name, value in frame.f_locals.items()]
    return "\n".join([*parts, *traceback.format_exception(error)])


HTTP_HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n"
ECHO = f"{KEY} {quote(KEY, safe='')}".encode()

CASES: dict[str, Callable[[Server], Request]] = {
    "closed port": lambda s: keyed(s, port=closed_port()),
    "unknown host": lambda s: keyed(s, host="name.invalid", scheme="https"),
    "plain http elsewhere": lambda s: keyed(s, host="192.0.2.1"),
    "bad header value": lambda s: keyed(s, headers=(("Authorization", f"Bearer {WIRE}\n"), ("X-A", f"{WIRE}\x00"))),
    "bad header name": lambda s: keyed(s, headers=((KEY, "1"),)),
    "bad length": lambda s: keyed(s, headers=(("Content-Length", "9999"), ("X-A", WIRE))),
    "bad target": lambda s: replace(keyed(s), target=f"/v1?key={KEY}"),
    "bad body": lambda s: keyed(s, body=KEY),
    "tls on a plain port": lambda s: keyed(s, scheme="https"),
}

ANSWERS: dict[str, Any] = {
    "no answer": None,
    "junk": ECHO + b"\r\n\r\n",
    "cut head": b"HTTP/1.1 200 OK\r\nX-A: " + ECHO,
    "bad head": b"HTTP/1.1 200 OK\r\n" + ECHO + b"\r\n\r\n",
    "cut body": [b"HTTP/1.1 200 OK\r\n", b"Content-Length: 9999\r\n\r\n" + ECHO],
    "no gzip": ok(ECHO, "Content-Encoding: gzip"),
    "too large": ok(ECHO * 1000),
    "redirect in a circle": lambda asked: moved(asked.target, 303),
    "bad redirect": ok(b"", f"Location: /x y{quote(KEY)}", status="303 See Other"),
    "redirect to ftp": moved(f"ftp://{quote(KEY, safe='')}@x/y", 303),
    "redirect to nowhere": moved(f"http://name.invalid/{quote(KEY)}?{quote(KEY)}", 303),
    "redirect without end": lambda asked: moved(f"{asked.target}{quote(KEY, safe='')}", 303),
}


def failure_of(request: Request, **settings: Any) -> MonitorError:
    with pytest.raises(MonitorError) as caught:
        asyncio.run(send(request, **settings))
    return caught.value


@pytest.fixture(autouse=True)
def all_logs(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    caplog.set_level(logging.DEBUG)
    yield
    for spelling in spellings():
        assert spelling not in caplog.text


def assert_hidden(error: BaseException) -> None:
    text = shown(error)
    assert error.__cause__ is None
    assert error.__context__ is None
    for spelling in spellings():
        assert spelling not in text


@pytest.mark.parametrize("name", CASES)
def test_requests_that_fail(serve: Serve, name: str) -> None:
    assert_hidden(failure_of(CASES[name](serve(ok()))))


@pytest.mark.parametrize("name", ANSWERS)
def test_answers_that_fail(serve: Serve, name: str) -> None:
    said = ANSWERS[name]
    server = serve((lambda _: said) if isinstance(said, list) else said)
    assert_hidden(failure_of(keyed(server), limits=AnswerLimits(body=10_000)))


def test_certificates_that_fail(serve: Serve, server_tls: ssl.SSLContext) -> None:
    server = serve(ok(), tls=server_tls)
    assert_hidden(failure_of(keyed(server, scheme="https")))
    assert server.asked == []


@pytest.mark.parametrize(
    "address", ["http://me:{}@127.0.0.1:{}", "socks5://me:{}@127.0.0.1:{}", "ftp://me:{}@127.0.0.1:{}"]
)
def test_proxies_that_fail(start: Start, serve: Serve, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    password = quote(KEY, safe="")
    server = serve(ok())
    for port in (closed_port(), start(HttpProxy(credentials="other")).port):
        monkeypatch.setenv("ALL_PROXY", address.format(password, port))
        assert_hidden(failure_of(keyed(server, scheme="https")))
        assert_hidden(failure_of(keyed(server)))


def test_a_deadline(serve: Serve) -> None:
    import time

    def late(_: object) -> bytes:
        time.sleep(0.3)
        return ok()

    async def bounded() -> None:
        async with asyncio.timeout(0.1):
            await send(keyed(serve(late)))

    with pytest.raises(TimeoutError) as caught:
        asyncio.run(bounded())
    text = "\n".join(map(str, traceback.format_exception(caught.value)))
    for spelling in spellings():
        assert spelling not in text


def test_a_prepared_request_shows_nothing(serve: Serve) -> None:
    request = keyed(serve(ok()))
    asyncio.run(send(request))
    assert "key" not in repr(request.native)
    assert "key" not in repr(request)
