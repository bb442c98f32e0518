"""Conditions of filters compiled to closures."""

from collections.abc import Callable
from typing import Protocol, TypeAlias

from openai_monitor.definition.path.steps import (
    All,
    Any,
    Comparison,
    Condition,
    Exists,
    Index,
    Json,
    Key,
    Literal,
    Not,
    Operand,
    Query,
)
from openai_monitor.definition.path.values import (
    NUMBERS,
    OPERATORS,
    ORDERS,
    UNDEFINED,
    Rejected,
    is_decimal,
    is_in,
    is_number,
    number_text,
)
from openai_monitor.definition.pattern import Pattern


class Scope:
    """One evaluation: its whole document, and what the paths from its root have found so far."""

    __slots__ = ("found", "root")

    def __init__(self, root: object) -> None:
        self.root = root
        self.found: dict[int, object] = {}


Value: TypeAlias = Callable[[object, Scope], object]
Test: TypeAlias = Callable[[object, Scope], bool]
Passes: TypeAlias = Callable[[object], bool]
Column: TypeAlias = Callable[[list[object], Scope], list[object]]
Sieve: TypeAlias = Callable[[list[object], Scope], list[object]]

_REJECTING = frozenset({"in", "nin", "subsetof", "anyof", "noneof", "empty", "exists", "all", "type", "matches"})


class Queries(Protocol):
    """What compiles the paths inside a condition; ``missing`` is what a missing last key gives."""

    missing: object

    def value(self, query: Query) -> Value:
        """Compile a path to what it finds for an item, UNDEFINED when there is nothing."""

    def column(self, query: Query) -> Column:
        """Compile a path of keys to what it finds for each of some items."""

    def exists(self, query: Query) -> Test:
        """Compile a path to whether it finds anything for an item."""


def compile_sieve(condition: Condition, queries: Queries) -> Sieve:
    """Which of some items pass: what ``compile_filter`` tells, without a call for each item where that can be."""
    match condition:
        case All(conditions):
            return _one_after_the_other([compile_sieve(part, queries) for part in conditions])
        case Comparison(Query(False, steps) as query, operator, Literal() | Json() | Pattern() as right) if all(
            isinstance(step, Key) for step in steps
        ) and not _may_reject(condition):
            return _sieve_of_values(queries.column(query), operator, right)
    test = compile_filter(condition, queries)
    return lambda items, scope: [item for item in items if test(item, scope)]


def _one_after_the_other(sieves: list[Sieve]) -> Sieve:
    def sieve(items: list[object], scope: Scope) -> list[object]:
        for part in sieves:
            items = part(items, scope)
        return items

    return sieve


def _sieve_of_values(column: Column, operator: str, right: Literal | Json | Pattern) -> Sieve:
    """``@.name == 'text'`` and ``@.name > 5``, by far the most used conditions, are asked in place."""
    wanted = right.value if isinstance(right, Literal) else right
    if operator == "==" and isinstance(wanted, str) and not is_decimal(wanted):
        return lambda items, scope: [
            item for item, value in zip(items, column(items, scope), strict=True) if value == wanted
        ]
    if operator in ORDERS and type(wanted) in NUMBERS:
        compare = ORDERS[operator]
        return lambda items, scope: [
            item
            for item, value in zip(items, column(items, scope), strict=True)
            if (type(value) is int or type(value) is float) and compare(value, wanted)
        ]
    passes = _passes(operator, right)
    return lambda items, scope: [item for item, value in zip(items, column(items, scope), strict=True) if passes(value)]


def compile_filter(condition: Condition, queries: Queries) -> Test:
    """Whether an item passes."""
    test = _compile(condition, queries)
    if not _may_reject(condition):
        return test

    def passes(item: object, scope: Scope) -> bool:
        try:
            return test(item, scope)
        except Rejected:
            return False

    return passes


def _may_reject(condition: Condition) -> bool:
    match condition:
        case Exists(query, _):
            return not _is_plain(query)
        case Comparison(left, "in" | "nin", Json()):
            return not _is_plain(left)
        case Comparison(left, operator, right):
            return operator in _REJECTING or not (_is_plain(left) and _is_plain(right))
        case Not(inner):
            return _may_reject(inner)
        case All(conditions) | Any(conditions):
            return any(map(_may_reject, conditions))


def _is_plain(operand: Operand) -> bool:
    return not isinstance(operand, Query) or all(isinstance(step, Key | Index) for step in operand.steps)


def _compile(condition: Condition, queries: Queries) -> Test:
    match condition:
        case Exists(query, wanted):
            test = queries.exists(query)
            return test if wanted else _not(test)
        case Comparison(Query() as query, operator, Literal() | Json() | Pattern() as right):
            return _value_passes(query, _passes(operator, right), queries)
        case Comparison(left, operator, right):
            return _compare(_operand(left, queries), operator, _operand(right, queries))
        case Not(inner):
            return _not(_compile(inner, queries))
        case All(conditions):
            return _all([_compile(part, queries) for part in conditions])
        case Any(conditions):
            return _any([_compile(part, queries) for part in conditions])


def _value_passes(query: Query, passes: Passes, queries: Queries) -> Test:
    match query:
        case Query(False, (Key(name),)):
            missing = queries.missing
            return lambda item, _: passes(item.get(name, missing) if isinstance(item, dict) else UNDEFINED)
    value = queries.value(query)
    return lambda item, scope: passes(value(item, scope))


def _passes(operator: str, right: Literal | Json | Pattern) -> Passes:
    """Whether a value passes the comparison with what is written."""
    match operator, right:
        case "!=" | "nin", _:
            passes = _passes("==" if operator == "!=" else "in", right)
            return lambda value: not passes(value)
        case "==", Literal(str() as text) if not is_decimal(text):
            return lambda value: value == text
        case "==", Literal(int() | float() as number, text) if text:
            # a text is compared with the number as it is written, a number with its value
            return lambda value: value == text if type(value) is str else type(value) in NUMBERS and value == number
        case "==", Literal(bool() | None as constant):
            return lambda value: value is constant
        case "<" | "<=" | ">" | ">=", Literal(int() | float() as number, text) if text:
            order = ORDERS[operator]
            return lambda value: (type(value) is int or type(value) is float) and order(value, number)
        case "in", Json(list() as items):
            return _passes_in(items)
    compare, wanted = OPERATORS[operator], right.value if isinstance(right, Literal) else right
    return lambda value: compare(value, wanted)


def _passes_in(items: list[object]) -> Passes:
    """Whether a value is one of the items that are written, looked up by its type where no text reads as a number."""
    if any(is_decimal(item) if isinstance(item, str) else isinstance(item, list | dict) for item in items):
        listed = Json(items)
        return lambda value: is_in(value, listed)
    numbers: set[object] = {item for item in items if is_number(item)}
    texts: set[object] = {number_text(item) if is_number(item) else item for item in items}
    constants: set[object] = {item for item in items if item is None or isinstance(item, bool)}
    equals = {int: numbers, float: numbers, str: texts, bool: constants, type(None): constants}
    return lambda value: value in equals.get(type(value), ())


def _operand(operand: Operand, queries: Queries) -> object:
    """Compile a path to a closure; everything else stands for itself."""
    if isinstance(operand, Query):
        return queries.value(operand)
    return operand.value if isinstance(operand, Literal) else operand


def _compare(left: object, operator: str, right: object) -> Test:
    compare = OPERATORS[operator]
    if callable(left) and callable(right):
        return lambda item, scope: compare(left(item, scope), right(item, scope))
    if callable(left):
        return lambda item, scope: compare(left(item, scope), right)
    if callable(right):
        return lambda item, scope: compare(left, right(item, scope))
    return lambda _item, _scope: compare(left, right)


def _not(test: Test) -> Test:
    return lambda item, scope: not test(item, scope)


def _all(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, two = tests
        return lambda item, scope: one(item, scope) and two(item, scope)
    return lambda item, scope: all(test(item, scope) for test in tests)


def _any(tests: list[Test]) -> Test:
    if len(tests) == 2:
        one, two = tests
        return lambda item, scope: one(item, scope) or two(item, scope)
    return lambda item, scope: any(test(item, scope) for test in tests)
