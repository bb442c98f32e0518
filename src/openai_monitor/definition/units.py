"""Units of sizes and times, and the entries of ``units:``.

Sizes count by 1024 whatever their spelling, as HertzBeat has it; names compare without regard to case.
"""

import math
import re
from dataclasses import dataclass
from decimal import Decimal

_SIZES = {
    "B": 1,
    **dict.fromkeys(("K", "KB", "KI"), 1024),
    **dict.fromkeys(("M", "MB", "MI"), 1024**2),
    **dict.fromkeys(("G", "GB", "GI"), 1024**3),
}
_TIMES = {
    "NS": 1,
    "US": 10**3,
    "MS": 10**6,
    "S": 10**9,
    "MIN": 60 * 10**9,
    "H": 3600 * 10**9,
    "D": 86400 * 10**9,
}
_ENTRY = re.compile(r"([^=]+)=([^->=]+)->([^->=]+)")


@dataclass(frozen=True, slots=True)
class UnitEntry:
    """One entry of ``units:``: values of ``field`` arrive in ``source`` and leave in ``target``."""

    field: str
    source: str
    target: str


def parse_unit_entry(text: str) -> UnitEntry | None:
    """Read ``field=SOURCE->TARGET``; None when the text has another form."""
    match = _ENTRY.fullmatch(text)
    parts = [part.strip() for part in match.groups()] if match else []
    return UnitEntry(*parts) if parts and all(parts) else None


def converts(source: str, target: str) -> bool:
    """Whether both units are known and of one kind."""
    return _scales(source, target) is not None


def convert(value: float, source: str, target: str) -> int | float:
    """Convert between units of one kind; units that are the same, unknown or of two kinds leave the value as it is.

    A whole number stays an int where the result is whole.
    """
    scales = _scales(source, target)
    if scales is None or scales[0] == scales[1]:
        return value
    left, right = scales
    if left > right:
        return _multiplied(value, left // right)
    divisor = right // left
    if isinstance(value, int) and value % divisor == 0:
        return value // divisor
    try:
        return value / divisor
    except OverflowError:  # a whole number beyond any double
        return value // divisor


def _multiplied(value: float, factor: int) -> int | float:
    if isinstance(value, int) or not math.isfinite(value):
        return value * factor
    # In decimal, so that a large whole result has the digits the value had.
    product = Decimal(repr(value)) * factor
    whole = product.to_integral_value()
    return int(whole) if product == whole else float(product)


def _scales(source: str, target: str) -> tuple[int, int] | None:
    left, right = source.upper(), target.upper()
    for table in (_SIZES, _TIMES):
        if left in table and right in table:
            return table[left], table[right]
    return None
