"""Where the history file is, and that only its owner can read it."""

import os
import stat
import sys
from collections.abc import Mapping
from pathlib import Path

from openai_monitor.owned import PRIVATE, is_open_to_others, is_ours, refuse_others
from openai_monitor.service.history.schema import HistoryError, is_of_another_program

FILE_NAME = "history.sqlite"
COMPANIONS = ("-wal", "-shm")
"""What SQLite puts beside the file while it is in use."""

_PRIVATE_FOLDER = 0o700


def default_path(environ: Mapping[str, str] = os.environ, platform: str = sys.platform) -> Path:
    r"""Find where the history is unless someone says otherwise: in the folder for state of this system.

    ``$STATE_DIRECTORY`` (systemd's StateDirectory=) wins; then ``$XDG_STATE_HOME/openai-monitor``, by default
    ``~/.local/state/openai-monitor``; on macOS ``~/Library/Application Support/openai-monitor`` and on Windows
    ``%LOCALAPPDATA%\openai-monitor``.
    """
    if given := environ.get("STATE_DIRECTORY", "").split(":")[0]:
        return Path(given) / FILE_NAME
    return _state_home(environ, platform) / "openai-monitor" / FILE_NAME


def _state_home(environ: Mapping[str, str], platform: str) -> Path:
    if platform == "win32":
        return Path(environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    xdg = environ.get("XDG_STATE_HOME", "")
    if Path(xdg).is_absolute():  # the XDG rules: a relative path is no path
        return Path(xdg)
    return Path.home() / ("Library/Application Support" if platform == "darwin" else ".local/state")


def make_private(path: Path) -> None:
    """Make the file with its folder where they are missing, and close the file to everyone but its owner.

    SQLite gives the files beside it the same mode. Raises OSError when the place can't be used, and HistoryError for a
    link, which is not followed. What is another user's or another program's keeps its mode.
    """
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    for each in (path, *companions(path)):
        if each.is_symlink():
            raise HistoryError(f"{each} is a link, and those are not followed: give history.path the file it leads to")
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, PRIVATE))
    except FileExistsError:
        # Never opened here: closing it would drop the locks that SQLite holds on it in this process.
        _close_to_others(path)


def _close_to_others(path: Path) -> None:
    loose = [each for each in (path, *companions(path)) if each.exists() and _is_loose(each.lstat())]
    if loose and not is_of_another_program(path):
        for each in loose:
            each.chmod(PRIVATE)


def _is_loose(found: os.stat_result) -> bool:
    return stat.S_ISREG(found.st_mode) and is_open_to_others(found) and is_ours(found)


def companions(path: Path) -> list[Path]:
    """List the files that SQLite puts beside this one."""
    return [path.with_name(path.name + ending) for ending in COMPANIONS]


def set_aside(path: Path, stamp: str) -> Path:
    """Rename a file that can't be used, with what SQLite put beside it; nothing is deleted. Gives the new name.

    Raises OSError, also for what is a link or another user's.
    """
    for each in (path, *companions(path)):
        refuse_others(each)
    aside = next(each for each in _names(path, stamp) if not each.exists())
    for old, new in zip((path, *companions(path)), (aside, *companions(aside)), strict=True):
        if old.exists():
            old.rename(new)
    return aside


def _names(path: Path, stamp: str) -> list[Path]:
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    return [path.with_name(f"{path.name}.corrupt-{stamp}{number}") for number in numbers]
