"""What a failing history file means, in words, and what to do about it."""

import sqlite3
from pathlib import Path

from openai_monitor import system
from openai_monitor.service.history.schema import HistoryError

_LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
_CORRUPT = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_REFUSED = (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_AUTH)

_OF_VALUES = (
    sqlite3.DataError,
    sqlite3.IntegrityError,
    sqlite3.InterfaceError,
    sqlite3.NotSupportedError,
    sqlite3.ProgrammingError,
)
OF_THE_FILE = (sqlite3.Error, OSError, HistoryError)
"""What ``is_of_the_file`` may be true of."""


def is_of_the_file(error: Exception) -> bool:
    """Tell whether an error may be over when it is tried again: it is none of the values that were written."""
    return isinstance(error, OF_THE_FILE) and not isinstance(error, _OF_VALUES)


def is_corrupt(error: Exception) -> bool:
    """Tell whether the file is no database, or one that is damaged."""
    return _code(error) in _CORRUPT


def fault_of(error: Exception, path: Path) -> str:
    """Say what is wrong with the file and what to do."""
    code = _code(error)
    if isinstance(error, HistoryError):
        return str(error)
    if code == sqlite3.SQLITE_FULL:
        return f"the disk of {path} is full: make room on it"
    if code in _LOCKED:
        return f"another program holds {path} locked: end it (a database browser, a backup)"
    if is_corrupt(error):
        return f"{path} is damaged and can't be set aside: rename or remove it"
    if code in _REFUSED:
        return f"{path} can't be written ({error}): this user must own it and its folder"
    if local := system.shortage(error):
        return f"{path} can't be written: {local}"
    if isinstance(error, OSError):
        return f"{path} can't be used ({error.strerror}): see to its folder and this user's rights"
    return f"{path} can't be written ({error}): see to its disk"


def _code(error: Exception) -> int | None:
    """Give the primary result code of SQLite; the extended ones hold it in their low byte."""
    code = getattr(error, "sqlite_errorcode", None)
    return code & 0xFF if isinstance(code, int) else None
