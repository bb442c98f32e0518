"""Every way to fail has HertzBeat's code and a sentence that says what happened and what to do next."""

import errno
import socket
import ssl
import struct
import time
from collections.abc import Iterable
from typing import Any

import pytest
from tests.collect.transport.conftest import Fetch, Serve, Start
from tests.collect.transport.web import Asked, Said, Server, closed_port, moved, ok, request_to

from openai_monitor.collect.transport import failures
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


def one_by_one(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(len(data))]


def failing(fetch: Fetch, server: Server, **options: Any) -> tuple[Code, str]:
    with pytest.raises(CollectionError) as caught:
        fetch(request_to(server, **options))
    return caught.value.code, str(caught.value).replace(server.place, "HERE")


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_closed_port(serve: Serve, fetch: Fetch, scheme: str) -> None:
    port = closed_port()
    code, message = failing(fetch, serve(ok()), port=port, scheme=scheme)
    assert code is Code.UN_CONNECTABLE
    assert message == (f"127.0.0.1:{port} refused the connection: check host and port, and that it runs there")


def test_a_closed_port_of_a_name_with_several_addresses(serve: Serve, fetch: Fetch) -> None:
    code, message = failing(fetch, serve(ok()), host="localhost", port=closed_port())
    assert code is Code.UN_CONNECTABLE
    assert "check host and port" in message


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_an_unknown_host(serve: Serve, fetch: Fetch, scheme: str) -> None:
    code, message = failing(fetch, serve(ok()), host="name.invalid", scheme=scheme)
    assert code is Code.UN_REACHABLE
    assert message == (
        "the host name name.invalid has no address: check the host, this machine's DNS, "
        "or set HTTPS_PROXY if the way out is a proxy"
    )


@pytest.mark.parametrize("host", ["a" * 64 + ".test", "a..b"])
def test_a_name_that_can_have_no_address(serve: Serve, fetch: Fetch, host: str) -> None:
    assert failing(fetch, serve(ok()), host=host)[0] is Code.UN_REACHABLE


def test_a_host_that_can_be_no_name(serve: Serve, fetch: Fetch) -> None:
    code, message = failing(fetch, serve(ok()), host="\u2028" + "ö" * 64)
    assert code is Code.UN_CONNECTABLE
    assert message.endswith("can't be the name of a host: check the host")


@pytest.mark.parametrize("port", [0, -1, 70000])
def test_a_port_that_is_none(serve: Serve, fetch: Fetch, port: int) -> None:
    code, message = failing(fetch, serve(ok()), port=port)
    assert code is Code.UN_CONNECTABLE
    assert message == f"{port} is no port: give one from 1 to 65535"


def test_a_slow_answer(serve: Serve, fetch: Fetch) -> None:
    def late(_: Asked) -> Said:
        time.sleep(0.6)
        return ok()

    code, message = failing(fetch, serve(late), timeout=0.2)
    assert code is Code.UN_CONNECTABLE
    assert message == ("the answer of HERE took longer than 0.2 s: try again, or raise the parameter timeout")


def test_a_body_that_stops_coming(serve: Serve, fetch: Fetch) -> None:
    def stuck(_: Asked) -> Iterable[bytes]:
        yield HEAD + b"Content-Length: 9\r\n\r\nabc"
        time.sleep(0.6)

    assert failing(fetch, serve(stuck), timeout=0.2)[0] is Code.UN_CONNECTABLE


def drip_body(_: Asked) -> Iterable[bytes]:
    yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    yield from drops(b"x")


def drip_chunks(_: Asked) -> Iterable[bytes]:
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    yield from drops(b"1\r\nx\r\n")


def drip_head(_: Asked) -> Iterable[bytes]:
    yield b"HTTP/1.1 200 OK\r\nX-A: "
    yield from drops(b"x")


def drip_informational(_: Asked) -> Iterable[bytes]:
    yield from drops(b"HTTP/1.1 103 Early Hints\r\n\r\n")


def drops(drop: bytes) -> Iterable[bytes]:
    for _n in range(100):
        time.sleep(0.05)
        yield drop


@pytest.mark.parametrize("say", [drip_body, drip_chunks, drip_head, drip_informational])
def test_the_timeout_is_for_the_request_as_a_whole(serve: Serve, fetch: Fetch, say: object) -> None:
    began = time.monotonic()
    code, message = failing(fetch, serve(say), timeout=0.3)
    assert code is Code.UN_CONNECTABLE
    assert message == "the answer of HERE took longer than 0.3 s: try again, or raise the parameter timeout"
    assert time.monotonic() - began < 3  # the drops come for 5 s


def test_redirects_share_the_timeout_of_their_request(serve: Serve, fetch: Fetch) -> None:
    def slowly_on(asked: Asked) -> Iterable[bytes]:
        time.sleep(0.15)
        yield moved(f"/{len(asked.target)}{asked.target}")

    server = serve(slowly_on)
    code, message = failing(fetch, server, timeout=0.4)
    assert code is Code.UN_CONNECTABLE
    assert "took longer than" in message
    assert len(server.asked) <= 3


def test_without_a_timeout_there_is_patience(serve: Serve, fetch: Fetch) -> None:
    def late(_: Asked) -> Said:
        time.sleep(0.3)
        return ok()

    server = serve(late)
    assert fetch(request_to(server, timeout=None)).status == 200
    assert fetch(request_to(server, timeout=0.0)).status == 200


def test_a_server_that_does_not_read(start: Start, fetch: Fetch) -> None:
    class Deaf(Server):
        def talk(self, connection: socket.socket) -> None:
            time.sleep(0.8)

    code, message = failing(fetch, start(Deaf()), method="POST", body=b"x" * 2**24, timeout=0.2)
    assert code is Code.UN_CONNECTABLE
    assert "took longer than 0.2 s" in message


@pytest.mark.parametrize(
    "said",
    [
        b"junk junk\r\n\r\n",
        b'{"a":1}',
        b"HTTP/1.1 200 OK\r\nBroken header\r\nContent-Length: 7\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 abc\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: seven\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.7\r\n",
        b"RTSP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 1000 OK\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: +2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX : a\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nX: a\rb\r\nContent-Length: 2\r\n\r\n{}",
        b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000,
    ],
)
def test_what_is_no_http(serve: Serve, fetch: Fetch, said: bytes) -> None:
    code, message = failing(fetch, serve(said))
    assert code is Code.UN_CONNECTABLE
    assert message == "what HERE answered is no HTTP: check that host and port are those of the API"


@pytest.mark.parametrize(
    ("said", "body"),
    [
        (HEAD + b'\r\n{"a":1}', b'{"a":1}'),
        (b'HTTP/1.0 200 OK\r\n\r\n{"a":1}', b'{"a":1}'),
        (b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}", b"{}"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"{}"),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
        (b"HTTP/1.1 204 No Content\r\nContent-Length: 3\r\n\r\nabc", b""),
        (b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (b"HTTP/1.2 200 OK\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (HEAD + b"Content-Length: 2\r\n\r\n{}what nobody asked for", b"{}"),
        (HEAD + b"Content-Length: 2\r\n\r\n{}HTTP/1.1 500 Later\r\nContent-Length: 1\r\n\r\nx", b"{}"),
        (HEAD + b"X: a\r\n b\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (HEAD + b"X: a\x01\xe9b\r\nContent-Length: 2\r\n\r\n{}", b"{}"),
        (HEAD + b"Transfer-Encoding: Chunked\r\n\r\n2;a=b\r\n{}\r\n0\r\nContent-Length: 9\r\n\r\n", b"{}"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n2 \r\n{}\r\n0\r\n\r\n", b"{}"),
        (HEAD + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"{}"),
        (HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 9\r\n\r\n2\r\n{}\r\n0\r\n\r\n", b"{}"),
    ],
)
def test_what_is_http_enough(serve: Serve, fetch: Fetch, said: bytes, body: bytes) -> None:
    for says in (said, one_by_one(said)):
        answer = fetch(request_to(serve(says if isinstance(says, bytes) else lambda _, says=says: says)))
        assert (answer.status, answer.body) == (200 if body else 204, body)


def test_no_answer(serve: Serve, fetch: Fetch) -> None:
    code, message = failing(fetch, serve(None))
    assert code is Code.FAIL
    assert message == ("HERE closed the connection without an answer: check that the port speaks HTTP, and try again")


def test_no_answer_on_a_kept_connection(serve: Serve) -> None:
    import asyncio

    from tests.collect.transport.web import send

    server = serve(lambda asked: ok() if asked.target == "/" else None)
    with pytest.raises(CollectionError) as caught:
        asyncio.run(send(request_to(server, "/"), request_to(server, "/b")))
    assert caught.value.code is Code.FAIL


class Resetting(Server):
    """Takes the request, says what it has to say, and resets the connection."""

    def talk(self, connection: socket.socket) -> None:
        connection.recv(65536)
        if isinstance(self.say, bytes):
            connection.sendall(self.say)
            time.sleep(0.1)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


@pytest.mark.parametrize("said", [None, HEAD + b"Content-Length: 9\r\n\r\nabc", HEAD])
def test_a_connection_that_is_reset(start: Start, fetch: Fetch, said: bytes | None) -> None:
    assert failing(fetch, start(Resetting(said)))[0] is Code.FAIL


@pytest.mark.parametrize(
    "rest",
    [
        b'Content-Length: 50\r\n\r\n{"a":1}',
        b"Content-Length: 50\r\n\r\n",
        b'Transfer-Encoding: chunked\r\n\r\n7\r\n{"a":1}\r\n',
        b'Transfer-Encoding: chunked\r\n\r\n9\r\n{"a":1}',
        b'Transfer-Encoding: chunked\r\n\r\nnine\r\n{"a":1}',
        b"Transfer-Encoding: chunked\r\n\r\n2;" + b"a" * 300_000,
        b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"Trailer: 1\r\n" * 30_000,
    ],
)
def test_an_answer_that_breaks_off(serve: Serve, fetch: Fetch, rest: bytes) -> None:
    code, message = failing(fetch, serve([HEAD + rest[:-1], rest[-1:]] and (lambda _: _closing(HEAD + rest))))
    assert code is Code.FAIL
    assert message == "the answer of HERE broke off before its end: try again, or see the server's log"


def _closing(data: bytes) -> Iterable[bytes]:
    # The first piece says nothing of a length, so the server closes afterwards.
    yield data[:10]
    yield data[10:]


@pytest.mark.parametrize(
    "headers",
    [
        (("Transfer-Encoding", "gzip"),),
        (("Transfer-Encoding", "chunked"), ("transfer-encoding", "chunked")),
        (("Host", "a.test"), ("host", "b.test")),
        (("X A", "1"),),
        (("", "1"),),
        (("X-A", "a\nX-B: b"),),
        (("X-A", "\x00"),),
    ],
)
def test_a_request_that_is_no_http(serve: Serve, fetch: Fetch, headers: tuple[tuple[str, str], ...]) -> None:
    server = serve(ok())
    code, message = failing(fetch, server, headers=headers, method="POST", body=b"abc")
    assert code is Code.FAIL
    assert message.startswith("nothing was sent")
    assert server.connections == 0


def test_a_length_of_the_users(serve: Serve, fetch: Fetch) -> None:
    server = serve(ok())
    code, message = failing(fetch, server, headers=(("content-length", "3"),), method="POST", body=b"abc")
    assert code is Code.UN_CONNECTABLE
    assert message.startswith("nothing was sent: Content-Length is the collector's own")
    assert server.connections == 0


@pytest.mark.parametrize("target", ["/a b", "/é", "", "/a\r\nX: y"])
def test_a_target_that_is_none(serve: Serve, fetch: Fetch, target: str) -> None:
    server = serve(ok())
    assert failing(fetch, server, target=target)[0] is Code.FAIL
    assert server.connections == 0


def test_what_nobody_foresaw(serve: Serve, fetch: Fetch) -> None:
    code, message = failing(fetch, serve(ok()), headers=7)
    assert code is Code.FAIL
    assert message == "asking HERE failed in an unforeseen way (TypeError): please report it"


@pytest.mark.parametrize(
    ("error", "code", "words"),
    [
        (OSError(errno.ENETUNREACH, "x"), Code.UN_CONNECTABLE, "no way leads to h:1: check the network"),
        (
            OSError(errno.EMFILE, "Too many"),
            Code.UN_CONNECTABLE,
            "no connection to h:1: Too many: raise the limit of this",
        ),
        (MemoryError(), Code.UN_CONNECTABLE, "no connection to h:1: Not enough memory: ask for less"),
        (OSError(errno.EHOSTUNREACH, "x"), Code.UN_CONNECTABLE, "no way leads to h:1: check the network"),
        (OSError("Multiple exceptions"), Code.UN_CONNECTABLE, "no connection to h:1: check host and port"),
        (TimeoutError(), Code.UN_CONNECTABLE, "connecting to h:1 took longer than 3 s: check host, port"),
        (socket.gaierror(), Code.UN_REACHABLE, "the host name h has no address"),
        (OverflowError(), Code.UN_CONNECTABLE, "no connection to h:1"),
        (KeyError("sess-fake"), Code.FAIL, "in an unforeseen way (KeyError): please report it"),
    ],
)
def test_connecting(error: Exception, code: Code, words: str) -> None:
    failure = failures.while_connecting(error, "h", "h:1", 3.0)
    assert failure.code is code
    assert words in str(failure)
    assert "took too long" in str(failures.while_connecting(TimeoutError(), "h", "h:1", None))


def tls_error(reason: str) -> ssl.SSLError:
    error = ssl.SSLError()
    error.reason = reason
    return error


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (tls_error("WRONG_VERSION_NUMBER"), "p does not speak TLS"),
        (tls_error("TLSV1_ALERT_PROTOCOL_VERSION"), "older than 1.2"),
        (tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED"), "client certificate"),
        (tls_error("SOMETHING_ELSE"), "the TLS handshake with p failed (SOMETHING_ELSE)"),
        (ssl.SSLEOFError(), "closed the connection in the TLS handshake"),
        (ConnectionResetError(), "closed the connection in the TLS handshake"),
        (ConnectionAbortedError(), "the TLS handshake with p took longer than 3 s"),
    ],
)
def test_handshakes(error: Exception, words: str) -> None:
    failure = failures.in_handshake(error, "p", 3.0)
    assert failure.code is Code.UN_CONNECTABLE
    assert words in str(failure)


def test_a_tls_error_after_the_handshake() -> None:
    error = failures.ConnectionCut()
    error.__cause__ = tls_error("TLSV13_ALERT_CERTIFICATE_REQUIRED")
    failure = failures.in_exchange(error, "p", None, answered=False)
    assert "client certificate" in str(failure)
    assert failure.code is Code.UN_CONNECTABLE


@pytest.mark.parametrize(("count", "text"), [(32 * 2**20, "32 MiB"), (1536, "1536 bytes"), (2048, "2 KiB")])
def test_a_limit_is_named_as_people_say_it(count: int, text: str) -> None:
    failure = failures.in_exchange(failures.BodyTooLarge(count), "p", None, answered=True)
    assert f"the limit of {text}:" in str(failure)
