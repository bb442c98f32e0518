"""What is asked without a key holds none; what the answer, and its clock, say of the way."""

from datetime import UTC, datetime, timedelta

import pytest
from tests.cli.definitions import TEXT

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.keyless import clock_step, judge, keyless_request
from openai_monitor.collect.request import Request
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.model import Http
from openai_monitor.definition.shipped import load_definition, shipped_names
from openai_monitor.errors import CollectionError, ParameterError

NOW = datetime(2026, 11, 22, 20, tzinfo=UTC)
KEY = "sess-fake-key"


def everything(request: Request) -> str:
    return f"{request.target} {request.headers} {request.body!r} {request.digest}"


@pytest.mark.parametrize("name", shipped_names())
def test_no_shipped_definition_puts_its_key_in(name: str) -> None:
    definition = load_definition(name)
    passwords = {spec.field or "": KEY for spec in definition.params if spec.type == "password"}
    request, _ = keyless_request(definition, {"host": "api.test", **passwords}, NOW)
    assert KEY not in everything(request)
    assert (request.method, request.host, request.sensitive) == ("GET", "api.test", False)
    assert "^_^" not in everything(request)


@pytest.mark.parametrize(
    "place",
    [
        "url: /credit/^_^token^_^",
        "url: /credit\n      params: {key: ^_^token^_^}",
        "url: /credit\n      headers: {X-My-Key: ^_^token^_^}",
        "url: /credit\n      headers: {Authorization: fixed sess-fake-key}",
        "url: /credit\n      headers: {X-Api-Key: fixed sess-fake-key}",
    ],
)
@pytest.mark.parametrize("kind", ["password", "text"])
def test_wherever_the_definition_puts_it(place: str, kind: str) -> None:
    text = TEXT.replace("url: /credit", place).replace("type: password", f"type: {kind}")
    request, _ = keyless_request(parse_definition(text, "x.yml"), {"token": KEY}, NOW)
    assert "fake" not in everything(request)


def test_headers_that_a_person_gives_may_be_keys_too() -> None:
    text = TEXT.replace("type: array", "type: key-value").replace(
        "method: GET", "method: GET\n      headers: {^_^labels^_^: ''}"
    )
    given = {"labels": '{"X-Private": "sess-fake-key"}'}
    request, _ = keyless_request(parse_definition(text, "x.yml"), given, NOW)
    assert "fake" not in everything(request)


def test_nothing_to_ask() -> None:
    text = TEXT.partition("metrics:")[0] + "metrics: []\n"
    with pytest.raises(ParameterError, match="has no address that could be asked"):
        keyless_request(parse_definition(text, "x.yml"), {}, NOW)


# What the answer means

JSON = ("application/json", b'{"error": {"message": "no"}}')
PAGE = ("text/html; charset=utf-8", b"<!doctype html><title>Sign in</title>")


def verdict(
    status: int, said: tuple[str, bytes] = JSON, *headers: tuple[str, str], parse_type: str = "jsonPath"
) -> str:
    request = Request("GET", "https", "api.test", 443, "/credit", (), None, 5.0, None, sensitive=False)
    given = Headers([("Content-Type", said[0]), *headers])
    answer = Answer(status, given, said[1], 3, "https://api.test:443/credit")
    return judge(answer, request, Http(parse_type=parse_type), NOW)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (401, "HTTP 401 without a key, as it should be"),
        (403, "HTTP 403 without a key: the API is there; the server said: no"),
        (400, "HTTP 400 without a key: the API is there; the server said: no"),
        (405, "HTTP 405 without a key: the API is there; the server said: no"),
        (200, "HTTP 200 without a key"),
    ],
)
def test_the_api_speaks(status: int, message: str) -> None:
    assert verdict(status) == message


@pytest.mark.parametrize("said", [PAGE, ("", b" <HTML>"), ("application/json", b"<!DOCTYPE html>")])
@pytest.mark.parametrize("status", [200, 400, 404, 503])
def test_a_page_is_no_api(status: int, said: tuple[str, bytes]) -> None:
    with pytest.raises(CollectionError, match=f"HTTP {status} with an HTML page, .* a login page or a proxy stands"):
        verdict(status, said)


def test_a_page_that_turns_one_away() -> None:
    with pytest.raises(CollectionError, match="turns this machine away, such as a firewall"):
        verdict(403, PAGE)


def test_a_country_that_is_not_served() -> None:
    said = b'{"error": {"code": "unsupported_country_region_territory", "message": "Not supported"}}'
    with pytest.raises(CollectionError, match="does not serve the country or region that this machine seems to be in"):
        verdict(403, ("application/json", said))


def test_pages_that_are_right() -> None:
    assert verdict(401, PAGE) == "HTTP 401 without a key, as it should be"
    assert verdict(200, PAGE, parse_type="website") == "HTTP 200 without a key"


@pytest.mark.parametrize(("status", "words"), [(404, "check host and url"), (429, "too often"), (502, "of its own")])
def test_an_answer_that_helps_nobody(status: int, words: str) -> None:
    with pytest.raises(CollectionError, match=words):
        verdict(status)


@pytest.mark.parametrize(("place", "there"), [("/v2?key=x", "/v2"), ("https://api.test/v2", "/v2")])
def test_a_redirect_that_is_followed(place: str, there: str) -> None:
    assert verdict(307, JSON, ("Location", place)) == f"HTTP 307, on to {there} there"


def test_a_redirect_that_no_key_follows() -> None:
    with pytest.raises(CollectionError, match=r"points to https://login.test, where no key goes along: give that host"):
        verdict(302, JSON, ("Location", "https://user:fake@login.test/x?y=1"))


@pytest.mark.parametrize("place", ["https://login.test:99999/", "https://login.test:x/", "//[login.test/"])
def test_a_redirect_to_an_address_that_is_none(place: str) -> None:
    with pytest.raises(CollectionError, match=r"HTTP 302 points to an address that can't be read: check host and url"):
        verdict(302, JSON, ("Location", place))


@pytest.mark.parametrize("status", [300, 302, 304])
def test_a_redirect_to_nowhere(status: int) -> None:
    with pytest.raises(CollectionError, match=f"HTTP {status}: "):
        verdict(status)


# Clocks


def clock(date: str | None, *headers: tuple[str, str]) -> tuple[bool, str]:
    given = [*headers, *([("Date", date)] if date else [])]
    step = clock_step(Answer(401, Headers(given), b"", 3, ""), NOW, NOW + timedelta(seconds=1))
    return step.ok, step.message.partition(":")[0]


@pytest.mark.parametrize(
    ("date", "expected"),
    [
        ("Sun, 22 Nov 2026 20:00:00 GMT", (True, "as the server's")),
        ("Sun, 22 Nov 2026 20:00:30 GMT", (True, "30 s behind the server's")),
        ("Sun, 22 Nov 2026 20:05:00 GMT", (False, "5 minutes behind the server's")),
        ("Sun, 22 Nov 2026 17:00:00 GMT", (False, "3 hours ahead of the server's")),
        ("Tue, 01 Dec 2026 20:00:00 GMT", (False, "9 days behind the server's")),
        ("Sun, 22 Nov 2026 21:00:00 +0100", (True, "as the server's")),
        ("not a date", (True, "not known, since the answer has no Date")),
        (None, (True, "not known, since the answer has no Date")),
    ],
)
def test_this_clock_beside_the_servers(date: str | None, expected: tuple[bool, str]) -> None:
    assert clock(date) == expected


def test_an_answer_that_a_cache_kept() -> None:
    assert clock("Sun, 22 Nov 2026 19:00:00 GMT", ("Age", "3600")) == (True, "as the server's")


def test_a_wrong_clock_says_what_to_do() -> None:
    answer = Answer(401, Headers([("Date", "Sun, 22 Nov 2026 17:00:00 GMT")]), b"", 3, "")
    step = clock_step(answer, NOW, NOW)
    assert "set this machine's clock, best by NTP" in step.message
    assert step.facts == {"skew_s": 10799.5}
