"""Whatever a server writes into its headers, the outcome is an answer or a failure of ours, and nothing else."""

from hypothesis import example, given
from hypothesis import strategies as st

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.request import Credentials, Request
from openai_monitor.collect.transport import Session
from openai_monitor.collect.transport.digest import authorization
from openai_monitor.collect.transport.redirect import next_request
from openai_monitor.collect.transport.wire import checked_host, wire_headers
from openai_monitor.errors import CollectionError

TEXT = st.text(st.characters(min_codepoint=1, max_codepoint=255, exclude_characters="\r\n"), max_size=60)
REQUEST = Request(
    "GET", "http", "api.test", 80, "/v1/usage?x=1", (("X-Api-Key", "sess-fake"),), None, None, None, False
)


def is_sendable(request: Request) -> bool:
    checked_host(request)
    return bool(wire_headers(request, "api.test", "test", None))


@given(
    st.one_of(
        TEXT,
        st.builds("{}{}{}".format, st.sampled_from(["http://", "https://", "//", "/", "?", "http:"]), TEXT, TEXT),
        st.builds("http://{}:{}/{}".format, TEXT, st.integers(), TEXT),
    )
)
@example("http://[::1]/")
@example("http://[::1%25eth0]/")
@example("http://[v1.x]/")
@example("http://a\xad.test/")
def test_location(location: str) -> None:
    try:
        request = next_request(REQUEST, Headers([("Location", location)]), set())
        assert is_sendable(request)
    except CollectionError:
        return
    assert (request.origin == REQUEST.origin) == ("sess-fake" in str(request.headers))


@given(
    st.lists(
        st.one_of(
            TEXT, st.builds("a={}; {}={}".format, TEXT, st.sampled_from(["Path", "Max-Age", "Expires", "Domain"]), TEXT)
        )
    )
)
@example(["a=1; Expires=Thu, 01 Jan 99999 00:00:00 GMT"])
@example(["a=1; Expires=0"])
@example(["a=1; Max-Age=" + "9" * 5000])
@example(["a=\x01"])
def test_set_cookie(texts: list[str]) -> None:
    session = Session()
    session.keep(REQUEST, Headers([("Set-Cookie", text) for text in texts]))
    assert is_sendable(session.dress(REQUEST))


@given(
    st.one_of(
        TEXT,
        st.builds(
            'Digest nonce="{}", {}={}'.format, TEXT, st.sampled_from(["realm", "qop", "algorithm", "opaque"]), TEXT
        ),
    )
)
@example('Digest nonce="\x01"')
def test_www_authenticate(text: str) -> None:
    answer = authorization(Credentials("digest", "me", "sess-fake"), "GET", "/", [text])
    if answer is not None:
        assert "sess-fake" not in answer
        assert is_sendable(Request("GET", "http", "h", 80, "/", (("Authorization", answer),), None, None, None, False))
