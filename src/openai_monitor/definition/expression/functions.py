"""The functions HertzBeat adds, and the steps into what ``json:apply`` reads."""

import json
import re
from collections.abc import Callable, Iterator, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING

from openai_monitor.definition.expression.numbers import JavaInteger
from openai_monitor.definition.expression.operators import equal, identity, member
from openai_monitor.definition.expression.values import (
    NotANumberError,
    NullOperandError,
    UnsolvableCallError,
    Value,
    operand_text,
    to_decimal,
)
from openai_monitor.errors import EvaluationError, PatternSyntaxError

if TYPE_CHECKING:
    from openai_monitor.definition.pattern import Pattern


MAX_DEPTH = 100
"""How deep the objects and lists may nest that ``json:apply`` reads."""

_BRACKET = re.compile(r"[\[\]{}]")


def pattern_of(text: str) -> "Pattern":
    """Compile the pattern of a text; raises EvaluationError when it does not compile."""
    from openai_monitor.definition.pattern import compile_pattern  # noqa: PLC0415  loads re2: only where needed

    try:
        return compile_pattern(text)
    except PatternSyntaxError as error:
        raise EvaluationError(f"the pattern does not compile: {error}") from None


def matching(container: Value, value: Value) -> bool:
    """``value =~ container``: a pattern that matches the whole text, or membership; equality otherwise."""
    if container is None or value is None:
        return container is value
    if isinstance(container, str):
        return pattern_of(container).fullmatch(operand_text(value))
    found = member(value, container)
    return equal(container, value) if found is None else found


def equals(left: Value, right: Value) -> Value:
    """Two texts, exactly; anything else as ``==``, though what it fails on is nothing to ``empty`` and ``size``."""
    if _texts(left, right):
        return left == right
    try:
        return equal(left, right)
    except NotANumberError as error:
        raise EvaluationError(str(error)) from None


def contains(left: Value, right: Value) -> Value:
    """Whether the first text contains the second, in any case; otherwise as ``second =~ first``."""
    if not _texts(left, right):
        return _held(left, right)
    if left is None or right is None:
        return left is right
    return right.lower() in left.lower()


def matches(left: Value, right: Value) -> Value:
    """Whether a pattern, the second, matches the whole of the first."""
    if not _texts(left, right):
        return _held(right, left)
    if left is None or right is None:
        return False
    return pattern_of(right).fullmatch(left)


def _held(container: Value, value: Value) -> bool | None:
    """As ``=~``, but null for a container that is none."""
    if container is None or value is None or isinstance(container, str):
        return matching(container, value)
    # a tuple is a literal in square brackets: an array to Java, and no collection
    return None if isinstance(container, tuple) else member(value, container)


def _texts(left: Value, right: Value) -> bool:
    return (left is None or isinstance(left, str)) and (right is None or isinstance(right, str))


def exists(value: Value) -> bool:
    """Whether a value is neither null nor the empty text."""
    return value is not None and value != ""


def is_empty(value: Value) -> bool:
    """Null, the empty text, list and object, zero and NaN are empty; a truth value is not."""
    match value:
        case None:
            return True
        case bool():
            return False
        case int() | float() | Decimal():
            return not value or value != value  # noqa: PLR0124  NaN is empty
    return len(value) == 0


def size_of(value: Value) -> JavaInteger:
    """Measure a text (in UTF-16 units, as Java counts), list or object; 0 for anything else."""
    match value:
        case str():
            return JavaInteger(len(value) if value.isascii() else len(value.encode("utf-16-le", "replace")) // 2)
        case list() | tuple() | dict() | range():
            return JavaInteger(len(value))
    return JavaInteger(0)


def json_apply(text: Value) -> Value:
    """Read the object that a JSON text holds; null for null and for a text that holds none."""
    if text is None:
        return None
    if not isinstance(text, str):
        raise UnsolvableCallError("json:apply wants a text")
    if text.count("[") + text.count("{") > MAX_DEPTH and _depth(text) > MAX_DEPTH:
        raise EvaluationError(f"json:apply reads at most {MAX_DEPTH} levels")
    try:
        read = json.loads(text, parse_int=JavaInteger, parse_constant=_no_constant)
    except ValueError:
        return None
    return read if isinstance(read, dict) else None


def _depth(text: str) -> int:
    """How deep brackets nest, at least: those within texts count as well."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(text):
        depth += 1 if bracket in "[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _no_constant(name: str) -> None:
    raise ValueError(name)


def step(container: Value, key: Value) -> Value:
    """``container[key]``: an object's missing key is null, a list's missing index an error."""
    if isinstance(container, dict):
        return _entry(container, key)
    if isinstance(container, list | tuple) and isinstance(key, int | float) and not isinstance(key, bool):
        index = int(key) if key == key else 0  # noqa: PLR0124
        if 0 <= index < len(container):
            return container[index]
        raise EvaluationError(f"a list has no item {index}")
    raise EvaluationError("a step leads into a value that is no object or list")


def _entry(container: dict[Value, Value], key: Value) -> Value:
    if isinstance(key, list | tuple | dict | range):
        raise EvaluationError("an object or list is no key")
    return container.get(key)


def distinct(values: list[Value]) -> list[Value]:
    """Make a set, in the order of first appearance; 1 and 1.0 are two values."""
    try:
        return list({identity(value): value for value in values}.values())
    except TypeError:
        raise EvaluationError("an object or list can't be in a set") from None


def mapping(entries: list[tuple[Value, Value]]) -> dict[Value, Value]:
    """Make an object of keys and values."""
    try:
        return dict(entries)
    except TypeError:
        raise EvaluationError("an object or list is no key") from None


def count_of(arguments: Sequence[Value]) -> JavaInteger:
    """How many values there are: of a list, those that are not null."""
    return JavaInteger(sum(1 for _ in _entries(arguments)))


def sum_of(arguments: Sequence[Value]) -> Value:
    """The sum of all numbers, computed in decimal; 0 for an empty list."""
    return _double(sum(_numbers(arguments)))


def average_of(arguments: Sequence[Value]) -> Value:
    """The mean of all numbers; null for an empty list."""
    numbers = list(_numbers(arguments))
    return _double(Decimal(sum(numbers)) / len(numbers)) if numbers else None


def least_of(arguments: Sequence[Value]) -> Value:
    """The least of all numbers; null for an empty list."""
    return _double(min(_numbers(arguments), default=None))


def most_of(arguments: Sequence[Value]) -> Value:
    """The greatest of all numbers; null for an empty list."""
    return _double(max(_numbers(arguments), default=None))


def _entries(arguments: Sequence[Value]) -> Iterator[Value]:
    """The values that arguments hold: a list's are those that are not null; an argument that is null fails."""
    for argument in arguments:
        if argument is None:
            raise NullOperandError("an operand is null")
        if isinstance(argument, list | tuple | range):
            yield from (value for value in argument if value is not None)
        else:
            yield argument


def _numbers(arguments: Sequence[Value]) -> Iterator[int | Decimal]:
    for value in _entries(arguments):
        if isinstance(value, bool | dict | list | tuple) or value == "":
            raise NotANumberError("a list holds something else than numbers")
        number = to_decimal(value)
        yield int(number) if number == number.to_integral_value() else number


def _double(number: int | Decimal | None) -> Value:
    if number is None or isinstance(number, int):
        return number
    return int(number) if number == number.to_integral_value() else float(number)


AGGREGATES: dict[str, Callable[[Sequence[Value]], Value]] = {
    "count": count_of,
    "sum": sum_of,
    "avg": average_of,
    "min": least_of,
    "max": most_of,
}
"""Functions over lists, an extension of ours: over all values of the lists and single values given."""

FUNCTIONS: dict[tuple[str | None, str], tuple[int, Callable[..., Value]]] = {
    (None, "equals"): (2, equals),
    (None, "contains"): (2, contains),
    (None, "matches"): (2, matches),
    (None, "exists"): (1, exists),
    ("json", "apply"): (1, json_apply),
}
"""By namespace and name: how many arguments, and the function. ``now``, ``get`` and ``has`` need the row."""

NAMESPACES = frozenset(namespace for namespace, _ in FUNCTIONS)
