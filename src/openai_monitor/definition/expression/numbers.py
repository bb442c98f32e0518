"""Number literals, and the classes that tell Java's kinds of numbers apart.

Inside expressions a Java double is a Python float, or a plain int when it holds a whole number exactly;
Java's Integer, Long and BigInteger are ``JavaInteger``; BigDecimal (``1.5b``) is ``Decimal``. Results lose
the marks.
"""

from decimal import Context, Decimal, DivisionByZero, InvalidOperation, Overflow

from openai_monitor.errors import EvaluationError

LIMIT = 1 << 1024
"""Whole numbers beyond the range of a double are refused, so that products can't grow without end."""

_MAX_DIGITS = 400
LONG_MIN, LONG_MAX = -(1 << 63), (1 << 63) - 1
DECIMALS = Context(prec=34, Emax=999, Emin=-999, traps=[DivisionByZero, InvalidOperation, Overflow])
"""IEEE decimal128, in which Java's engine computes ``b`` literals, with exponents that can be printed."""


class JavaInteger(int):
    """A whole number of Java's Integer, Long or BigInteger: ``1/2`` is 0. A plain int is a double."""

    __slots__ = ()

    @property
    def is_long(self) -> bool:
        """Whether it fits Java's long; else it is a BigInteger."""
        return LONG_MIN <= self <= LONG_MAX


def bounded(number: int) -> int:
    """Let a number pass unless no double could hold it."""
    if -LIMIT < number < LIMIT:
        return number
    raise EvaluationError("a whole number is larger than any double")


def parse_number(text: str) -> object:
    """Read a number literal; raises ValueError where it is too long or does not fit what its suffix says."""
    if text in ("NaN", "#NaN"):
        return float("nan")
    hexadecimal = text[:2] in ("0x", "0X")
    if not hexadecimal and any(letter in "eEfFdDbB." for letter in text):
        return _fraction(text)
    digits = text.rstrip("lLhH")
    if len(digits) > _MAX_DIGITS:
        raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
    base = 16 if hexadecimal else 8 if digits[0] == "0" else 10
    number = JavaInteger(int(digits, base))
    if text[-1] in "lL" and not number.is_long:
        raise ValueError("a number with the suffix L does not fit 64 bits")
    return number


def _fraction(text: str) -> object:
    if text[-1] in "bB":
        if len(text) > _MAX_DIGITS or abs(Decimal(text[:-1]).adjusted()) > _MAX_DIGITS:
            raise ValueError(f"a number has more than {_MAX_DIGITS} digits")
        return Decimal(text[:-1])
    return float(text.rstrip("fFdD"))
