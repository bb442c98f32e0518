"""Rows as readings: labels say of what, values how much. For outputs in which each series has one value.

Rows of a metric set that have equal labels would be one series with two values. Money is added up, as the costs of a
day's items are; of other values the last one stands. Money is what has a currency for a unit, and what is called a
cost. A text called ``currency`` is always a label, so amounts of different currencies are never added up.
"""

import math
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal, InvalidOperation

from openai_monitor.collect.values import number_text
from openai_monitor.rows import Field, FieldType, Row, Value
from openai_monitor.sinks.private import is_shown
from openai_monitor.spend.currency import currency_of

MOST_SERIES = 10_000
"""Of one metric set. Rows with further labels are left out and counted."""

LONGEST_LABEL = 1024

FLAGS = {"true": 1.0, "false": 0.0}
"""Texts that are numbers where only numbers are."""

_ADDING = Context(prec=40)

Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """Which columns of a metric set are labels and which are values; positions among its fields."""

    fields: tuple[Field, ...]
    labels: tuple[int, ...]
    values: tuple[int, ...]
    money: frozenset[int]


@dataclass(frozen=True, slots=True)
class Readings:
    """A row for each combination of labels; ``merged`` rows met another, ``left_out`` ones had no room."""

    rows: dict[Labels, Row]
    merged: int = 0
    left_out: int = 0


def shape_of(fields: Sequence[Field], include: Collection[str] = (), leave_out: Collection[str] = ()) -> Shape:
    """Tell labels from values. Secrets are neither, nor are private fields that ``include`` does not name."""
    labels: list[int] = []
    values: list[int] = []
    money: list[int] = []
    for index, field in enumerate(fields):
        if field.type is FieldType.SECRET or not is_shown(field, include, leave_out):
            continue
        (labels if _is_label(field) else values).append(index)
        if _is_money(field):
            money.append(index)
    return Shape(tuple(fields), tuple(labels), tuple(values), frozenset(money))


def _is_label(field: Field) -> bool:
    return field.label or (field.name.lower() == "currency" and field.type is FieldType.STRING)


def _is_money(field: Field) -> bool:
    is_cost = not field.unit and field.name.lower().endswith(("cost", "costs"))
    return field.type is FieldType.NUMBER and (is_cost or currency_of(field.unit) is not None)


def readings(shape: Shape, rows: Iterable[Row], *, complete: bool = True) -> Readings:
    """Bring rows with equal labels together; ``complete`` is whether they are all, or else they add up to nothing."""
    found: dict[Labels, Row] = {}
    merged = left_out = 0
    for row in rows:
        key = tuple([label_text(row[index]) for index in shape.labels])
        known = found.get(key)
        if known is not None:
            merged += 1
            pairs = enumerate(zip(known, row, strict=True))
            found[key] = tuple([_together(shape, at, one, other, complete=complete) for at, (one, other) in pairs])
        elif len(found) < MOST_SERIES:
            found[key] = row
        else:
            left_out += 1
    return Readings(found, merged, left_out)


def label_text(value: Value) -> str:
    """Write a cell as the text of a label: valid Unicode, of bounded length; nothing for no value."""
    if value is None:
        return ""
    if not isinstance(value, str):
        return number_text(value)
    return clean_text(value if len(value) <= LONGEST_LABEL else value[: LONGEST_LABEL - 1] + "…")


def clean_text(text: str) -> str:
    """Replace what UTF-8 can't write."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def finite(value: Value) -> float | None:
    """Give a number as a float; None for a text, for NaN and for what no float holds."""
    if not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return None if math.isnan(number) else number


def _together(shape: Shape, index: int, known: Value, cell: Value, *, complete: bool) -> Value:
    if index in shape.money and not complete:
        return None
    if cell is None:
        return known
    if index not in shape.money or isinstance(known, str) or known is None or isinstance(cell, str):
        return cell
    return _sum(known, cell)


def _sum(left: float, right: float) -> int | float:
    """Add in decimal, so that cents stay cents."""
    if isinstance(left, int) and isinstance(right, int):
        return left + right
    try:
        return float(_ADDING.add(Decimal(str(left)), Decimal(str(right))))
    except InvalidOperation:
        return math.nan
