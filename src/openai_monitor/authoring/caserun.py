"""Tests beside definitions: running them, and saying what is not as expected."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile

from openai_monitor.authoring.casefile import Case, CaseFile, ExpectedRow
from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.rehearsal import Rehearsal, rehearse, utc_now
from openai_monitor.collect.values import parse_number, seconds_of_day
from openai_monitor.definition.definition import Definition
from openai_monitor.definition.wording import nearest, quote
from openai_monitor.errors import ParameterError
from openai_monitor.outputs.numbers import clock, plain
from openai_monitor.rows import SECRET_MASK, Field, FieldType, Value

_SAME = "  "
_MISSING, _SURPLUS = "- ", "+ "


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a test ended: ``complaints`` are lines that say what is not as expected, none when it passed."""

    case: Case
    complaints: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.complaints


async def run_case_file(tests: CaseFile, definition: Definition) -> list[Outcome]:
    """Run all tests of a file, in their order."""
    return [Outcome(case, tuple(await _complaints(case, definition))) for case in tests.cases]


async def _complaints(case: Case, definition: Definition) -> list[str]:
    answer = Answer(case.status, Headers(case.headers), case.body, 0, "")
    at = case.at
    try:
        rehearsal = await rehearse(
            definition, case.metrics, answer, case.params, row=case.row, clock=utc_now if at is None else lambda: at
        )
    except ParameterError as error:
        return [str(error)]
    return [*_failure_complaints(case, rehearsal), *_warning_complaints(case, rehearsal)]


def _failure_complaints(case: Case, rehearsal: Rehearsal) -> Iterator[str]:
    result, error, rows = rehearsal.result, case.expect.error, case.expect.rows
    if error is not None and result.ok:
        yield f"expected a failure with {quote(error)}, got {_count(result.rows)}"
    elif error is not None and error not in result.message:
        yield f"expected a failure with {quote(error)}, got: {result.message}"
    elif rows is not None and not result.ok:
        yield f"expected {_count(rows)}, the set failed: {result.message}"
    elif rows is not None:
        yield from _row_complaints(rows, rehearsal)


def _warning_complaints(case: Case, rehearsal: Rehearsal) -> Iterator[str]:
    wanted, warnings = case.expect.warning, rehearsal.result.warnings
    if wanted is not None and not any(wanted in text for text in warnings):
        yield f"expected a warning with {quote(wanted)}, got {'; '.join(warnings) or 'none'}"


def _row_complaints(rows: Sequence[ExpectedRow], rehearsal: Rehearsal) -> Iterator[str]:
    fields = {field.name: field for field in rehearsal.result.fields}
    unknown = [(name, row.line) for row in rows for name in row.cells if name not in fields]
    if unknown:
        name, line = unknown[0]
        yield f"line {line}: {rehearsal.result.name} has no field {quote(name)}; {nearest(name, fields)}"
        return
    records = list(rehearsal.result.records())
    if len(rows) == len(records) and all(map(_matches, rows, records, [fields] * len(rows))):
        return
    if len(rows) != len(records):
        yield f"expected {_count(rows)}, got {len(records)}"
    yield from _difference(rows, records, fields)
    yield from (
        f"{gap.field} has no value in row {gap.rows[0]}: {gap.reason}"
        for gap in rehearsal.gaps
        if _is_asked(gap.field, rows)
    )
    yield from (f"note: {text}" for text in rehearsal.result.warnings)


def _is_asked(name: str, rows: Sequence[ExpectedRow]) -> bool:
    return any(row.cells.get(name) is not None for row in rows)


Record = Mapping[str, Value]
Fields = Mapping[str, Field]


def _difference(rows: Sequence[ExpectedRow], records: Sequence[Record], fields: Fields) -> Iterator[str]:
    """The rows that are missing and those that came instead, between those that match at both ends."""
    pairs = list(zip(rows, records, strict=False))
    head = len(list(takewhile(lambda pair: _matches(*pair, fields), pairs)))
    ends = list(zip(rows[head:][::-1], records[head:][::-1], strict=False))
    tail = len(list(takewhile(lambda pair: _matches(*pair, fields), ends)))
    middle = rows[head : len(rows) - tail]
    names = list(dict.fromkeys(name for row in (middle or rows) for name in row.cells)) or list(fields)
    if head:
        yield f"{_SAME}{_count(rows[:head])} as expected"
    for row in middle:
        yield _MISSING + _line({name: _expected(fields[name], text) for name, text in row.cells.items()}, fields)
    for record in records[head : len(records) - tail]:
        yield _SURPLUS + _line({name: _shown(fields[name], record[name]) for name in names}, fields)
    if tail:
        yield f"{_SAME}{_count(rows[:tail])} as expected"


def _count(rows: Sequence[object]) -> str:
    return f"{len(rows)} row{'s' if len(rows) != 1 else ''}"


def _line(cells: Mapping[str, str | None], fields: Fields) -> str:
    return ", ".join(f"{name}: {_masked(fields[name], text)}" for name, text in cells.items())


def _masked(field: Field, text: str | None) -> str:
    if text is None:
        return "null"
    return SECRET_MASK if field.type is FieldType.SECRET else text


def _matches(row: ExpectedRow, record: Record, fields: Fields) -> bool:
    return all(_cell_matches(fields[name], text, record[name]) for name, text in row.cells.items())


def _cell_matches(field: Field, text: str | None, cell: Value) -> bool:
    if field.type is FieldType.SECRET and text == SECRET_MASK:
        return cell is not None
    return _expected(field, text) == _shown(field, cell)


def _expected(field: Field, text: str | None) -> str | None:
    """What is written in a test, as ``_shown`` writes the cell it stands for."""
    if text is None:
        return None
    if field.type is FieldType.NUMBER:
        number = parse_number(text)
        return text if number is None else plain(number)
    if field.type is FieldType.TIME:
        seconds = seconds_of_day(text) if ":" in text else parse_number(text)
        return text if seconds is None else clock(seconds)
    return text


def _shown(field: Field, cell: Value) -> str | None:
    """A cell as text: numbers without the noise of binary fractions, times as ``08:30:00``."""
    if cell is None or isinstance(cell, str):
        return cell
    return clock(cell) if field.type is FieldType.TIME else plain(cell)
