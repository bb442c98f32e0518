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
    Key,
    Literal,
    Not,
    Operand,
    Query,
)
from openai_monitor.definition.path.values import NUMBERS, OPERATORS, ORDERS, UNDEFINED, Rejected, equal


class Scope:
    """One evaluation: its whole document, and what the paths from its root have found so far."""

    __slots__ = ("found", "root")

    def __init__(self, root: object) -> None:
        self.root = root
        self.found: dict[int, object] = {}


Value: TypeAlias = Callable[[object, Scope], object]
Test: TypeAlias = Callable[[object, Scope], bool]

_REJECTING = frozenset({"in", "nin", "subsetof", "anyof", "noneof", "empty", "exists", "all", "type", "matches"})


class Queries(Protocol):
    """What compiles the paths inside a condition."""

    def value(self, query: Query) -> Value:
        """Compile a path to what it finds for an item, UNDEFINED when there is nothing."""

    def exists(self, query: Query) -> Test:
        """Compile a path to whether it finds anything for an item."""


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
        case Comparison(Query(from_root=False, steps=(Key(name),)), "==", Literal(str() as text)):
            return _key_is(name, text)
        case Comparison(
            Query(from_root=False, steps=(Key(name),)),
            "<" | "<=" | ">" | ">=" as sign,
            Literal(int() | float() as number, text),
        ) if text:
            return _key_is_ordered(name, sign, number)
        case Comparison(Query() as query, "==", Literal(int() | float() as number, text)) if text:
            return _equals_number(queries.value(query), number, text)
        case Comparison(Query() as query, "!=", Literal(int() | float() as number, text)) if text:
            return _not(_equals_number(queries.value(query), number, text))
        case Comparison(left, operator, right):
            return _compare(_operand(left, queries), operator, _operand(right, queries))
        case Not(inner):
            return _not(_compile(inner, queries))
        case All(conditions):
            return _all([_compile(part, queries) for part in conditions])
        case Any(conditions):
            return _any([_compile(part, queries) for part in conditions])


def _key_is(name: str, text: str) -> Test:
    """``@.name == 'text'``, by far the most used condition."""

    def test(item: object, _scope: Scope) -> bool:
        value = item.get(name) if isinstance(item, dict) else UNDEFINED
        return value == text or (type(value) is not str and equal(value, text))

    return test


def _key_is_ordered(name: str, sign: str, number: float) -> Test:
    """``@.name > 5``."""
    compare = ORDERS[sign]

    def test(item: object, _scope: Scope) -> bool:
        value = item.get(name) if isinstance(item, dict) else UNDEFINED
        return type(value) in NUMBERS and compare(value, number)

    return test


def _equals_number(value: Value, number: float, text: str) -> Test:
    """``@.price == 1.50``: a text is compared with the number as it is written, a number with its value."""

    def test(item: object, scope: Scope) -> bool:
        found = value(item, scope)
        return found == text if isinstance(found, str) else equal(found, number)

    return test


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
