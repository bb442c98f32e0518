"""Text as a terminal shows it: how wide it is, where it may break, and nothing in it that commands it."""

import re
import unicodedata
from datetime import timedelta

COMMANDS = re.compile(
    "[\x00-\x1f\x7f-\x9f"  # C0 and C1: escape sequences, newlines, tabs
    "\u061c\u200e\u200f\u2028-\u202e\u2066-\u206f"  # what breaks lines or turns their order
    "\u200b\u2060-\u2065\ufeff\ufff9-\ufffb\U000e0000-\U000e007f"  # what hides
    "\ud800-\udfff]"  # lone surrogates, which no encoding takes
)
_SHORT = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}


def visible(text: str) -> str:
    r"""Write control characters, and marks that reorder or hide text, as escapes such as ``\x1b``."""
    return text if text.isascii() and text.isprintable() else COMMANDS.sub(_escape, text)


def visible_lines(text: str) -> str:
    """Write a text of several lines as ``visible`` writes each of them; lines may end in CRLF."""
    return COMMANDS.sub(lambda match: match[0] if match[0] == "\n" else _escape(match), text.replace("\r\n", "\n"))


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    return _SHORT.get(character) or character.encode("unicode_escape").decode("ascii")


def width(text: str) -> int:
    """Count the columns a terminal gives a text: two for wide East Asian ones, none for combining ones."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    if unicodedata.category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def pad(text: str, columns: int, *, right: bool = False) -> str:
    """Fill the text with blanks to so many columns."""
    blanks = " " * (columns - width(text))
    return blanks + text if right else text + blanks


def wrap(text: str, columns: int) -> list[str]:
    """Break the text into lines of at most so many columns, broken at blanks where there are any.

    Never empty.
    """
    lines = []
    while width(text) > columns:
        cut = _cut(text, max(columns, 2))
        head, text = text[:cut].rstrip(), text[cut:].lstrip()
        lines.append(head)
    return [*lines, text] if text or not lines else lines


def _cut(text: str, columns: int) -> int:
    """Find where to break: behind the last blank that fits, else behind the last character that does."""
    used = end = 0
    for end, character in enumerate(text):  # noqa: B007 - the index is wanted after the loop
        used += _columns(character)
        if used > columns:
            break
    blank = text.rfind(" ", 0, end + 1)
    return blank + 1 if blank > 0 else max(end, 1)


def span(time: timedelta, *, compact: bool = False) -> str:
    """A length of time in its two largest units: ``3 h 12 min``, compact ``3h 12m``."""
    minute, gap = ("m", "") if compact else ("min", " ")
    seconds = max(0, round(time.total_seconds()))
    for unit, size, smaller, part in (("d", 86_400, "h", 3600), ("h", 3600, minute, 60), (minute, 60, "s", 1)):
        if seconds >= size:
            rest = seconds % size // part
            return f"{seconds // size}{gap}{unit}" + (f" {rest}{gap}{smaller}" if rest else "")
    return f"{seconds}{gap}s"
