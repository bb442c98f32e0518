"""Files that this program writes for itself, and what it leaves alone.

A file of ours is opened without following a link and closed to others. What is a link or another user's is not given
another mode or name: whoever made it so has a reason, or means harm.
"""

import errno
import logging
import os
import stat
from contextlib import suppress
from pathlib import Path

PRIVATE = 0o600
"""The mode of a file that holds rows or keys: for its owner only."""

_OTHERS = 0o077

_log = logging.getLogger(__name__)


def open_own(path: Path, flags: int) -> int:
    """Open a file, made for its owner only where it is missing, and close one of ours to others. Gives the descriptor.

    A pipe or a device is opened as it is. Raises OSError, also for a link to a file.
    """
    if _is_special(path):
        return os.open(path, flags | getattr(os, "O_CLOEXEC", 0))
    refuse_link(path)  # Windows knows no O_NOFOLLOW
    try:
        handle = os.open(path, flags | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_NOFOLLOW", 0), PRIVATE)
    except OSError as error:
        if error.errno == errno.ELOOP:
            refuse_link(path)
        raise
    found = os.fstat(handle)
    if stat.S_ISREG(found.st_mode) and is_open_to_others(found) and is_ours(found):
        mode = stat.S_IMODE(found.st_mode)
        with suppress(OSError):  # of a file system without modes, such as FAT
            os.fchmod(handle, mode & ~_OTHERS)
        if not is_open_to_others(os.fstat(handle)):
            _log.warning("%s was open to other users (mode %04o): now it is its owner's alone", path, mode)
    return handle


def refuse_link(path: Path) -> None:
    """Raise OSError where the path is a symbolic link."""
    if path.is_symlink():
        raise OSError(errno.ELOOP, "it is a link, and links are not followed: give the path it leads to", str(path))


def refuse_others(path: Path) -> None:
    """Raise OSError where the path is a link or another user's file; it may be missing."""
    refuse_link(path)
    try:
        found = path.lstat()
    except FileNotFoundError:
        return
    if not is_ours(found):
        raise OSError(errno.EPERM, "it belongs to another user, so it is not renamed: rename or remove it", str(path))


def is_ours(found: os.stat_result) -> bool:
    """Tell whether this user owns the file; to root all are."""
    return not hasattr(os, "geteuid") or os.geteuid() in (0, found.st_uid)


def is_open_to_others(found: os.stat_result) -> bool:
    """Tell whether anyone but the owner may do something with the file, as far as modes tell."""
    return os.name == "posix" and bool(found.st_mode & _OTHERS)


def exposure(path: Path, what: str) -> str:
    """A sentence where others can read a file that holds a secret; empty where they can't, or it can't be told.

    A group that may read it is no others where root owns the file, as it does secrets that Docker and Kubernetes bring.
    """
    try:
        found = path.stat()
    except OSError:
        return ""
    others = 0o004 if found.st_uid == 0 else 0o044
    if os.name != "posix" or not stat.S_ISREG(found.st_mode) or not found.st_mode & others:
        return ""
    mode = stat.S_IMODE(found.st_mode)
    return f"{what} {path} can be read by other users (mode {mode:04o}): chmod 600 it"


def _is_special(path: Path) -> bool:
    try:
        return not stat.S_ISREG(path.stat().st_mode)
    except OSError:
        return False
