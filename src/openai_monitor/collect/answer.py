"""What a server answered, free of any HTTP library."""

import codecs
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import TypeAlias

from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

_LINEAR = frozenset(
    ("utf-8", "ascii", "iso8859-1", "gb2312", "gbk", "gb18030", "big5", "big5hkscs", "euc_jp", "shift_jis", "cp932",
     "iso2022_jp", "euc_kr", "cp949")
)  # fmt: skip
_ONE_BYTE = frozenset(
    (*(f"iso8859-{part}" for part in (*range(2, 12), *range(13, 17))), *(f"cp{page}" for page in range(1250, 1259)),
     "cp866", "cp874", "koi8-r", "koi8-u", "mac-roman", "mac-cyrillic", "tis-620")
)  # fmt: skip
_UTF_16 = frozenset(("utf-16", "utf-16-le", "utf-16-be"))
"""The charsets of the web, by Python's names (https://encoding.spec.whatwg.org). A server chooses among these alone:
Python has others, such as punycode, that take minutes for a body that a server can make up."""

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)


class Headers:
    """Response headers: several of a name are kept, names compare without regard to case."""

    __slots__ = ("_items", "_values")

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        self._items = tuple(items)
        self._values: dict[str, list[str]] = {}
        for name, value in self._items:
            self._values.setdefault(name.lower(), []).append(value)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def all(self, name: str) -> Sequence[str]:
        """Every value of this name, in the order they came."""
        return self._values.get(name.lower(), ())

    def get(self, name: str) -> str | None:
        """The first value of this name."""
        values = self._values.get(name.lower())
        return values[0] if values else None


BYTES_A_VALUE = 12
"""Bytes of JSON for each value that a document may have at the largest size: those with more are not data of an API."""

ROWS, CELLS = "limits.rows in a monitors file", "limits.cells in a monitors file"
"""How a person gives these limits, for advice."""


@dataclass(frozen=True, slots=True)
class AnswerLimits:
    """What an answer may hold: ``body`` in bytes after decompression, ``rows`` and ``cells`` of its metric set.

    What is over a limit fails the set. It is never cut: a part of the rows must not pass for all of them.
    """

    body: int = 32 * 2**20
    rows: int = 1_000_000
    cells: int = 10_000_000

    @property
    def values(self) -> int:
        """How many values, objects and lists a JSON document may have: each takes memory, however few bytes it is."""
        return self.body // BYTES_A_VALUE

    def check(self, rows: int, columns: int) -> None:
        """Raise CollectionError where these are more rows, or more cells, than a set may have."""
        if rows > self.rows:
            raise CollectionError(
                Code.FAIL,
                f"{rows:,} rows, and a metric set may have {self.rows:,}: ask for less, or raise {ROWS}",
            )
        if rows * columns > self.cells:
            raise CollectionError(
                Code.FAIL,
                f"{rows:,} rows of {columns} fields, and a metric set may have {self.cells:,} cells: "
                f"ask for less, or raise {CELLS}",
            )


_DEFAULT_LIMITS = AnswerLimits()


@dataclass(slots=True)
class Answer:
    """A complete answer, decompressed. ``elapsed_ms`` is from sending to the last byte; ``url`` has no query.

    ``limits`` are those under which it is read.
    """

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    elapsed_ms: int
    url: str
    limits: AnswerLimits = field(default=_DEFAULT_LIMITS, repr=False, compare=False)
    memo: dict[str, object] = field(default_factory=dict, repr=False, compare=False)
    """What readers keep for one another, such as the decoded JSON."""
    _text: str | None = field(default=None, init=False, repr=False, compare=False)

    @property
    def text(self) -> str:
        """The body in the charset its Content-Type declares, UTF-8 otherwise; a byte-order mark is gone."""
        if self._text is None:
            self._text = self._decoded()
        return self._text

    def _decoded(self) -> str:
        text = _decoder_of(self.headers.get("content-type"))(self.body)
        return text.removeprefix("\ufeff")


Decode: TypeAlias = Callable[[bytes], str]


@lru_cache(maxsize=128)
def _decoder_of(content_type: str | None) -> Decode:
    """How a body of this type is read: a charset that is not one of texts, or that nobody knows, is UTF-8."""
    declared = _CHARSET.search(content_type or "")
    try:
        name = codecs.lookup(declared[1]).name if declared else "utf-8"
    except (LookupError, ValueError):
        name = "utf-8"
    if name in _UTF_16:
        return partial(_utf_16, name=name)
    if name in _ONE_BYTE:
        # Python asks an error handler for each byte without a character, which takes half a second for 4 MiB.
        return partial(_charmap, table=bytes(range(256)).decode(name, "replace"))
    return partial(str, encoding=name if name in _LINEAR else "utf-8", errors="replace")


def _charmap(body: bytes, table: str) -> str:
    return codecs.charmap_decode(body, "strict", table)[0]


def _utf_16(body: bytes, name: str) -> str:
    try:
        return body.decode(name)
    except ValueError:
        return body.decode("utf-8", "replace")


def moment_of(text: str) -> datetime | None:
    """The moment (aware) that a header such as Date tells; None for what is no date."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow to load, and seldom needed

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a zone of many digits
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
