"""Where the history file is, and that only its owner can read it."""

import os
import sys
from collections.abc import Mapping
from pathlib import Path

FILE_NAME = "history.sqlite"
COMPANIONS = ("-wal", "-shm")
"""What SQLite puts beside the file while it is in use."""

_PRIVATE_FILE = 0o600
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

    SQLite gives the files beside it the same mode. Raises OSError when the place can't be used.
    """
    path.parent.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _PRIVATE_FILE))
    except FileExistsError:
        # Never opened here: closing it would drop the locks that SQLite holds on it in this process.
        _close_to_others(path)


def _close_to_others(path: Path) -> None:
    if os.name != "posix":
        return
    for each in (path, *companions(path)):
        if each.exists() and each.stat().st_mode & 0o077:
            each.chmod(_PRIVATE_FILE)


def companions(path: Path) -> list[Path]:
    """List the files that SQLite puts beside this one."""
    return [path.with_name(path.name + ending) for ending in COMPANIONS]


def set_aside(path: Path, stamp: str) -> Path:
    """Rename a file that can't be used, with what SQLite put beside it; nothing is deleted. Gives the new name."""
    aside = next(each for each in _names(path, stamp) if not each.exists())
    for old, new in zip((path, *companions(path)), (aside, *companions(aside)), strict=True):
        if old.exists():
            old.rename(new)
    return aside


def _names(path: Path, stamp: str) -> list[Path]:
    numbers = ("", *(f"-{number}" for number in range(2, 1000)))
    return [path.with_name(f"{path.name}.corrupt-{stamp}{number}") for number in numbers]
