"""Names by Prometheus's rules: small letters, base units, the unit at the end.

``openai``, ``credit_grants``, ``total_available`` in ``USD`` is ``openai_credit_grants_total_available_usd``. A field
whose name ends the set's is not said twice: ``model_cost`` and ``cost`` are ``openai_model_cost_usd``.
"""

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from openai_monitor.rows import Field, FieldType
from openai_monitor.spend.currency import currency_of

_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
_RUNS = re.compile(r"[^a-z0-9]+")

_SECONDS = {
    **dict.fromkeys(("ns", "nanosecond", "nanoseconds"), Decimal("1e-9")),
    **dict.fromkeys(("us", "µs", "microsecond", "microseconds"), Decimal("1e-6")),
    **dict.fromkeys(("ms", "millisecond", "milliseconds"), Decimal("1e-3")),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), Decimal(1)),
    **dict.fromkeys(("min", "mins", "minute", "minutes"), Decimal(60)),
    **dict.fromkeys(("h", "hour", "hours"), Decimal(3600)),
    **dict.fromkeys(("d", "day", "days"), Decimal(86400)),
    **dict.fromkeys(("w", "week", "weeks"), Decimal(604800)),
}
_BYTES = {
    **dict.fromkeys(("b", "byte", "bytes"), Decimal(1)),
    **dict.fromkeys(("k", "kb", "ki", "kib"), Decimal(1024)),
    **dict.fromkeys(("m", "mb", "mi", "mib"), Decimal(1024**2)),
    **dict.fromkeys(("g", "gb", "gi", "gib"), Decimal(1024**3)),
    **dict.fromkeys(("t", "tb", "ti", "tib"), Decimal(1024**4)),
}
_EACH = {"s": "second", "sec": "second", "min": "minute", "h": "hour", "d": "day"}

_OF_OTHER_TYPES = ("_total", "_count", "_sum", "_bucket")
OF_THE_SET = ("up", "duration_seconds", "last_success_timestamp_seconds", "trouble", "info")
"""What the names of the series end in that tell of a set itself."""

TAKEN = ("monitor", "le", "quantile")
"""Labels that no field's may be: ours, and those of other types' series."""

_ONE = Decimal(1)


@dataclass(frozen=True, slots=True)
class Name:
    """The name of a series, and what a value is multiplied with to be in its unit.

    ``is_gauge`` is False where the name says counter or part of a histogram: nobody knows then.
    """

    text: str
    factor: Decimal
    is_gauge: bool

    def scaled(self, value: float) -> float:
        """Give the value in the name's unit, in decimal, so that 99.9 % is 0.999."""
        if self.factor == _ONE or not math.isfinite(value):
            return value
        return float(Decimal(str(value)) * self.factor)


@lru_cache(maxsize=4096)
def name_of(app: str, metric_set: str, field: Field) -> Name:
    """Name the series of a field."""
    stem, last = prefix(app, metric_set), words(field.name)
    unit, factor = _unit(field)
    if unit and last.endswith(f"_{_plain(field.unit)}"):
        last = last.removesuffix(f"_{_plain(field.unit)}")
    is_said = f"_{words(metric_set)}".endswith(f"_{last}")
    text = stem if is_said and unit else f"{stem}_{last}"
    if unit and not text.endswith(f"_{unit}"):
        text = f"{text}_{unit}"
    if text.removeprefix(f"{stem}_") in OF_THE_SET:
        text = f"{text}_value"
    return Name(text, factor, not text.endswith(_OF_OTHER_TYPES))


@lru_cache(maxsize=1024)
def prefix(app: str, metric_set: str = "") -> str:
    """Write what the names of an application's series, or of those of one of its sets, begin with."""
    text = "_".join(part for part in (words(app), words(metric_set) if metric_set else "") if part)
    return f"_{text}" if text[0].isdigit() else text


@lru_cache(maxsize=4096)
def words(text: str) -> str:
    """Write a name in small ASCII letters, digits and single underscores; never empty.

    Letters of other scripts become their numbers, so that different names stay different.
    """
    ascii_text = "".join(each if each.isascii() else f"_u{ord(each):04x}_" for each in text)
    return _RUNS.sub("_", _CAMEL.sub("_", ascii_text).lower()).strip("_") or "unnamed"


@lru_cache(maxsize=4096)
def label_names(names: tuple[str, ...], taken: tuple[str, ...] = TAKEN, kind: str = "field") -> tuple[str, ...]:
    """Name labels: valid, none twice and none of those that are taken; then ``field_NAME``, or of another kind."""
    used, result = set(taken), []
    for name in names:
        plain = words(name)
        plain = f"_{plain}" if plain[0].isdigit() else plain
        free = next(each for each in _candidates(plain, kind) if each not in used)
        used.add(free)
        result.append(free)
    return tuple(result)


def _candidates(name: str, kind: str) -> Iterable[str]:
    yield name
    yield f"{kind}_{name}"
    number = 2
    while True:
        yield f"{kind}_{name}_{number}"
        number += 1


def _plain(unit: str | None) -> str:
    return words(unit) if unit else ""


def _unit(field: Field) -> tuple[str, Decimal]:
    """Find the base unit as a word, and the factor to it."""
    if field.type is FieldType.TIME:
        return "seconds", _ONE
    unit = (field.unit or "").strip()
    if not unit:
        return "", _ONE
    currency = currency_of(unit)
    if currency:
        return currency.lower(), _ONE
    if unit == "%":
        return "ratio", Decimal("0.01")
    amount, slash, each = unit.partition("/")
    base, factor = _base(amount.strip())
    return (f"{base}_per_{_EACH.get(each.strip().lower()) or words(each)}", factor) if slash else (base, factor)


def _base(unit: str) -> tuple[str, Decimal]:
    plain = unit.lower()
    if plain in _SECONDS:
        return "seconds", _SECONDS[plain]
    if plain in _BYTES:
        return "bytes", _BYTES[plain]
    return (currency_of(unit) or words(unit)).lower(), _ONE
