"""A file that only grows, and is put aside when it is large."""

import os
from contextlib import suppress
from pathlib import Path

from openai_monitor.owned import open_own, refuse_others


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

    def append(self, data: bytes, head: bytes = b"") -> None:
        """Write the data at the end, behind ``head`` in a new file: all of it or, when the disk is full, nothing.

        Raises OSError.
        """
        size = self._size()
        if size and (size + len(data) > self._most or not self._ends_well()):
            self.rotate()
            size = 0
        handle = open_own(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            _write_all(handle, data if size else head + data)
        except OSError:
            with suppress(OSError):
                os.ftruncate(handle, size)
            raise
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
