"""What there is to collect in a sample answer: the tables of a JSON document."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openai_monitor.definition.path import kind
from openai_monitor.definition.rules.manager import FORBIDDEN_WORDS
from openai_monitor.definition.wording import quote

MOST_ROWS = 1_000
"""Rows of a table that are looked at."""

MOST_COLUMNS = 100
MOST_TABLES = 12

_DEEPEST = 8
_PLAIN_KEY = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_GOOD_KEY = re.compile(r"[\w@#][\w .:/@#%+-]{0,98}(?<! )", re.ASCII)
"""Keys that a path, an expression and a YAML scalar can hold without escapes."""

_Object = dict[str, object]


@dataclass(frozen=True, slots=True)
class Column:
    """What becomes a field: its alias, the keys that lead to it from the row, and its values in the sample."""

    alias: str
    keys: tuple[str, ...]
    values: tuple[object, ...]

    @property
    def is_number(self) -> bool:
        """Whether all values are numbers, and there is one."""
        found = [value for value in self.values if value is not None]
        return bool(found) and all(isinstance(value, int | float) and not isinstance(value, bool) for value in found)

    @property
    def is_text(self) -> bool:
        """Whether all values are texts."""
        return all(isinstance(value, str) for value in self.values)


@dataclass(frozen=True, slots=True)
class Table:
    """What becomes a metric set: the path of its rows and the keys in it, its columns, and what was left out of it.

    ``size`` is the number of rows in the sample; ``many`` tells whether the rows are items of a list.
    """

    path: str
    keys: tuple[str, ...]
    many: bool
    size: int
    columns: tuple[Column, ...]
    left_out: tuple[str, ...]


def find_tables(document: object) -> list[Table]:
    """The tables of a document, the longest list of objects first. Empty when it has no object with values."""
    found = list(_tables(document))
    main = max(found, key=lambda table: (table.many, table.size), default=None)
    return [main, *(table for table in found if table is not main)] if main else []


def _tables(document: object) -> Iterator[Table]:
    if isinstance(document, dict):
        yield from _Rows("$", (), [document], many=False).tables()
    elif isinstance(document, list):
        yield from _Rows("$[*]", (), [item for item in document if isinstance(item, dict)], many=True).tables()


@dataclass(frozen=True, slots=True)
class _Rows:
    """Objects at one path of the document."""

    path: str
    keys: tuple[str, ...]
    objects: Sequence[_Object]
    many: bool
    depth: int = 0
    inlined: bool = False
    """Whether the values of these objects are columns of the objects around them already."""

    def tables(self) -> Iterator[Table]:
        columns: list[Column] = []
        left_out: list[str] = []
        inner: list[_Rows] = []
        members = self._members()
        has_values = any(_are_scalars(values) for values in members.values())
        for key, values in members.items():
            if not _is_good(key):
                left_out.append(f"{quote(key)}: a key that needs care")
            elif _are_scalars(values):
                columns.append(Column(key, (key,), tuple(values)))
            elif objects := [value for value in values if isinstance(value, dict)]:
                inlined = has_values and not self.inlined and _PLAIN_KEY.fullmatch(key) is not None
                inner.append(self._inside(key, objects, inlined=inlined))
                columns += _columns_inside(key, objects) if inlined else []
            elif items := [item for value in values if isinstance(value, list) for item in value]:
                if objects := [item for item in items if isinstance(item, dict)]:
                    inner.append(self._inside(key, objects, listed=True))
                else:
                    left_out.append(f"{quote(key)}: a list of {kind(items[0]).removeprefix('a ')}s")
            else:
                left_out.append(f"{quote(key)}: empty in the sample")
        if columns and not self.inlined:
            left_out += [f"{quote(column.alias)}: one field too many" for column in columns[MOST_COLUMNS:]]
            size = len(self.objects)
            yield Table(self.path, self.keys, self.many, size, tuple(columns[:MOST_COLUMNS]), tuple(left_out))
        for rows in inner:
            if rows.depth <= _DEEPEST:
                yield from rows.tables()

    def _members(self) -> dict[str, list[object]]:
        """The values of each key, in the order in which keys first stand."""
        members: dict[str, list[object]] = {}
        for item in self.objects[:MOST_ROWS]:
            for key, value in item.items():
                members.setdefault(key, []).append(value)
        return members

    def _inside(self, key: str, objects: Sequence[_Object], *, listed: bool = False, inlined: bool = False) -> "_Rows":
        path = f"{self.path}{_step(key)}{'[*]' if listed else ''}"
        return _Rows(path, (*self.keys, key), objects, self.many or listed, self.depth + 1, inlined)


def _columns_inside(key: str, objects: Sequence[_Object]) -> Iterator[Column]:
    """The values one level deeper, read by paths inside the row."""
    for name in dict.fromkeys(name for item in objects for name in item):
        values = [item.get(name) for item in objects]
        if _PLAIN_KEY.fullmatch(name) and _is_good(name) and _are_scalars(values):
            yield Column(f"$.{key}.{name}", (key, name), tuple(values))


def _is_good(key: str) -> bool:
    return _GOOD_KEY.fullmatch(key) is not None and not any(word in key for word in FORBIDDEN_WORDS)


def _step(key: str) -> str:
    return f".{key}" if _PLAIN_KEY.fullmatch(key) else f"['{key}']"


def _are_scalars(values: Sequence[object]) -> bool:
    return all(map(_is_scalar, values))


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)
