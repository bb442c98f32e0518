"""Why a cell has no value, and the way of a value from the answer to its field, in words.

This repeats with care, on one row, what ``collect.fields`` has compiled for speed; the rows themselves are made there.
"""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.explain.alias import why_empty
from openai_monitor.collect.explain.offer import Offer, offer_of
from openai_monitor.collect.fields import Clock, bind_expression, calculations
from openai_monitor.collect.parse import RawRow
from openai_monitor.collect.parse.json_body import read_json
from openai_monitor.collect.program import Program
from openai_monitor.collect.values import number_and_unit
from openai_monitor.collect.verdict import Holds
from openai_monitor.definition.expression import Expression, compile_expression, known_names
from openai_monitor.definition.model import Http, MetricSet
from openai_monitor.definition.path import kind
from openai_monitor.definition.units import UnitEntry, converts, parse_unit_entry
from openai_monitor.definition.wording import nearest, quote
from openai_monitor.errors import EvaluationError, ExpressionSyntaxError
from openai_monitor.rows import SECRET_MASK, Field, FieldType, Row, Value

__all__ = ["Explainer", "Gap", "Way"]

_MOST_ROWS = 1_000
"""Rows looked at for gaps: the reasons repeat."""

_LONGEST_SHOWN = 80
_JSON = (None, "default", "jsonPath", "PromQL")
_KEYS_NAMED = 8


@dataclass(frozen=True, slots=True)
class Gap:
    """Cells of a field without a value, and why. ``rows`` count from 1, in the order in which they were read."""

    field: str
    rows: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class Way:
    """How the first row came to its value of a field: (stage, what happened there), in their order.

    The stages are ``body``, ``rows``, ``alias``, ``expression``, ``unit`` and ``field``.
    """

    field: str
    steps: tuple[tuple[str, str], ...]


class Explainer:
    """Explains the rows that a program made of an answer. Cells of secret fields are ``***`` here."""

    def __init__(
        self,
        metric_set: MetricSet,
        program: Program,
        answer: Answer,
        raw_rows: Sequence[RawRow],
        now: Clock,
        success: Holds | None = None,
    ) -> None:
        http = metric_set.http or Http()
        self._http = http
        self._answer = answer
        self._success = success
        self._program = program
        self._raw_rows = raw_rows
        self._now = now
        self._sources = calculations(metric_set)
        self._filters = [text for text in metric_set.filters or () if text]
        self._units = {entry.field: entry for text in metric_set.units or () if (entry := parse_unit_entry(text or ""))}
        offer = offer_of(http, program.aliases, metric_set.name or "", answer) if raw_rows else Offer()
        self._offer = offer if not offer.rows or len(offer.rows) == len(raw_rows) else Offer()
        self.rows: list[Row] = [tuple(cell(raw, _ignore) for cell in program.cells) for raw in raw_rows]
        """The finished rows, those that filters drop among them."""

    def gaps(self) -> list[Gap]:
        """Why cells are empty, by field and reason; of the first thousand rows."""
        found: dict[tuple[str, str], list[int]] = {}
        for index, row in enumerate(self.rows[:_MOST_ROWS]):
            for field, cell in zip(self._program.fields, row, strict=True):
                if cell is None:
                    found.setdefault((field.name, self._reason(field, index)), []).append(index + 1)
        order = {field.name: place for place, field in enumerate(self._program.fields)}
        gaps = [Gap(name, tuple(rows), reason) for (name, reason), rows in found.items()]
        return sorted(gaps, key=lambda gap: (order[gap.field], gap.rows))

    def dropped(self) -> str:
        """How many rows the filters dropped, and what they say of the first; empty when they dropped none."""
        keep = self._program.keep
        dropped = [index for index, row in enumerate(self.rows) if keep is not None and not keep(row)]
        if not dropped:
            return ""
        verdicts = "; ".join(self._verdict(text, self.rows[dropped[0]]) for text in self._filters)
        return f"the filters dropped {len(dropped)} of {len(self.rows)} rows; of row {dropped[0] + 1}, {verdicts}"

    def way(self, field: Field) -> Way:
        """How the first row came to its value of this field, or where its way ended."""
        steps = [("body", self._body()), ("rows", self._rows())]
        if self.rows:
            steps += self._steps_in_row(field)
        return Way(field.name, tuple(steps))

    # Reasons

    def _reason(self, field: Field, index: int) -> str:
        source = self._sources.get(field.name, field.name)
        if isinstance(source, Expression):
            return self._expression_reason(field, source, index)
        if source not in self._program.aliases:
            return f"nothing fills it: {self._no_alias(source)}"
        value = self._raw_rows[index][self._program.aliases.index(source)]
        return self._why_empty(source, index) if value is None else _unfit(field, value)

    def _expression_reason(self, field: Field, expression: Expression, index: int) -> str:
        if (unknown := self._unknown_name(expression)) is not None:
            return f"{quote(expression.text)} gives nothing: {self._no_alias(unknown)}"
        empty = [alias for alias in self._aliases_of(expression) if self._raw(alias, index) is None]
        why = self._why_empty(empty[0], index) if empty else ""
        if why and self._is_plain(expression):
            return why
        try:
            result = self._evaluate(field, expression, index)
        except EvaluationError as error:
            said = "" if empty and str(error) == f"`{empty[0]}` is null" else str(error)
            return f"{quote(expression.text)} fails: {'; '.join(filter(None, (said, why)))}"
        if result is None:
            return f"{quote(expression.text)} gives null" + (f"; {why}" if why else "")
        return f"{quote(expression.text)} gives {_unfit(field, result)}"

    def _unknown_name(self, expression: Expression) -> str | None:
        aliases = self._program.aliases
        names = (name for name in sorted(expression.names) if name not in aliases)
        return next((name for name in names if name.partition(".")[0] not in aliases), None)

    def _no_alias(self, name: str) -> str:
        hint = nearest(name, self._program.aliases)
        return f"no alias is called {quote(name)}" + (f"; {hint}" if hint else "")

    def _why_empty(self, alias: str, index: int) -> str:
        return why_empty(alias, self._offer.rows[index] if self._offer.rows else None, self._offer)

    def _verdict(self, text: str, row: Row) -> str:
        names = tuple(field.name for field in self._program.fields)
        try:
            result = compile_expression(text, known_names(names)).bind(names, now=self._now)(row)
        except ExpressionSyntaxError as fault:
            return f"{quote(text)} is no expression ({fault})"
        except EvaluationError as error:
            return f"{quote(text)} fails: {error}"
        return f"{quote(text)} is {_show(result)}"

    # Ways

    def _body(self) -> str:
        answer = self._answer
        text = f"HTTP {answer.status}, {len(answer.body)} bytes"
        if self._http.parse_type in _JSON:
            text += f": {_shape(read_json(answer))}"
        return f"{text}; it is a success, since {quote(self._success.text)} is true" if self._success else text

    def _rows(self) -> str:
        count = f"{len(self.rows)} row{'s' if len(self.rows) != 1 else ''}"
        script, parse_type = self._http.parse_script, self._http.parse_type or "default"
        by = f"parseType {parse_type}" + (f" with {quote(script)}" if script else "")
        first = f"; the first is {_shape(self._offer.rows[0])}" if self._offer.rows else ""
        return f"{by} gives {count}{first}"

    def _steps_in_row(self, field: Field) -> Iterator[tuple[str, str]]:
        source = self._sources.get(field.name, field.name)
        for alias in self._aliases_of(source):
            yield "alias", self._alias_step(field, alias)
        if isinstance(source, Expression) and not self._is_plain(source):
            yield "expression", self._expression_step(field, source)
        elif (mapped := source if isinstance(source, str) else source.text) != field.name:
            yield "expression", f"{quote(f'{field.name}={mapped}')} takes that alias"
        if (unit := self._unit_step(field, source)) is not None:
            yield "unit", unit
        yield "field", self._field_step(field)

    def _alias_step(self, field: Field, alias: str) -> str:
        value = self._raw(alias, 0)
        if value is None:
            return f"{quote(alias)} has no value: {self._why_empty(alias, 0)}"
        return f"{quote(alias)} is {_masked(field, value)}"

    def _expression_step(self, field: Field, expression: Expression) -> str:
        alias = ", so the alias of this name is taken" if expression.text in self._program.aliases else ""
        try:
            result = self._evaluate(field, expression, 0)
        except EvaluationError as error:
            return f"{quote(expression.text)} fails: {error}{alias}"
        return f"{quote(expression.text)} gives {'null' + alias if result is None else _masked(field, result)}"

    def _unit_step(self, field: Field, source: Expression | str) -> str | None:
        entry: UnitEntry | None = self._units.get(field.name)
        target = entry.target if entry else field.unit
        if target is None or (entry is None and field.type is not FieldType.NUMBER):
            return None
        values = (self._raw(alias, 0) for alias in self._aliases_of(source))
        units = (number_and_unit(value)[1] for value in values if isinstance(value, str))
        found = next(filter(None, units), entry.source if entry else None)
        if found is None or found.upper() == target.upper():
            return f"{target}, nothing to convert"
        return f"{found} to {target}" + ("" if converts(found, target) else ", which do not convert: left as it is")

    def _field_step(self, field: Field) -> str:
        cell = self.rows[0][self._program.fields.index(field)]
        what = f"{quote(field.name)} ({field.type.word}{f', {field.unit}' if field.unit else ''})"
        return f"{what} has no value: {self._reason(field, 0)}" if cell is None else f"{what} is {_masked(field, cell)}"

    # Values

    def _raw(self, alias: str, index: int) -> object:
        return self._raw_rows[index][self._program.aliases.index(alias)]

    def _aliases_of(self, source: Expression | str) -> list[str]:
        """The aliases that fill a field; an expression's are those whose name stands in it."""
        aliases = self._program.aliases
        if isinstance(source, str):
            return [source] if source in aliases else []
        return [alias for alias in dict.fromkeys(aliases) if alias in source.names or alias == source.text]

    def _is_plain(self, expression: Expression) -> bool:
        """Whether the expression is nothing but the name of an alias."""
        return expression.text in self._program.aliases and expression.text in expression.names

    def _evaluate(self, field: Field, expression: Expression, index: int) -> object:
        return bind_expression(field, self._program.columns, expression, self._now)(self._raw_rows[index])


def _ignore(_warning: str) -> None:
    """The rows were made before, with their warnings."""


def _unfit(field: Field, value: object) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value}, which is no value"
    expected = {FieldType.NUMBER: "no number", FieldType.TIME: "no time of day such as 08:30"}
    return f"{_masked(field, value)}, which is {expected.get(field.type, 'no text')}"


def _masked(field: Field, value: object) -> str:
    return SECRET_MASK if field.type is FieldType.SECRET else _show(value)


def _show(value: object | Value) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _LONGEST_SHOWN else f"{text[: _LONGEST_SHOWN - 1]}…"


def _shape(value: object) -> str:
    """A JSON value by its kind, an object with the names of its keys, a list with its length."""
    if isinstance(value, dict) and value:
        keys = ", ".join(quote(key) for key in list(value)[:_KEYS_NAMED])
        return f"{kind(value)} with {keys}{', …' if len(value) > _KEYS_NAMED else ''}"
    if isinstance(value, list):
        return f"{kind(value)} of {len(value)}"
    return kind(value)
