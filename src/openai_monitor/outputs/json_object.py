"""``json``: the whole round as one object.

This shape is kept stable::

    {"app": str, "name": str or null, "tags": {key: value}, "host": str or null,
     "time": "2026-11-22T19:50:00.000Z",
     "metrics": [{"name": str,
                  "code": "SUCCESS" | "UN_AVAILABLE" | "UN_REACHABLE" | "UN_CONNECTABLE" | "FAIL" | "TIMEOUT",
                  "message": str, "duration_ms": int,
                  "fields": [{"name": str, "type": "number" | "string" | "secret" | "time",
                              "unit": str or null, "label": bool}],
                  "rows": [{field: value}]}],
     "skipped": [{"name": str, "reason": str}]}

``name`` and ``tags`` are what the person who runs it called this monitor. ``message`` is empty for a plain
success. ``"complete": false`` stands behind it only where rows are known to be missing, which the message explains: no
total may be made of the rows that are there. Values: number fields hold JSON numbers in full precision, time fields
seconds, all others text; null is no value; a secret that has a value is ``***``. One row stands on one line, so the
text can also be read.
"""

from collections.abc import Iterable

from openai_monitor.outputs import Style, utc
from openai_monitor.outputs.json_text import encode, row_encoder
from openai_monitor.rows import Field, MetricSetResult, Round


def render(collected: Round, style: Style) -> str:  # noqa: ARG001 - the signature of a format
    """Write the object, over several lines."""
    head = {
        "app": collected.app,
        "name": collected.name,
        "tags": dict(collected.tags),
        "host": collected.host,
        "time": utc(collected.time),
    }
    lines = [f"  {encode(key)}: {encode(value)}" for key, value in head.items()]
    lines.append(f'  "metrics": {_array(map(_metric_set, collected.results), "  ")}')
    skipped = (encode({"name": each.name, "reason": each.reason}) for each in collected.skipped)
    lines.append(f'  "skipped": {_array(skipped, "  ")}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _metric_set(result: MetricSetResult) -> str:
    head = {
        "name": result.name,
        "code": result.code.name,
        "message": result.message,
        **({} if result.complete else {"complete": False}),
        "duration_ms": round(result.duration * 1000),
    }
    lines = [f"      {encode(key)}: {encode(value)}" for key, value in head.items()]
    lines.append(f'      "fields": {_array((encode(_field(field)) for field in result.fields), "      ")}')
    lines.append(f'      "rows": {_array(map(row_encoder(result.fields), result.public_rows()), "      ")}')
    return "{\n" + ",\n".join(lines) + "\n    }"


def _field(field: Field) -> dict[str, object]:
    return {"name": field.name, "type": field.type.word, "unit": field.unit, "label": field.label}


def _array(items: Iterable[str], indent: str) -> str:
    body = f",\n{indent}  ".join(items)
    return f"[\n{indent}  {body}\n{indent}]" if body else "[]"
