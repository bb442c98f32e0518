"""Which answers are followed, where to, and what goes along."""

from collections.abc import Callable
from typing import Any

import pytest
from tests.collect.transport.conftest import Fetch, Serve
from tests.collect.transport.web import Asked, Said, Server, closed_port, moved, ok, request_to

from openai_monitor.collect.request import Credentials
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code


def to_new(location: str = "/new", status: int = 302) -> Callable[[Asked], Said]:
    """Answers /new, and sends everything else there."""
    return lambda asked: ok(b"new") if asked.target.startswith("/new") else moved(location, status)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_get_follows_all_five(serve: Serve, fetch: Fetch, status: int) -> None:
    server: Server = serve(to_new(status=status))
    answer = fetch(request_to(server, "/v1/usage?x=1"))
    assert answer.body == b"new"
    assert answer.url == f"http://{server.place}/new"
    assert server.targets == ["/v1/usage?x=1", "/new"]


def test_post_follows_303_as_get_without_its_body(serve: Serve, fetch: Fetch) -> None:
    server: Server = serve(to_new(status=303))
    headers = (("Content-Type", "text/plain"), ("X-A", "1"))
    fetch(request_to(server, method="POST", body=b"{}", headers=headers))
    followed = server.asked[1]
    assert (followed.method, followed.body, followed.header("X-A")) == ("GET", b"", "1")
    assert followed.header("Content-Type") is None
    assert followed.header("Content-Length") is None


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("POST", 301),
        ("POST", 302),
        ("POST", 307),
        ("POST", 308),
        ("PUT", 302),
        ("PUT", 303),
        ("DELETE", 302),
        ("PATCH", 307),
    ],
)
def test_the_others_are_answers(serve: Serve, fetch: Fetch, method: str, status: int) -> None:
    server: Server = serve(to_new(status=status))
    assert fetch(request_to(server, method=method)).status == status
    assert len(server.asked) == 1


def test_other_statuses_with_a_location_are_answers(serve: Serve, fetch: Fetch) -> None:
    server = serve(moved("/new", 300))
    assert fetch(request_to(server)).status == 300


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("new", "/v1/new"),
        ("../new", "/new"),
        ("/new?a=b#part", "/new?a=b"),
        ("?x", "/v1/usage?x"),
        ("/new%20x", "/new%20x"),
        ("/new/é", "/new/%C3%A9"),
    ],
)
def test_a_relative_location_starts_from_where_it_was_said(
    serve: Serve, fetch: Fetch, location: str, target: str
) -> None:
    wire = location.encode().decode("latin-1")
    server: Server = serve(lambda _: ok() if len(server.asked) > 1 else moved(wire))
    fetch(request_to(server))
    assert server.targets == ["/v1/usage", target]


@pytest.mark.parametrize("scheme", ["http:", ""])
def test_an_absolute_location(serve: Serve, fetch: Fetch, scheme: str) -> None:
    other = serve(ok(b"other"))
    server = serve(moved(f"{scheme}//{other.place}"))
    answer = fetch(request_to(server))
    assert answer.body == b"other"
    assert other.targets == ["/"]


def keyed(server: Server, **options: Any) -> Any:
    headers = (
        ("Accept", "application/json"),
        ("Authorization", "Bearer sess-fake"),
        ("X-Api-Key", "sess-fake"),
        ("Cookie", "session=sess-fake"),
        ("User-Agent", "sess-fake"),
    )
    return request_to(server, **{"headers": headers, "sensitive": True} | options)


def test_everything_goes_along_to_the_same_origin(serve: Serve, fetch: Fetch) -> None:
    server: Server = serve(to_new())
    fetch(keyed(server))
    assert server.asked[1].headers == server.asked[0].headers


def test_nothing_of_the_users_goes_to_another_origin(serve: Serve, fetch: Fetch) -> None:
    other = serve(ok())
    server = serve(moved(f"http://{other.place}/new"))
    fetch(keyed(server))
    names = [name for name, _ in other.asked[0].headers]
    assert names == ["Host", "User-Agent", "Accept-Encoding", "Connection", "Accept"]
    assert "sess-fake" not in str(other.asked)
    assert other.asked[0].header("Accept") == "application/json"


def test_another_host_name_of_the_same_machine_is_another_origin(serve: Serve, fetch: Fetch) -> None:
    server = serve(None)
    server.say = to_new(f"http://localhost:{server.port}/new")
    fetch(keyed(server))
    assert "sess-fake" not in str(server.asked[1])


def test_a_custom_accept_stays_behind(serve: Serve, fetch: Fetch) -> None:
    other = serve(ok())
    fetch(request_to(serve(moved(f"http://{other.place}/")), headers=(("Accept", "text/x-sess-fake"),)))
    assert other.asked[0].header("Accept") == "*/*"


def test_nothing_comes_back_on_the_way_back(serve: Serve, fetch: Fetch) -> None:
    """Who was left once has lost the headers, even if another origin points home."""
    server = serve(None)
    other = serve(moved(f"http://{server.place}/new"))
    server.say = to_new(f"http://{other.place}/back")
    fetch(keyed(server))
    assert server.targets == ["/v1/usage", "/new"]
    assert "sess-fake" not in str(server.asked[1])


def test_digest_is_not_answered_elsewhere(serve: Serve, fetch: Fetch) -> None:
    other = serve(ok(b"", 'WWW-Authenticate: Digest realm="r", nonce="n", qop="auth"', status="401 No"))
    server = serve(moved(f"http://{other.place}/new"))
    answer = fetch(request_to(server, digest=Credentials("digest", "me", "sess-fake")))
    assert (answer.status, len(other.asked)) == (401, 1)


def test_credentials_in_a_location_are_not_taken(serve: Serve, fetch: Fetch) -> None:
    server: Server = serve(to_new())
    server_url = f"http://user:word@{server.place}/new"
    server.say = to_new(server_url)
    fetch(request_to(server))
    assert server.asked[1].header("Authorization") is None
    assert server.asked[1].header("Host") == server.place


def test_a_circle_is_noticed_when_an_address_comes_again(serve: Serve, fetch: Fetch) -> None:
    server = serve(moved("/loop"))
    with pytest.raises(CollectionError, match="in a circle") as caught:
        fetch(request_to(server, "/loop"))
    assert caught.value.code is Code.UN_CONNECTABLE
    assert server.targets == ["/loop", "/loop"]


def test_a_way_without_end_is_left(serve: Serve, fetch: Fetch) -> None:
    server: Server = serve(lambda _: moved(f"/{len(server.asked)}"))
    with pytest.raises(CollectionError, match="more than 50 times") as caught:
        fetch(request_to(server))
    assert caught.value.code is Code.UN_CONNECTABLE
    assert len(server.asked) == 51


@pytest.mark.parametrize("status", [301, 303, 307, 308])
def test_a_redirect_has_to_say_where_to(serve: Serve, fetch: Fetch, status: int) -> None:
    server = serve(ok(status=f"{status} Moved"))
    with pytest.raises(CollectionError, match="without saying where to") as caught:
        fetch(request_to(server))
    assert caught.value.code is Code.UN_CONNECTABLE


def test_a_302_without_location_is_an_answer(serve: Serve, fetch: Fetch) -> None:
    assert fetch(request_to(serve(ok(b"here", status="302 Found")))).body == b"here"


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("/new x", "characters that are not allowed"),
        ("/new|x", "characters that are not allowed"),
        ("/new%zz", "characters that are not allowed"),
        ("ftp://x/y", "neither http nor https"),
        ("mailto:a@b", "neither http nor https"),
        ("http://[bad", "can't be read"),
        ("http:///new", "can't be read"),
        ("http://h:99999/new", "can't be read"),
    ],
)
def test_a_location_that_leads_nowhere(serve: Serve, fetch: Fetch, location: str, message: str) -> None:
    server = serve(moved(location))
    with pytest.raises(CollectionError, match=message) as caught:
        fetch(request_to(server))
    assert caught.value.code is Code.UN_CONNECTABLE
    assert location not in str(caught.value)


def test_an_unknown_host_and_a_closed_port_keep_their_codes(serve: Serve, fetch: Fetch) -> None:
    with pytest.raises(CollectionError) as caught:
        fetch(request_to(serve(moved("http://name.invalid/new"))))
    assert caught.value.code is Code.UN_REACHABLE
    with pytest.raises(CollectionError) as caught:
        fetch(request_to(serve(moved(f"http://127.0.0.1:{closed_port()}/new"))))
    assert caught.value.code is Code.UN_CONNECTABLE


def test_the_time_is_that_of_all_hops(serve: Serve, fetch: Fetch) -> None:
    import time

    def late(asked: Asked) -> Said:
        time.sleep(0.1)
        return to_new()(asked)

    assert fetch(request_to(serve(late))).elapsed_ms >= 200
