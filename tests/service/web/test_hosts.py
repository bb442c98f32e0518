"""Under which names the listener is asked."""

import asyncio
import socket
from typing import Any

import pytest
from tests.service.web.clients import get, listening, sink_with

from openai_monitor.service.web.settings import WebSettings

OURS = socket.gethostname()


def statuses(*hosts: str, path: str = "/metrics", **given: Any) -> list[int]:
    async def main() -> list[int]:
        async with listening(sink_with(), **given) as web:
            return [(await get(web, path, Host=host)).status for host in hosts]

    return asyncio.run(main())


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "0.0.0.0:0"])
def test_addresses_and_the_names_of_this_machine_are_answered(listen: str) -> None:
    names = ("localhost", "LOCALHOST.:9464", "a.localhost:1", OURS, f"{OURS}:1", "")
    addresses = ("127.0.0.1:9464", "[::1]:9464", "192.0.2.7")
    assert statuses(*names, *addresses, listen=listen) == [200] * 9


@pytest.mark.parametrize("listen", ["127.0.0.1:0", "0.0.0.0:0"])
def test_another_name_is_refused_and_nothing_is_collected(listen: str, caplog: pytest.LogCaptureFixture) -> None:
    others = (
        "rebound.example",
        "localhost.rebound.example",
        "127.0.0.1.rebound.example:9464",
        "x@localhost",
        "[x",
        "a b",
    )
    for path in ("/metrics", "/probe?monitor=a", "/", "/nothing"):
        assert statuses(*others, path=path, listen=listen) == [421] * len(others)
    refused = [line for line in caplog.messages if "web.hosts" in line]
    assert refused[0].startswith("web: a request for 'rebound.example' was refused: ")
    assert len(refused) == 4


def test_what_holds_nothing_of_a_monitor_is_answered_under_every_name() -> None:
    assert statuses("balancer.example", path="/healthz") == [200]
    assert statuses("balancer.example", path="/readyz") == [200]


def test_a_name_that_is_set_is_answered_with_every_port() -> None:
    given = ["Openai-Monitor", "metrics.example.com."]
    assert statuses("openai-monitor:9464", "METRICS.example.com", "example.com", hosts=given) == [200, 200, 421]


def test_with_authentication_the_name_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WEB_FAKE", "tok-fake")
    assert statuses("rebound.example", authentication={"bearer": {"env": "WEB_FAKE"}}) == [401]


def test_the_host_of_a_whole_address_counts() -> None:
    assert statuses("localhost", path="http://rebound.example/metrics") == [421]
    assert statuses("rebound.example", path="http://localhost:9464/metrics") == [200]


def test_who_is_refused_is_told_what_to_do() -> None:
    async def main() -> str:
        async with listening(sink_with()) as web:
            return (await get(web, "/metrics", Host="collector:9464")).text

    assert asyncio.run(main()) == (
        "This listener is not known to be 'collector': if that is right, add the name to `web.hosts` in the monitors "
        "file, or set `web.authentication`.\n"
    )


@pytest.mark.parametrize("name", ["http://a", "a:1", "", "a b", "*", "[::1]"])
def test_what_is_not_a_host_name_is_refused_in_the_settings(name: str) -> None:
    with pytest.raises(ValueError, match="expected the name of a host"):
        WebSettings.model_validate({"hosts": [name]})
