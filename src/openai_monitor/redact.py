"""Keeps secret values out of texts, in whatever spelling they come back."""

import base64
import json
import re
from collections.abc import Iterable
from functools import reduce
from urllib.parse import quote, quote_plus

from openai_monitor.rows import SECRET_MASK

_HTML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;"))

SHORTEST = 4
"""A shorter value is not looked for: replaced everywhere, it would make texts unreadable and hide nothing."""

_CLOTHES = re.compile(r"^[\s\"']*(?:bearer\s+)?|[\s\"']+$", re.IGNORECASE)


class Redactor:
    """Replaces the given values by ``***``: raw, and as base64, URL, JSON, HTML and ``repr`` write them.

    A value is also looked for without what people paste around a key (blanks, quotes, ``Bearer``). The spellings are
    worked out with the first text: of thousands of monitors few ever have one to clean.
    """

    __slots__ = ("_pattern", "_values")

    def __init__(self, values: Iterable[str]) -> None:
        self._values = tuple(filter(None, values))
        self._pattern: re.Pattern[str] | None = None

    def clean(self, text: str) -> str:
        """Mask every occurrence of a secret in the text."""
        if not self._values or not text:
            return text
        if self._pattern is None:
            self._pattern = _pattern_of(self._values)
        return self._pattern.sub(SECRET_MASK, text)

    def __repr__(self) -> str:
        return "Redactor(...)"


def _pattern_of(values: Iterable[str]) -> re.Pattern[str]:
    found = {text for value in values for text in _spellings(value) if len(text) >= SHORTEST}
    longest_first = sorted(found, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")  # the latter is nowhere


def _spellings(value: str) -> Iterable[str]:
    for text in {value, value.strip(), _CLOTHES.sub("", value)}:
        yield text
        yield from _escaped(text)
        yield from _base64(text.encode("utf-8", "surrogatepass"))


def _escaped(text: str) -> Iterable[str]:
    data = text.encode("utf-8", "surrogatepass")
    for url in (quote(data), quote(data, safe=""), quote_plus(data), quote_plus(data, safe="/")):
        yield url
        yield re.sub("%..", lambda match: match[0].lower(), url)
    yield json.dumps(text)[1:-1]
    yield json.dumps(text, ensure_ascii=False)[1:-1]
    yield repr(text)[1:-1]
    yield repr(data)[2:-1]
    # As html.escape does, whose module is slow to load.
    yield reduce(lambda text, pair: text.replace(*pair), _HTML, text)


def _base64(data: bytes) -> Iterable[str]:
    """Find what of the base64 text depends on these bytes alone, wherever in a longer text they begin."""
    for before in range(3):
        code = base64.b64encode(bytes(before) + data)
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        text = code[first:last].decode()
        yield text
        yield text.replace("+", "-").replace("/", "_")
