"""Cells as what they stand for. What can't be read is None, never an error: a billing API owes nobody a type."""

from collections.abc import Iterable
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal, InvalidOperation

from openai_monitor.rows import Value

EXACT = Context(prec=60, rounding=ROUND_HALF_EVEN)
"""Wide enough that sums of amounts are exact, so that their order does not matter."""

SMALLEST = Decimal("1e-12")
LARGEST = Decimal("1e15")
_LONGEST = 64


def money(cell: Value) -> Decimal | None:
    """Read an amount from a number or a text: as it prints, to 12 decimals.

    So it is free of binary noise: 1.0661900000000002 is 1.06619. None for what is no amount, such as NaN, or
    is 1e15 and more.
    """
    number = _number(cell)
    if number is None or not number.copy_abs() < LARGEST:
        return None
    exponent = number.as_tuple().exponent
    exact = isinstance(exponent, int) and exponent >= -12
    return number if exact else EXACT.quantize(number, SMALLEST)


def moment(cell: Value) -> datetime | None:
    """Read a moment, aware and in UTC, from Unix seconds (number or text) or ISO 8601 (without an offset: UTC)."""
    number = _number(cell)
    try:
        if number is not None:
            return datetime.fromtimestamp(float(number), UTC)
        if not isinstance(cell, str):
            return None
        read = datetime.fromisoformat(cell.strip())
        return read.astimezone(UTC) if read.tzinfo else read.replace(tzinfo=UTC)
    except (ValueError, OverflowError, OSError):
        return None


def day(cell: Value) -> date | None:
    """Read the UTC day of a moment."""
    read = moment(cell)
    return None if read is None else read.date()


def words(cell: Value) -> str | None:
    """Read a text; None for a blank one and for what is none."""
    return (cell.strip() or None) if isinstance(cell, str) else None


def is_true(cell: Value) -> bool:
    """Tell whether a flag is set: ``true`` in any case, or a number but 0."""
    if isinstance(cell, str):
        return cell.strip().lower() in ("true", "1", "yes")
    return bool(cell)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Add up exactly."""
    result = Decimal(0)
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def _number(cell: Value) -> Decimal | None:
    """Read a finite number, a float as it prints."""
    if cell is None or isinstance(cell, bool) or (isinstance(cell, str) and len(cell) > _LONGEST):
        return None
    try:
        number = Decimal(cell if isinstance(cell, int) else str(cell).strip())
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
