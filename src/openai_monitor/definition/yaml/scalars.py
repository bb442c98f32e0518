"""How SnakeYAML reads a scalar as a number, a boolean or null, and what a standard tag makes of it.

Texts need none of this: a property that is a text keeps the scalar as it is written.
"""

import math
import re
from collections.abc import Callable
from decimal import Decimal

from openai_monitor.definition.wording import quote

NOTHING = frozenset(("", "~", "null", "Null", "NULL"))
"""Plain scalars that are null."""

_BOOLEANS = {"true": True, "yes": True, "on": True, "false": False, "no": False, "off": False}
_INTEGER = re.compile(r"([-+]?)(?:0b([01]+)|0x([0-9a-fA-F]+)|(0[0-7]*)|([1-9]\d*(?::\d+)*))", re.ASCII)
_LONGEST_INTEGER = 40


def read_boolean(text: str) -> bool:
    """``true``, ``yes``, ``on``, ``false``, ``no`` or ``off``, in any case. Raises ValueError for others."""
    try:
        return _BOOLEANS[text.lower()]
    except KeyError:
        raise ValueError("not a boolean") from None


def read_integer(text: str) -> int:
    """A whole number: ``12``, ``+1_000``, ``0x1f``, ``0b101``, ``017`` (octal), ``1:30`` (base 60).

    Raises ValueError for another text, ``1.0`` and ``1e3`` among them, and for a number of more than 64 bits.
    """
    found = _INTEGER.fullmatch(text.replace("_", "")) if len(text) <= _LONGEST_INTEGER else None
    if found is None:
        raise ValueError("not a whole number")
    sign, binary, hexadecimal, octal, decimal = found.groups()
    if decimal is not None:
        number = 0
        for part in decimal.split(":"):
            number = number * 60 + int(part)
    elif octal is not None:
        number = int(octal, 8)
    else:
        number = int(hexadecimal, 16) if hexadecimal is not None else int(binary, 2)
    if number >= 2**63:
        raise ValueError("not a whole number of 64 bits")
    return -number if sign == "-" else number


def tagged_text(text: str, tag: str) -> str | None:
    """The text of a scalar with a standard tag: ``!!int 0x10`` is ``16``, ``!!float 1`` is ``1.0``.

    ``tag`` is without its prefix. Raises ValueError with a sentence when the tag is unknown or does not fit.
    """
    if tag not in _TAGGED:
        shown = tag if tag.startswith("!") else f"!!{tag}"
        raise ValueError(f"the tag {quote(shown)} can't be used in a definition")
    try:
        return _TAGGED[tag](text)
    except ValueError:
        raise ValueError(f"the text is not what its tag `!!{tag}` says") from None


def java_double(number: float) -> str:
    """A number as Java prints a double: ``1.0``, ``1.0E-5``, ``1.2345678E7``."""
    if not math.isfinite(number):
        return "NaN" if math.isnan(number) else "Infinity" if number > 0 else "-Infinity"
    if number == 0 or 1e-3 <= abs(number) < 1e7:
        return repr(number)
    sign, digits, _ = (exact := Decimal(repr(number)).normalize()).as_tuple()
    rest = "".join(map(str, digits[1:])) or "0"
    return f"{'-' if sign else ''}{digits[0]}.{rest}E{exact.adjusted()}"


def _read_float(text: str) -> float:
    plain = text.replace("_", "").lower()
    if plain.lstrip("+-") in (".inf", ".nan"):
        plain = plain.replace(".", "")
    elif plain.replace("e", "").strip("+-.0123456789"):
        raise ValueError("not a number")
    return float(plain)


_TAGGED: dict[str, Callable[[str], str | None]] = {
    "str": lambda text: text,
    "null": lambda _: None,
    "int": lambda text: str(read_integer(text)),
    "float": lambda text: java_double(_read_float(text)),
    "bool": lambda text: str(read_boolean(text)).lower(),
}
