"""JSON as the machine formats write it: UTF-8, full precision, never NaN, and nothing that commands a terminal."""

import json
import math
import re
from collections.abc import Callable, Sequence

from openai_monitor.outputs.text import COMMANDS
from openai_monitor.rows import Field, Row

_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)


def encode(value: object) -> str:
    """Write one JSON value on one line. Control characters and marks that reorder or hide text are escapes in it."""
    return _calm(_STRICT.encode(value))


def _calm(text: str) -> str:
    return text if text.isascii() and text.isprintable() else COMMANDS.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":  # whoever encodes the text knows what to make of it
        return character
    return json.dumps(character)[1:-1] if character != "\x7f" else "\\u007f"


def row_encoder(fields: Sequence[Field]) -> Callable[[Row], str]:
    """Make a function that writes rows of these fields as objects ``{field: value}``."""
    names = [field.name for field in fields]
    strict = encode

    def write(row: Row) -> str:
        record = dict(zip(names, row, strict=True))
        try:
            return strict(record)
        except ValueError:  # a NaN that someone's own rows hold: JSON has no word for it
            return strict({name: _finite(value) for name, value in record.items()})

    return write


def _finite(value: object) -> object:
    return None if isinstance(value, float) and not math.isfinite(value) else value
