"""JSON as the machine formats write it: UTF-8 as it is, full precision, and never NaN."""

import json
import math
from collections.abc import Callable, Sequence

from openai_monitor.rows import Field, Row

_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def encode(value: object) -> str:
    """Write one JSON value on one line."""
    return _STRICT.encode(value)


def row_encoder(fields: Sequence[Field]) -> Callable[[Row], str]:
    """Make a function that writes rows of these fields as objects ``{field: value}``."""
    names = [field.name for field in fields]
    strict = _STRICT.encode

    def write(row: Row) -> str:
        record = dict(zip(names, row, strict=True))
        try:
            return strict(record)
        except ValueError:  # a NaN that someone's own rows hold: JSON has no word for it
            return strict({name: _finite(value) for name, value in record.items()})

    return write


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
