"""Keeps secret values out of what is shown, by two rules.

Texts for people (messages, warnings, log lines) are strict: ``Redactor`` masks a secret in every form in which it may
come back, and parts of it. Cells of rows are data: ``CellMask`` touches none that may be equal to a piece of a secret
by chance.
"""

import base64
import json
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from urllib.parse import quote, quote_plus

from openai_monitor.rows import SECRET_MASK, Row

_HTML = (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ('"', "&quot;"), ("'", "&#x27;"))

SHORTEST = 4
"""A shorter value is not looked for: replaced everywhere, it would make texts unreadable and hide nothing."""

PART = 8
"""So many consecutive characters of a secret are masked in texts as the whole is."""

LONG = 16
"""A cell that contains a secret of so many characters is an echo of it. A shorter one may stand in it by chance."""

_CLOTHES = re.compile(r"^[\s\"']*(?:bearer\s+)?|[\s\"']+$", re.IGNORECASE)

_PUBLIC_BEGINNING = re.compile(
    r"""
    sess- | sk- (?: proj- | svcacct- | admin- | None- | ant-[a-z]+(?:\d\d)?- | or-v\d- )?
    | github_pat_ | gh[a-z]_ | glpat- | xox[a-z]- | hf_ | gsk_
    | eyJ[\w-]+\. (?=eyJ)                                       # a JSON Web Token's head, which names algorithms
    | [a-z][a-z0-9+.-]*:// (?: (?! [^/?\#]*@ ) [^/?\#]* )       # an address's host, if no password is there
    """,
    re.VERBOSE | re.IGNORECASE,
)
"""How keys of one kind all begin: told alone it gives nothing away, and messages have to name it."""

_TOLD_BY_BEGINNING = 3
"""A part that has fewer characters after the public beginning is none of the secret's."""

_ESCAPED = (
    r"%([0-9a-fA-F]{2})|\\x([0-9a-fA-F]{2})|\\u([0-9a-fA-F]{4})|&\#x([0-9a-fA-F]{1,5});|&\#([0-9]{1,6});"
    r"|&(amp|lt|gt|quot|apos);|\\([\"'\\/])"
)
_ESCAPE = re.compile(_ESCAPED)
_CHARACTER = re.compile(f"{_ESCAPED}|(.)", re.DOTALL)
_LAST_BYTE, _LAST_HEX = 2, 4
_NAMED = {"amp": "&", "lt": "<", "gt": ">", "quot": '"', "apos": "'"}

_HEX_DUMP = re.compile(rb"[0-9a-f]{2}(?:[:, -](?:0x)?[0-9a-f]{2}){7,}")
_BETWEEN_HEX = re.compile(rb"[:, -](?:0x)?")

_ELISION = re.compile(rb"(?:[*.xX\#]{2,}|\xe2\x80[\xa2\xa6])+")
"""What servers write in the place of the middle of a key: ``sess-abc***wxyz``, ``sess-abc…wxyz``."""

_LONGEST_END = 24
_EVEN = 3
"""Different characters that a piece may have at most to be as good as none: ``--------``."""


class Redactor:
    """Replaces secrets in texts by ``***``.

    ``values`` are masked in whatever form they come back: raw and in another case, as hex, base64, URL, JSON, HTML and
    ``repr`` write them, without what people paste around a key (blanks, quotes, ``Bearer``), and every part of PART
    characters. ``names`` are masked as a whole only: user names. What stands in one of the ``public`` texts, such as
    the host's name, is no part that is masked.

    The spellings are worked out with the first text: of thousands of monitors few ever have one to clean.
    """

    __slots__ = ("_names", "_pattern", "_public", "_values")

    def __init__(self, values: Iterable[str], names: Iterable[str] = (), public: Iterable[str | None] = ()) -> None:
        self._values = tuple(filter(None, values))
        self._names = tuple(filter(None, names))
        self._public = "\n".join(filter(None, public))
        self._pattern: re.Pattern[str] | None = None

    def also(self, values: Iterable[str]) -> "Redactor":
        """Make one that masks these values too."""
        more = Redactor((*self._values, *values), self._names)
        more._public = self._public
        return more

    def clean(self, text: str) -> str:
        """Mask every occurrence of a secret in the text."""
        if not (self._values or self._names) or not text:
            return text
        if self._pattern is None:
            self._pattern = _pattern_of((*self._values, *self._names))
        return _without_parts(self._pattern.sub(SECRET_MASK, text), self._values, self._public)

    def __repr__(self) -> str:
        return "Redactor(...)"


class CellMask:
    """Masks secrets in the cells of rows: a cell that is one, and one of LONG characters wherever it stands in a cell.

    User names are no secrets here. Cells of secret fields are not its business: outputs mask all of those.
    """

    __slots__ = ("_long", "_values")

    def __init__(self, values: Iterable[str]) -> None:
        spellings = {text for value in values for text in (value, value.strip(), _CLOTHES.sub("", value))}
        self._values = frozenset(text for text in spellings if len(text) >= SHORTEST)
        self._long = tuple(sorted((text for text in self._values if len(text) >= LONG), key=len, reverse=True))

    def clean(self, rows: list[Row]) -> list[Row]:
        """Give the rows with the secrets masked; the list itself when there are none, as nearly always."""
        if not self._values:
            return rows
        cells = [cell for row in rows for cell in row if isinstance(cell, str)]
        together = "\0".join(cells) if self._long else ""
        if self._values.isdisjoint(cells) and not any(text in together for text in self._long):
            return rows
        return [tuple([self._cell(cell) if isinstance(cell, str) else cell for cell in row]) for row in rows]

    def _cell(self, cell: str) -> str:
        return SECRET_MASK if cell in self._values else reduce(_masked, self._long, cell)

    def __repr__(self) -> str:
        return "CellMask(...)"


def _masked(text: str, secret: str) -> str:
    return text.replace(secret, SECRET_MASK)


# Whole values


def _pattern_of(values: Iterable[str]) -> re.Pattern[str]:
    found = {text for value in values for text in _spellings(value) if len(text) >= SHORTEST}
    longest_first = sorted(found, key=lambda text: (-len(text), text))
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")  # the latter is nowhere


def _spellings(value: str) -> Iterator[str]:
    for text in {value, value.strip(), _CLOTHES.sub("", value)}:
        yield text
        yield from _escaped(text)
        if len(text) >= SHORTEST:
            data = text.encode("utf-8", "surrogatepass")
            yield from _base64(data)
            yield data.hex()
            yield data.hex().upper()


def _escaped(text: str) -> Iterator[str]:
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


def _base64(data: bytes) -> Iterator[str]:
    """Find what of the base64 text depends on these bytes alone, wherever in a longer text they begin."""
    for before in range(3):
        code = base64.b64encode(bytes(before) + data)
        first = (before * 8 + 5) // 6
        last = (before + len(data)) * 8 // 6
        text = code[first:last].decode()
        yield text
        yield text.replace("+", "-").replace("/", "_")


# Parts, other cases, and escapes that nobody foresaw


def _without_parts(text: str, values: Sequence[str], public: str) -> str:
    view, begins, ends = _unescaped(text)
    folded, known = view.lower(), public.lower().encode("utf-8", "surrogatepass")
    spans = [span for value in values for span in _spans(_CLOTHES.sub("", value), view, folded, known)]
    cleaned: list[str] = []
    done = 0
    for begin, end in sorted((begins[first], ends[last - 1]) for first, last in spans):
        if begin > done or not cleaned:
            cleaned += (text[done:begin], SECRET_MASK)
        done = max(done, end)
    return "".join((*cleaned, text[done:]))


def _unescaped(text: str) -> tuple[bytes, Sequence[int], Sequence[int]]:
    """Undo escapes of whatever kind; for each byte tell where in the text its character begins and ends."""
    if text.isascii() and not _ESCAPE.search(text):
        return text.encode(), range(len(text)), range(1, len(text) + 1)
    view, begins, ends = bytearray(), array("L"), array("L")
    for match in _CHARACTER.finditer(text):
        kind, told = match.lastindex or 0, match[match.lastindex or 0]
        if kind <= _LAST_HEX:
            code = int(told, 16)
            data = bytes([code]) if kind <= _LAST_BYTE else chr(code).encode("utf-8", "surrogatepass")
        elif kind == _LAST_HEX + 1:
            data = chr(int(told)).encode("utf-8", "surrogatepass")
        else:
            data = _NAMED.get(told, told).encode("utf-8", "surrogatepass")
        view += data
        begins.extend([match.start()] * len(data))
        ends.extend([match.end()] * len(data))
    return bytes(view), begins, ends


def _spans(secret: str, view: bytes, folded: bytes, known: bytes) -> Iterator[tuple[int, int]]:
    """Find where in the view the secret stands, and its parts. ``folded`` is the view in small letters.

    Takes time by the length of the view, whatever is in it. A short word in another case is a word, and so is a part
    of a password that has letters only. What repeats itself, such as ``00000000``, tells nothing.
    """
    data = secret.encode("utf-8", "surrogatepass")
    if len(data) < SHORTEST:
        return
    in_any_case = len(data) >= PART or not data.isalpha()
    whole, among = (data.lower(), folded) if in_any_case else (data, view)
    yield from (match.span() for match in re.finditer(re.escape(whole), among))
    if len(data) < PART:
        return
    beginning = _PUBLIC_BEGINNING.match(secret)
    told = len(beginning[0].encode("utf-8", "surrogatepass")) if beginning else 0
    body = data[told:]
    first = max(0, told + _TOLD_BY_BEGINNING - PART) if told else 0
    parts = {
        part
        for part in _windows(whole[first:], PART)
        if part not in known and (len(data) >= LONG or not part.isalpha())
    }
    hexes = set(_windows(body.hex().encode(), 2 * PART))
    codes = {part for code in {*_base64(body)} for part in _windows(code.encode(), PART + 2)}
    for wanted, among, size in ((parts, folded, PART), (hexes, folded, 2 * PART), (codes, view, PART + 2)):
        yield from ((at, at + size) for at in range(len(among) - size + 1) if among[at : at + size] in wanted)
    for dump in _HEX_DUMP.finditer(folded):
        if any(piece in hexes for piece in _windows(_BETWEEN_HEX.sub(b"", dump[0]), 2 * PART)):
            yield dump.span()
    for elision in _ELISION.finditer(view):
        start, end = elision.span()
        longest = range(min(_LONGEST_END, len(whole)), 1, -1)
        head = next((size for size in longest if folded[max(0, start - size) : start] == whole[:size]), 0)
        if folded[max(0, start - PART) : start] in parts:
            head = max(head, PART)
        tail = next((size for size in longest if folded[end : end + size] == whole[-size:]), 0) if head else 0
        if tail and head + tail >= PART:
            yield start - head, end + tail


def _windows(data: bytes, size: int) -> Iterator[bytes]:
    """Give all pieces of this size that are not too even to be told by."""
    pieces = (data[at : at + size] for at in range(len(data) - size + 1))
    return (piece for piece in pieces if len(set(piece)) > _EVEN)
