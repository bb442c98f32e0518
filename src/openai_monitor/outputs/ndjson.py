"""``ndjson``: one row a line, each line complete in itself.

A line is (without the break)::

    {"app": "openai", "name": null, "tags": {}, "metrics": "model_cost", "time": "2026-11-22T19:50:00.000Z",
     "row": {"model_name": "gpt-4o", "cost": 1.06619}}

``metrics`` is the name of the metric set, ``time`` when its collection started; the fields are inside
``row``, so no field name can meet the others. Values are as in ``json``. A set that failed has no rows and so
no line.
"""

from collections.abc import Iterator

from openai_monitor.outputs import Style, utc
from openai_monitor.outputs.json_text import encode, row_encoder
from openai_monitor.rows import MetricSetResult, Round


def render(collected: Round, style: Style) -> str:  # noqa: ARG001 - the signature of a format
    """Write a line for each row of each set."""
    return "".join(lines(collected))


def lines(collected: Round) -> Iterator[str]:
    """Write the rows one by one."""
    return (line for result in collected.results for line in _lines(collected, result))


def _lines(collected: Round, result: MetricSetResult) -> Iterator[str]:
    head = {
        "app": collected.app,
        "name": collected.name,
        "tags": dict(collected.tags),
        "metrics": result.name,
        "time": utc(result.time),
    }
    start = encode(head)[:-1] + ', "row": '
    write = row_encoder(result.fields)
    return (f"{start}{write(row)}}}\n" for row in result.public_rows())
