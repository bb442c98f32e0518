"""What a server answered, free of any HTTP library."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache

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


@dataclass(slots=True)
class Answer:
    """A complete answer, decompressed. ``elapsed_ms`` is from sending to the last byte; ``url`` has no query."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    elapsed_ms: int
    url: str
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
        try:
            return self.body.decode(_charset_of(self.headers.get("content-type")), "replace").removeprefix("\ufeff")
        except (LookupError, ValueError):  # charsets that Python does not know, or that are no charsets of texts
            return self.body.decode("utf-8", "replace").removeprefix("\ufeff")


@lru_cache(maxsize=128)
def _charset_of(content_type: str | None) -> str:
    declared = _CHARSET.search(content_type or "")
    return declared[1] if declared else "utf-8"


def moment_of(text: str) -> datetime | None:
    """The moment (aware) that a header such as Date tells; None for what is no date."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow to load, and seldom needed

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a zone of many digits
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
