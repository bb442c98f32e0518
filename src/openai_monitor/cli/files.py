"""Files that --output names."""

import os
import shutil
import sys
from pathlib import Path

from openai_monitor.errors import SettingsError


def save(path: Path, data: bytes) -> None:
    """Write a file so that nobody reads half of it; what is no plain file is written as it is.

    Raises SettingsError when it can't be written.
    """
    try:
        if str(path) == "-":
            sys.stdout.buffer.write(data)
        elif path.exists() and not path.is_file():
            path.write_bytes(data)
        else:
            _replace(path.resolve(), data)
    except OSError as error:
        raise SettingsError(f"--output {path}: {error.strerror}") from None


def check_place(path: Path) -> None:
    """Raise SettingsError when no file can be written there, before anything is asked."""
    if path.is_dir():
        raise SettingsError(f"--output {path} is a folder: name a file in it")
    if str(path) != "-" and not path.parent.is_dir():
        raise SettingsError(f"--output {path}: there is no folder {path.parent}, make it first")


def _replace(target: Path, data: bytes) -> None:
    draft = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    try:
        draft.write_bytes(data)
        if target.exists():
            shutil.copymode(target, draft)
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)


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
        raise SettingsError(f"--output {path}: {error.strerror}") from None
