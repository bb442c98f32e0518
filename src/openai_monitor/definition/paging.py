"""Pages: following the cursor of an answer. An extension of ours to HertzBeat's language.

It is written under the top-level ``annotations:``, a flat map of texts that HertzBeat loads from 1.7 on and ignores::

    annotations:
      costs.next_page: $.next_page      # where an answer of set `costs` has the cursor of the next one; or a header
      costs.page_parameter: page        # the query parameter that carries it
      costs.more_pages: $.has_more      # optional: false ends it, whatever the cursor says
      costs.most_pages: 50              # optional: how many are asked for at most; 100 by default

``costs.most_pages: 1`` alone says that the first page is all that is meant.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from openai_monitor.definition.model import Text
from openai_monitor.definition.path import Path, compile_path

WORDS = ("next_page", "page_parameter", "more_pages", "most_pages")
MOST_PAGES = 100
_LARGEST = 10_000


class Headers(Protocol):
    """The headers of an answer, whatever their case."""

    def get(self, name: str) -> str | None:
        """The first value of this name."""


@dataclass(frozen=True, slots=True)
class Paging:
    """How the pages of one metric set hang together."""

    next_page: Path
    parameter: str
    more_pages: Path | None
    most_pages: int

    def announces_more(self, document: object) -> bool:
        """Whether the answer says, beside the cursor, that there are more pages."""
        return self.more_pages is not None and self.more_pages.first(document) in (True, "true")

    def cursor(self, document: object, headers: Headers) -> str | None:
        """The cursor of the page after this one; None when this is the last, or when the cursor is missing.

        A name that is not a key of the document is that of a header.
        """
        if self.more_pages is not None and not self.announces_more(document):
            return None
        found = self.next_page.first(document)
        if found is None and not self.next_page.text.startswith("$"):
            found = headers.get(self.next_page.text)
        return None if found is None or isinstance(found, (bool, dict, list)) else str(found) or None


def read_paging(annotations: Mapping[str, Text] | None, set_name: str) -> Paging | None:
    """The paging of a set; None when it has none or ``paging_complaints`` has something to say about it.

    Raises PathSyntaxError when a path does not compile.
    """
    words = {word: (annotations or {}).get(f"{set_name}.{word}") for word in WORDS}
    path, parameter, more = words["next_page"], words["page_parameter"], words["more_pages"]
    if not path or not parameter:
        return None
    most = words["most_pages"] or str(MOST_PAGES)
    return Paging(
        compile_path(path),
        parameter,
        compile_path(more) if more else None,
        min(int(most), _LARGEST) if _is_count(most) else MOST_PAGES,
    )


def means_first_page(annotations: Mapping[str, Text] | None, set_name: str) -> bool:
    """Whether the first page of a set is all that its author wants: ``most_pages: 1`` without a cursor."""
    given = annotations or {}
    return given.get(f"{set_name}.most_pages") == "1" and f"{set_name}.next_page" not in given


def paging_complaints(annotations: Mapping[str, Text] | None, set_names: list[str]) -> Iterator[tuple[str, str]]:
    """(key, what is wrong) for each annotation that means to be ours and can't be used."""
    given = annotations or {}
    for key, value in given.items():
        name, dot, word = key.rpartition(".")
        if not dot or word not in WORDS:
            continue
        if name not in set_names:
            yield key, f"there is no metric set {name!r}"
        elif not value:
            yield key, "it has no value"
        elif word == "most_pages" and not _is_count(value):
            yield key, f"{value!r} is no number of pages, expected 1 to {_LARGEST}"
        elif not means_first_page(given, name):
            yield from _incomplete(given, key, name)


def _incomplete(given: Mapping[str, Text], key: str, name: str) -> Iterator[tuple[str, str]]:
    missing = [word for word in ("next_page", "page_parameter") if f"{name}.{word}" not in given]
    if missing:
        yield key, f"{name}.{missing[0]} is missing beside it"


def _is_count(text: str) -> bool:
    return re.fullmatch(r"[1-9]\d{0,4}", text, re.ASCII) is not None
