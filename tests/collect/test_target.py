"""Scheme, host, port and target, with the codes HertzBeat reports for what can't be an address."""

import string
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.collect.target import endpoint_of, target_of
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

NOW = datetime(2024, 1, 31, 11, 20, tzinfo=UTC)


def target(url: str | None = "/u", encoding: str | None = None, **params: str | None) -> str:
    return target_of(Http(url=url, params=params or None, enable_url_encoding=encoding), NOW)


def endpoint(host: str | None = "api.example", port: str | None = "8080", ssl: str | None = None) -> object:
    return endpoint_of(Http(host=host, port=port, ssl=ssl))


def refusal(host: str | None = "api.example", port: str | None = "8080") -> CollectionError:
    with pytest.raises(CollectionError) as caught:
        endpoint(host, port)
    assert caught.value.__cause__ is None
    return caught.value


# The url


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("/v1/usage", "/v1/usage"),
        ("v1/usage", "/v1/usage"),
        (" /v1/usage ", "/v1/usage"),
        ("/v1/ ", "/v1/%20"),
        ("", "/"),
        ("  ", "/"),
        (None, "/"),
        ("?x=1", "/?x=1"),
        ("//a///b//", "/a/b/"),
        ("/a/../b/./c", "/a/../b/./c"),
        ("http://other.example/full", "/http:/other.example/full"),
    ],
)
def test_a_url_begins_with_one_slash_and_has_no_empty_segments(url: str | None, sent: str) -> None:
    assert target(url) == sent


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("/a b/c%20d", "/a%20b/c%2520d"),
        ("/é/☃", "/%C3%A9/%E2%98%83"),
        ("/-._~!$&'()*+,;=:@", "/-._~!$&'()*+,;=:@"),
        ('/"<>\\^`{|}#[]', "/%22%3C%3E%5C%5E%60%7B%7C%7D%23%5B%5D"),
        ("/a\r\nX-B: b", "/a%0D%0AX-B:%20b"),
        ("/u?x=a b&y=/?:@#[", "/u?x=a%20b&y=/?:@%23%5B"),
        ("/u?", "/u?"),
        ("/\ud800", "/%3F"),
    ],
)
def test_what_an_address_may_not_hold_is_encoded_and_escapes_are_so_twice(url: str, sent: str) -> None:
    assert target(url) == sent


# The query


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("1", "/u?k=1"),
        ("", "/u?k"),
        ("  ", "/u?k"),
        (None, "/u"),
        ("c d", "/u?k=c%20d"),
        ("a+b/c=&d?e%f", "/u?k=a+b/c%3D%26d?e%25f"),
        ("x\ny#[]", "/u?k=x%0Ay%23%5B%5D"),
        ("ключ", "/u?k=%D0%BA%D0%BB%D1%8E%D1%87"),
        ("${@date-1d}/${@now}", "/u?k=2024-01-30/2024-01-31%2011:20:00"),
    ],
)
def test_a_query_value(value: str | None, sent: str) -> None:
    assert target(k=value) == sent


def test_pieces_stand_in_their_order_after_the_urls_own() -> None:
    assert target("/u?x=1", b="2", a="1") == "/u?x=1&b=2&a=1"
    assert target("/u?", a="1") == "/u?&a=1"
    assert target("/u", **{"a b": "1", "": "2", " ": "3", "=&": "4"}) == "/u?a%20b=1&%3D%26=4"


def test_times_are_read_in_values_only() -> None:
    assert target("/${@date}", **{"${@date}": "1"}) == "/$%7B@date%7D?$%7B@date%7D=1"


def test_a_time_out_of_the_calendar_fails_the_set() -> None:
    with pytest.raises(CollectionError, match="9999") as caught:
        target(d="${@date+9999y}")
    assert caught.value.code is Code.FAIL


# Without encoding


@pytest.mark.parametrize(
    ("url", "sent"),
    [
        ("/a%20b/c%2Fd", "/a%20b/c%2Fd"),
        ("/%7ea/%c3%a9/%ff", "/~a/%C3%A9/%FF"),
        ("/é", "/%C3%A9"),
        ("/u?x=é&y=%7e[]?", "/u?x=%C3%A9&y=%7e[]?"),
        ("/u?x=1#frag", "/u?x=1"),
        ("//a//*", "/a/*"),
    ],
)
def test_without_encoding_the_author_escapes(url: str, sent: str) -> None:
    assert target(url, "false") == sent


def test_without_encoding_values_can_hold_more_pieces() -> None:
    assert target("/u", "false", a="x&b=10:20", c="3#d") == "/u?a=x&b=10:20&c=3"


@pytest.mark.parametrize("flag", ["true", "True", "TRUE", None])
def test_encoding_is_on_for_true_and_by_default(flag: str | None) -> None:
    assert target("/a b", flag) == "/a%20b"


@pytest.mark.parametrize("flag", ["false", "no", "yes", "1", "", "^_^unset^_^"])
def test_encoding_is_off_for_everything_else(flag: str) -> None:
    with pytest.raises(CollectionError, match="enableUrlEncoding"):
        target("/a b", flag)


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("/a b", "path of the url holds a blank at character 3"),
        ("/a{", "path of the url holds { at character 3"),
        ("/[", "path of the url holds [ at character 2"),
        ("/a\n", "path of the url holds a character that can't be shown at character 3"),
        ("/u?q=\u00a0", "query of the url holds a character that can't be shown at character 6"),
        ("/u?q=^", "query of the url holds ^ at character 6"),
        ("/u#<", "query of the url holds < at character 4"),
        ("/u?q=%zz", "query of the url holds a % without two hexadecimal digits"),
        ("/u?q=\ud800", "query of the url holds a character that can't be shown"),
        ("/100%", "path of the url holds a % without two hexadecimal digits"),
    ],
)
def test_without_encoding_an_illegal_character_fails_the_set(url: str, found: str) -> None:
    with pytest.raises(CollectionError) as caught:
        target(url, "false")
    assert caught.value.code is Code.FAIL
    assert found in str(caught.value)


def test_the_refusal_does_not_show_the_query() -> None:
    with pytest.raises(CollectionError) as caught:
        target("/u", "false", key="sess-fake key")
    assert "sess-fake" not in str(caught.value)


_written = st.one_of(st.text(), st.text(alphabet=string.printable), st.text(alphabet="/%?#&= aF2é"))


@given(st.none() | _written, st.dictionaries(_written, st.none() | _written, max_size=3), st.booleans())
def test_the_target_is_always_printable_ascii_without_blanks(
    url: str | None, params: dict[str, str | None], encoding: bool
) -> None:
    http = Http(url=url, params=dict(params), enable_url_encoding=str(encoding))
    try:
        found = target_of(http, NOW)
    except CollectionError:
        assert not encoding or "${@" in str(params)
    else:
        assert found.startswith("/")
        assert all("!" <= character <= "~" for character in found)
        assert "#" not in found


# Scheme, host and port


@pytest.mark.parametrize(
    ("host", "ssl", "found"),
    [
        ("api.example", None, ("http", "api.example", 8080)),
        ("api.example", "true", ("https", "api.example", 8080)),
        ("api.example", "TRUE", ("https", "api.example", 8080)),
        ("api.example", "yes", ("http", "api.example", 8080)),
        ("http://api.example", "true", ("http", "api.example", 8080)),
        ("HTTPS://Api.Example", "false", ("https", "Api.Example", 8080)),
        ("my_host.example.", None, ("http", "my_host.example.", 8080)),
        ("127.0.0.1", None, ("http", "127.0.0.1", 8080)),
        ("::1", None, ("http", "::1", 8080)),
        ("0:0:0:0:0:0:0:1", None, ("http", "0:0:0:0:0:0:0:1", 8080)),
        ("[::1]", None, ("http", "::1", 8080)),
        ("https://[2001:db8::1]", None, ("https", "2001:db8::1", 8080)),
        ("bücher.example", None, ("http", "xn--bcher-kva.example", 8080)),
    ],
)
def test_endpoint(host: str, ssl: str | None, found: tuple[str, str, int]) -> None:
    assert endpoint(host, "8080", ssl) == found


def test_an_empty_port_is_the_schemes_own() -> None:
    assert endpoint("api.example", "") == ("http", "api.example", 80)
    assert endpoint("https://api.example", "") == ("https", "api.example", 443)
    assert endpoint("api.example", "0080") == ("http", "api.example", 80)


@pytest.mark.parametrize(
    ("host", "code"),
    [
        ("", Code.UN_CONNECTABLE),
        ("http://", Code.UN_CONNECTABLE),
        ("127.0.0.1:1", Code.UN_CONNECTABLE),
        ("http://127.0.0.1:1", Code.UN_CONNECTABLE),
        ("http://127.0.0.1/base", Code.UN_CONNECTABLE),
        ("::ffff:127.0.0.1", Code.UN_CONNECTABLE),
        ("ftp://api.example", Code.UN_CONNECTABLE),
        ("me:pw@api.example", Code.UN_CONNECTABLE),
        (None, Code.UN_REACHABLE),
        ("a..example", Code.UN_REACHABLE),
        ("x" * 64 + ".example", Code.UN_REACHABLE),
        ("api example", Code.FAIL),
        ("api.example\r\nX-B: b", Code.FAIL),
        ("[::1", Code.FAIL),
        ("[api.example]", Code.FAIL),
        ("^_^host^_^", Code.FAIL),
    ],
)
def test_what_is_no_host_is_refused_with_hertzbeats_code(host: str | None, code: Code) -> None:
    error = refusal(host=host)
    assert error.code is code
    assert "host" in str(error)


def test_credentials_in_the_host_are_not_shown() -> None:
    assert "pw" not in str(refusal(host="me:pw@api.example"))


def test_a_parameter_without_a_value_is_named() -> None:
    assert str(refusal(host="^_^host^_^")) == "parameter host has no value and http.host needs it: give it one"
    assert "parameter p has no value" in str(refusal(port="^_^p^_^"))


@pytest.mark.parametrize(
    ("port", "code"),
    [
        (None, Code.UN_CONNECTABLE),
        ("abc", Code.UN_CONNECTABLE),
        ("80.5", Code.UN_CONNECTABLE),
        ("0", Code.UN_CONNECTABLE),
        ("-1", Code.UN_CONNECTABLE),
        ("99999999999", Code.UN_CONNECTABLE),
        ("70000", Code.FAIL),
        ("80 ", Code.FAIL),
    ],
)
def test_what_is_no_port_is_refused_with_hertzbeats_code(port: str | None, code: Code) -> None:
    error = refusal(port=port)
    assert error.code is code
    assert "port" in str(error)
