"""Whether an answer counts as one."""

import json
from datetime import UTC, datetime

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.verdict import check_error_object, check_status, listed_codes, retry_after
from openai_monitor.definition.model import Http
from openai_monitor.definition.parts import read_part
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def answer(status: int, body: object = "", **headers: str) -> Answer:
    raw = body if isinstance(body, str) else json.dumps(body)
    pairs = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return Answer(status, Headers(pairs), raw.encode(), 1, "http://127.0.0.1/")


def refusal(status: int, body: object = "", listed: frozenset[int] = frozenset(), **headers: str) -> str:
    with pytest.raises(CollectionError) as caught:
        check_status(answer(status, body, **headers), listed, NOW)
    assert caught.value.code is Code.FAIL
    return str(caught.value)


def test_200_is_success() -> None:
    check_status(answer(200), frozenset(), NOW)


def test_listed_codes_replace_200() -> None:
    check_status(answer(429), frozenset({429}), NOW)
    assert refusal(200, listed=frozenset({429})).startswith("HTTP 200")


def test_only_numbers_are_listed() -> None:
    http = read_part(Http, {"successCodes": ["ok", "200", " 201", "2xx", None]})
    assert listed_codes(http) == {200}


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (401, "get a new one"),
        (403, "another kind of key"),
        (404, "check host and url"),
        (429, "ask less often"),
        (500, "try again later"),
        (302, "final address"),
        (304, "without If-None-Match"),
        (201, "successCodes"),
    ],
)
def test_each_status_says_what_to_do(status: int, says: str) -> None:
    message = refusal(status)
    assert message.startswith(f"HTTP {status}: ")
    assert says in message


def test_the_servers_own_words_are_told() -> None:
    body = {"error": {"message": "must be made\nwith a session key", "code": None}}
    assert refusal(403, body).endswith("the server said: must be made with a session key")


def test_html_is_not_quoted() -> None:
    assert "html" not in refusal(502, "<html>bad gateway</html>")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30", 30.0),
        ("0", 0.0),
        ("Fri, 02 Jan 2026 00:01:00 GMT", 60.0),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0.0),
        ("Fri, 02 Jan 2026 00:01:00 +99999999999999999999", None),
        ("soon", None),
        ("-5", None),
        ("", None),
    ],
)
def test_retry_after(value: str, seconds: float | None) -> None:
    assert retry_after(answer(429, retry_after=value), NOW) == seconds


def test_retry_after_is_told() -> None:
    assert "it may be asked again in 30 s" in refusal(429, retry_after="30")
    assert "it may be asked again at once" in refusal(429, retry_after="0")


ERROR = {"error": {"message": "lookup failed"}}


def test_an_error_object_is_a_failure_whatever_the_status_says() -> None:
    with pytest.raises(CollectionError, match="the server said: lookup failed"):
        check_error_object(answer(200, ERROR), ("total",), frozenset())


@pytest.mark.parametrize(
    ("body", "aliases", "listed"),
    [
        (ERROR, ("error",), frozenset()),
        (ERROR, ("$.error.message",), frozenset()),
        (ERROR, ("total",), frozenset({200})),
        ({"error": {}}, ("total",), frozenset()),
        ({"error": None}, ("total",), frozenset()),
        ({"rows": [{"error": {"a": 1}}]}, ("total",), frozenset()),
    ],
)
def test_what_is_no_error_answer(body: object, aliases: tuple[str, ...], listed: frozenset[int]) -> None:
    check_error_object(answer(200, body), aliases, listed)
