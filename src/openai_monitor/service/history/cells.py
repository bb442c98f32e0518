"""How rows stand in the file: as two JSON texts, one of the text cells and one of the number cells.

Texts hardly change from one round to the next and then cost nothing: a result points to an earlier one that has the
same. Of the numbers only the stretch that changed is written, when that is much shorter.
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from openai_monitor.rows import Field, FieldType

_NUMERIC = (FieldType.NUMBER, FieldType.TIME)
_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode
_ESCAPED = json.JSONEncoder(allow_nan=False, separators=(",", ":")).encode

TEXTS, NUMBERS = "texts", "numbers"

Rows = Sequence[Sequence[object]]
"""Rows of a layout's fields. A cell is a Value, or of a condensed hour a list of them."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where the cells of a field stand: in which of the two parts, and at which slot of its rows."""

    part: str
    slot: int


class Layout:
    """The fields of a metric set, under one id."""

    __slots__ = ("_numbers", "_texts", "fields", "id", "places")

    def __init__(self, number: int, fields: tuple[Field, ...]) -> None:
        self.id = number
        self.fields = fields
        self._numbers = [index for index, field in enumerate(fields) if field.type in _NUMERIC]
        self._texts = [index for index, field in enumerate(fields) if field.type not in _NUMERIC]
        self.places = [self._place(index) for index in range(len(fields))]

    def _place(self, index: int) -> Place:
        if index in self._numbers:
            return Place(NUMBERS, self._numbers.index(index))
        return Place(TEXTS, self._texts.index(index))

    def write(self, rows: Rows) -> tuple[str | None, str | None]:
        """Write rows (secrets already masked) as texts and numbers; None for a part that no field stands in."""
        return _part(rows, self._texts), _part(rows, self._numbers)

    def read(self, texts: str | None, numbers: str | None) -> tuple[tuple[Any, ...], ...]:
        """Read what ``write`` wrote."""
        parts = {TEXTS: json.loads(texts) if texts else None, NUMBERS: json.loads(numbers) if numbers else None}
        count = max((len(part) for part in parts.values() if part is not None), default=0)
        missing = [[None] * len(self.fields)] * count
        columns = [(parts[place.part] or missing, place.slot) for place in self.places]
        return tuple(tuple([part[line][slot] for part, slot in columns]) for line in range(count))


def _part(rows: Rows, indexes: Sequence[int]) -> str | None:
    if not indexes:
        return None
    return to_json([[row[index] for index in indexes] for row in rows])


def to_json(value: object) -> str:
    """Write JSON, compact; what JSON has no word for (NaN) is null, and a lone surrogate an escape."""
    try:
        text = _STRICT(value)
        return text if text.isascii() or _is_utf8(text) else _ESCAPED(value)
    except ValueError:
        return to_json(_finite(value))


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(value: object) -> object:
    if isinstance(value, list):
        return [_finite(each) for each in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


@dataclass(frozen=True, slots=True)
class Patch:
    """What of a text differs from a base: so many characters of its head and tail stay."""

    head: int
    middle: str
    tail: int


def difference(base: str, text: str) -> Patch:
    """Find the stretch in which a text differs from the base."""
    most = min(len(base), len(text))
    head = _longest(lambda size: base[:size] == text[:size], most)
    tail = _longest(lambda size: base[len(base) - size :] == text[len(text) - size :], most - head)
    return Patch(head, text[head : len(text) - tail], tail)


def _longest(is_same: Callable[[int], bool], most: int) -> int:
    """Find the greatest size up to which all are the same, by halving: comparing slices is cheap."""
    low, high = 0, most
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if is_same(middle) else (low, middle - 1)
    return low


def apply(base: str, patch: Patch) -> str:
    """Put the text together again."""
    return base[: patch.head] + patch.middle + base[len(base) - patch.tail :]
