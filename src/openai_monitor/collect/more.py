"""Signs that an answer is the first part of a longer list: what its author meant is all of it.

They are looked for where rows are the items of a list, in the objects that the list stands in, in the objects beside
it that are about pages, and in the headers. What a person wrote into ``annotations`` about the pages comes first.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import islice
from typing import TypeGuard

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse.json_body import has_no_content, read_json
from openai_monitor.definition.model import Http
from openai_monitor.definition.path import compile_path
from openai_monitor.definition.path.steps import Filter, Key, Step, Wildcard

_FLAGS = frozenset(
    ("hasmore", "hasnext", "hasnextpage", "hasmoreitems", "hasmoreresults", "moreresults", "morepages", "istruncated")
)
_CURSORS = frozenset(
    (
        *("nextpage", "nextcursor", "nextpagetoken", "nexttoken", "nextlink", "nexturl", "nextpageurl", "nextpagelink"),
        *("nexthref", "nexturi", "nextoffset", "nextmarker", "continuationtoken", "continuation", "nextpageuri"),
    )
)
_COUNTS = frozenset(
    (
        *("totalcount", "totalresults", "totalitems", "totalelements", "totalrecords", "totalentries", "totalrows"),
        *("totalhits", "recordstotal", "total", "count", "counttotal"),
    )
)
_PAGES = frozenset(("totalpages", "pagecount", "pagestotal", "lastpage", "pages"))
_PAGE = ("page", "currentpage", "pagenumber", "pageno", "pageindex")
_OFFSETS = ("offset", "skip", "start", "startindex")
_ABOUT_PAGES = frozenset(
    ("pagination", "paging", "pageinfo", "pages", "meta", "metadata", "links", "page", "responsemetadata", "cursors")
)
_NEXT_IN_LINK = re.compile(r"rel\s*=\s*\"?[^\",;]*\bnext\b", re.IGNORECASE)
_PARAMETERS = {
    "nextpage": "page",
    "nextpagetoken": "page_token",
    "nexttoken": "token",
    "nextoffset": "offset",
    "nextmarker": "marker",
}
_LONGEST_HEADER = 60
_MOST_SUMMED = 10_000
_MOST_KEYS = 200
"""Of an object that are looked at: one with more is data."""
_SPELLED_OUT = re.compile(r"[A-Za-z_]\w*", re.ASCII)

Place = tuple[str, ...]
"""The keys that lead to something in the document."""


@dataclass(frozen=True, slots=True)
class MoreSigns:
    """What to look at: ``keys`` lead to the list whose items become rows; None where no JSON list is known.

    ``read`` are texts that name what the set reads: a total that is one of its figures is no count of pages.
    """

    keys: Place | None
    set_name: str
    read: tuple[str, ...] = ()

    def items(self, answer: Answer) -> list[object] | None:
        """The list that the rows of this answer come from; None when there is none."""
        if self.keys is None or has_no_content(answer):
            return None
        value = read_json(answer)
        for key in self.keys:
            value = value.get(key) if isinstance(value, dict) else None
        return value if isinstance(value, list) else None

    def sign(self, answer: Answer, *, is_first: bool = True) -> str:
        """Why rows must be missing, and what to write; empty when nothing says so.

        Counts are compared with the first page only: with others behind them they say nothing.
        """
        items = self.items(answer)
        if self.keys is not None and items is None:
            return ""
        around = list(self._around(answer))
        flags = [value for name, value in _members(around) if name in _FLAGS]
        if any(value in (False, "false") for value in flags):
            return ""
        found = self._next(around) or self._next_in_headers(answer.headers)
        if not found and is_first and items is not None:
            found = self._count(around, answer, items)
        if not found:
            return ""
        return f"{found}. Where the first page is all that is meant, write the annotation {self.set_name}.most_pages: 1"

    def _around(self, answer: Answer) -> Iterator[tuple[Place, Mapping[str, object]]]:
        """The objects that the list stands in, and those beside it that are about pages, each with its keys."""
        if not self.keys:
            return
        value = read_json(answer)
        for depth in range(len(self.keys)):
            if not isinstance(value, dict):
                return
            place = self.keys[:depth]
            yield place, value
            for key, inner in islice(value.items(), _MOST_KEYS):
                if isinstance(inner, dict) and _plain(key) in _ABOUT_PAGES:
                    yield (*place, key), inner
                    yield from (
                        ((*place, key, name), deeper)
                        for name, deeper in islice(inner.items(), _MOST_KEYS)
                        if isinstance(deeper, dict) and _plain(name) in _ABOUT_PAGES
                    )
            value = value.get(self.keys[depth])

    def _next(self, around: list[tuple[Place, Mapping[str, object]]]) -> str:
        said = ""
        for place, part in around:
            for key, value in islice(part.items(), _MOST_KEYS):
                name, path = _plain(key), _path((*place, key))
                if name in _CURSORS or (name == "next" and _leads_on(value, place, part)):
                    cursor = (value.get("href") or value.get("url")) if isinstance(value, dict) else value
                    if isinstance(cursor, str) and _is_address(cursor):
                        said = said or (
                            f"rows are missing: `{path}` is the address of a further page, and addresses are not "
                            "followed: ask for more entries a page"
                        )
                    elif (isinstance(cursor, str) and cursor.strip()) or (_is_count(cursor) and cursor > 0):
                        return self._cursor(name, path)
                elif name in _FLAGS and value in (True, "true"):
                    said = said or (
                        f"rows are missing: `{path}` is true. Name the path of the next page's cursor in the "
                        f"annotation {self.set_name}.next_page and the query parameter for it in "
                        f"{self.set_name}.page_parameter, or ask for more entries a page"
                    )
        return said

    def _cursor(self, name: str, path: str) -> str:
        return (
            f"rows are missing: `{path}` leads to a further page. Write the annotations "
            f"{self.set_name}.next_page: {path} and {self.set_name}.page_parameter: {_parameter(name)} "
            "(the query parameter that the API takes it in)"
        )

    def _next_in_headers(self, headers: Iterable[tuple[str, str]]) -> str:
        for header, value in headers:
            plain = re.sub(r"[^a-z]", "", header.lower())
            if plain == "link" and any(_NEXT_IN_LINK.search(part) for part in value.split("<")):
                return "rows are missing: the header Link names a next page (rel=next): ask for more entries a page"
            name = plain.removeprefix("x").removeprefix("ms")
            if name in _CURSORS and value.strip():
                return self._cursor(name, header[:_LONGEST_HEADER])
        return ""

    def cursor(self, answer: Answer) -> tuple[str, str, str] | None:
        """Where answers like this one have the cursor of the next page, for a first draft of the annotations.

        Its path, the parameter it may go into, and the path of the flag beside it, empty without one.
        """
        flag, found = "", None
        for place, part in self._around(answer):
            for key, value in islice(part.items(), _MOST_KEYS):
                name, path = _plain(key), _path((*place, key))
                if name in _FLAGS:
                    flag = flag or path
                elif name in _CURSORS or (name == "next" and _leads_on(value, place, part)):
                    is_cursor = value is None or _is_count(value) or (isinstance(value, str) and not _is_address(value))
                    found = found or ((path, _parameter(name)) if is_cursor else None)
        return (*found, flag) if found else None

    def _count(self, around: list[tuple[Place, Mapping[str, object]]], answer: Answer, items: list[object]) -> str:
        told = {name: value for name, value in _members(around) if _is_count(value)}
        offset = next((told[name] for name in _OFFSETS if name in told), 0)
        page = next((told[name] for name in _PAGE if name in told), 1) or 1
        for place, part in around:
            for key, value in islice(part.items(), _MOST_KEYS):
                if not _is_count(value):
                    continue
                name, path = _plain(key), _path((*place, key))
                if name in _COUNTS and self._is_more(key, value, items, offset):
                    return (
                        f"rows are missing: `{path}` is {value} and the list has {len(items)}: "
                        "ask for more entries a page, or for all pages with annotations"
                    )
                if name in _PAGES and value > page:
                    return f"rows are missing: `{path}` is {value} and this is page {page}: ask for more entries a page"
        total = answer.headers.get("x-total-count") or ""
        if re.fullmatch(r"\d{1,15}", total, re.ASCII) and int(total) > len(items) > 0:
            return (
                f"rows are missing: the header X-Total-Count is {int(total)} and the list has {len(items)}: "
                "ask for more entries a page"
            )
        return ""

    def _is_more(self, key: str, value: int, items: list[object], offset: int) -> bool:
        """Whether a number counts the list and is larger: it is no sum of what is in it, and no figure of the set."""
        if not items or value <= len(items) + offset:
            return False
        word = re.compile(rf"(?<![\w]){re.escape(key)}(?![\w])")
        if any(word.search(text) for text in self.read):
            return False
        return _plain(key) not in ("total", "count") or value not in _sums(items)


def compile_more(http: Http, aliases: Iterable[str], set_name: str) -> MoreSigns | None:
    """What to look for in answers of a set; None where its rows are not what a list of pages would hold."""
    kind = http.parse_type or "default"
    if kind == "xmlPath":
        return MoreSigns(None, set_name)
    if kind == "default":
        return MoreSigns((), set_name)
    if kind != "jsonPath" or not (http.parse_script or "").strip():
        return None
    steps = compile_path(http.parse_script or "").steps
    keys: list[str] = []
    for step in steps:
        if not isinstance(step, Key):
            return MoreSigns(tuple(keys), set_name, tuple(aliases)) if _takes_items(step) else None
        keys.append(step.name)
    return None


def _members(around: Iterable[tuple[Place, Mapping[str, object]]]) -> Iterator[tuple[str, object]]:
    """The plain names and values of what stands around a list."""
    return ((_plain(key), value) for _, part in around for key, value in islice(part.items(), _MOST_KEYS))


def _takes_items(step: Step) -> bool:
    return isinstance(step, Wildcard | Filter)


def _plain(key: str) -> str:
    """A key without what names differ in: ``@odata.nextLink`` and ``next_link`` are one."""
    return re.sub(r"[^a-z]", "", key.lower().rpartition(".")[2])


def _path(keys: Iterable[str]) -> str:
    return "$" + "".join(f".{key}" if _SPELLED_OUT.fullmatch(key) else f"['{key}']" for key in keys)


def _parameter(name: str) -> str:
    """The query parameter that a cursor of this name usually goes into."""
    return _PARAMETERS.get(name, "cursor")


def _is_address(text: str) -> bool:
    return text.startswith(("http://", "https://", "/", "?"))


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 0


def _leads_on(value: object, place: Place, part: Mapping[str, object]) -> bool:
    """Whether ``next`` is about pages: an address, in an object about them, or beside another sign of them."""
    if isinstance(value, dict):
        return bool(value.get("href") or value.get("url"))
    if isinstance(value, str) and _is_address(value):
        return True
    if place and _plain(place[-1]) in _ABOUT_PAGES:
        return True
    beside = {_plain(key) for key in islice(part, _MOST_KEYS)}
    return not beside.isdisjoint({"previous", "prev", "count", "total", "limit", "perpage", "pagesize", *_FLAGS})


def _sums(items: list[object]) -> set[float]:
    """What the numbers of each key add up to."""
    sums: dict[str, float] = {}
    for item in items[:_MOST_SUMMED]:
        if isinstance(item, dict):
            for key, value in islice(item.items(), _MOST_KEYS):
                if isinstance(value, int | float) and not isinstance(value, bool):
                    sums[key] = sums.get(key, 0) + value
    return set(sums.values())
