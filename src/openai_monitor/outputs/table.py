"""``table``: for people. Each metric set under its name, units in the headings, numbers on the right.

A set with a single row is shown as a list, so that 26 fields can be read. A cell without a value is ``-``.
Dollars are written as dollars; other numbers lose only the noise of binary fractions. Control characters are
shown as escapes.
"""

from collections.abc import Callable, Iterable, Sequence

from openai_monitor.outputs import Style, utc
from openai_monitor.outputs.grid import Cells, Column, grid, listing
from openai_monitor.outputs.numbers import align, clock, money, plain
from openai_monitor.outputs.text import visible, wrap
from openai_monitor.rows import Field, FieldType, MetricSetResult, Round, Value

EMPTY = "-"
INDENT = "  "
MOST_WARNINGS = 5


def render(collected: Round, style: Style) -> str:
    """Write all metric sets, one below the other, then those that were not asked."""
    parts = [_heading(collected, style)]
    parts.extend(_metric_set(result, style) for result in collected.results)
    parts.extend(
        _sentence(f"{visible(skipped.name)}: skipped", skipped.reason, style, "yellow") for skipped in collected.skipped
    )
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def show(field: Field, value: Value) -> str:
    """Write one cell as a person reads it."""
    return EMPTY if value is None else visible(_writer(field)(value))


def is_money(field: Field) -> bool:
    """Tell whether the field holds US dollars."""
    return field.type is FieldType.NUMBER and (field.unit or "").upper() in ("USD", "$")


def _heading(collected: Round, style: Style) -> list[str]:
    named = [collected.name, *(f"{key}={value}" for key, value in collected.tags)]
    parts = [collected.app, collected.host, *named, utc(collected.time)[:-5] + "Z"]
    return _wrapped(", ".join(part for part in parts if part), style, "dim", indent="")


def _metric_set(result: MetricSetResult, style: Style) -> list[str]:
    name = visible(result.name)
    if not result.ok:
        return _sentence(f"{name}: {result.code.name}", result.message, style, "red")
    if not result.rows:
        return [f"{style.paint(name, 'bold')}: no rows", *_notes(result, style)]
    columns = [Column(_title(field), _is_number(field)) for field in result.fields]
    rows = _cells(result.fields, result.public_rows())
    body = listing(columns, rows[0], style, INDENT) if len(rows) == 1 else grid(columns, rows, style, INDENT)
    return [style.paint(name, "bold"), *body, *_notes(result, style)]


def _sentence(title: str, text: str, style: Style, look: str) -> list[str]:
    return [style.paint(title, look), *_wrapped(text, style, look)]


def _wrapped(text: str, style: Style, look: str, indent: str = INDENT) -> list[str]:
    shown = visible(text)
    lines = wrap(shown, max(style.width - len(indent), 20)) if style.width else [shown]
    return [style.paint(indent + line, look) for line in lines]


def _notes(result: MetricSetResult, style: Style) -> list[str]:
    notes = [text for text in (result.message, *result.warnings) if text]
    shown = notes[:MOST_WARNINGS]
    if len(notes) > len(shown):
        shown.append(f"and {len(notes) - len(shown)} more")
    return [line for text in shown for line in _wrapped(f"note: {text}", style, "yellow")]


def _title(field: Field) -> str:
    return visible(f"{field.name} ({field.unit})" if field.unit else field.name)


def _is_number(field: Field) -> bool:
    return field.type in (FieldType.NUMBER, FieldType.TIME)


def _cells(fields: Sequence[Field], rows: Sequence[Sequence[Value]]) -> list[Cells]:
    columns = [_column(field, values) for field, values in zip(fields, zip(*rows, strict=True), strict=True)]
    return list(zip(*columns, strict=True))


def _column(field: Field, values: Iterable[Value]) -> list[str]:
    write = _writer(field)
    texts = [EMPTY if value is None else visible(write(value)) for value in values]
    return align(texts) if is_money(field) else texts


def _writer(field: Field) -> Callable[[Value], str]:
    number = money if is_money(field) else clock if field.type is FieldType.TIME else plain

    def write(value: Value) -> str:
        return number(value) if isinstance(value, int | float) else str(value)

    return write
