"""Saved answers that a person names."""

import sys
from pathlib import Path

from openai_monitor.authoring.saved import LARGEST, read_saved
from openai_monitor.errors import SettingsError


def read_answer(name: str) -> bytes:
    """The bytes of a file, or of standard input for ``-``. Raises SettingsError when they can't be read."""
    if name != "-":
        return read_saved(Path(name))
    if sys.stdin is None:
        raise SettingsError("there is no standard input to read an answer from")
    data = sys.stdin.buffer.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise SettingsError(f"the answer is larger than {LARGEST // 2**20} MiB, which no collection takes")
    return data
