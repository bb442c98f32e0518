"""What reads rows: one file a format, one registry.

A format is one pure function, ``render``: a round goes in, a text comes out. It knows no terminal; what it
has to know of one comes in as a Style. Cells of secret fields are masked here, in every format.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import import_module
from typing import cast

from openai_monitor.rows import Round

_ESCAPES = {"bold": "\x1b[1m", "dim": "\x1b[2m", "red": "\x1b[31m", "yellow": "\x1b[33m"}


@dataclass(frozen=True, slots=True)
class Style:
    """What a text for people may use: so many columns (None: any number), and colours or none."""

    width: int | None = None
    color: bool = False

    def paint(self, text: str, look: str) -> str:
        """Write the text in ``bold``, ``dim``, ``red`` or ``yellow``, or as it is when colours are off."""
        return f"{_ESCAPES[look]}{text}\x1b[0m" if self.color and text else text


PLAIN = Style()

Render = Callable[[Round, Style], str]
"""(round, style) to the whole text, which ends with a newline."""

FORMATS = {
    "table": "table",
    "json": "json_object",
    "ndjson": "ndjson",
    "csv": "csv_table",
}
"""Format to the module here that writes it; a module is imported when its format is first asked for."""


def render(name: str, collected: Round, style: Style = PLAIN) -> str:
    """Write the round as a text in this format; KeyError for a name that FORMATS does not hold."""
    module = import_module(f"{__name__}.{FORMATS[name]}")
    return cast("Render", module.render)(collected, style)


def utc(moment: datetime) -> str:
    """Write a moment as ISO 8601 in UTC with milliseconds and ``Z``: ``2026-11-22T19:50:00.000Z``."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
