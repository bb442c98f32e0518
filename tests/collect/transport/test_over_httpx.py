"""Through a transport of httpx: what is asked, told by respx, and the same answers over real HTTP."""

import asyncio
import gzip
import ssl
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest
import respx
import trustme
from tests.collect.transport.web import Asked, Server, ok

from openai_monitor import Collector, collect_once, load_definition, make_plan
from openai_monitor.collect.answer import AnswerLimits
from openai_monitor.collect.transport import Session, Transport, TransportSettings
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code, MetricSetResult, Round
from openai_monitor.sandbox import running

KEY = "sess-fake"
OPENAI = "https://api.openai.com/dashboard/billing"
CREDIT = {"total_granted": 18.0, "total_used": 5.25, "total_available": 12.75, "total_paid_available": 10.0}


@pytest.fixture
def router() -> respx.MockRouter:
    return respx.MockRouter(assert_all_called=True)


def over(router: respx.MockRouter) -> httpx.MockTransport:
    return httpx.MockTransport(router.async_handler)


def collect(transport: httpx.AsyncBaseTransport, *sets: str, settings: Any = None, **values: str | None) -> Round:
    """Collect define/openai.yml; without ``sets`` all of them."""
    given = {"token": KEY, **values}
    return collect_once(load_definition("openai"), given, metrics=sets or None, transport=transport, settings=settings)


def credit(transport: httpx.AsyncBaseTransport, settings: Any = None, **values: str | None) -> MetricSetResult:
    return collect(transport, "credit_grants", settings=settings, **values)["credit_grants"]


def test_three_requests_as_openai_wants_them(router: respx.MockRouter) -> None:
    routes = {
        "credit_grants": router.get(f"{OPENAI}/credit_grants").respond(json=CREDIT),
        "usage": router.get(f"{OPENAI}/usage").respond(json={"object": "list", "daily_costs": [], "total_usage": 0}),
        "subscription": router.get(f"{OPENAI}/subscription").respond(json={"plan": {"title": "Pay-as-you-go"}}),
    }
    assert collect(over(router)).ok
    requests = {name: route.calls.last.request for name, route in routes.items()}
    assert all(route.call_count == 1 for route in routes.values())
    for request in requests.values():
        assert request.headers["Authorization"] == f"Bearer {KEY}"
        assert request.headers["Accept"] == "application/json"
        assert request.headers["User-Agent"].startswith("openai-monitor/")
        assert "OpenAI-Organization" not in request.headers
        assert request.headers["Host"] == "api.openai.com"
        assert request.content == b""
    assert sorted(requests["usage"].url.params) == ["end_date", "start_date"]
    assert not requests["credit_grants"].url.query
    assert not requests["subscription"].url.query


def test_an_organization_and_a_redirect_within_the_origin(router: respx.MockRouter) -> None:
    router.get(f"{OPENAI}/credit_grants").respond(307, headers={"Location": "/elsewhere?a=1"})
    route = router.get("https://api.openai.com/elsewhere", params={"a": "1"}).respond(json=CREDIT)
    assert credit(over(router), organization="org-a").ok
    assert route.calls.last.request.headers["OpenAI-Organization"] == "org-a"
    assert route.calls.last.request.headers["Authorization"] == f"Bearer {KEY}"


def test_another_origin_gets_no_key(router: respx.MockRouter) -> None:
    router.get(f"{OPENAI}/credit_grants").respond(302, headers={"Location": "https://other.example/x"})
    route = router.get("https://other.example/x").respond(json=CREDIT)
    credit(over(router), organization="org-a")
    assert not {"authorization", "openai-organization"} & set(route.calls.last.request.headers)


@pytest.mark.parametrize(
    ("error", "code", "sentence"),
    [
        (httpx.ConnectTimeout, Code.UN_CONNECTABLE, "connecting to api.openai.com:443 took longer than 30 s"),
        (httpx.ReadTimeout, Code.UN_CONNECTABLE, "the answer of api.openai.com:443 took longer than 30 s"),
        (httpx.PoolTimeout, Code.UN_CONNECTABLE, "took longer than 30 s"),
        (httpx.ConnectError, Code.UN_CONNECTABLE, "no connection to api.openai.com:443"),
        (httpx.ProxyError, Code.UN_CONNECTABLE, "no connection to api.openai.com:443"),
        (httpx.RemoteProtocolError, Code.UN_CONNECTABLE, "is no HTTP"),
        (httpx.ReadError, Code.FAIL, "cut the connection before it answered"),
        (RuntimeError, Code.FAIL, "failed in an unforeseen way (RuntimeError)"),
    ],
)
def test_its_failures_are_told_in_our_words(
    router: respx.MockRouter, error: type[Exception], code: Code, sentence: str
) -> None:
    router.get(f"{OPENAI}/credit_grants").mock(side_effect=error(f"Illegal header value b'Bearer {KEY}'"))
    result = credit(over(router))
    assert (result.code, result.rows) == (code, ())
    assert sentence in result.message
    assert KEY not in repr(result) + result.message


def test_what_is_too_large_is_refused_before_and_after_decompression(router: respx.MockRouter) -> None:
    small = TransportSettings(limits=AnswerLimits(body=1000))
    route = router.get(f"{OPENAI}/credit_grants").respond(content=b" " * 1001)
    assert "larger than the limit of 1000 bytes" in credit(over(router), small).message
    route.respond(content=gzip.compress(b" " * 10**6), headers={"Content-Encoding": "gzip"})
    assert "larger than the limit of 1000 bytes" in credit(over(router), small).message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_key_goes_in_clear_to_this_machine(router: respx.MockRouter, host: str) -> None:
    router.get(host=host).respond(json=CREDIT)
    assert credit(over(router), host=host, port="80", ssl="false").ok


def test_a_key_goes_in_clear_nowhere_else(router: respx.MockRouter) -> None:
    result = credit(over(router), host="api.example", port="80", ssl="false")
    assert "nothing was sent" in result.message
    assert router.calls.call_count == 0


def test_httpxs_own_transport_collects_what_ours_does() -> None:
    definition = load_definition("openai")
    with running() as server:
        values = {"host": server.host, "port": str(server.port), "ssl": "false", "token": "sess-sandbox"}

        async def both() -> tuple[Round, Round, Round]:
            plan = make_plan(definition, values)
            async with httpx.AsyncHTTPTransport() as transport, Collector(transport=transport) as collector:
                theirs, again = await collector.collect(plan), await collector.collect(plan)
            async with Collector() as collector:
                return theirs, again, await collector.collect(plan)

        *theirs, ours = asyncio.run(both())
    for outcome in theirs:
        assert outcome.ok
        assert [result.rows for result in outcome.results] == [result.rows for result in ours.results]


def over_http(
    transport: Callable[[], httpx.AsyncBaseTransport], host: str, port: int, **values: str
) -> MetricSetResult:
    async def ask() -> MetricSetResult:
        plan = make_plan(load_definition("openai"), {"host": host, "port": str(port), "token": KEY, **values})
        async with transport() as theirs, Collector(transport=theirs) as collector:
            return (await collector.collect(plan)).results[0]

    return asyncio.run(ask())


def test_the_target_goes_as_the_definition_wrote_it(serve: Callable[..., Server]) -> None:
    targets: list[str] = []

    def say(asked: Asked) -> bytes:
        targets.append(asked.target)
        return ok(b'{"total_granted": 1}')

    server = serve(say)
    over_http(httpx.AsyncHTTPTransport, "127.0.0.1", server.port, ssl="false")
    assert targets[0] == "/dashboard/billing/credit_grants"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"host": "127.0.0.1", "port": "1", "ssl": "false"}, "127.0.0.1:1 refused the connection"),
        ({"host": "nowhere.invalid", "port": "443"}, "the host name nowhere.invalid has no address"),
    ],
)
def test_httpxs_own_failures(values: dict[str, str], sentence: str) -> None:
    host, port = values.pop("host"), int(values.pop("port"))
    assert sentence in over_http(httpx.AsyncHTTPTransport, host, port, **values).message


def test_a_certificate_that_it_does_not_trust(serve: Callable[..., Server], authority: trustme.CA) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    server = serve(lambda _: ok(b"{}"), tls=context)
    result = over_http(httpx.AsyncHTTPTransport, "127.0.0.1", server.port)
    assert result.code is Code.UN_CONNECTABLE
    assert "is not trusted" in result.message


def test_nothing_of_the_request_stands_in_what_is_raised(router: respx.MockRouter) -> None:
    router.get(f"{OPENAI}/credit_grants").mock(side_effect=httpx.ReadError(f"b'Bearer {KEY}'"))

    async def ask() -> str:
        request = make_plan(load_definition("openai"), {"token": KEY}).sets[0].request_at(lambda: datetime.now(UTC))
        async with Transport(over=over(router)) as transport:
            with pytest.raises(CollectionError) as raised:
                await transport.send(request, Session())
        error = raised.value
        return "".join(traceback.format_exception(error)) + repr((error.__cause__, error.__context__))

    told = asyncio.run(ask())
    assert "cut the connection" in told
    assert KEY not in told
