"""From raw alias values to typed cells: calculations, units, types and filters of one metric set.

Each field becomes one closure over a raw row (a value per alias). What a definition can't change at run time is decided
here once, so that a row costs a few calls.
"""

import math
import sys
from collections.abc import Callable, Sequence
from decimal import Decimal, InvalidOperation

from openai_monitor.collect.parse import Aliases, AllOf, RawRow
from openai_monitor.collect.values import converted_text, number_and_unit, seconds_of_day, text_of
from openai_monitor.definition.expression import Expression, KnownNames, compile_expression, known_names
from openai_monitor.definition.expression.values import BlankText, java_text
from openai_monitor.definition.model import Http, MetricSet
from openai_monitor.definition.path import compile_path
from openai_monitor.definition.units import UnitEntry, convert, converts, parse_unit_entry
from openai_monitor.errors import EvaluationError, ExpressionSyntaxError, PathSyntaxError
from openai_monitor.rows import Field, FieldType, Row, Value

Warn = Callable[[str], object]
Cell = Callable[[RawRow, Warn], Value]
Clock = Callable[[], int]

_FLAGS = {True: "true", False: "false"}
_LARGEST = sys.float_info.max


def declared_fields(metric_set: MetricSet) -> tuple[Field, ...]:
    """The columns of a metric set, in the order of the definition. A type HertzBeat does not know is text."""
    known = {kind.value: kind for kind in FieldType}
    return tuple(
        Field(spec.field or "", known.get(spec.type, FieldType.STRING), spec.unit, spec.label)
        for spec in metric_set.fields
    )


def alias_names(metric_set: MetricSet) -> Aliases:
    """The aliases to read from an answer; without ``aliasFields`` they are the fields' own names."""
    if metric_set.alias_fields:
        return tuple(alias or "" for alias in metric_set.alias_fields)
    return tuple(spec.field or "" for spec in metric_set.fields)


def lists_to_read(metric_set: MetricSet) -> tuple[AllOf, ...]:
    """The paths that can find several values in a row and fill a number or an argument that may be a list.

    What they find is read beside the aliases: to compute with all of it, or to say that the first was taken.
    """
    http = metric_set.http or Http()
    if http.parse_type != "jsonPath":
        return ()
    calculates = calculations(metric_set)
    wanted: dict[str, None] = {}
    for field in declared_fields(metric_set):
        source = calculates.get(field.name, field.name)
        lists = [] if isinstance(source, str) else sorted(source.lists)
        numbers = [source] if isinstance(source, str) else sorted(source.singles)
        wanted |= dict.fromkeys([*lists, *(numbers if field.type is FieldType.NUMBER else ())])
    known = alias_names(metric_set)
    return tuple(AllOf(name) for name in wanted if name in known and _may_find_several(name))


def _may_find_several(alias: str) -> bool:
    try:
        return alias.startswith("$.") and not compile_path(alias).selects_one
    except PathSyntaxError:
        return False


def compile_cells(metric_set: MetricSet, aliases: Aliases, now: Clock) -> tuple[Cell, ...]:
    """One closure a field, in the order of the fields."""
    calculates = calculations(metric_set)
    units = {entry.field: entry for entry in filter(None, map(_read_unit, metric_set.units or ()))}
    return tuple(
        _compile_cell(field, aliases, calculates.get(field.name, field.name), units.get(field.name), now)
        for field in declared_fields(metric_set)
    )


def compile_filters(metric_set: MetricSet, fields: Sequence[Field], now: Clock) -> Callable[[Row], bool] | None:
    """Whether a finished row stays: it does when any filter is true. None when the set has no filters.

    A filter that does not compile, fails, or is not boolean counts as false.
    """
    if not metric_set.filters:
        return None
    names = tuple(field.name for field in fields)
    known = known_names(names)
    tests = [
        expression.bind(names, now=now)
        for text in metric_set.filters
        if (expression := _try_compile(text, known)) is not None
    ]

    def keep(row: Row) -> bool:
        return any(_is_true(test, row) for test in tests)

    return keep


def _is_true(test: Callable[[Sequence[object]], object], row: Row) -> bool:
    try:
        return test(row) is True
    except EvaluationError:
        return False


def calculations(metric_set: MetricSet) -> dict[str, Expression | str]:
    """What fills a field: the last expression for it, or without one the last text, which names an alias.

    Nothing at the right of the ``=`` counts as an expression: it compiles in HertzBeat, to null.
    """
    found: dict[str, Expression | str] = {}
    known = known_names(alias_names(metric_set))
    for entry in metric_set.calculates or ():
        name, equals, right = (part.strip() for part in (entry or "").partition("="))
        expression = _try_compile(right, known)
        if equals and (expression or not right or not isinstance(found.get(name), Expression)):
            found[name] = expression or right
    return found


def _read_unit(text: str | None) -> UnitEntry | None:
    return parse_unit_entry(text) if text else None


def _try_compile(text: str | None, known: KnownNames) -> Expression | None:
    try:
        return compile_expression(text, known) if text else None
    except ExpressionSyntaxError:
        return None


def _compile_cell(field: Field, aliases: Aliases, source: Expression | str, unit: UnitEntry | None, now: Clock) -> Cell:
    if isinstance(source, str) or (field.type is FieldType.STRING and source.text in aliases and _is_name(source)):
        name = source if isinstance(source, str) else source.text
        return _telling_of_several(field, aliases, [name], _plain_cell(field, aliases, name, unit))
    # An expression without a value falls back to the alias of exactly its text: `Content-Length` is both.
    fallback = _plain_cell(field, aliases, source.text, unit)
    cell = _calculated_cell(field, aliases, source, fallback, unit, now)
    return _telling_of_several(field, aliases, sorted(source.singles), cell)


def _telling_of_several(field: Field, aliases: Aliases, names: Sequence[str], cell: Cell) -> Cell:
    """The cell, which warns where a path finds several values and a number is made of the first."""
    watched = [(at, alias) for at, alias in enumerate(aliases) if isinstance(alias, AllOf) and alias in names]
    if field.type is not FieldType.NUMBER or not watched:
        return cell

    def watching(raw: RawRow, warn: Warn) -> Value:
        for at, alias in watched:
            found = raw[at]
            if type(found) is list and len(found) > 1:
                warn(
                    f"`{alias}` finds several values in a row and {field.name} takes the first: "
                    f"write `sum({alias})`, or avg, min, max or count of it"
                )
        return cell(raw, warn)

    return watching


def _is_name(expression: Expression) -> bool:
    """Whether the expression is nothing but one variable, which a text field shows as it came."""
    return expression.names == {expression.text}


def _index(aliases: Aliases, name: str) -> int | None:
    return aliases.index(name) if name in aliases else None


def _plain_cell(field: Field, aliases: Aliases, name: str, unit: UnitEntry | None) -> Cell:
    index = _index(aliases, name)
    if index is None:
        return lambda _raw, _warn: None
    if field.type is FieldType.NUMBER:
        return _plain_number(field, aliases, index, _target_unit(field, unit), unit.source if unit else None)
    if field.type is FieldType.TIME:
        return _plain_time(index, unit)
    if unit is None:
        return _plain_text(index)
    source, target = unit.source, unit.target
    return lambda raw, _warn: converted_text(text_of(raw[index]), source, target)


def _plain_time(index: int, unit: UnitEntry | None) -> Cell:
    if unit is None:
        return lambda raw, _warn: seconds_of_day(raw[index])
    source, target = unit.source, unit.target

    def cell(raw: RawRow, _warn: Warn) -> Value:
        seconds = seconds_of_day(raw[index])
        return None if seconds is None else convert(seconds, source, target)

    return cell


def _target_unit(field: Field, unit: UnitEntry | None) -> str | None:
    return unit.target if unit else field.unit


def _plain_text(index: int) -> Cell:
    def cell(raw: RawRow, _warn: Warn) -> Value:
        value = raw[index]
        if value is None or type(value) is str:
            return value
        return _FLAGS[value] if type(value) is bool else text_of(value)

    return cell


def _plain_number(field: Field, aliases: Aliases, index: int, target: str | None, source: str | None) -> Cell:
    def cell(raw: RawRow, warn: Warn) -> Value:
        value = raw[index]
        if source is None and type(value) is float and -_LARGEST <= value <= _LARGEST:
            return value + 0.0  # what most cells are
        unit = source
        if type(value) is str:
            number, found = number_and_unit(value)
            unit = found or source
        elif type(value) is float or type(value) is int:
            number = value
        else:
            if type(value) is list:
                _tell_of_list(field, aliases[index], warn)
            return None
        return finish_number(number, unit, target, warn)

    return cell


def _calculated_cell(
    field: Field, aliases: Aliases, expression: Expression, fallback: Cell, unit: UnitEntry | None, now: Clock
) -> Cell:
    used = _aliases_in(expression.text, aliases)
    singles = sorted(expression.singles)
    evaluate = bind_expression(field, aliases, expression, now)
    target = _target_unit(field, unit)
    source = unit.source if unit else None

    def number_cell(raw: RawRow, warn: Warn) -> Value:
        try:
            result = evaluate(raw)
        except EvaluationError:
            result = None
        if result is not None and type(result) is not float and type(result) is not int:
            result = _number_result(result, field.unit)
            if result is None:
                _tell_of_lists(field, aliases, singles, raw, warn)
                return None
        if result is None:
            _tell_of_lists(field, aliases, singles, raw, warn)
            return fallback(raw, warn)
        found = _data_unit([raw[index] for index in used]) if target else None
        return finish_number(result, found or source, target, warn)

    def text_cell(raw: RawRow, warn: Warn) -> Value:
        try:
            result = evaluate(raw)
        except EvaluationError:
            return fallback(raw, warn)
        if not isinstance(result, str):
            return fallback(raw, warn)
        return result if unit is None else converted_text(result, unit.source, unit.target)

    if field.type is not FieldType.NUMBER:
        return text_cell
    if len(used) != 1 or unit is not None or expression.lists:
        return number_cell
    return _quick(used[0], expression.bind([aliases[used[0]]], now=now), number_cell)


def bind_expression(field: Field, aliases: Aliases, expression: Expression, now: Clock) -> Callable[[RawRow], object]:
    """A closure from a raw row to what an expression gives for this field: a text unless the field is a number.

    It raises EvaluationError where there is no value.
    """
    used = _aliases_in(expression.text, aliases)
    lists = [name for name in sorted(expression.lists) if name in aliases]
    places = [max(at for at, alias in enumerate(aliases) if alias == name) for name in lists]  # an AllOf stands last
    bind = expression.bind if field.type is FieldType.NUMBER else expression.bind_text
    evaluate = bind([aliases[index] for index in used], lists=lists, now=now)
    operand = operand_for(field.type)
    if not lists:
        return lambda raw: evaluate([operand(raw[index]) for index in used])

    def whole(value: object) -> object:
        return value if isinstance(value, list | dict) else operand(value)

    return lambda raw: evaluate([operand(raw[index]) for index in used] + [whole(raw[at]) for at in places])


def _tell_of_lists(field: Field, aliases: Aliases, names: Sequence[str], raw: RawRow, warn: Warn) -> None:
    for name in names:
        if name in aliases and type(raw[aliases.index(name)]) is list:
            _tell_of_list(field, name, warn)


def _tell_of_list(field: Field, alias: str, warn: Warn) -> None:
    warn(f"`{alias}` is a list and {field.name} a number: write `sum({alias})`, or avg, min, max, count or size of it")


def _quick(index: int, evaluate: Callable[[Sequence[object]], object], cell: Cell) -> Cell:
    """The cell for what nearly every row has, a fraction in and a fraction out; all else goes to the full cell."""

    def quick_cell(raw: RawRow, warn: Warn) -> Value:
        value = raw[index]
        if value.__class__ is float:
            try:
                result = evaluate((value,))
            except EvaluationError:
                return cell(raw, warn)
            if result.__class__ is float and -_LARGEST <= result <= _LARGEST:
                return result + 0.0
        return cell(raw, warn)

    return quick_cell


def _aliases_in(text: str, aliases: Aliases) -> list[int]:
    """The aliases an expression can reach; one that looks names up at run time reaches them all."""
    if "get(" in text or "has(" in text:
        return [index for index, alias in enumerate(aliases) if not isinstance(alias, AllOf)]
    return [index for index, alias in enumerate(aliases) if alias and alias in text and not isinstance(alias, AllOf)]


def _data_unit(values: Sequence[object]) -> str | None:
    for value in values:
        if type(value) is str and (found := number_and_unit(value)[1]):
            return found
    return None


def finish_number(value: float | None, source: str | None, target: str | None, warn: Warn) -> int | float | None:
    """Convert the unit, and let no NaN, infinity or negative zero pass."""
    if value is None:
        return None
    if source is not None and target is not None:
        if source.upper() != target.upper() and not converts(source, target):
            warn(f"a value came in {source!r}, which is not convertible to {target!r}: it was left as it is")
        value = convert(value, source, target)
    if type(value) is float:
        if not math.isfinite(value):
            warn(f"a number was {java_text(value)}: the field has no value")
            return None
        return value + 0.0
    return value


def operand_of(value: object) -> object:
    """A raw value as an expression sees it unless its field is text: a number where it reads as one, else its text."""
    if type(value) is float or type(value) is int or value is None:
        return value
    text = text_of(value)
    number = number_and_unit(text)[0] if text else None
    return text if number is None else number


def number_operand(value: object) -> object:
    """As ``operand_of`` for a number field, where a blank text is nothing to compute with."""
    operand = operand_of(value)
    return BlankText(operand) if isinstance(operand, str) and not operand.strip() else operand


def operand_for(kind: FieldType) -> Callable[[object], object]:
    """How an expression for a field of this type sees a raw value."""
    return {FieldType.STRING: text_of, FieldType.NUMBER: number_operand}.get(kind, operand_of)


def _number_result(result: object, unit: str | None) -> int | float | None:
    """A calculation's text as a number: the field's own unit behind it is dropped."""
    if not isinstance(result, str):
        return None
    text = result.removesuffix(unit) if unit else result
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    if not number.is_finite() or number.adjusted() > 400 or "_" in text or text != text.strip():
        return None
    whole = number == number.to_integral_value()
    return int(number) if whole and "." not in text and "e" not in text.lower() else float(number)
