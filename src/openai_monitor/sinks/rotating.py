"""A file that only grows, and is put aside when it is large."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from openai_monitor.owned import open_own, refuse_others

_PIECE = 2**20
"""Bytes in memory before they are written."""


class RotatingFile:
    """Appends to a file; one that has grown over so many bytes becomes ``NAME.1``, that one ``NAME.2``, and so on.

    It is opened for each writing, so another program may move it away too. What ends in the middle of a line was cut
    off by a crash: it is put aside as it is, so that what follows can be read. Only its owner may read it, a link is
    not followed, and what another user owns is not renamed. Blocks: call it in a thread.
    """

    def __init__(self, path: Path, most_bytes: int, keep: int) -> None:
        self.path = path
        self._most = most_bytes
        self._keep = keep

    def append(self, records: Iterable[bytes], head: bytes = b"") -> None:
        """Write the records at the end, each whole. A file that is full is put aside; a new one begins with ``head``.

        Raises OSError; what was written to the present file is then taken back.
        """
        begin = self._size()
        if begin and not self._ends_well():
            self.rotate()
            begin = 0
        size, piece = begin, bytearray()
        try:
            for record in records:
                if size and size + len(record) > self._most:
                    self._write(piece)
                    self.rotate()
                    begin = size = 0
                written = record if size else head + record
                piece += written
                size += len(written)
                if len(piece) >= _PIECE:
                    self._write(piece)
            self._write(piece)
        except OSError:
            with suppress(OSError):
                self._cut(begin)
            raise

    def _write(self, piece: bytearray) -> None:
        if not piece:
            return
        handle = open_own(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            _write_all(handle, bytes(piece))
        finally:
            os.close(handle)
        piece.clear()

    def _cut(self, size: int) -> None:
        handle = open_own(self.path, os.O_WRONLY)
        try:
            os.ftruncate(handle, size)
        finally:
            os.close(handle)

    def rotate(self) -> None:
        """Put the file aside; with none to keep, delete it. Raises OSError."""
        several = [self.path, *map(self._aside, range(1, self._keep + 1))]
        for each in several:
            refuse_others(each)
        for newer, older in zip(reversed(several[1:]), reversed(several[:-1]), strict=True):
            with suppress(FileNotFoundError):
                older.replace(newer)
        if not self._keep:
            self.path.unlink(missing_ok=True)

    def first_line(self) -> bytes:
        """Read the first line; empty for a file that is missing. Raises OSError."""
        try:
            with self.path.open("rb") as file:
                return file.readline(2**20)
        except FileNotFoundError:
            return b""

    def _aside(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _size(self) -> int:
        try:
            return self.path.stat().st_size
        except FileNotFoundError:
            return 0

    def _ends_well(self) -> bool:
        with self.path.open("rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


def _write_all(handle: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(handle, rest) :]
