"""Answers that were saved to files."""

from pathlib import Path

from openai_monitor import system
from openai_monitor.errors import SettingsError

LARGEST = 32 * 2**20
"""Bytes; a collection takes no larger body either."""


def read_saved(path: Path) -> bytes:
    """The bytes of a saved body. Raises SettingsError when it can't be read or is too large."""
    try:
        with path.open("rb") as stream:
            data = stream.read(LARGEST + 1)
    except OSError as error:
        raise SettingsError(f"the answer {path} can't be read: {system.words(error)}") from None
    if len(data) > LARGEST:
        raise SettingsError(f"the answer {path} is larger than {LARGEST // 2**20} MiB, which no collection takes")
    return data
