"""How each operator is computed: natively where that is right, else by the functions in ``operators``."""

import operator

from openai_monitor.definition.expression import functions, operators
from openai_monitor.definition.expression.closures import Constant, Native
from openai_monitor.definition.expression.numbers import JavaInteger
from openai_monitor.definition.expression.operators import Operation
from openai_monitor.definition.expression.values import Value, is_double

OPERATIONS: dict[str, Operation] = {
    "+": operators.add,
    "-": operators.subtract,
    "*": operators.multiply,
    "/": operators.divide,
    "%": operators.modulo,
    "==": operators.equal,
    "!=": operators.unequal,
    "<": operators.less,
    ">": operators.greater,
    "<=": operators.less_or_equal,
    ">=": operators.greater_or_equal,
    "&": operators.bit_and,
    "|": operators.bit_or,
    "^": operators.bit_xor,
    "..": operators.span,
    "=~": lambda left, right: functions.matching(right, left),
    "!~": lambda left, right: not functions.matching(right, left),
    "=^": operators.starts_with,
    "!^": lambda left, right: not operators.starts_with(left, right),
    "=$": operators.ends_with,
    "!$": lambda left, right: not operators.ends_with(left, right),
}
"""The complete way, by symbol."""

NATIVES: dict[str, Native] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operators.remainder,
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
"""The fast way for two doubles."""

NUMERIC = frozenset("+-*/%")
TRUTHS = frozenset(OPERATIONS) - NUMERIC - {"&", "|", "^", ".."} | {"&&", "||"}
"""Operators that give truth values."""

LENIENT = frozenset({"==", "!=", ".."})
"""Operators that do not fail on a variable just because it is null."""


def native_constant(value: Value, symbol: str) -> Constant | None:
    """Tell beside which class a constant computes natively, and as what."""
    if isinstance(value, JavaInteger) and value.is_long:
        return Constant(float, int(value), value)
    if is_double(value) and value == value:  # noqa: PLR0124  Python's NaN compares with nothing
        return Constant(float, value, value)
    if isinstance(value, str) and symbol not in NUMERIC:
        return Constant(str, value, value)
    return None
