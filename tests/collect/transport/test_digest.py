"""Digest authentication: the RFC's own example, what servers send, and what is never answered."""

import asyncio
import hashlib
import re

import pytest
from tests.collect.transport.conftest import Fetch, Serve
from tests.collect.transport.web import Asked, Said, moved, ok, request_to, send

from openai_monitor.collect.request import Credentials
from openai_monitor.collect.transport.digest import authorization

ME = Credentials("digest", "me", "pw")
MUFASA = Credentials("digest", "Mufasa", "Circle of Life")
RFC = 'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'


def parts_of(header: str) -> dict[str, str]:
    assert header.startswith("Digest ")
    return {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^,]*))', header)}


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_example_of_rfc_7616(algorithm: str, response: str) -> None:
    header = authorization(
        MUFASA,
        "GET",
        "/dir/index.html",
        [RFC.format(algorithm)],
        "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    assert header is not None
    assert parts_of(header) == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "uri": "/dir/index.html",
        "response": response,
        "algorithm": algorithm,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    }
    assert "qop=auth, nc=00000001" in header


def md5(*parts: str) -> str:
    return hashlib.md5(":".join(parts).encode()).hexdigest()  # noqa: S324 - what RFC 2069 asks for


def test_a_server_without_qop_gets_the_answer_of_rfc_2069() -> None:
    header = authorization(ME, "GET", "/x", ['Digest realm="r", nonce="n"'])
    assert header is not None
    assert parts_of(header)["response"] == md5(md5("me", "r", "pw"), "n", md5("GET", "/x"))
    assert "qop" not in header
    assert "cnonce" not in header


def test_a_session_algorithm_mixes_the_nonces_in() -> None:
    header = authorization(ME, "GET", "/x", ['Digest realm="r", nonce="n", qop=auth, algorithm=MD5-sess'], "c")
    assert header is not None
    secret = md5(md5("me", "r", "pw"), "n", "c")
    assert parts_of(header)["response"] == md5(secret, "n", "00000001", "c", "auth", md5("GET", "/x"))


def test_the_strongest_of_several_challenges_is_answered() -> None:
    text = 'Negotiate, Basic realm="b, nonce=x", Digest realm="r", nonce="1", Digest realm="r", nonce="2", algorithm=SHA-256'
    header = authorization(ME, "GET", "/x", [text])
    assert header is not None
    assert parts_of(header)["nonce"] == "2"
    assert authorization(ME, "GET", "/", ['Digest nonce="1", algorithm=SHA-512-256', 'digest NONCE="3"']) is not None


def test_quotes_and_letters_of_a_user_name_are_written_as_the_header_wants() -> None:
    header = authorization(Credentials("digest", 'm"é\\', "pw"), "GET", "/x", ['Digest realm="r", nonce="n"'])
    assert header is not None
    assert header.encode("latin-1").startswith('Digest username="m\\"é\\\\"'.encode())


@pytest.mark.parametrize(
    "challenge",
    [
        'Basic realm="x"',
        "Bearer",
        "",
        'Digest realm="no nonce"',
        'Digest nonce="n", qop="auth-int"',
        'Digest nonce="n", algorithm=ROT13',
        'Basic realm="Digest realm=r, nonce=n"',
    ],
)
def test_what_can_not_be_answered_is_not(challenge: str) -> None:
    assert authorization(ME, "GET", "/x", [challenge]) is None


def test_a_hostile_challenge_takes_no_time() -> None:
    assert authorization(ME, "GET", "/", ["a" * 100_000, "a " * 50_000, 'Digest x="' + "\\" * 99_999]) is None


def guarded(asked: Asked) -> Said:
    """Wants Digest, and knows me:pw; the nonce is told once."""
    sent = asked.header("Authorization")
    if sent is None:
        return ok(b"who", 'WWW-Authenticate: Digest realm="billing", nonce="n-1", qop="auth"', status="401 No")
    parts = parts_of(sent)
    secret, wanted = md5("me", "billing", "pw"), md5(asked.method, asked.target)
    right = md5(secret, "n-1", parts["nc"], parts["cnonce"], "auth", wanted)
    return ok() if parts["response"] == right and parts["uri"] == asked.target else ok(status="403 Wrong")


@pytest.mark.parametrize(("method", "body"), [("GET", None), ("POST", b'{"q":1}')])
def test_a_challenge_is_answered_once(serve: Serve, fetch: Fetch, method: str, body: bytes | None) -> None:
    server = serve(guarded)
    answer = fetch(request_to(server, "/v1/usage?x=1%202", method=method, body=body, digest=ME))
    assert answer.status == 200
    assert [asked.body for asked in server.asked] == [body or b""] * 2


def test_a_second_request_starts_anew(serve: Serve) -> None:
    server = serve(guarded)
    request = request_to(server, digest=ME)
    asyncio.run(send(request, request))
    assert [asked.header("Authorization") is None for asked in server.asked] == [True, False, True, False]


def test_a_refused_answer_is_an_answer(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok(b"", 'WWW-Authenticate: Digest realm="r", nonce="n"', status="401 No"))
    assert fetch(request_to(server, digest=ME)).status == 401
    assert len(server.asked) == 2


def test_a_basic_challenge_never_gets_the_password(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok(b"", 'WWW-Authenticate: Basic realm="x"', status="401 No"))
    assert fetch(request_to(server, digest=ME)).status == 401
    assert len(server.asked) == 1


def test_a_challenge_without_digest_settings_is_an_answer(serve: Serve, fetch: Fetch) -> None:
    assert fetch(request_to(serve(guarded))).status == 401


def test_after_a_redirect_on_the_same_origin_it_goes_on(serve: Serve, fetch: Fetch) -> None:
    server = serve(lambda asked: moved("/new") if asked.target == "/old" else guarded(asked))
    assert fetch(request_to(server, "/old", digest=ME)).status == 200
    assert server.targets == ["/old", "/new", "/new"]
