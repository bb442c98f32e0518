"""Bodies: decompressed by ourselves, and never more of them than the limit."""

import asyncio
import contextlib
import gzip
import time
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Callable, Iterable

import pytest
from tests.collect.transport.conftest import Fetch, Serve
from tests.collect.transport.web import Asked, Said, ok, request_to

from openai_monitor.collect.answer import AnswerLimits, Headers
from openai_monitor.collect.transport.body import check_length, read_body
from openai_monitor.collect.transport.failures import BodyTooLarge, BodyUnreadable
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

TEXT = b'{"a":"\xc3\xa9"}' * 50


def read(pieces: Iterable[bytes], *codings: str, limit: int = 10_000) -> bytes:
    async def chunks() -> AsyncIterator[bytes]:
        for piece in pieces:
            yield piece

    return asyncio.run(read_body(chunks(), codings, limit))


def one_by_one(data: bytes) -> list[bytes]:
    return [bytes([byte]) for byte in data]


def deflated(data: bytes, bits: int) -> bytes:
    engine = zlib.compressobj(wbits=bits)
    return engine.compress(data) + engine.flush()


ZIPPED = gzip.compress(TEXT)


@pytest.mark.parametrize(
    ("coding", "data"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("br", TEXT),
        ("gzip", ZIPPED),
        ("GZIP", ZIPPED),
        ("x-gzip", ZIPPED),
        ("gzip", gzip.compress(TEXT[:100]) + gzip.compress(TEXT[100:])),
        ("gzip", ZIPPED + b"\0\0\0 left over"),
        ("gzip", ZIPPED + b"\x1f left over"),
        ("deflate", deflated(TEXT, 15)),
        ("deflate", deflated(TEXT, -15)),
        ("deflate, gzip", gzip.compress(deflated(TEXT, 15))),
        ("gzip, identity, gzip", gzip.compress(ZIPPED)),
    ],
)
def test_a_coding_is_undone_however_the_pieces_fall(coding: str, data: bytes) -> None:
    assert read([data], coding) == TEXT
    assert read(one_by_one(data), coding) == TEXT


@pytest.mark.parametrize("coding", ["gzip", "deflate", ""])
def test_an_empty_body_is_empty_whatever_its_coding(coding: str) -> None:
    assert read([], coding) == b""


@pytest.mark.parametrize(
    ("coding", "data", "message"),
    [
        ("gzip", TEXT, "not gzip data"),
        ("gzip", ZIPPED[:-12], "ends too early"),
        ("gzip", ZIPPED[:5], "ends too early"),
        ("gzip", ZIPPED + b"\x1f\x8bxx", "not gzip data"),
        ("gzip", ZIPPED + ZIPPED[:20], "ends too early"),
        ("deflate", b"\x78\x9c" + TEXT, "not deflate data"),
        ("deflate", b"x", "ends too early"),
        (", ".join(["gzip"] * 3), ZIPPED, "encoded 3 times"),
    ],
)
def test_what_can_not_be_undone_is_said(coding: str, data: bytes, message: str) -> None:
    with pytest.raises(BodyUnreadable, match=message):
        read([data], coding)


def test_the_members_of_gzip_are_bounded() -> None:
    assert read([gzip.compress(b"x") * 1000], "gzip", limit=100_000) == b"x" * 1000
    for coding, data in (("gzip", gzip.compress(b"") * 1001), ("gzip, gzip", gzip.compress(gzip.compress(b"") * 1001))):
        with pytest.raises(BodyUnreadable, match="more than 1,000 gzip members"):
            read([data], coding, limit=100_000)


@pytest.mark.parametrize(("coding", "encode"), [("", bytes), ("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_the_limit_counts_what_is_decompressed(coding: str, encode: type) -> None:
    assert len(read([encode(b"x" * 10_000)], coding)) == 10_000
    with pytest.raises(BodyTooLarge):
        read([encode(b"x" * 10_001)], coding)


def test_the_limit_counts_what_comes_too() -> None:
    """Empty gzip members decompress to nothing, for ever."""
    with pytest.raises(BodyTooLarge):
        read([gzip.compress(b"")] * 10_000, "gzip", limit=1000)


def test_a_bomb_within_a_bomb_stops_at_the_inner_one() -> None:
    with pytest.raises(BodyTooLarge):
        read([gzip.compress(gzip.compress(b"\0" * 50_000_000))], "gzip, gzip")


def cpu_of(data: bytes, *codings: str) -> float:
    began = time.process_time()
    with contextlib.suppress(BodyTooLarge, BodyUnreadable):
        read([data], *codings, limit=2**25)
    return time.process_time() - began


@pytest.mark.parametrize(
    ("codings", "make"),
    [
        (("gzip, gzip",), lambda size: gzip.compress(gzip.compress(b"") * (size // 20))),
        (("gzip",), lambda size: gzip.compress(b"x") * (size // 21)),
        (("gzip, gzip",), lambda size: gzip.compress(gzip.compress(b"\0" * size * 8))),
        (("deflate, gzip",), lambda size: gzip.compress(deflated(b"\0" * size * 8, -15))),
        (("gzip",), lambda size: ZIPPED + b"\x1f" * size),
    ],
)
def test_the_work_grows_with_the_bytes(codings: tuple[str, ...], make: Callable[[int], bytes]) -> None:
    """Quadratic work over 2 MB took minutes."""
    assert cpu_of(make(2_000_000), *codings) < 2


def test_the_event_loop_turns_while_a_large_body_is_decompressed() -> None:
    async def main() -> tuple[float, int]:
        async def chunks() -> AsyncIterator[bytes]:
            yield data

        longest = turns = 0.0
        done = asyncio.create_task(read_body(chunks(), ("gzip, gzip",), 2**26))
        while not done.done():
            began = time.thread_time()
            await asyncio.sleep(0)
            longest, turns = max(longest, time.thread_time() - began), turns + 1
        assert len(await done) == 60_000_000
        return longest, int(turns)

    data = gzip.compress(gzip.compress(b"\0" * 60_000_000))
    longest, turns = asyncio.run(main())
    assert turns > 5
    assert longest < 0.1


def endless(_: Asked) -> Iterable[bytes]:
    """1 GB, in chunks."""
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    piece = b"x" * 2**20
    for _n in range(1024):
        yield b"%x\r\n%b\r\n" % (len(piece), piece)


def declared(_: Asked) -> Iterable[bytes]:
    """1 GB, announced."""
    yield b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % 2**30
    for _n in range(1024):
        yield b"x" * 2**20


@pytest.mark.parametrize("length", ["9" * 5000, "0" * 5000 + "10001", "10001"])
def test_a_length_of_any_digits_is_compared(length: str) -> None:
    with pytest.raises(BodyTooLarge):
        check_length(Headers([("Content-Length", length)]), 10_000)


@pytest.mark.parametrize("length", ["", "x", "-1", "0", "00010000", "\u0663" * 9])
def test_a_length_that_is_none_or_small_passes(length: str) -> None:
    check_length(Headers([("Content-Length", length)]), 10_000)


def bomb(_: Asked) -> Said:
    """100 MB in 100 KB."""
    engine = zlib.compressobj(wbits=31)
    data = b"".join(engine.compress(b"\0" * 2**20) for _ in range(100)) + engine.flush()
    return ok(data, "Content-Encoding: gzip")


@pytest.mark.parametrize("say", [endless, declared, bomb])
def test_a_gigabyte_costs_no_memory(serve: Serve, fetch: Fetch, say: object) -> None:
    server = serve(say)
    tracemalloc.start()
    try:
        with pytest.raises(CollectionError, match="is larger than the limit of 4 MiB: ask for less") as caught:
            fetch(request_to(server), limits=AnswerLimits(body=4 * 2**20))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert caught.value.code is Code.FAIL
    assert server.place in str(caught.value)
    assert peak < 20 * 2**20


def test_the_next_request_is_not_harmed_by_an_answer_left_half_read(serve: Serve) -> None:
    from openai_monitor.collect.transport import Session, Transport, TransportSettings

    server = serve(lambda asked: endless(asked) if asked.target == "/big" else ok(b"small"))

    async def both() -> bytes:
        async with Transport(TransportSettings(limits=AnswerLimits(body=1000))) as transport:
            with pytest.raises(CollectionError):
                await transport.send(request_to(server, "/big"), Session())
            return (await transport.send(request_to(server), Session())).body

    assert asyncio.run(both()) == b"small"


def test_a_gzip_answer_over_the_wire(serve: Serve, fetch: Fetch) -> None:
    assert fetch(request_to(serve(ok(ZIPPED, "Content-Encoding: gzip")))).body == TEXT


def test_a_body_that_is_not_what_it_claims_fails(serve: Serve, fetch: Fetch) -> None:
    with pytest.raises(CollectionError, match="can't be decompressed: it is not gzip data") as caught:
        fetch(request_to(serve(ok(TEXT, "Content-Encoding: gzip"))))
    assert caught.value.code is Code.FAIL
