"""A secret goes in clear to this machine only, and never through a proxy."""

import asyncio
from typing import Any

import pytest
from tests.collect.transport.conftest import Fetch, Resolve, Serve, Start
from tests.collect.transport.web import HttpProxy, Server, SocksProxy, ok, request_to

from openai_monitor.collect.request import Credentials
from openai_monitor.collect.transport.guard import is_loopback
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code


def refused(fetch: Fetch, server: Server, **options: Any) -> str:
    with pytest.raises(CollectionError) as caught:
        fetch(request_to(server, **{"sensitive": True} | options))
    assert caught.value.code is Code.FAIL
    assert server.connections == 0
    return str(caught.value)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1", True),
        ("127.255.255.254", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("10.0.0.1", False),
        ("128.0.0.1", False),
        ("::ffff:10.0.0.1", False),
        ("169.254.169.254", False),
    ],
)
def test_what_this_machine_is(address: str, expected: bool) -> None:
    assert is_loopback(address) is expected


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_secret_may_go_to_this_machine(serve: Serve, fetch: Fetch, host: str) -> None:
    server = serve(ok())
    assert fetch(request_to(server, host=host, sensitive=True)).status == 200
    assert server.asked[0].header("Host") == f"{host}:{server.port}"


def test_a_name_with_several_addresses_of_this_machine(serve: Serve, fetch: Fetch, resolve: Resolve) -> None:
    resolve("here.test", "127.9.9.9", "127.0.0.1")
    assert fetch(request_to(serve(ok()), host="here.test", sensitive=True)).status == 200


def test_any_other_machine_gets_nothing(serve: Serve, fetch: Fetch) -> None:
    message = refused(fetch, serve(ok()), host="192.0.2.1", port=80)
    assert message == (
        "nothing was sent: this request carries a key, and plain http would show it to everyone on the way "
        "to 192.0.2.1:80; set ssl to true (with a port that speaks TLS), or allow it with --allow-plaintext-token "
        "(network.allow_plaintext_token in a monitors file)"
    )


def test_the_wildcard_address_is_not_this_machine(serve: Serve, fetch: Fetch) -> None:
    refused(fetch, serve(ok()), host="0.0.0.0")


def test_a_name_that_leads_elsewhere_too_gets_nothing(serve: Serve, fetch: Fetch, resolve: Resolve) -> None:
    resolve("api.test", "127.0.0.1", "192.0.2.1")
    refused(fetch, serve(ok()), host="api.test")


def test_digest_credentials_are_a_secret(serve: Serve, fetch: Fetch) -> None:
    refused(fetch, serve(ok()), host="192.0.2.1", sensitive=False, digest=Credentials("digest", "me", "pw"))


def test_a_name_without_address_keeps_its_code(fetch: Fetch, serve: Serve) -> None:
    with pytest.raises(CollectionError, match=r"the host name name\.invalid has no address") as caught:
        fetch(request_to(serve(ok()), host="name.invalid", sensitive=True))
    assert caught.value.code is Code.UN_REACHABLE


def test_a_connection_made_without_a_secret_is_not_used_for_one(serve: Serve, resolve: Resolve) -> None:
    """The name may have led elsewhere when that connection was made."""
    from openai_monitor.collect.transport import Session, Transport

    server = serve(ok())

    async def both() -> None:
        async with Transport() as transport:
            resolve("api.test", "127.0.0.1")
            await transport.send(request_to(server, host="api.test"), Session())
            resolve("api.test", "192.0.2.1")
            with pytest.raises(CollectionError, match="nothing was sent"):
                await transport.send(request_to(server, host="api.test", sensitive=True), Session())

    asyncio.run(both())


def test_it_can_be_allowed(serve: Serve, fetch: Fetch, resolve: Resolve, monkeypatch: pytest.MonkeyPatch) -> None:
    from openai_monitor.collect.transport import dial

    monkeypatch.setattr(dial, "is_loopback", lambda _: False)
    server = serve(ok())
    with pytest.raises(CollectionError, match="--allow-plaintext-token"):
        fetch(request_to(server, sensitive=True))
    assert fetch(request_to(server, sensitive=True), allow_plaintext_token=True).status == 200


@pytest.mark.parametrize("kind", [HttpProxy, SocksProxy])
def test_no_proxy_sees_it_not_even_on_the_way_to_this_machine(
    start: Start,
    serve: Serve,
    fetch: Fetch,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[Server],
) -> None:
    proxy, server = start(kind()), serve(ok())
    scheme = "http" if kind is HttpProxy else "socks5"
    monkeypatch.setenv("ALL_PROXY", f"{scheme}://me:word@{proxy.place}")
    message = refused(fetch, server)
    assert f"would show it to the proxy {proxy.place} (from ALL_PROXY)" in message
    assert "NO_PROXY" in message
    assert proxy.connections == 0
    assert fetch(request_to(server, sensitive=True), allow_plaintext_token=True).status == 200
    assert proxy.connections == 1
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert fetch(request_to(server, sensitive=True)).status == 200
    assert proxy.connections == 1


def test_without_a_secret_anything_goes(
    start: Start, serve: Serve, fetch: Fetch, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy = start(HttpProxy())
    monkeypatch.setenv("HTTP_PROXY", f"http://{proxy.place}")
    assert fetch(request_to(serve(ok()))).status == 200
