"""What values are and how they turn into one another, as Apache JEXL 3.2 (strict) has it over Java's types.

A value inside an expression is None, bool, str, a double (float, or a plain int when whole and exact), a
``JavaInteger``, a ``Decimal``, or a list, tuple, range or dict. See ``numbers`` for the kinds of numbers.
"""

import json
import math
import re
from decimal import Decimal
from typing import Any

from openai_monitor.definition.expression.numbers import LONG_MAX, LONG_MIN, JavaInteger, bounded
from openai_monitor.errors import EvaluationError

Value = Any
"""A value inside an expression; which kinds there are says the module."""

MAX_TEXT = 1_048_576
"""Characters of a text that an expression may build."""


class NullOperandError(EvaluationError):
    """An operator met null. A condition and the left of ``?:`` and ``??`` take it for null."""


class NotANumberError(EvaluationError):
    """A text was needed as a number and is none. Not even ``empty`` and ``size`` shield from it."""


class UnsolvableCallError(EvaluationError):
    """A function that does not exist or does not take such arguments. A step behind the call is null."""


class BlankText(str):
    """A blank text where a number is wanted: it compares as the text it is, but is nothing to compute with.

    HertzBeat computes with 0, and a cost of nothing is no cost of 0.
    """

    __slots__ = ()


def is_double(value: Value) -> bool:
    """Whether it is a double; a bool or a JavaInteger is none."""
    kind = value.__class__
    return kind is float or kind is int


_FLOATING = re.compile(r"[+-]?[0-9]*(\.[0-9]*)?([eE][+-]?[0-9]+)?")


def is_floating(value: Value) -> bool:
    """Whether arithmetic on it is that of doubles: a double, or a text with a point or an exponent."""
    if isinstance(value, str):
        match = _FLOATING.fullmatch(value)
        return match is not None and (match.group(1) is not None or match.group(2) is not None)
    return is_double(value)


_LONGEST_NUMBER = 1000
_DOUBLE = re.compile(r"[+-]?(?:(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|NaN|Infinity)[fFdD]?")
_DECIMAL = re.compile(r"[+-]?(?:[0-9]{1,400}(?:\.[0-9]{0,400})?|\.[0-9]{1,400})(?:[eE][+-]?[0-9]{1,3})?")
_WHOLE = re.compile(r"[+-]?[0-9]{1,400}")
_BLANKS = "".join(map(chr, range(33)))


def _parse_double(text: str) -> float:
    """As Java's Double.parseDouble, but for hexadecimal fractions."""
    stripped = text.strip(_BLANKS)
    if len(stripped) > _LONGEST_NUMBER or not _DOUBLE.fullmatch(stripped) or stripped[-2:] in ("Nf", "Nd", "yf", "yd"):
        raise NotANumberError("a text is not a number")
    return float(stripped.rstrip("fFdD") if stripped[-1] not in "Ny" else stripped)


def _parse_whole(text: str) -> JavaInteger:
    if not text:
        return JavaInteger(0)
    if not _WHOLE.fullmatch(text):
        raise NotANumberError("a text is not a whole number")
    return JavaInteger(int(text))


def _parse_decimal(text: str) -> Decimal:
    if not text:
        return Decimal(0)
    if not _DECIMAL.fullmatch(text):
        raise NotANumberError("a text is not a decimal")
    return Decimal(text)


def to_double(value: Value) -> float | int:
    """Turn a value into a double. An empty text is NaN."""
    match value:
        case bool() | JavaInteger():
            return int(value)
        case int() | float():
            return value
        case str():
            return _parse_double(value) if value else math.nan
        case Decimal():
            return float(value)
    raise _no_number(value)


def to_whole(value: Value) -> JavaInteger:
    """Turn a value into a BigInteger: doubles lose their fraction and what is beyond a long; no text is 0."""
    match value:
        case JavaInteger():
            return value
        case bool():
            return JavaInteger(value)
        case int() | float():
            return _long_of_double(value)
        case str():
            return _parse_whole(value)
        case Decimal():
            return JavaInteger(bounded(int(value)))
    raise _no_number(value)


def to_long(value: Value) -> int:
    """Turn a value into 64 bits; a text must fit them."""
    whole = to_whole(value)
    if whole.is_long:
        return int(whole)
    if isinstance(value, str):
        raise NotANumberError("a text is not a whole number of 64 bits")
    low = whole & ((1 << 64) - 1)
    return low - (1 << 64) if low > LONG_MAX else low


def _long_of_double(value: float) -> JavaInteger:
    if value != value:  # noqa: PLR0124  NaN, and int has no isnan
        return JavaInteger(0)
    return JavaInteger(int(max(LONG_MIN, min(LONG_MAX, value))))


def to_decimal(value: Value) -> Decimal:
    """Turn a value into a BigDecimal: a double as it prints."""
    match value:
        case Decimal():
            return value
        case bool() | JavaInteger():
            return Decimal(int(value))
        case int() | float() if abs(value) < math.inf:  # math.isfinite takes no int that is beyond a double
            return Decimal(repr(value) if isinstance(value, float) else f"{value}.0")
        case float() if math.isnan(value):
            return Decimal(0)
        case str():
            return _parse_decimal(value)
    raise _no_number(value)


def _no_number(value: Value) -> EvaluationError:
    if value is None:
        return NullOperandError("an operand is null")
    return EvaluationError("an object or list can't be computed with")


def to_boolean(value: Value) -> bool:
    """Numbers but 0 and NaN are true, texts but the empty one and ``false``, objects, and lists."""
    match value:
        case bool():
            return value
        case None:
            raise NullOperandError("an operand is null")
        case str():
            return value not in ("", "false")
        case int() | float() | Decimal():
            return value == value and value != 0  # noqa: PLR0124  NaN is false
    return True


def operand_text(value: Value) -> str:
    """Print a value inside an expression, where a plain int is a double and NaN an empty text."""
    if value is None:
        raise NullOperandError("an operand is null")
    if value != value:  # noqa: PLR0124  NaN
        return ""
    if value.__class__ is int:
        return f"{bounded(value)}.0"
    if isinstance(value, Decimal):
        return format(value, "f")
    return java_text(value) or ""


def java_text(value: object) -> str | None:
    """Print a value as Java does, save two differences; null stays None.

    Whole doubles print as ``10.0``, as in Java; others shortest and, unlike Java's, never with an exponent.
    Objects and lists become JSON text, where Java has a notation of its own. An int prints its digits.
    """
    match value:
        case None | str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(bounded(value))
        case float():
            return _double_text(value)
    return _json_text(value)


def _double_text(value: float) -> str:
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else f"{'-' if value < 0 else ''}Infinity"
    text = repr(value)
    if "e" in text:
        text = format(Decimal(text), "f")
    return text if "." in text else f"{text}.0"


def _json_text(value: Value) -> str:
    try:
        return json.dumps(plain(value), ensure_ascii=False, separators=(",", ":"))
    except RecursionError:
        raise EvaluationError("an object is nested too deeply") from None


def concatenation(left: Value, right: Value) -> str:
    """Both texts in a row."""
    text = operand_text(left) + operand_text(right)
    if len(text) > MAX_TEXT:
        raise EvaluationError(f"a text is longer than {MAX_TEXT} characters")
    return text


def plain(value: Value) -> Value:
    """Take the marks off: what is left is None, bool, str, int, float, or dicts and lists of such."""
    kind = value.__class__
    if kind is float or kind is str or kind is int or kind is bool or value is None:
        return value
    match value:
        case int():
            return int(value)
        case str():
            return str(value)
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {_key_text(key): plain(item) for key, item in value.items()}
        case list() | tuple():
            return [plain(item) for item in value]
    raise EvaluationError("a range is no value of a field")


def _key_text(key: Value) -> str:
    return "null" if key is None else operand_text(key)


def outcome_text(value: Value) -> str | None:
    """Print an expression's result; null stays None, and NaN and infinities fail."""
    if isinstance(value, float) and not math.isfinite(value):
        raise EvaluationError("the result is not a finite number")
    return None if value is None else operand_text(value)
