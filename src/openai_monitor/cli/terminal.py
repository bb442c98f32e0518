"""The terminal: results to standard output, everything else to standard error, and no secret on either."""

import errno
import os
import re
import sys
from collections.abc import Iterable
from functools import lru_cache
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from openai_monitor.outputs import Style
    from openai_monitor.redact import Redactor

PROG = "openai-monitor"

_secrets: set[str] = set()
_names: set[str] = set()
_public: set[str] = set()

_LIKE_A_KEY = re.compile(r"\b(sess|sk)-[\w-]{10,}")  # but sk-ant-admin is only how keys begin


def start() -> None:
    """Forget the secrets of an earlier run in this process, and let no odd character end a run."""
    for texts in (_secrets, _names, _public):
        texts.clear()
    _redactor.cache_clear()
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="replace")


def hide(values: Iterable[str | None], names: Iterable[str] = (), public: Iterable[str | None] = ()) -> None:
    """Never show these values from now on, whatever asks for it; of ``names`` and ``public`` see Redactor."""
    _secrets.update(value for value in values if value)
    _names.update(names)
    _public.update(text for text in public if text)


def mask_keys(text: str) -> str:
    """Mask what looks like a key: a person may have pasted one where none belongs, and the text is shown."""
    return _LIKE_A_KEY.sub(r"\1-***", text)


def say(message: str) -> None:
    """Write one line to standard error."""
    _to_stderr([f"{PROG}: {message}"])


def say_lines(message: str) -> None:
    """Write a text of several lines to standard error."""
    _to_stderr(f"{PROG}: {message}".splitlines())


def write(text: str) -> None:
    """Write a text for people to standard output."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.write(text)
    except OSError as error:
        _lost(error)


def write_data(text: str) -> None:
    """Write a text for machines to standard output: UTF-8 and its own line ends, whatever the locale says.

    Where a person is at the other end, nothing in it commands the terminal.
    """
    if sys.stdout is None:
        return
    if is_terminal(sys.stdout):
        from openai_monitor.outputs.text import visible_lines  # noqa: PLC0415 - --help goes without

        text = visible_lines(text)
    binary = getattr(sys.stdout, "buffer", None)
    if binary is None:  # someone's own stream of text in the place of standard output
        sys.stdout.write(text)
        return
    try:
        sys.stdout.flush()
        binary.write(as_data(text))
    except OSError as error:
        _lost(error)


def as_data(text: str) -> bytes:
    """Encode as UTF-8; a lone surrogate, which that can't hold, is written as JSON would."""
    return text.encode("utf-8", "backslashreplace")


def flush() -> None:
    """See that what was written has left, while a failure can still be told."""
    if sys.stdout is None:
        return
    try:
        sys.stdout.flush()
    except OSError as error:
        _lost(error)


def is_terminal(stream: TextIO | None) -> bool:
    """Tell whether a person is at the other end."""
    return stream is not None and not stream.closed and stream.isatty()


def can_prompt() -> bool:
    """Tell whether a person can be asked something."""
    return is_terminal(sys.stdin)


def style() -> "Style":
    """Tell what a text on standard output may use: the terminal's width, and colours unless refused."""
    from openai_monitor.outputs import Style  # noqa: PLC0415 - --help goes without

    if not is_terminal(sys.stdout):
        return Style()
    return Style(width(), color=_has_colors())


def width() -> int:
    """Find the columns of the terminal; COLUMNS wins, as everywhere."""
    told = os.environ.get("COLUMNS", "")
    if told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(sys.__stdout__.fileno() if sys.__stdout__ else 1).columns or 80
    except (OSError, ValueError):
        return 80


def _has_colors() -> bool:
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    # An old Windows console shows escapes as they are; the newer ones say who they are.
    return os.name != "nt" or bool(os.environ.get("WT_SESSION") or os.environ.get("TERM"))


def _to_stderr(lines: Iterable[str]) -> None:
    from openai_monitor.outputs.text import visible  # noqa: PLC0415 - --help goes without

    if sys.stderr is None:
        return
    try:
        for line in lines:
            sys.stderr.write(visible(clean(line)) + "\n")
        sys.stderr.flush()
    except OSError:
        return  # nobody listens


def clean(text: str) -> str:
    """Mask every secret of this run, and what looks like one."""
    if not _secrets and not _names:
        return mask_keys(text)
    return mask_keys(_redactor(frozenset(_secrets), frozenset(_names), frozenset(_public)).clean(text))


@lru_cache(maxsize=1)
def _redactor(secrets: frozenset[str], names: frozenset[str], public: frozenset[str]) -> "Redactor":
    from openai_monitor.redact import Redactor  # noqa: PLC0415 - only when there is a secret

    return Redactor(secrets, names, public)


def _lost(error: OSError) -> None:
    """Pass over a reader that went away (``| head``) had enough, which is no failure.

    Anything else, such as a full disk, is.
    """
    closed = isinstance(error, BrokenPipeError) or (os.name == "nt" and error.errno == errno.EINVAL)
    _drop_stdout()
    if not closed:
        raise OSError(error.errno, f"standard output can't be written ({error.strerror})") from None


def _drop_stdout() -> None:
    """Let what is still buffered go nowhere, or the interpreter complains about it as it ends."""
    try:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stdout.fileno())
        os.close(nowhere)
    except (OSError, ValueError):
        return
