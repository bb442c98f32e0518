"""The fast way: closures for the common shapes of operators and choices.

Each looks at the classes of its operands and computes natively where Python's numbers (or texts) do what
Java's would; everything else, null and failures included, goes to the slow function, which knows all rules.
"""

from collections.abc import Callable, Sequence
from operator import itemgetter
from typing import NamedTuple

from openai_monitor.definition.expression.numbers import LIMIT
from openai_monitor.definition.expression.operators import Operation
from openai_monitor.definition.expression.values import (
    MAX_TEXT,
    NullOperandError,
    UnsolvableCallError,
    Value,
    to_boolean,
)
from openai_monitor.errors import EvaluationError

Closure = Callable[[Sequence[object]], Value]
"""From a row of variables to a value."""

DOUBLES = frozenset({float, int})
Native = Callable[[Value, Value], Value]
"""An operator of Python's own, right for doubles (and, where it compares, for texts).

Two ints are bounded here: a whole number beyond ``LIMIT`` goes the slow way, which refuses it.
"""


class Constant(NamedTuple):
    """An operand: ``value`` as Python computes with it beside ``kind`` (float or str), ``exact`` with its mark."""

    kind: type
    value: Value
    exact: Value


def variable(index: int) -> Closure:
    """Take the value at one place of the row."""
    return itemgetter(index)


def constant(value: Value) -> Closure:
    """Give the same value for every row."""
    return lambda _row: value


def failure(message: str, kind: type[EvaluationError] = EvaluationError) -> Closure:
    """Fail for every row."""

    def run(_row: Sequence[object]) -> Value:
        raise kind(message)

    return run


def variable_and_constant(native: Native, index: int, constant: Constant, slow: Operation) -> Closure:
    """Compute such as ``cost / 100``."""
    kind, right, exact = constant

    def run(row: Sequence[object]) -> Value:
        left = row[index]
        try:
            if left.__class__ is kind:
                return native(left, right)
            if left.__class__ is int and kind is float:
                result = native(left, right)
                if result.__class__ is not int or -LIMIT < result < LIMIT:
                    return result
        except ArithmeticError:
            pass
        return slow(left, exact)

    return run


def value_and_constant(native: Native, left: Closure, constant: Constant, slow: Operation) -> Closure:
    """Compute such as ``(a - b) * 100``."""
    kind, right, exact = constant

    def run(row: Sequence[object]) -> Value:
        value = left(row)
        try:
            if value.__class__ is kind:
                return native(value, right)
            if value.__class__ is int and kind is float:
                result = native(value, right)
                if result.__class__ is not int or -LIMIT < result < LIMIT:
                    return result
        except ArithmeticError:
            pass
        return slow(value, exact)

    return run


def constant_and_value(native: Native, left: Constant, right: Closure, slow: Operation) -> Closure:
    """Compute such as ``1 - used / total``."""
    kind, constant, exact = left

    def run(row: Sequence[object]) -> Value:
        value = right(row)
        try:
            if value.__class__ is kind:
                return native(constant, value)
            if value.__class__ is int and kind is float:
                result = native(constant, value)
                if result.__class__ is not int or -LIMIT < result < LIMIT:
                    return result
        except ArithmeticError:
            pass
        return slow(exact, value)

    return run


def two_variables(native: Native, left: int, right: int, slow: Operation) -> Closure:
    """Compute such as ``used / total``."""

    def run(row: Sequence[object]) -> Value:
        x = row[left]
        y = row[right]
        try:
            if x.__class__ is float and y.__class__ is float:
                return native(x, y)
            if x.__class__ in DOUBLES and y.__class__ in DOUBLES:
                result = native(x, y)
                if result.__class__ is not int or -LIMIT < result < LIMIT:
                    return result
        except ArithmeticError:
            pass
        return slow(x, y)

    return run


def two_values(native: Native, left: Closure, right: Closure, slow: Operation) -> Closure:
    """Compute any operands of an operator that doubles have natively."""

    def run(row: Sequence[object]) -> Value:
        x = left(row)
        y = right(row)
        try:
            if x.__class__ is float and y.__class__ is float:
                return native(x, y)
            if x.__class__ in DOUBLES and y.__class__ in DOUBLES:
                result = native(x, y)
                if result.__class__ is not int or -LIMIT < result < LIMIT:
                    return result
        except ArithmeticError:
            pass
        return slow(x, y)

    return run


def two_summands(native: Native, left: Closure, right: Closure, slow: Operation) -> Closure:
    """Add two doubles or join two texts."""
    numbers = two_values(native, variable(0), variable(1), slow)

    def run(row: Sequence[object]) -> Value:
        x = left(row)
        y = right(row)
        if x.__class__ is float and y.__class__ is float:
            return native(x, y)
        if x.__class__ is str and y.__class__ is str and len(x) + len(y) <= MAX_TEXT:
            return native(x, y)
        return numbers((x, y))

    return run


def two_operands(left: Closure, right: Closure, slow: Operation) -> Closure:
    """Compute any operands of any other operator."""
    return lambda row: slow(left(row), right(row))


def matched(value: Closure, fullmatch: Callable[[str], bool], *, wanted: bool, slow: Operation) -> Closure:
    """Match with a pattern that is known."""

    def run(row: Sequence[object]) -> Value:
        text = value(row)
        if text.__class__ is str:
            return fullmatch(text) is wanted
        return slow(text, None)

    return run


def is_null(index: int) -> Closure:
    """Test ``x == null``."""
    return lambda row: row[index] is None


def is_not_null(index: int) -> Closure:
    """Test ``x != null``."""
    return lambda row: row[index] is not None


def both(left: Closure, right: Closure) -> Closure:
    """Compute ``&&``."""

    def run(row: Sequence[object]) -> Value:
        first = left(row)
        if first is False or not (first is True or to_boolean(first)):
            return False
        second = right(row)
        return second if second is True or second is False else to_boolean(second)

    return run


def either(left: Closure, right: Closure) -> Closure:
    """Compute ``||``."""

    def run(row: Sequence[object]) -> Value:
        first = left(row)
        if first is True or (first is not False and to_boolean(first)):
            return True
        second = right(row)
        return second if second is True or second is False else to_boolean(second)

    return run


def choice_by_null(index: int, null: Closure, other: Closure) -> Closure:
    """Choose such as ``x == null ? null : other``."""
    return lambda row: null(row) if row[index] is None else other(row)


def choice(condition: Closure, yes: Closure, no: Closure) -> Closure:
    """Choose by a condition; one that is null, or failed on null, is false."""

    def run(row: Sequence[object]) -> Value:
        try:
            holds = condition(row)
        except NullOperandError:
            holds = False
        if holds is True or (holds is not False and _holds(holds)):
            return yes(row)
        return no(row)

    return run


def unless_true(value: Closure, other: Closure) -> Closure:
    """Compute ``value ?: other``."""

    def run(row: Sequence[object]) -> Value:
        found = _or_null(value, row)
        return found if _holds(found) else other(row)

    return run


def unless_null(value: Closure, other: Closure) -> Closure:
    """Compute ``value ?? other``."""

    def run(row: Sequence[object]) -> Value:
        found = _or_null(value, row)
        return other(row) if found is None else found

    return run


def unless_unsolvable(call: Closure) -> Closure:
    """Compute a call with steps behind it, which are null where there is no such function for such arguments."""

    def run(row: Sequence[object]) -> Value:
        try:
            return call(row)
        except UnsolvableCallError:
            return None

    return run


def _or_null(closure: Closure, row: Sequence[object]) -> Value:
    try:
        return closure(row)
    except NullOperandError:
        return None


def _holds(value: Value) -> bool:
    return value is not None and to_boolean(value)


def folded(first: Closure, rest: Sequence[tuple[Operation | None, str, Closure]]) -> Closure:
    """Compute a long chain such as a sum of thousands, without a Python frame for each operator.

    Each step has its operation, or None for ``&&`` and ``||``, which may leave their right side unread.
    """

    def run(row: Sequence[object]) -> Value:
        value = first(row)
        for operation, symbol, right in rest:
            if operation is not None:
                value = operation(value, right(row))
            else:
                value = to_boolean(value)
                if value is (symbol == "&&"):
                    value = to_boolean(right(row))
        return value

    return run
