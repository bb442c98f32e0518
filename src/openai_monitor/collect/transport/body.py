"""A body as it comes, decompressed under a limit, so that neither 1 GB nor a bomb of 1 MB costs more."""

import zlib
from collections.abc import AsyncIterable, Iterable, Sequence

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.transport.failures import BodyTooLarge, BodyUnreadable

ACCEPT_ENCODING = "gzip, deflate"
"""Only what can be decompressed step by step, and stopped."""

_MOST_CODINGS = 5
_GZIP, _ZLIB, _RAW = 31, 15, -15
"""Window bits, which choose zlib's format."""


class Body:
    """A body that comes piece by piece; ``codings`` are the values of Content-Encoding.

    An unknown coding is left as it is: HertzBeat reads such bodies too, and many are not compressed at all.
    """

    def __init__(self, codings: Sequence[str], limit: int) -> None:
        self._stages = _stages(codings, limit) if codings else ()
        self._limit = limit
        self._parts: list[bytes] = []
        self._came = self._made = 0

    def feed(self, piece: bytes) -> None:
        """Take a piece. Raises BodyTooLarge past the limit, before or after decompression; BodyUnreadable."""
        self._came += len(piece)
        for stage in self._stages:
            piece = stage.feed(piece)
        self._made += len(piece)
        if self._came > self._limit or self._made > self._limit:
            raise BodyTooLarge(self._limit)
        self._parts.append(piece)

    def finish(self) -> bytes:
        """Give the whole. Raises BodyUnreadable when it ends too early."""
        if self._came:
            for stage in self._stages:
                stage.finish()
        return self._parts[0] if len(self._parts) == 1 else b"".join(self._parts)


async def read_body(chunks: AsyncIterable[bytes], codings: Sequence[str], limit: int) -> bytes:
    """Read to the end; raises as ``Body`` does."""
    body = Body(codings, limit)
    async for chunk in chunks:
        body.feed(chunk)
    return body.finish()


def check_length(headers: Headers, limit: int) -> None:
    """Raise BodyTooLarge when the answer announces more than the limit."""
    declared = headers.get("content-length") or ""
    if declared.isdecimal() and int(declared) > limit:
        raise BodyTooLarge(limit)


def _stages(codings: Iterable[str], limit: int) -> Sequence["_Inflater"]:
    names = [name.strip().lower() for value in codings for name in value.split(",")]
    if len(names) > _MOST_CODINGS:
        raise BodyUnreadable(f"it is encoded {len(names)} times")
    kinds = {"gzip": _Gzip, "x-gzip": _Gzip, "deflate": _Deflate}
    return [kinds[name](limit) for name in reversed(names) if name in kinds]


class _Inflater:
    """One coding undone; makes at most one byte more than the limit, so that the excess is seen."""

    name = ""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._room = limit + 1
        self._engine = zlib.decompressobj(_ZLIB)

    def feed(self, data: bytes) -> bytes:
        raise NotImplementedError

    def finish(self) -> None:
        if not self._engine.eof:
            raise BodyUnreadable(f"its {self.name} data ends too early")

    def _inflate(self, data: bytes) -> bytes:
        try:
            made = self._engine.decompress(data, self._room)
        except zlib.error:
            raise BodyUnreadable(f"it is no {self.name} data, though its Content-Encoding says so") from None
        self._room -= len(made)
        if self._room <= 0:
            raise BodyTooLarge(self._limit)
        return made


class _Gzip(_Inflater):
    """One gzip member or several; what follows and is none is ignored, as gzip itself does."""

    name = "gzip"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._engine = zlib.decompressobj(_GZIP)
        self._tail = b""

    def feed(self, data: bytes) -> bytes:
        made = b""
        while data:
            if self._engine.eof:
                data = self._tail + data
                if not data.startswith(b"\x1f\x8b"):
                    self._tail = data[:1] if data == b"\x1f" else b"\0"
                    break
                self._engine, self._tail = zlib.decompressobj(_GZIP), b""
            made += self._inflate(data)
            data = self._engine.unused_data
        return made


class _Deflate(_Inflater):
    """Deflate with zlib's header, as the standard says, or without, as many servers send it."""

    name = "deflate"

    def __init__(self, limit: int) -> None:
        super().__init__(limit)
        self._first: bytes | None = b""

    def feed(self, data: bytes) -> bytes:
        if self._first is not None:
            data = self._first + data
            if len(data) < 2:
                self._first = data
                return b""
            self._first = None
            if data[0] & 0x0F != 8 or int.from_bytes(data[:2]) % 31:
                self._engine = zlib.decompressobj(_RAW)
        return b"" if self._engine.eof else self._inflate(data)
