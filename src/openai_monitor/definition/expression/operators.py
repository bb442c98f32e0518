"""What operators do with two values of any kind: the slow and complete way; ``closures`` has the fast one."""

import math
import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from decimal import Decimal, DecimalException

from openai_monitor.definition.expression.numbers import DECIMALS, JavaInteger, bounded
from openai_monitor.definition.expression.values import (
    BlankText,
    NullOperandError,
    Value,
    concatenation,
    is_double,
    is_floating,
    operand_text,
    to_boolean,
    to_decimal,
    to_double,
    to_long,
    to_whole,
)
from openai_monitor.errors import EvaluationError

Operation = Callable[[Value, Value], Value]


def _quotient(left: int, right: int) -> int:
    quotient = abs(left) // abs(right)
    return quotient if (left < 0) == (right < 0) else -quotient


def _remainder(left: int, right: int) -> int:
    remainder = abs(left) % abs(right)
    return -remainder if left < 0 else remainder


def _modulus(left: int, right: int) -> int:
    """BigInteger.mod, which texts go through: never negative, and not by a negative number."""
    if right < 0:
        raise EvaluationError("a remainder by a negative number")
    return left % right


def remainder(left: float, right: float) -> float:
    """Give the remainder of two doubles, with the sign of the first; exact when both are whole."""
    if left.__class__ is int and right.__class__ is int:
        return _remainder(left, right)
    if right == 0:
        raise ZeroDivisionError
    return math.nan if math.isinf(left) or left != left else math.fmod(left, right)  # noqa: PLR0124


def _refuse_blank(left: Value, right: Value) -> None:
    if isinstance(left, BlankText) or isinstance(right, BlankText):
        raise EvaluationError("a blank text is no number")


@dataclass(frozen=True, slots=True)
class _Arithmetic:
    """One arithmetic operator over each kind of number."""

    longs: Callable[[int, int], int]
    big: Callable[[int, int], int]
    doubles: Callable[[float, float], float]
    decimals: Callable[[Decimal, Decimal], Decimal]

    def __call__(self, left: Value, right: Value) -> Value:
        _refuse_blank(left, right)
        try:
            return self._compute(left, right)
        except ZeroDivisionError:
            raise EvaluationError("division by zero") from None
        except DecimalException:
            raise EvaluationError("a decimal is out of range") from None
        except OverflowError:
            raise EvaluationError("a whole number is larger than any double") from None

    def _compute(self, left: Value, right: Value) -> Value:
        if isinstance(left, Decimal) or isinstance(right, Decimal):
            return self._decimal(left, right)
        if is_floating(left) or is_floating(right):
            result = self.doubles(to_double(left), to_double(right))
            return bounded(result) if isinstance(result, int) else result
        x, y = to_whole(left), to_whole(right)
        both_longs = left is x and right is y and x.is_long and y.is_long
        return JavaInteger(bounded((self.longs if both_longs else self.big)(x, y)))

    def _decimal(self, left: Value, right: Value) -> Value:
        result = self.decimals(to_decimal(left), to_decimal(right))
        if isinstance(left, JavaInteger) or isinstance(right, JavaInteger):
            whole = int(result)
            return JavaInteger(whole) if whole == result else result
        return result


subtract = _Arithmetic(operator.sub, operator.sub, operator.sub, DECIMALS.subtract)
multiply = _Arithmetic(operator.mul, operator.mul, operator.mul, DECIMALS.multiply)
divide = _Arithmetic(_quotient, _quotient, operator.truediv, DECIMALS.divide)
modulo = _Arithmetic(_remainder, _modulus, remainder, DECIMALS.remainder)
_sum = _Arithmetic(operator.add, operator.add, operator.add, DECIMALS.add)


def add(left: Value, right: Value) -> Value:
    """Add, or concatenate when either is a text."""
    _refuse_blank(left, right)
    if isinstance(left, str) or isinstance(right, str):
        return concatenation(left, right)
    return _sum(left, right)


def bit_and(left: Value, right: Value) -> JavaInteger:
    """``&`` over 64 bits."""
    return JavaInteger(to_long(left) & to_long(right))


def bit_or(left: Value, right: Value) -> JavaInteger:
    """``|`` over 64 bits."""
    return JavaInteger(to_long(left) | to_long(right))


def bit_xor(left: Value, right: Value) -> JavaInteger:
    """``^`` over 64 bits."""
    return JavaInteger(to_long(left) ^ to_long(right))


def span(left: Value, right: Value) -> range:
    """``1..3``, upwards or downwards, both ends included."""
    first, last = to_long(left), to_long(right)
    return range(first, last + 1) if first <= last else range(first, last - 1, -1)


def negative(value: Value) -> Value:
    """``-value``; a truth value is inverted, a text refused."""
    match value:
        case bool():
            return not value
        case JavaInteger():
            return JavaInteger(-value)
        case int() | float() | Decimal():
            return -value
    raise _not_signed(value)


def positive(value: Value) -> Value:
    """``+value``; a text is refused."""
    if isinstance(value, int | float | Decimal):
        return value
    raise _not_signed(value)


def _not_signed(value: Value) -> EvaluationError:
    if value is None:
        return NullOperandError("an operand is null")
    return EvaluationError("a sign stands before something that is not a number")


def complement(value: Value) -> JavaInteger:
    """``~value`` over 64 bits."""
    return JavaInteger(~to_long(value))


def _order(left: Value, right: Value) -> int:
    """Below zero, zero or above it: how two values that are not null compare."""
    if isinstance(left, Decimal) or isinstance(right, Decimal):
        return _sign(to_decimal(left), to_decimal(right))
    if any(isinstance(value, JavaInteger) and not value.is_long for value in (left, right)):
        return _sign(to_whole(left), to_whole(right))
    if is_double(left) or is_double(right):
        return _sign(to_double(left), to_double(right))
    if isinstance(left, JavaInteger) or isinstance(right, JavaInteger):
        return _sign(to_long(left), to_long(right))
    if isinstance(left, str) or isinstance(right, str):
        return _sign(operand_text(left), operand_text(right))
    if isinstance(left, bool) and isinstance(right, bool):
        return _sign(left, right)
    raise EvaluationError("objects and lists have no order")


def _sign(left: Value, right: Value) -> int:
    """NaN is below everything but itself."""
    if left < right:
        return -1
    if left > right:
        return 1
    return int(right != right) - int(left != left)  # noqa: PLR0124


def equal(left: Value, right: Value) -> bool:
    """``==``: null equals null alone; a truth value compares as one, all else after coercion."""
    if left is None or right is None:
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        return to_boolean(left) == to_boolean(right)
    if isinstance(left, dict | list | tuple | range) and not isinstance(right, str | int | float | Decimal):
        return bool(left == right)
    return _order(left, right) == 0


def unequal(left: Value, right: Value) -> bool:
    """``!=``."""
    return not equal(left, right)


def less(left: Value, right: Value) -> bool:
    """``<``; false when either is null."""
    return left is not None and right is not None and _order(left, right) < 0


def greater(left: Value, right: Value) -> bool:
    """``>``; false when either is null."""
    return left is not None and right is not None and _order(left, right) > 0


def less_or_equal(left: Value, right: Value) -> bool:
    """``<=``; true when both are null, false when one is."""
    if left is None or right is None:
        return left is right
    return _order(left, right) <= 0


def greater_or_equal(left: Value, right: Value) -> bool:
    """``>=``; true when both are null, false when one is."""
    if left is None or right is None:
        return left is right
    return _order(left, right) >= 0


def starts_with(left: Value, right: Value) -> bool:
    """``=^``: of a text, the beginning; of anything else, equality."""
    if left is None or right is None:
        return left is right
    if isinstance(left, str):
        return left.startswith(operand_text(right))
    return equal(left, right)


def ends_with(left: Value, right: Value) -> bool:
    """``=$``: of a text, the end; of anything else, equality."""
    if left is None or right is None:
        return left is right
    if isinstance(left, str):
        return left.endswith(operand_text(right))
    return equal(left, right)


def identity(value: Value) -> tuple[object, object]:
    """Give what membership compares: kind and value, without coercion, so that 10.0 is not in ``[10]``."""
    kind = "double" if is_double(value) else value.__class__
    return (kind, value)


def member(value: Value, container: Value) -> bool | None:
    """Whether a value is in a list, range or object (as a key), or all of it if it is a list or object.

    None when the container is none.
    """
    if isinstance(container, dict):
        wanted: Iterable[Value] = value if isinstance(value, dict) else (value,)
        return all(_among(item, container) for item in wanted)
    if isinstance(container, range):
        return isinstance(value, int | float | Decimal) and to_long(value) in container
    if isinstance(container, list | tuple):
        wanted = value if isinstance(value, list | tuple) else (value,)
        return all(_among(item, container) for item in wanted)
    return None


def _among(value: Value, items: Iterable[Value]) -> bool:
    wanted = identity(value)
    return any(identity(item) == wanted for item in items)
