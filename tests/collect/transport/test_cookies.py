"""Cookies live within one round and one origin."""

import asyncio
from collections.abc import Callable

import pytest
from tests.collect.transport.conftest import Serve
from tests.collect.transport.web import Asked, Said, Server, moved, ok, request_to, send

from openai_monitor.collect.transport import Session


def setting(*cookies: str) -> Callable[[Asked], Said]:
    """Sets cookies at /set and below."""
    return lambda asked: ok(b"", *(f"Set-Cookie: {c}" for c in cookies if asked.target.startswith("/set")))


def cookie_at(server: Server, target: str, *, after: str = "/set", **options: object) -> str | None:
    """What is carried to the target after a visit of ``after``."""
    asyncio.run(send(request_to(server, after), request_to(server, target, **options)))
    return server.asked[-1].header("Cookie")


def test_a_cookie_goes_back_where_it_came_from(serve: Serve) -> None:
    assert cookie_at(serve(setting("sid=abc; HttpOnly", "b=c=d")), "/x?y") == "sid=abc; b=c=d"


def test_it_joins_a_cookie_header_of_the_users(serve: Serve) -> None:
    server = serve(setting("sid=abc"))
    assert cookie_at(server, "/x", headers=(("cookie", "x=1"), ("X-A", "1"))) == "x=1; sid=abc"
    assert server.asked[-1].header("X-A") == "1"


def test_it_goes_along_a_redirect(serve: Serve) -> None:
    server = serve(lambda asked: moved("/new") if asked.target == "/old" else ok())
    server.say = lambda asked: (
        ok(b"", "Set-Cookie: sid=abc", "Location: /new", status="302 Found") if asked.target == "/old" else ok()
    )
    asyncio.run(send(request_to(server, "/old")))
    assert server.asked[1].header("Cookie") == "sid=abc"


def test_it_does_not_reach_another_origin_nor_another_round(serve: Serve) -> None:
    server, other = serve(setting("sid=abc")), serve(ok())
    session = Session()
    asyncio.run(send(request_to(server, "/set"), request_to(other), session=session))
    asyncio.run(send(request_to(server, "/x"), session=Session()))
    assert other.asked[0].header("Cookie") is None
    assert server.asked[-1].header("Cookie") is None
    asyncio.run(send(request_to(server, "/x"), session=session))
    assert server.asked[-1].header("Cookie") == "sid=abc"


@pytest.mark.parametrize(
    ("cookie", "set_at", "asked_at", "carried"),
    [
        ("a=1; Path=/api", "/set", "/api/x", True),
        ("a=1; Path=/api", "/set", "/api", True),
        ("a=1; Path=/api", "/set", "/apix", False),
        ("a=1", "/set/deep/page", "/set/deep/other", True),
        ("a=1", "/set/deep/page", "/x", False),
        ("a=1; Path=relative", "/set", "/x", True),
        ("a=1; Domain=127.0.0.1", "/set", "/x", True),
        ("a=1; Domain=example.com", "/set", "/x", False),
        ("a=1; Secure", "/set", "/x", False),
        ("a=1; Max-Age=0", "/set", "/x", False),
        ("a=1; Max-Age=60", "/set", "/x", True),
        ("a=1; Max-Age=soon", "/set", "/x", True),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 GMT", "/set", "/x", False),
        ("a=1; Expires=Thu, 01 Jan 2970 00:00:00 GMT", "/set", "/x", True),
        ("a=1; Expires=whenever", "/set", "/x", True),
        ("a=1; Expires=Thu, 01 Jan 1970 00:00:00 +99999999999999999999", "/set", "/x", True),
        ("nothing", "/set", "/x", False),
        ("=1", "/set", "/x", False),
    ],
)
def test_attributes(serve: Serve, cookie: str, set_at: str, asked_at: str, carried: bool) -> None:
    assert cookie_at(serve(setting(cookie)), asked_at, after=set_at) == ("a=1" if carried else None)


def test_a_later_one_replaces_or_deletes(serve: Serve) -> None:
    assert cookie_at(serve(setting("a=1", "a=2", "b=1", "b=; Max-Age=0")), "/x") == "a=2"


def test_the_more_exact_path_comes_first(serve: Serve) -> None:
    assert cookie_at(serve(setting("a=1; Path=/", "a=2; Path=/x")), "/x/y") == "a=2; a=1"


def test_a_session_shows_no_cookie(serve: Serve) -> None:
    session = Session()
    asyncio.run(send(request_to(serve(setting("a=sess-fake")), "/set"), session=session))
    assert repr(session) == "Session(1 cookies)"
