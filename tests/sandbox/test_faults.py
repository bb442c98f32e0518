"""Each fault does to the answer what its description says, seen from a real HTTP client."""

import time
from email.utils import parsedate_to_datetime

import httpx
import pytest
from tests.sandbox.conftest import NOW, Ask

from openai_monitor.errors import SettingsError
from openai_monitor.sandbox import ENDPOINTS, FAULTS, running
from openai_monitor.sandbox.accounts import demo
from openai_monitor.sandbox.faults import parse_faults

CREDIT = "/dashboard/billing/credit_grants"
USAGE = "/dashboard/billing/usage?start_date=2023-04-10&end_date=2023-04-12"
SUBSCRIPTION = "/dashboard/billing/subscription"
COSTS = "/v1/organization/costs?start_time=1680000000"
ADMIN = "sk-admin-sandbox"


@pytest.mark.parametrize(
    ("fault", "status", "text"),
    [
        ("401", 401, "Incorrect API key provided: sess-******."),
        ("403", 403, "insufficient permissions"),
        ("403-session-key", 403, "must be made with a session key"),
        ("404", 404, "Invalid URL"),
        ("429", 429, "rate_limit_exceeded"),
        ("500", 500, "server_error"),
        ("502", 502, "<h1>502 Bad Gateway</h1>"),
        ("html-200", 200, "<!DOCTYPE html>"),
        (
            "error-200",
            200,
            '{"error":{"message":"record not found","type":"one_api_error","param":"","code":null}}',
        ),
    ],
)
def test_answers_in_the_place_of_the_right_one(ask: Ask, fault: str, status: int, text: str) -> None:
    answer = ask(CREDIT, faults=(fault,))
    assert answer.status_code == status
    assert text in answer.text
    assert answer.headers["content-type"].startswith("text/html" if text.startswith("<") else "application/json")


@pytest.mark.parametrize(("fault", "header"), [("429", "120"), ("429:0", "0"), ("429:7", "7"), ("429-bare", None)])
def test_retry_after_in_seconds(ask: Ask, fault: str, header: str | None) -> None:
    assert ask(CREDIT, faults=(fault,)).headers.get("retry-after") == header


def test_retry_after_as_a_date_is_that_far_from_now(ask: Ask) -> None:
    header = ask(CREDIT, faults=("429-date:90",)).headers["retry-after"]
    assert header == "Tue, 11 Apr 2023 15:31:30 GMT"
    assert (parsedate_to_datetime(header) - NOW).total_seconds() == 90


def test_empty_and_truncated_bodies_are_whole_answers(ask: Ask) -> None:
    assert ask(CREDIT, faults=("empty",)).content == b""
    whole, half = ask(CREDIT).content, ask(CREDIT, faults=("truncated",)).content
    assert half == whole[: len(whole) // 2]


@pytest.mark.parametrize("fault", ["reset", "hang-up", "garbage", "cut-off"])
def test_connections_that_break(ask: Ask, fault: str) -> None:
    expected = httpx.ReadError if fault == "reset" else httpx.RemoteProtocolError
    with pytest.raises(expected):
        ask(CREDIT, faults=(fault,))


def test_slow_waits_and_then_answers(ask: Ask) -> None:
    begun = time.monotonic()
    assert ask(CREDIT, faults=("slow:0.2",)).json()["total_granted"] == 18.0
    assert time.monotonic() - begun >= 0.2


def test_a_client_may_give_up_on_slow(client: httpx.Client) -> None:
    with running(faults=("slow:60",)) as server, pytest.raises(httpx.ReadTimeout):
        client.get(server.url + CREDIT, timeout=0.1)


def test_drip_sends_the_head_at_once_and_the_body_byte_by_byte(client: httpx.Client) -> None:
    with (
        running(faults=("drip:0.002",)) as server,
        client.stream("GET", server.url + "/nowhere") as answer,
    ):
        assert answer.status_code == 404
        pieces = list(answer.iter_raw())
    assert len(pieces) > 50
    assert len(b"".join(pieces)) == int(answer.headers["content-length"])


def test_huge_is_streamed_and_as_large_as_asked(client: httpx.Client) -> None:
    with (
        running(faults=("huge:5000000",)) as server,
        client.stream("GET", server.url + CREDIT) as answer,
    ):
        assert answer.headers["transfer-encoding"] == "chunked"
        size = sum(map(len, answer.iter_raw()))
    assert 5_000_000 < size < 5_000_100


def test_huge_waits_for_a_client_that_does_not_read(client: httpx.Client) -> None:
    with (
        running(faults=("huge:1000000000000",)) as server,
        client.stream("GET", server.url + CREDIT) as answer,
    ):
        read = 0
        for piece in answer.iter_raw():
            read += len(piece)
            if read > 1_000_000:
                break
    assert read < 10_000_000, "and the server has ended although the client read no further"


def test_a_gzip_bomb_is_small_until_it_is_unpacked(client: httpx.Client) -> None:
    with running(faults=("gzip-bomb:8000000",)) as server:
        answer = client.get(server.url + CREDIT)
    assert int(answer.headers["content-length"]) < 20_000
    assert len(answer.content) > 8_000_000


def test_a_redirect_leads_to_another_origin_where_the_key_is_needed_again(client: httpx.Client) -> None:
    headers = {"Authorization": "Bearer sess-sandbox"}
    with running(faults=("redirect",), now=lambda: NOW) as server:
        first = client.get(server.url + USAGE, headers=headers)
        assert first.status_code == 307
        assert first.headers["location"] == f"http://localhost:{server.port}/moved{USAGE}"
        followed = client.get(server.url + USAGE, headers=headers, follow_redirects=True)
        assert followed.status_code == 401
        assert "authorization" not in server.requests[-1].headers
        carried = client.get(server.url + "/moved" + USAGE, headers=headers)
        assert len(carried.json()["daily_costs"]) == 2
        back = client.get(f"http://localhost:{server.port}{CREDIT}")
        assert back.headers["location"].startswith("http://127.0.0.1:")


def test_bodies_that_lack_something(ask: Ask) -> None:
    assert ask(USAGE, faults=("no-daily-costs",)).json().keys() == {"object", "total_usage"}
    assert "total_paid_available" not in ask(CREDIT, faults=("no-paid-available",)).json()
    assert ask(SUBSCRIPTION, faults=("plan-null",)).json()["plan"] is None
    assert "plan" not in ask(SUBSCRIPTION, faults=("plan-missing",)).json()
    nulls = ask(SUBSCRIPTION, faults=("nulls",)).json()
    assert nulls.pop("object") == "billing_subscription"
    assert len(nulls) == 27
    assert set(nulls.values()) == {None}


def test_numbers_as_text_everywhere_but_no_booleans(ask: Ask) -> None:
    credit = ask(CREDIT, faults=("text-numbers",)).json()
    assert credit["total_used"] == "5.25"
    assert credit["grants"]["data"][0]["used_amount"] == "0.03"
    assert ask(SUBSCRIPTION, faults=("text-numbers",)).json()["primary"] is True
    costs = ask(COSTS, ADMIN, faults=("text-numbers",)).json()
    assert isinstance(costs["data"][0]["results"][0]["amount"]["value"], str)


def test_a_fault_in_the_document_leaves_an_error_alone(ask: Ask) -> None:
    assert ask(CREDIT, "sk-fake", faults=("nulls",)).json()["error"]["type"] == "server_error"


def test_pages_that_never_end(client: httpx.Client) -> None:
    headers = {"Authorization": f"Bearer {ADMIN}"}

    def cursors(fault: str, start: str) -> list[str | None]:
        found, page = [], ""
        with running(faults=(fault,), now=lambda: NOW) as server:
            for _ in range(4):
                url = f"{server.url}/v1/organization/costs?start_time={start}{page}"
                body = client.get(url, headers=headers).json()
                assert body["has_more"] is True
                found.append(body["next_page"])
                page = f"&page={body['next_page']}"
        return found

    for start in ("1678000000", "1681171200"):
        assert len(set(cursors("repeated-cursor", start))) == 1
        assert len(set(cursors("endless-pages", start))) == 4
    with running(faults=("missing-cursor",), now=lambda: NOW) as server:
        body = client.get(f"{server.url}{COSTS}", headers=headers).json()
        assert (body["has_more"], body["next_page"]) == (True, None)


def test_a_fault_may_hold_for_one_endpoint(client: httpx.Client) -> None:
    headers = {"Authorization": "Bearer sess-sandbox"}
    with running(faults=("usage=429",), now=lambda: NOW) as server:
        assert client.get(server.url + USAGE, headers=headers).status_code == 429
        assert client.get(server.url + "/v1" + USAGE, headers=headers).status_code == 429
        assert client.get(server.url + CREDIT, headers=headers).status_code == 200


def test_a_fault_may_pass(client: httpx.Client) -> None:
    headers = {"Authorization": "Bearer sess-sandbox"}
    with running(faults=("500*2",)) as server:
        codes = [client.get(server.url + CREDIT, headers=headers).status_code for _ in range(4)]
    assert codes == [500, 500, 200, 200]


def test_faults_add_up_and_can_be_changed_while_it_runs(client: httpx.Client) -> None:
    with running(faults=("500", "slow:0.1")) as server:
        begun = time.monotonic()
        assert client.get(server.url + CREDIT).status_code == 500
        assert time.monotonic() - begun >= 0.1
        server.switch("404")
        assert client.get(server.url + CREDIT).status_code == 404
        server.switch()
        assert client.get(server.url + CREDIT).status_code == 401


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("418", "there is no '418', only 401, 403,"),
        ("usgae=429", "there is no endpoint 'usgae', only credit_grants, usage,"),
        ("404:3", "'404' takes no number; leave out ':3'"),
        ("slow:", "expected [endpoint=]fault[:number][*times]"),
        ("", "expected [endpoint=]fault[:number][*times]"),
    ],
)
def test_a_switch_that_does_not_exist_is_named(text: str, message: str) -> None:
    with pytest.raises(SettingsError, match=f"^fault {text!r}: ") as caught:
        parse_faults([text])
    assert message in str(caught.value)


@pytest.mark.parametrize("name", FAULTS)
def test_every_fault_can_be_switched_on_for_every_endpoint(name: str) -> None:
    assert len(parse_faults([f"{endpoint}={name}" for endpoint in ENDPOINTS])) == len(ENDPOINTS)
    assert FAULTS[name].description
    assert bool(FAULTS[name].unit) == bool(FAULTS[name].number)


@pytest.mark.parametrize("name", [name for name in FAULTS if FAULTS[name].unit != "bytes"])
def test_every_fault_holds_for_an_unknown_address_too(name: str, client: httpx.Client) -> None:
    quick = f"{name}:0.001" if name in {"slow", "drip"} else name
    with running(demo(), (quick,), now=lambda: NOW) as server:
        try:
            status = client.get(server.url + "/nowhere").status_code
        except httpx.TransportError:
            status = 0
        assert len(server.requests) == 1
    assert status in {0, 200, 307, 401, 403, 404, 429, 500, 502}
