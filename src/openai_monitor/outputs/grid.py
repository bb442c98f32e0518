"""Columns of text for people.

Our own rather than rich: importing that costs 74 ms, two thirds of everything else a run imports, for
padding, wrapping and four colours.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openai_monitor.outputs import Style
from openai_monitor.outputs.text import pad, width, wrap

GAP = "  "
NARROWEST = 12
"""A column of text is not squeezed below this; a table that needs more is shown row by row."""


@dataclass(frozen=True, slots=True)
class Column:
    """A heading and the side its cells stand on. Cells on the right are numbers and are never broken."""

    title: str
    right: bool = False


Cells = Sequence[str]
"""One row: a text for each column, already free of control characters."""


def grid(columns: Sequence[Column], rows: Sequence[Cells], style: Style, indent: str = "") -> list[str]:
    """Lay out a table with headings, as lines; when it does not fit the width, each row as a list."""
    widths = _fit(columns, rows, style.width and style.width - len(indent))
    if widths is None:
        return _row_by_row(columns, rows, style, indent)
    heading = _line([column.title for column in columns], columns, widths)
    rule = GAP.join("-" * size for size in widths)
    lines = [style.paint(indent + heading, "bold"), style.paint(indent + rule, "dim")]
    lines.extend(indent + line for row in rows for line in _lines(row, columns, widths))
    return lines


def listing(columns: Sequence[Column], cells: Cells, style: Style, indent: str = "") -> list[str]:
    """Lay out one row, a column a line: title, then value; the numbers among the values end together."""
    left = max((width(column.title) for column in columns), default=0)
    paired = list(zip(columns, cells, strict=True))
    numbers = max((width(cell) for column, cell in paired if column.right), default=0)
    room = max(style.width - len(indent) - left - len(GAP), NARROWEST) if style.width else None
    lines = []
    for column, cell in paired:
        title = style.paint(pad(column.title, left), "bold")
        parts = [pad(cell, numbers, right=True)] if column.right else wrap(cell, room) if room else [cell]
        lines.append(f"{indent}{title}{GAP}{parts[0]}".rstrip())
        lines.extend(f"{indent}{' ' * left}{GAP}{part}" for part in parts[1:])
    return lines


def _row_by_row(columns: Sequence[Column], rows: Sequence[Cells], style: Style, indent: str) -> list[str]:
    lines: list[str] = []
    for number, row in enumerate(rows, 1):
        lines.append(style.paint(f"{indent}row {number} of {len(rows)}", "dim"))
        lines.extend(listing(columns, row, style, indent))
    return lines


def _fit(columns: Sequence[Column], rows: Sequence[Cells], room: int | None) -> list[int] | None:
    """Find the width of each column: its widest cell, less for texts if room is short.

    None if nothing helps.
    """
    widths = [max(map(width, texts)) for texts in zip([column.title for column in columns], *rows, strict=True)]
    if room is None:
        return widths
    excess = sum(widths) + len(GAP) * (len(widths) - 1) - room
    while excess > 0:
        texts_at = (index for index, column in enumerate(columns) if not column.right)
        widest = max(texts_at, key=widths.__getitem__, default=None)
        if widest is None or widths[widest] <= max(NARROWEST, width(columns[widest].title)):
            return None
        step = min(excess, _lead(widest, columns, widths))
        widths[widest] -= step
        excess -= step
    return widths


def _lead(widest: int, columns: Sequence[Column], widths: Sequence[int]) -> int:
    """Find how far the widest text column may shrink: to the next widest, or to its narrowest."""
    others = (widths[i] for i, column in enumerate(columns) if i != widest and not column.right)
    floor = max(NARROWEST, width(columns[widest].title))
    return max(1, widths[widest] - max(floor, *others, 0))


def _lines(row: Cells, columns: Sequence[Column], widths: Sequence[int]) -> Iterator[str]:
    """Lay out a row as one line, or as several when a text is wider than its column."""
    if all(width(cell) <= size for cell, size in zip(row, widths, strict=True)):
        yield _line(row, columns, widths)
        return
    parts = [wrap(cell, size) for cell, size in zip(row, widths, strict=True)]
    for index in range(max(map(len, parts))):
        yield _line([part[index] if index < len(part) else "" for part in parts], columns, widths)


def _line(cells: Cells, columns: Sequence[Column], widths: Sequence[int]) -> str:
    padded = (pad(cell, size, right=column.right) for cell, column, size in zip(cells, columns, widths, strict=True))
    return GAP.join(padded).rstrip()
