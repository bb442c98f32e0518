import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.hertzbeat_cluster import samples

from openai_monitor.hertzbeat.errors import ProtocolError
from openai_monitor.hertzbeat.framing import FrameReader, FrameWriter, frame, varint


def zipped(data: bytes) -> bytes:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    return packer.compress(data) + packer.flush(zlib.Z_SYNC_FLUSH)


def read(data: bytes, step: int | None = None) -> list[bytes]:
    reader = FrameReader()
    step = step or len(data)
    return [message for at in range(0, len(data), step) for message in reader.feed(data[at : at + step])]


@samples.recorded
@pytest.mark.parametrize("numbers", [(1, 3, 4), (2, 5)], ids=["collector", "manager"])
@pytest.mark.parametrize("step", [None, 1, 7])
def test_the_recorded_bytes_of_a_connection_are_read_however_they_are_cut(
    numbers: tuple[int, ...], step: int | None
) -> None:
    recorded = b"".join(bytes.fromhex(samples.sample(number)["tcp_bytes_hex"]) for number in numbers)
    assert [frame(message) for message in read(recorded, step)] == [samples.frame(number) for number in numbers]


@given(st.lists(st.binary(max_size=400), max_size=8), st.integers(1, 50))
def test_what_is_written_is_read(written: list[bytes], step: int) -> None:
    writer = FrameWriter()
    assert read(b"".join(map(writer.write, written)) or b"\x1f", step) == written


def test_each_message_can_be_read_as_soon_as_it_was_sent() -> None:
    writer, reader = FrameWriter(), FrameReader()
    for message in (b"one", b"", b"x" * 100_000):
        data = writer.write(message)
        assert data.endswith(b"\x00\x00\xff\xff")
        assert list(reader.feed(data)) == [message]


def test_a_stream_that_ended_may_be_followed_by_another() -> None:
    packer = zlib.compressobj(6, zlib.DEFLATED, 31)
    finished = packer.compress(b"\x01a\x02b") + packer.flush()
    assert read(finished + zipped(b"c\x01d")) == [b"a", b"bc", b"d"]


@pytest.mark.parametrize(
    "data", [b"HTTP/1.1 400 Bad Request\r\n", b"\x1f\x8b\x08" + b"\xff" * 40, zipped(b"")[:10] + b"\xff\xff\xff"]
)
def test_other_bytes_are_told_from_the_protocol(data: bytes) -> None:
    with pytest.raises(ProtocolError, match="cluster port"):
        read(data)


def test_a_length_without_end_is_no_message() -> None:
    with pytest.raises(ProtocolError, match="has no end"):
        read(zipped(b"\xff" * 6))


def test_a_message_may_not_be_larger_than_the_bound() -> None:
    reader = FrameReader(largest=1000)
    with pytest.raises(ProtocolError, match="1,001 bytes"):
        list(reader.feed(zipped(varint(1001))))


def test_a_bomb_is_refused_before_it_has_unfolded() -> None:
    bomb = zipped(bytes(2**26))  # a few KB; zeros are empty frames
    reader = FrameReader()
    for count, _ in enumerate(reader.feed(bomb)):
        assert len(reader._buffer) < 2**20
        if count > 100_000:
            break
