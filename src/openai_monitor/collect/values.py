"""Reading single values: numbers in texts, units behind them, times of day, and the text of anything."""

import json
import re

from openai_monitor.definition.expression.values import java_text
from openai_monitor.definition.units import convert

_PLAIN_NUMBER = re.compile(r"[\x00-\x20]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)[dDfF]?[\x00-\x20]*", re.ASCII)
_BLANKS = "".join(map(chr, range(33)))
_WHOLE_NUMBER = re.compile(r"[\x00-\x20]*[+-]?\d{1,400}[\x00-\x20]*", re.ASCII)
_UNITS = "%GgMmKkBb"
"""Letters that begin a unit, in the order in which HertzBeat looks for them."""

_NUMBER_AND_UNIT = re.compile(rf"[0-9.+i{_UNITS}]+")
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)(?::([0-5]\d)(?:\.\d{1,9})?)?")


def number_and_unit(text: str) -> tuple[int | float | None, str | None]:
    """Read ``12.5`` as a number and ``10MB`` as a number with its unit; (None, None) for any other text.

    Whole numbers stay exact. As in HertzBeat a unit begins where the first of ``% G g M m K k B b`` stands that is in
    the text, and nothing but these, digits, points, ``+`` and ``i`` may be: ``15ms``, ``-5%`` and ``10 MB`` are text.
    """
    number = parse_number(text)
    if number is not None or not _NUMBER_AND_UNIT.fullmatch(text):
        return number, None
    start = next((text.index(letter) for letter in _UNITS if letter in text), 0)
    number = parse_number(text[:start])
    return number, None if number is None else text[start:]


def parse_number(text: str) -> int | float | None:
    """A whole number (exact) or decimal, with outer blanks, exponent and Java's type suffix; None for other text."""
    if _WHOLE_NUMBER.fullmatch(text):
        return int(text.strip(_BLANKS))
    match = _PLAIN_NUMBER.fullmatch(text)
    return float(match[1]) if match else None


def seconds_of_day(value: object) -> int | None:
    """``HH:mm`` or ``HH:mm:ss`` as seconds since midnight; None for anything else."""
    match = _TIME.fullmatch(value) if isinstance(value, str) else None
    if match is None:
        return None
    return int(match[1]) * 3600 + int(match[2]) * 60 + int(match[3] or 0)


def text_of(value: object) -> str | None:
    """A raw value as text: JSON's words for booleans, JSON text for objects and lists, no exponents."""
    if value is None or type(value) is str:
        return value
    if isinstance(value, (dict, list)):
        return _JSON.encode(value)
    return str(value) if type(value) is int else java_text(value)  # which refuses one beyond a double


def converted_text(text: str | None, source: str, target: str) -> str | None:
    """A text that is a number, converted; as it was where it is none, or the same in both units."""
    number = parse_number(text) if text else None
    if number is None:
        return text
    converted = convert(number, source, target)
    return text if converted == number else number_text(converted)


def number_text(value: float) -> str:
    """A number as plain decimal text: all its digits, no exponent, no needless fraction."""
    text = text_of(value) or ""
    return text.removesuffix(".0")
