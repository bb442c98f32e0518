"""``--fail-if``: a condition of the definition's own expression language over the rows of a collection.

Names are ``SET.FIELD``. It holds when it is true for any row of the set, or for any combination of rows when
it names several sets. What can't be judged, such as a set that failed or a field without a value, is never
taken for "no".
"""

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from math import prod

from openai_monitor.definition.expression import compile_expression
from openai_monitor.errors import EvaluationError, ExpressionSyntaxError, ParameterError
from openai_monitor.outputs.table import show
from openai_monitor.outputs.text import visible
from openai_monitor.rows import SECRET_MASK, Field, FieldType, MetricSetResult, Round, Row, Value

MOST_COMBINATIONS = 1_000_000


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a condition came out, and the sentence for a person.

    ``holds`` is None when it could not be judged.
    """

    holds: bool | None
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Condition:
    """One compiled condition.

    ``references`` are the (set, field) pairs it reads, by the name used in its text; ``evaluate`` takes their
    values in that order.
    """

    text: str
    evaluate: Callable[[Sequence[Value]], object]
    references: Mapping[str, tuple[str, str]]

    @property
    def metric_sets(self) -> tuple[str, ...]:
        """The sets whose rows it needs."""
        return tuple(dict.fromkeys(name for name, _ in self.references.values()))

    def judge(self, collected: Round) -> Verdict:
        """Look for rows that make it true."""
        results = {result.name: result for result in collected.results}
        for name in self.metric_sets:
            if problem := _unusable(name, results, collected):
                return self._unclear(problem)
        chosen = [results[name] for name in self.metric_sets]
        count = prod(len(result.rows) for result in chosen)
        if count > MOST_COMBINATIONS:
            return self._unclear(f"its sets have {count} combinations of rows; compare fewer")
        return self._search(chosen)

    def _search(self, results: Sequence[MetricSetResult]) -> Verdict:
        cells = [_position(results, *reference) for reference in self.references.values()]
        first_case: _Case | None = None
        holding = unclear = 0
        problem = ""
        for case in product(*(enumerate(result.rows, 1) for result in results)):
            values = [case[place][1][column] for place, column in cells]
            try:
                outcome = self.evaluate(values)
            except EvaluationError as error:
                outcome = error
            if outcome is True:
                holding += 1
                first_case = first_case or case
            elif outcome is not False:
                unclear += 1
                problem = problem or f"{self._problem(values, outcome)}{_where(results, case)}"
        if first_case is not None:
            return Verdict(True, self._holds(results, cells, first_case, holding))
        if missing := next((result for result in results if not result.complete), None):
            return self._unclear(f"{missing.name} is not complete ({missing.message})")
        if unclear:
            return self._unclear(problem + (f", and {unclear - 1} more such rows" if unclear > 1 else ""))
        return Verdict(False)

    def _unclear(self, problem: str) -> Verdict:
        return Verdict(None, f"--fail-if {self.text!r} could not be judged: {problem}")

    def _problem(self, values: Sequence[Value], outcome: object) -> str:
        empty = [name for name, value in zip(self.references, values, strict=True) if value is None]
        if empty:
            return f"{' and '.join(empty)} {'has' if len(empty) == 1 else 'have'} no value"
        if isinstance(outcome, EvaluationError):
            return str(outcome)
        return "it is neither true nor false; write a comparison, such as SET.FIELD < 20"

    def _holds(self, results: Sequence[MetricSetResult], cells: Sequence["_Cell"], case: "_Case", count: int) -> str:
        shown = [
            f"{field.name} is {_shown(field, case[place][1][column])}"
            for place, column in cells
            for field in [results[place].fields[column]]
        ]
        more = f", and so for {count - 1} more" if count > 1 else ""
        return f"{self.text} holds{_where(results, case)}: {', '.join(shown)}{more}"


_Cell = tuple[int, int]
"""Which of the results, and which of its columns."""

_Case = tuple[tuple[int, Row], ...]
"""A numbered row of each result."""


def compile_conditions(texts: Sequence[str], fields: Mapping[str, Collection[str]]) -> list[Condition]:
    """Compile the conditions for a definition, given the field names of each of its metric sets.

    Raises ParameterError for a text that is no expression or names what no metric set has.
    """
    return [_compile(text, fields) for text in texts]


def _compile(text: str, fields: Mapping[str, Collection[str]]) -> Condition:
    try:
        expression = compile_expression(text)
    except ExpressionSyntaxError as error:
        raise ParameterError(f"--fail-if {text!r}: {error} (at character {error.offset + 1})") from None
    references = {name: _resolve(name, text, fields) for name in sorted(expression.names, key=text.find)}
    if not references:
        raise ParameterError(f"--fail-if {text!r} reads no field; write SET.FIELD, such as {_example(fields)} < 20")
    return Condition(text, _bind(text, list(references)), references)


def _bind(text: str, names: Sequence[str]) -> Callable[[Sequence[Value]], object]:
    """Bind the expression to plain names: the language takes a comparison with a null ``a.b`` for false.

    With a null ``a`` it fails instead, which is what a condition needs.
    """
    plain = {name: f"v{number}" for number, name in enumerate(names)}
    longest_first = sorted(names, key=len, reverse=True)
    quoted = r"'(?:\\.|[^'\\])*'" + r'|"(?:\\.|[^"\\])*"'
    tokens = re.compile("|".join((quoted, *(rf"{re.escape(name)}(?![\w.])" for name in longest_first))))
    rewritten = tokens.sub(lambda token: plain.get(token[0], token[0]), text)
    evaluate = compile_expression(rewritten).bind([*plain.values(), *names])  # get('a.b') needs the full names
    return lambda values: evaluate([*values, *values])


def _resolve(name: str, text: str, fields: Mapping[str, Collection[str]]) -> tuple[str, str]:
    found = [
        (metric_set, field)
        for metric_set, names in fields.items()
        for field in names
        if name == f"{metric_set}.{field}"
    ]
    if found:
        return found[0]
    metric_set = name.partition(".")[0]
    if metric_set in fields:
        raise ParameterError(
            f"--fail-if {text!r}: {metric_set} has no such field; it has {', '.join(fields[metric_set])}"
        )
    raise ParameterError(f"--fail-if {text!r}: {name} is no SET.FIELD here; the metric sets are {', '.join(fields)}")


def _example(fields: Mapping[str, Collection[str]]) -> str:
    return next((f"{metric_set}.{field}" for metric_set, names in fields.items() for field in names), "SET.FIELD")


def _unusable(name: str, results: Mapping[str, MetricSetResult], collected: Round) -> str:
    """Why the rows of this set say nothing; empty when they do."""
    result = results.get(name)
    if result is not None:
        return "" if result.ok else f"{name} failed ({result.code.name})"
    return next(
        (f"{name} was skipped ({skipped.reason})" for skipped in collected.skipped if skipped.name == name),
        f"{name} was not collected",
    )


def _position(results: Sequence[MetricSetResult], metric_set: str, field: str) -> _Cell:
    place = next(index for index, result in enumerate(results) if result.name == metric_set)
    return place, [each.name for each in results[place].fields].index(field)


def _where(results: Sequence[MetricSetResult], case: _Case) -> str:
    parts = [
        part for result, (number, row) in zip(results, case, strict=True) for part in _identity(result, number, row)
    ]
    return f" for {', '.join(parts)}" if parts else ""


def _identity(result: MetricSetResult, number: int, row: Row) -> Iterator[str]:
    """Find what tells this row from the others of its set: its labels, else its number."""
    labels = [(field, cell) for field, cell in zip(result.fields, row, strict=True) if field.label and cell is not None]
    for field, cell in labels:
        yield f"{field.name} {_shown(field, cell)}"
    if not labels and len(result.rows) > 1:
        yield f"row {number} of {result.name}"


def _shown(field: Field, cell: Value) -> str:
    return SECRET_MASK if field.type is FieldType.SECRET and cell is not None else visible(show(field, cell))
