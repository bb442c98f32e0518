"""What a server answered, free of any HTTP library."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property

_CHARSET = re.compile(r"charset\s*=\s*[\"']?([^\s\"';]+)", re.IGNORECASE)


class Headers:
    """Response headers: several of a name are kept, names compare without regard to case."""

    __slots__ = ("_items",)

    def __init__(self, items: Iterable[tuple[str, str]]) -> None:
        self._items = tuple(items)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(self._items)

    def all(self, name: str) -> list[str]:
        """Every value of this name, in the order they came."""
        wanted = name.lower()
        return [value for key, value in self._items if key.lower() == wanted]

    def get(self, name: str) -> str | None:
        """The first value of this name."""
        return next(iter(self.all(name)), None)


@dataclass(frozen=True)
class Answer:
    """A complete answer, decompressed. ``elapsed_ms`` is from sending to the last byte; ``url`` has no query."""

    status: int
    headers: Headers
    body: bytes = field(repr=False)
    elapsed_ms: int
    url: str
    memo: dict[str, object] = field(default_factory=dict, repr=False, compare=False)
    """What readers keep for one another, such as the decoded JSON."""

    @cached_property
    def text(self) -> str:
        """The body in the charset its Content-Type declares, UTF-8 otherwise; a byte-order mark is gone."""
        declared = _CHARSET.search(self.headers.get("content-type") or "")
        charset = declared[1] if declared else "utf-8"
        try:
            return self.body.decode(charset, "replace").removeprefix("\ufeff")
        except (LookupError, ValueError):  # charsets that Python does not know, or that are no charsets of texts
            return self.body.decode("utf-8", "replace").removeprefix("\ufeff")


def moment_of(text: str) -> datetime | None:
    """The moment (aware) that a header such as Date tells; None for what is no date."""
    from email.utils import parsedate_to_datetime  # noqa: PLC0415 - slow to load, and seldom needed

    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, OverflowError):  # the latter for a zone of many digits
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
