"""A body as it comes, decompressed under a limit, so that neither 1 GB nor a bomb of 1 MB costs more."""

import zlib
from collections.abc import AsyncIterable, Iterable, Iterator, Sequence

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.time_slice import TimeSlice
from openai_monitor.collect.transport.failures import BodyTooLarge, BodyUnreadable

ACCEPT_ENCODING = "gzip, deflate"
"""Only what can be decompressed step by step, and stopped."""

_MOST_CODINGS = 2
_MOST_MEMBERS = 1_000
"""Gzip members of one body; each costs an inflater of its own, however little it holds."""

_PIECE = 2**16
_LONGEST_NUMBER = 18
_GZIP, _ZLIB, _RAW = 31, 15, -15
"""Window bits, which choose zlib's format."""


class Body:
    """A body that comes piece by piece; ``codings`` are the values of Content-Encoding.

    An unknown coding is left as it is: HertzBeat reads such bodies too, and many are not compressed at all. The work
    grows with the bytes that come and are made, and with nothing else.
    """

    def __init__(self, codings: Sequence[str], limit: int) -> None:
        self._stages = _stages(codings, limit) if codings else ()
        self._limit = limit
        self._parts: list[bytes] = []
        self._came = self._made = 0

    async def feed(self, piece: bytes, time_slice: TimeSlice) -> None:
        """Take a piece. Raises BodyTooLarge past the limit, before or after decompression; BodyUnreadable."""
        self._came += len(piece)
        if self._came > self._limit:
            raise BodyTooLarge(self._limit)
        if not self._stages:
            self._parts.append(piece)
            return
        for made in _decoded(piece, self._stages):
            self._made += len(made)
            if self._made > self._limit:
                raise BodyTooLarge(self._limit)
            self._parts.append(made)
            await time_slice.give_way()

    def finish(self) -> bytes:
        """Give the whole. Raises BodyUnreadable when it ends too early."""
        if self._came:
            for stage in self._stages:
                stage.finish()
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


async def read_body(chunks: AsyncIterable[bytes], codings: Sequence[str], limit: int) -> bytes:
    """Read to the end; raises as ``Body`` does."""
    body, time_slice = Body(codings, limit), TimeSlice()
    async for chunk in chunks:
        await body.feed(chunk, time_slice)
        await time_slice.give_way()
    return body.finish()


def _decoded(data: bytes, stages: Sequence["_Inflater"]) -> Iterator[bytes]:
    """What the stages make of the data, one behind the other; a step that makes nothing gives an empty piece."""
    pieces: Iterator[bytes] = iter((data,))
    for stage in stages:
        pieces = _through(stage, pieces)
    return pieces


def _through(stage: "_Inflater", pieces: Iterator[bytes]) -> Iterator[bytes]:
    for piece in pieces:
        yield from stage.feed(piece)


def check_length(headers: Headers, limit: int) -> None:
    """Raise BodyTooLarge when the answer announces more than the limit."""
    declared = (headers.get("content-length") or "").lstrip("0")
    if declared.isascii() and declared.isdecimal() and (len(declared) > _LONGEST_NUMBER or int(declared) > limit):
        raise BodyTooLarge(limit)


def _stages(codings: Iterable[str], limit: int) -> Sequence["_Inflater"]:
    kinds = {"gzip": _Gzip, "x-gzip": _Gzip, "deflate": _Deflate}
    names = [name.strip().lower() for value in codings for name in value.split(",")]
    known = [name for name in names if name in kinds]
    if len(known) > _MOST_CODINGS:
        raise BodyUnreadable(f"it is encoded {len(known)} times")
    return [kinds[name](limit) for name in reversed(known)]


class _Inflater:
    """One coding undone; makes at most one byte more than the limit, so that the excess is seen."""

    name = ""

    def __init__(self, limit: int, bits: int) -> None:
        self._limit = limit
        self._room = limit + 1
        self._engine = zlib.decompressobj(bits)

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Give what the data unfolds to, in pieces of a bounded size."""
        raise NotImplementedError

    def finish(self) -> None:
        if not self._engine.eof:
            raise BodyUnreadable(f"its {self.name} data ends too early")

    def _inflate(self, data: bytes) -> Iterator[bytes]:
        """Inflate to the end of the data, or of what the engine takes."""
        while True:
            try:
                made = self._engine.decompress(data, min(self._room, _PIECE))
            except zlib.error:
                raise BodyUnreadable(f"it is not {self.name} data, though its Content-Encoding says so") from None
            self._room -= len(made)
            if self._room <= 0:
                raise BodyTooLarge(self._limit)
            yield made
            data = self._engine.unconsumed_tail
            if not data and len(made) < _PIECE:
                return


class _Gzip(_Inflater):
    """One gzip member or several; what follows and is not one is ignored, as gzip itself does."""

    name = "gzip"

    def __init__(self, limit: int) -> None:
        super().__init__(limit, _GZIP)
        self._members = 1
        self._tail = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        while data:
            if self._engine.eof:
                data = self._tail + data
                if not data.startswith(b"\x1f\x8b"):
                    self._tail = data[:1] if data == b"\x1f" else b"\0"
                    return
                self._members += 1
                if self._members > _MOST_MEMBERS:
                    raise BodyUnreadable(f"it has more than {_MOST_MEMBERS:,} gzip members")
                self._engine, self._tail = zlib.decompressobj(_GZIP), b""
            yield from self._inflate(data)
            data = self._engine.unused_data


class _Deflate(_Inflater):
    """Deflate with zlib's header, as the standard says, or without, as many servers send it."""

    name = "deflate"

    def __init__(self, limit: int) -> None:
        super().__init__(limit, _ZLIB)
        self._first: bytes | None = b""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if self._first is not None:
            data = self._first + data
            if len(data) < 2:
                self._first = data
                return
            self._first = None
            if data[0] & 0x0F != 8 or int.from_bytes(data[:2]) % 31:
                self._engine = zlib.decompressobj(_RAW)
        if not self._engine.eof:
            yield from self._inflate(data)
