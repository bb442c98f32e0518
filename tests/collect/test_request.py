"""From a metric set to a request: method, headers, body, timeout, authorization, and what never shows."""

import base64
from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.collect.request import Credentials, Request, build_request, clean_token, texts_with_times
from openai_monitor.definition.model import MetricSet
from openai_monitor.definition.parts import read_part
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

NOW = datetime(2024, 1, 31, 11, 20, tzinfo=UTC)
USUAL = {"host": "api.example", "port": "8080", "url": "/u", "method": "GET", "parseType": "jsonPath"}
KEY = "sess-fake"


def metric_set(**http: object) -> MetricSet:
    return read_part(MetricSet, {"name": "usage", "protocol": "http", "http": {**USUAL, **http}})


def build(**http: object) -> Request:
    return build_request(metric_set(**http), now=NOW, sensitive=False)


def refusal(**http: object) -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        build(**http)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def header(request: Request, name: str) -> list[str]:
    return [value for given, value in request.headers if given.lower() == name]


def bearer(token: str | None) -> dict[str, str | None]:
    return {"type": "Bearer Token", "bearerTokenToken": token}


def basic(username: str | None, password: str | None) -> dict[str, str | None]:
    return {"type": "Basic Auth", "basicAuthUsername": username, "basicAuthPassword": password}


def digest(username: str | None, password: str | None) -> dict[str, str | None]:
    return {"type": "Digest Auth", "digestAuthUsername": username, "digestAuthPassword": password}


def test_a_plain_request() -> None:
    request = build(params={"a": "1"})
    assert (request.method, request.scheme, request.host, request.port) == (
        "GET",
        "http",
        "api.example",
        8080,
    )
    assert request.target == "/u?a=1"
    assert request.headers == (("Accept", "application/json"),)
    assert (request.body, request.timeout, request.digest, request.sensitive) == (None, None, None, False)


def test_a_set_without_http_fails() -> None:
    with pytest.raises(CollectionError) as caught:
        build_request(MetricSet(name="usage"), now=NOW, sensitive=False)
    assert caught.value.code is Code.FAIL


# Method and body


@pytest.mark.parametrize("method", ["GET", "post", "Put", "DELETE", "patch"])
def test_methods_ignore_case(method: str) -> None:
    assert build(method=method).method == method.upper()


@pytest.mark.parametrize("method", ["HEAD", "OPTIONS", "TRACE", "BREW", "", " GET", None, "G\r\nET", "x" * 99])
def test_other_methods_fail(method: str | None) -> None:
    error = refusal(method=method)
    assert error.code is Code.FAIL
    assert "GET, POST, PUT, DELETE, PATCH" in str(error)
    assert "\n" not in str(error)


@pytest.mark.parametrize("method", ["POST", "PUT"])
def test_a_payload_is_sent_as_utf_8_text(method: str) -> None:
    request = build(method=method, payload="a=é\n")
    assert request.body == b"a=\xc3\xa9\n"
    assert header(request, "content-type") == ["text/plain; charset=UTF-8"]


@pytest.mark.parametrize("method", ["GET", "DELETE", "PATCH"])
def test_other_methods_have_no_payload(method: str) -> None:
    request = build(method=method, payload="a")
    assert request.body is None
    assert header(request, "content-type") == []


@pytest.mark.parametrize("payload", ["", None])
def test_without_a_payload_there_is_no_body(payload: str | None) -> None:
    request = build(method="POST", payload=payload)
    assert request.body is None
    assert header(request, "content-type") == []


def test_a_content_type_of_the_author_stands_alone() -> None:
    request = build(method="POST", payload="{}", headers={"content-TYPE": "application/json"})
    assert header(request, "content-type") == ["application/json"]


def test_times_in_the_payload() -> None:
    assert build(method="POST", payload='{"d":"${@date}"}').body == b'{"d":"2024-01-31"}'
    assert refusal(method="POST", payload="${@date+9999y}").code is Code.FAIL


@pytest.mark.parametrize(
    ("http", "texts"),
    [
        ({}, ()),
        ({"params": {"d": "${@date}", "all": None, "x": "1"}}, ("${@date}",)),
        ({"payload": "${@date+1d}"}, ("${@date+1d}",)),
        ({"params": {"${@date}": None}, "url": "/${@date}", "headers": {"X-D": "${@date}"}}, ()),
    ],
)
def test_what_of_a_request_depends_on_the_clock(http: Mapping[str, object], texts: tuple[str, ...]) -> None:
    assert texts_with_times(metric_set(**http)) == texts


def test_nothing_of_a_set_without_http_depends_on_the_clock() -> None:
    assert texts_with_times(MetricSet(name="usage")) == ()


# Timeout


@pytest.mark.parametrize(
    ("timeout", "seconds"),
    [
        ("3000", 3.0),
        ("5000.9", 5.0),
        ("1e3", 1.0),
        (" 250 ", 0.25),
        ("99999999999999", 2147483.647),
        *((unreadable, None) for unreadable in ("0", "0.5", "-1", "soon", "300ms", "", None, "nan", "Infinity")),
    ],
)
def test_a_timeout_is_milliseconds_as_text(timeout: str | None, seconds: float | None) -> None:
    assert build(timeout=timeout).timeout == seconds


# Headers


@pytest.mark.parametrize(
    ("kind", "accepts"),
    [
        ("jsonPath", "application/json"),
        ("default", "application/json"),
        ("xmlPath", "text/html,application/xml"),
        ("prometheus", "*/*"),
        ("website", "*/*"),
        (None, "*/*"),
    ],
)
def test_accept_follows_the_parse_type(kind: str | None, accepts: str) -> None:
    assert header(build(parseType=kind), "accept") == [accepts]


def test_an_accept_of_the_author_replaces_ours_unless_it_is_blank() -> None:
    assert header(build(headers={"accept": "text/csv"}), "accept") == ["text/csv"]
    assert header(build(headers={"Accept": " "}), "accept") == ["application/json"]


def test_headers_go_in_their_order_and_empty_ones_are_left_out() -> None:
    request = build(headers={"X-B": "2", "X-Empty": "", "X-Null": None, "X-Blank": " ", "X-A": "1", "x-a": "3"})
    assert request.headers[:3] == (("X-B", "2"), ("X-A", "1"), ("x-a", "3"))
    assert len(request.headers) == 4


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("  v\t", "v"),
        ("a\r\nX-B: b", "a  X-B: b"),
        ("\u00a0key\n", "key"),
        ("é☃\u0085\x00\x1b", "é????"),
        ("a\tb", "a\tb"),
        ("${@date}", "${@date}"),
        ("^_^unset^_^", "^_^unset^_^"),
    ],
)
def test_a_header_value_is_one_line_of_latin_1(value: str, sent: str) -> None:
    assert header(build(headers={"X-A": value}), "x-a") == [sent]


@given(st.text())
def test_no_header_value_breaks_out(value: str) -> None:
    for sent in header(build(headers={"X-A": value}), "x-a"):
        sent.encode("latin-1")
        assert sent == sent.strip()
        assert all(character == "\t" or character >= " " for character in sent)


@pytest.mark.parametrize("name", ["X A", "", "X-A:", "X\nA", "Ключ", f"Bearer {KEY}"])
def test_what_is_no_header_name_fails_and_is_not_shown(name: str) -> None:
    error = refusal(headers={"X-Ok": "1", name: "v"})
    assert error.code is Code.FAIL
    assert "header 2" in str(error)
    assert KEY not in str(error)


def test_header_names_may_hold_the_signs_of_a_token() -> None:
    assert header(build(headers={"X-^_^x^_^": "v"}), "x-^_^x^_^") == ["v"]


def test_the_length_of_the_body_is_not_the_authors() -> None:
    assert refusal(headers={"Content-Length": "5"}).code is Code.UN_CONNECTABLE
    error = refusal(method="POST", payload="x", headers={"Transfer-Encoding": "chunked"})
    assert error.code is Code.UN_CONNECTABLE
    assert header(build(headers={"Transfer-Encoding": "chunked"}), "transfer-encoding") == ["chunked"]


# Authorization


@pytest.mark.parametrize("kind", ["Bearer Token", "BEARER TOKEN", "bearer token"])
def test_bearer_ignores_case(kind: str) -> None:
    request = build(authorization={"type": kind, "bearerTokenToken": KEY})
    assert header(request, "authorization") == [f"Bearer {KEY}"]


@pytest.mark.parametrize("token", [None, "", " \n", '""', "Bearer", "Bearer  "])
def test_an_empty_token_is_refused(token: str | None) -> None:
    error = refusal(authorization=bearer(token))
    assert error.code is Code.FAIL
    assert "http.authorization.bearerTokenToken" in str(error)


def test_a_token_parameter_without_a_value_is_named() -> None:
    error = refusal(authorization=bearer("^_^token^_^"))
    assert error.code is Code.FAIL
    assert str(error) == "parameter token has no value and the bearer token needs it: give it one"


@pytest.mark.parametrize(
    "pasted",
    [
        KEY,
        f" {KEY}\r\n",
        f"Bearer {KEY}",
        f"bearer\t{KEY}",
        f"'{KEY}'",
        f'"Bearer {KEY}"\n',
        f'Bearer "{KEY}"',
        f"Bearer Bearer {KEY}",
        f"`{KEY}`",
    ],
)
def test_what_people_paste_around_a_token_is_removed(pasted: str) -> None:
    assert clean_token(pasted) == KEY
    assert header(build(authorization=bearer(pasted)), "authorization") == [f"Bearer {KEY}"]


def test_the_inside_of_a_token_is_left_alone() -> None:
    assert clean_token("${@date}") == "${@date}"
    assert clean_token("a'b\"c=") == "a'b\"c="
    assert clean_token("bearer-of-news") == "bearer-of-news"


@pytest.mark.parametrize("token", [f"{KEY}\n{KEY}", f"{KEY}\x00x", f"{KEY}é", f"{KEY}\u200b", f"{KEY}\x7f"])
def test_a_token_with_anything_but_plain_characters_is_refused_unseen(token: str) -> None:
    error = refusal(authorization=bearer(token))
    assert error.code is Code.FAIL
    assert KEY not in str(error) + repr(error)


@given(st.text())
def test_a_token_is_clean_or_refused(text: str) -> None:
    try:
        token = clean_token(text)
    except CollectionError:
        return
    assert token == clean_token(token) == token.strip()
    assert token.isascii()
    assert token.isprintable()


def test_a_header_of_the_author_stands_beside_the_token() -> None:
    request = build(authorization=bearer(KEY), headers={"Authorization": "Mine"})
    assert header(request, "authorization") == ["Mine", f"Bearer {KEY}"]


def test_basic() -> None:
    request = build(authorization=basic("a:b", "é"))
    assert header(request, "authorization") == ["Basic " + base64.b64encode("a:b:é".encode()).decode()]


def test_digest_is_for_the_transport_and_never_basic() -> None:
    request = build(authorization=digest("me", KEY))
    assert header(request, "authorization") == []
    assert request.digest is not None
    assert (request.digest.kind, request.digest.username, request.digest.password) == ("digest", "me", KEY)


@pytest.mark.parametrize("make", [basic, digest])
@pytest.mark.parametrize("empty", ["", " ", None, "^_^unset^_^"])
def test_without_user_or_password_nothing_is_sent(
    make: Callable[[str | None, str | None], object], empty: str | None
) -> None:
    for settings in (make("me", empty), make(empty, "pw")):
        request = build(authorization=settings)
        assert header(request, "authorization") == []
        assert request.digest is None


@pytest.mark.parametrize("kind", [None, "", " ", "^_^authType^_^"])
def test_no_type_is_no_authorization(kind: str | None) -> None:
    assert header(build(authorization={"type": kind, "bearerTokenToken": KEY}), "authorization") == []


@pytest.mark.parametrize("kind", ["Bearer", "OAuth2", "digest auth", "Basic auth", "API Key", " Bearer Token"])
def test_an_unknown_type_is_refused(kind: str) -> None:
    error = refusal(authorization={"type": kind, "bearerTokenToken": KEY})
    assert error.code is Code.FAIL
    assert "Bearer Token, Basic Auth or Digest Auth" in str(error)


def test_a_digest_user_name_is_one_line() -> None:
    error = refusal(authorization=digest(f"{KEY}\r\nX-B: b", "pw"))
    assert error.code is Code.FAIL
    assert KEY not in str(error)


# What must not leak


@pytest.mark.parametrize(
    "http",
    [
        {"authorization": bearer(KEY)},
        {"authorization": basic("me", KEY)},
        {"authorization": digest("me", KEY)},
        {"headers": {"authorization": KEY}},
        {"headers": {"X-API-Key": KEY}},
    ],
)
def test_a_credential_makes_a_request_sensitive(http: Mapping[str, object]) -> None:
    assert build(**http).sensitive


def test_a_password_parameter_anywhere_makes_a_request_sensitive() -> None:
    assert build_request(metric_set(), now=NOW, sensitive=True).sensitive


def test_a_request_shows_method_origin_and_path_only() -> None:
    request = build(
        host="::1",
        method="POST",
        params={"key": KEY},
        headers={"X-A": KEY},
        payload=KEY,
        authorization=digest(KEY, KEY),
    )
    assert repr(request) == str(request) == "Request(POST http://[::1]:8080/u)"


def test_credentials_show_their_kind_only() -> None:
    assert repr(Credentials("digest", KEY, KEY)) == "Credentials(kind='digest')"


def test_the_origin_ignores_the_case_of_the_host() -> None:
    assert build(host="HTTPS://Api.Example").origin == ("https", "api.example", 8080)
    assert build(host="HTTPS://Api.Example").host == "Api.Example"
