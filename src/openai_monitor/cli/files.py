"""Files that --output names."""

import os
import stat
import sys
import tempfile
from contextlib import suppress
from pathlib import Path

from openai_monitor import system
from openai_monitor.errors import SettingsError


def save(path: Path, data: bytes, *, private: bool = False) -> None:
    """Write a file so that nobody reads half of it; what is no plain file is written as it is.

    It keeps the mode it had; a private one is closed to all but its owner. Raises SettingsError when it can't be
    written.
    """
    try:
        if str(path) == "-":
            sys.stdout.buffer.write(data)
        elif path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data, private=private)
    except OSError as error:
        raise SettingsError(f"--output {path}: {system.words(error)}") from None


def check_place(path: Path) -> None:
    """Raise SettingsError when no file can be written there, before anything is asked."""
    if path.is_dir():
        raise SettingsError(f"--output {path} is a folder: name a file in it")
    if str(path) != "-" and not path.parent.is_dir():
        raise SettingsError(f"--output {path}: there is no folder {path.parent}, make it first")


def _replace(target: Path, data: bytes, *, private: bool) -> None:
    # Of a name that nobody can foresee, so that no link waits there.
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".tmp", dir=target.parent)
    draft = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        mode = stat.S_IMODE(target.stat().st_mode) if target.exists() else 0o666 & ~_umask()
        with suppress(OSError):  # of a file system without modes, such as FAT
            draft.chmod(mode & 0o700 if private else mode)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


def _umask() -> int:
    """What new files are not, which is told only by changing it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def check_folder(path: Path) -> None:
    """Raise SettingsError when something that is no folder has this name."""
    if path.exists() and not path.is_dir():
        raise SettingsError(f"--output {path}: several metric sets as csv need a folder, and this is none")


def make_folder(path: Path) -> None:
    """Make a folder and those above it where they are missing.

    Raises SettingsError when that is impossible.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SettingsError(f"--output {path}: {system.words(error)}") from None
