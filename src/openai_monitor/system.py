"""What the system refuses, in its own words, and what to do about it."""

import errno
from collections.abc import Mapping

_MEMORY = "ask for less, or give this process more"

_ADVICE: Mapping[int, str] = {
    errno.EMFILE: "raise the limit of this process (ulimit -n, LimitNOFILE= of systemd)",
    errno.ENFILE: "end what holds files open on this machine, or raise fs.file-max",
    errno.EROFS: "choose another place, or mount it for writing",
    errno.ENOSPC: "make room on the disk",
    errno.EDQUOT: "make room on the disk, or have the quota raised",
    errno.ENOMEM: _MEMORY,
    errno.ENOBUFS: "end some connections, or try again later",
}
"""By errors that are about this machine, whatever was being done; all others are best told by who met them."""


def shortage(error: BaseException) -> str:
    """Say what this machine lacks and what to do; empty when that is not what the error is about."""
    if isinstance(error, MemoryError):
        return f"Not enough memory: {_MEMORY}"
    if isinstance(error, OSError) and (advice := _ADVICE.get(error.errno or 0)):
        return f"{error.strerror}: {advice}"
    return ""


def words(error: OSError | MemoryError) -> str:
    """What the system says, with advice where it is about this machine."""
    return shortage(error) or getattr(error, "strerror", None) or type(error).__name__
