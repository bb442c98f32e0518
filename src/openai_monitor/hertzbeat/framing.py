"""Messages as bytes of a connection: one endless gzip stream each way, frames inside it.

A frame is the length of a message, as a protobuf varint, and the message. After each message the stream is flushed,
so that the other side can read it at once. Both sides keep their compressor for the life of the connection.
"""

import zlib
from collections.abc import Iterator

from openai_monitor.hertzbeat.errors import ProtocolError

LARGEST_FRAME = 4 * 2**20
"""Bytes of one message; the largest job known has 20,000. The protocol itself has no limit, but reading keeps
the event loop busy."""

_GZIP = 31
_LEVEL = 6
_PIECE = 2**18
_LONGEST_VARINT = 5


class FrameWriter:
    """The sending side of one connection."""

    def __init__(self) -> None:
        self._gzip = zlib.compressobj(_LEVEL, zlib.DEFLATED, _GZIP)

    def write(self, message: bytes) -> bytes:
        """The bytes to send for a message; they follow those of the message before."""
        return self._gzip.compress(frame(message)) + self._gzip.flush(zlib.Z_SYNC_FLUSH)


class FrameReader:
    """The receiving side of one connection; bytes come in pieces of any size."""

    def __init__(self, largest: int = LARGEST_FRAME) -> None:
        self._gzip = zlib.decompressobj(_GZIP)
        self._largest = largest
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """The messages that these bytes complete. Raises ProtocolError for bytes that are not the protocol."""
        for piece in self._unpacked(data):
            self._buffer += piece
            yield from self._frames()

    def _unpacked(self, data: bytes) -> Iterator[bytes]:
        """The bytes decompressed, in pieces: a few bytes may unfold to gigabytes."""
        try:
            while data:
                piece = self._gzip.decompress(data, _PIECE)
                data = self._gzip.unconsumed_tail
                if self._gzip.eof:  # a stream that ended may be followed by another
                    data = self._gzip.unused_data
                    self._gzip = zlib.decompressobj(_GZIP)
                yield piece
        except zlib.error:
            raise ProtocolError(
                "what came is no gzip stream: is this the cluster port of a HertzBeat manager?"
            ) from None

    def _frames(self) -> Iterator[bytes]:
        start = 0
        view = self._buffer
        while (head := _read_varint(view, start)) is not None:
            length, body = head
            if length > self._largest:
                raise ProtocolError(f"a message of {length:,} bytes was announced; the most is {self._largest:,}")
            if body + length > len(view):
                break
            yield bytes(view[body : body + length])
            start = body + length
        del view[:start]


def frame(message: bytes) -> bytes:
    """A message with its length in front."""
    return varint(len(message)) + message


def varint(number: int) -> bytes:
    """A non-negative number as protobuf's varint."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def _read_varint(data: bytearray, at: int) -> tuple[int, int] | None:
    """(number, offset behind it); None when more bytes are needed."""
    number = 0
    for index, byte in enumerate(data[at : at + _LONGEST_VARINT]):
        number |= (byte & 0x7F) << 7 * index
        if byte < 0x80:
            return number, at + index + 1
    if len(data) - at >= _LONGEST_VARINT:
        raise ProtocolError("what came is no message of a HertzBeat manager: its length has no end")
    return None
