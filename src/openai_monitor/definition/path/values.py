"""How Jayway compares what a filter finds: which types meet, and how.

A text and a number are equal when one reads as the other, but neither is less than the other. A value that is
not there (``UNDEFINED``) equals nothing. Some pairs of types make Jayway give up on the item: ``Rejected``.
"""

import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from enum import Enum
from math import isfinite
from typing import Any, Final, TypeAlias, TypeGuard

from openai_monitor.definition.path.steps import Json
from openai_monitor.definition.pattern import Pattern


class _Undefined(Enum):
    UNDEFINED = "undefined"


UNDEFINED: Final = _Undefined.UNDEFINED
"""What a path in a filter gives when a step before its last is missing."""

Operator: TypeAlias = Callable[[object, object], bool]

NUMBERS = (int, float)
"""The types of JSON numbers; bool is neither, though Python has it derive from one."""

LARGEST_SIZE = 2**31

_CONTAINERS = frozenset({list, dict})

_DECIMAL = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]{1,9})?")


class Rejected(Exception):
    """The operands can't be compared in this way: the item does not pass, whatever the rest of the filter says."""


class Failed(Exception):
    """The operands can't even be looked at: the path fails as a whole."""


def is_number(value: object) -> TypeGuard[int | float]:
    """Whether this is a JSON number; true and false are none."""
    return type(value) in NUMBERS


def is_decimal(text: str) -> bool:
    """Whether a text reads as a number; one that does not equals none."""
    return len(text) <= 400 and _DECIMAL.fullmatch(text) is not None


def number_text(value: float) -> str:
    """Write a number as Java's BigDecimal writes what its Double or Integer wrote: 77, 1.5, 1.0E+10, 0.000010."""
    if isinstance(value, int):
        return str(value)
    if value == 0 or 1e-3 <= abs(value) < 1e7 or not isfinite(value):
        return repr(value)
    digits = Decimal(repr(value)).normalize()
    whole, *rest = map(str, digits.as_tuple().digits)
    sign = "-" if value < 0 else ""
    return str(Decimal(f"{sign}{whole}.{''.join(rest) or '0'}E{digits.adjusted()}"))


def equal(left: object, right: object) -> bool:
    """``==``."""
    if left is UNDEFINED or right is UNDEFINED:
        return False
    if isinstance(left, str):
        return left == right if isinstance(right, str) else is_number(right) and left == number_text(right)
    if is_number(left):
        return left == right if is_number(right) else isinstance(right, str) and _reads_as(right, left)
    if isinstance(left, list | dict):
        return same(left, right.value if isinstance(right, Json) else right)
    return left is right


def _reads_as(text: str, number: float) -> bool:
    if not is_decimal(text):
        return False
    return Decimal(text) == Decimal(number_text(number) if isinstance(number, float) else number)


def same(left: object, right: object) -> bool:
    """Whether two JSON values are alike down to the types of their numbers; needs no recursion."""
    pairs = [(left, right)]
    while pairs:
        one, other = pairs.pop()
        if type(one) is not type(other):
            return False
        if isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            pairs.extend(zip(one, other, strict=True))
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            pairs.extend((value, other[key]) for key, value in one.items())
        elif one != other:
            return False
    return True


def equal_of_one_type(left: object, right: object) -> bool:
    """``===``."""
    return _kind(left) == _kind(right) and equal(left, right)


def _kind(value: object) -> str:
    if is_number(value):
        return "number"
    return "json" if isinstance(value, list | dict | Json) else type(value).__name__


def _ordered(compare: Callable[[Any, Any], bool]) -> Operator:
    """Two numbers, or two texts; everything else has no order."""

    def ordered(left: object, right: object) -> bool:
        one, other = type(left), type(right)
        if one in NUMBERS:
            return other in NUMBERS and compare(left, right)
        return one is str and other is str and compare(left, right)

    return ordered


def matches(left: object, right: object) -> bool:
    """``=~``: the whole text matches, or any of a list; a pattern on either side, but only on one."""
    if isinstance(left, Pattern) == isinstance(right, Pattern):
        return False
    pattern, value = (left, right) if isinstance(left, Pattern) else (right, left)
    value = value.value if isinstance(value, Json) else value
    inputs = _alone(value) if isinstance(value, list) else [value]
    return isinstance(pattern, Pattern) and any(pattern.fullmatch(_text(item)) for item in inputs)


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(value) if isinstance(value, int | float) else ""


def _items(value: object) -> list[object] | None:
    """Take the items of a list, None for an object; anything else is Rejected."""
    held = value.value if isinstance(value, Json) else value
    if isinstance(held, list):
        return _alone(held)
    if isinstance(held, dict):
        return None
    raise Rejected


def _alone(items: list[object]) -> list[object]:
    """Items that can be compared one by one, as no list or object can."""
    if not _CONTAINERS.isdisjoint(map(type, items)):
        raise Failed("a list of lists or objects can't be compared item by item")
    return items


def _holds(items: list[object], value: object) -> bool:
    return any(equal(value, item) for item in items)


def is_in(left: object, right: object) -> bool:
    """``in``."""
    items = _items(right)
    return items is not None and _holds(items, left)


def contains(left: object, right: object) -> bool:
    """``contains``: a text in a text, a value in a list."""
    if isinstance(left, str):
        return isinstance(right, str) and right in left
    held = left.value if isinstance(left, Json) else left
    return isinstance(held, list) and _holds(_alone(held), right)


def is_subset(left: object, right: object) -> bool:
    """``subsetof``."""
    whole = _items(right)
    part = _items(left) if whole is not None else None
    return whole is not None and part is not None and all(_holds(whole, item) for item in part)


def has_common(left: object, right: object) -> bool:
    """``anyof``."""
    return _common(left, right) is True


def has_nothing_common(left: object, right: object) -> bool:
    """``noneof``."""
    return _common(left, right) is False


def _common(left: object, right: object) -> bool | None:
    whole = _items(right)
    part = _items(left) if whole is not None else None
    if whole is None or part is None:
        return None
    return any(_holds(whole, item) for item in part)


def has_size(left: object, right: object) -> bool:
    """``size``: of a text in UTF-16 units, of a list; an object's is -1."""
    held = left.value if isinstance(left, Json) else left
    if not is_number(right) or abs(right) >= LARGEST_SIZE or not isinstance(held, str | list | dict):
        return False
    if isinstance(held, str):
        return len(held.encode("utf-16-le", "surrogatepass")) // 2 == int(right)
    return (len(held) if isinstance(held, list) else -1) == int(right)


def is_empty(left: object, right: object) -> bool:
    """``empty true`` or ``empty false``: of a text or list."""
    held = left.value if isinstance(left, Json) else left
    if isinstance(held, dict):
        raise Failed("`empty` takes texts and lists, no objects")
    if not isinstance(held, str | list):
        return False
    if not isinstance(right, bool):
        raise Rejected
    return (not held) is right


def exists(left: object, right: object) -> bool:
    """``exists true``, which Jayway takes for a comparison of two booleans."""
    if isinstance(left, bool) and isinstance(right, bool):
        return left is right
    if isinstance(left, bool) or isinstance(right, bool):
        raise Rejected
    raise Failed("`exists` compares true and false; a path alone asks whether something exists")


def never(_left: object, _right: object) -> bool:
    """``all``, ``type`` and ``matches`` need operands that can't be written in a path."""
    raise Rejected


def _not(compare: Operator) -> Operator:
    return lambda left, right: not compare(left, right)


ORDERS: Mapping[str, Callable[[Any, Any], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}

OPERATORS: Mapping[str, Operator] = {
    "==": equal,
    "!=": _not(equal),
    "===": equal_of_one_type,
    "!==": _not(equal_of_one_type),
    **{sign: _ordered(compare) for sign, compare in ORDERS.items()},
    "=~": matches,
    "in": is_in,
    "nin": _not(is_in),
    "contains": contains,
    "subsetof": is_subset,
    "anyof": has_common,
    "noneof": has_nothing_common,
    "size": has_size,
    "empty": is_empty,
    "exists": exists,
    "all": never,
    "type": never,
    "matches": never,
}
