"""Paths as people write them. ``pathlib`` raises for a few of them that it could as well say something of."""

import os
from pathlib import Path


def expanded(path: str | Path) -> Path:
    """The path with ``~`` as the home folder; as it is where nobody knows the user of ``~user``."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises RuntimeError for an unknown user


def is_folder(path: Path) -> bool:
    """Tell whether it is a folder, as far as can be told."""
    return os.path.isdir(path)  # noqa: PTH112 - pathlib's raises for names that are too long or may not be looked up


def is_missing(path: Path) -> bool:
    """Tell whether surely nothing is there. What is only out of reach is not missing: reading it says why."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a NUL
        return True
    except OSError:
        return False
    return False
