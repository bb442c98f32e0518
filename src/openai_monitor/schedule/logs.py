"""The service's log: lines a person reads at 3 a.m., JSON objects, or Telegraf's, on standard error; no secret in any.

Every line that is written while a round runs carries the round's id and its monitor, and is cleaned of that
monitor's secrets.
"""

import logging
import re
import sys
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TextIO

from openai_monitor.outputs.json_text import encode
from openai_monitor.redact import Redactor

LEVELS = ("debug", "info", "warning", "error")
FORMATS = ("text", "json", "telegraf")
ROOT = "openai_monitor"

_NOTHING = Redactor(())
_LIKE_A_KEY = re.compile(r"\b(sess|sk)-[\w-]{8,}")
_TELEGRAF_LINE = 10_000
"""Characters; at 64 KiB Telegraf reads no further, and what is written then waits for ever."""
_TELEGRAF_MARKS = ((logging.ERROR, "E!"), (logging.WARNING, "W!"), (logging.INFO, "I!"))
_UNPRINTABLE = re.compile(
    r"[^\n\t -~\xa0-\ud7ff\ue000-\U0010ffff]|[\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]"
)


@dataclass(slots=True)
class Context:
    """What a line is about: the round's id, its monitor, and what may not be shown."""

    round: str = ""
    monitor: str = ""
    redactor: Redactor = field(default=_NOTHING)


_context: ContextVar[Context | None] = ContextVar("round", default=None)


class about:  # noqa: N801 - it is called as a function is; contextlib's way costs four times as much a round
    """Say in every line that is logged inside which monitor and round it belongs to."""

    __slots__ = ("_token", "_told")

    def __init__(self, monitor: str, round_id: str) -> None:
        self._told = Context(round_id, monitor)

    def __enter__(self) -> Context:
        self._token = _context.set(self._told)
        return self._told

    def __exit__(self, *_: object) -> None:
        _context.reset(self._token)


def set_up(level: str = "info", style: str = "text", stream: TextIO | None = None) -> None:
    """Log to standard error from now on; a second call changes level and format.

    The level is for this package's lines; of others' only warnings are shown.
    """
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(_FORMATTERS[style]())
    root = logging.getLogger()
    for other in list(root.handlers):
        if isinstance(other.formatter, _Formatter):
            root.removeHandler(other)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.getLogger(ROOT).setLevel(level.upper())


def clean(text: str) -> str:
    """Mask the secrets of the running round and what looks like a key; show control characters as such."""
    context = _context.get()
    if context is not None:
        text = context.redactor.clean(text)
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", _LIKE_A_KEY.sub(r"\1-***", text))


class _Formatter(logging.Formatter):
    """What both formats share: times in UTC, and tracebacks cleaned like every text."""

    def moment(self, record: logging.LogRecord) -> str:
        return datetime.fromtimestamp(record.created, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def trace(self, record: logging.LogRecord) -> str:
        return clean(self.formatException(record.exc_info)) if record.exc_info else ""

    def text(self, record: logging.LogRecord) -> str:
        """Message and traceback; a message of several lines is indented after its first."""
        message = clean(record.getMessage())
        trace = self.trace(record)
        text = f"{message}\n{trace}" if trace else message
        context = _context.get()
        if context and record.levelno <= logging.DEBUG:
            text = f"{text} [{context.monitor} {context.round}]"
        return text.replace("\n", "\n    ")


class _TextFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Write ``2026-11-22T03:00:00Z WARNING message``."""
        return f"{self.moment(record)} {record.levelname} {self.text(record)}"


class _TelegrafFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Write ``W! message``, each line with the mark of its level for Telegraf's execd, which adds the time."""
        mark = next((mark for level, mark in _TELEGRAF_MARKS if record.levelno >= level), "D!")
        return "\n".join(f"{mark} {line[:_TELEGRAF_LINE]}" for line in self.text(record).split("\n"))


class _JsonFormatter(_Formatter):
    def format(self, record: logging.LogRecord) -> str:
        """Write one object a line: time, level, message, and monitor, round, trouble, error where there are such."""
        line: dict[str, object] = {
            "time": self.moment(record),
            "level": record.levelname.lower(),
            "message": clean(record.getMessage()),
            "logger": record.name,
        }
        if context := _context.get():
            line |= {"monitor": context.monitor, "round": context.round}
        more = getattr(record, "about", None)
        if isinstance(more, dict):
            line |= {key: clean(value) if isinstance(value, str) else value for key, value in more.items()}
        if trace := self.trace(record):
            line["error"] = trace
        return encode(line)


_FORMATTERS = {"text": _TextFormatter, "json": _JsonFormatter, "telegraf": _TelegrafFormatter}
