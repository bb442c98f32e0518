"""A rehearsal as a text: the rows, why cells are empty, and the ways of values."""

from collections.abc import Iterable, Iterator, Sequence

from openai_monitor.collect.explain import Gap, Way
from openai_monitor.collect.rehearsal import Rehearsal
from openai_monitor.outputs import Style
from openai_monitor.outputs.json_text import encode, row_encoder
from openai_monitor.outputs.table import render
from openai_monitor.outputs.text import visible
from openai_monitor.rows import Round

_ROWS_NAMED = 5
_STAGE_WIDTH = len("expression")
_SHARED = ("body", "rows")
"""Stages that all fields of a set have in common."""


def render_table(app: str, rehearsal: Rehearsal, ways: Sequence[Way], style: Style) -> str:
    """The table that a collection would print, then what explains it."""
    result = rehearsal.result
    text = render(Round(app, None, result.time, (result,)), style)
    count = len(rehearsal.explainer.rows) if rehearsal.explainer else 0
    lines = [*_gap_lines(rehearsal.gaps, count, style), *_way_lines(ways, style)]
    return text + "".join(f"{line}\n" for line in lines)


def render_json(rehearsal: Rehearsal, ways: Sequence[Way]) -> str:
    """One object: the result, ``no_value`` with the reason of empty cells, ``explain`` with the ways asked for."""
    result = rehearsal.result
    rows = map(row_encoder(result.fields), result.public_rows())
    members = {
        "metrics": encode(result.name),
        "code": encode(result.code.name),
        "message": encode(result.message),
        "warnings": encode(result.warnings),
        "fields": encode(
            [{"name": f.name, "type": f.type.word, "unit": f.unit, "label": f.label} for f in result.fields]
        ),
        "rows": _array(rows),
        "no_value": _array(
            encode({"field": gap.field, "rows": gap.rows, "reason": gap.reason}) for gap in rehearsal.gaps
        ),
        "explain": _array(
            encode({"field": way.field, "steps": [{"stage": stage, "text": text} for stage, text in way.steps]})
            for way in ways
        ),
    }
    body = ",\n".join(f"  {encode(key)}: {value}" for key, value in members.items())
    return f"{{\n{body}\n}}\n"


def _array(items: Iterable[str]) -> str:
    body = ",\n    ".join(items)
    return f"[\n    {body}\n  ]" if body else "[]"


def _gap_lines(gaps: Sequence[Gap], count: int, style: Style) -> Iterator[str]:
    if gaps:
        yield ""
        yield style.paint("no value", "bold")
    for gap in gaps:
        yield visible(f"  {gap.field}{_rows(gap.rows, count)}: {gap.reason}")


def _rows(rows: Sequence[int], count: int) -> str:
    if count == 1:
        return ""
    if len(rows) == count:
        return f", all {count} rows"
    named = ", ".join(map(str, rows[:_ROWS_NAMED]))
    return f", row{'s' if len(rows) > 1 else ''} {named}{' …' if len(rows) > _ROWS_NAMED else ''}"


def _way_lines(ways: Sequence[Way], style: Style) -> Iterator[str]:
    """The stages all have in common stand once, before the first."""
    for number, way in enumerate(ways):
        if number == 0:
            yield ""
            yield style.paint("the way of the first row", "bold")
            yield from _stages([step for step in way.steps if step[0] in _SHARED])
        yield ""
        yield style.paint(visible(way.field), "bold")
        yield from _stages([step for step in way.steps if step[0] not in _SHARED])


def _stages(steps: Sequence[tuple[str, str]]) -> Iterator[str]:
    return (visible(f"  {stage:<{_STAGE_WIDTH}}  {text}") for stage, text in steps)
