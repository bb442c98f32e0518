"""``csv``: one metric set as RFC 4180 has it, with a header line and CRLF.

The columns are ``monitor name``, ``monitor time`` and a ``tag KEY`` for each tag (field names hold no blanks,
so they can't meet these), then the fields under their own names. No value is an empty cell. Numbers keep full
precision. Texts are written as they came (see ``csv_text``).
"""

import math
import re

from openai_monitor.outputs import Style, utc
from openai_monitor.outputs.csv_text import csv_text
from openai_monitor.rows import MetricSetResult, Round, Value


def render(collected: Round, style: Style) -> str:  # noqa: ARG001 - the signature of a format
    """Write the only metric set of the round; ValueError when there are several, which need ``files``."""
    if len(collected.results) > 1:
        raise ValueError("a csv text holds one metric set")
    return "".join(_csv(collected, result) for result in collected.results)


def files(collected: Round) -> dict[str, str]:
    """Write each metric set as a text, by file name. A set that failed has its header line and no rows."""
    named: dict[str, str] = {}
    for result in collected.results:
        named[_free_name(result.name, named)] = _csv(collected, result)
    return named


def _free_name(name: str, taken: dict[str, str]) -> str:
    """Find a name that does not lead out of a folder, and that no other set has there."""
    stem = re.sub(r"[^\w.-]", "_", name).strip(".") or "_"
    used = {each.lower() for each in taken}
    numbered = (f"{stem}-{number}.csv" for number in range(2, len(taken) + 3))
    return next(each for each in (f"{stem}.csv", *numbered) if each.lower() not in used)


def _csv(collected: Round, result: MetricSetResult) -> str:
    tags = [f"tag {key}" for key, _ in collected.tags]
    titles = ["monitor name", "monitor time", *tags, *(field.name for field in result.fields)]
    head = (collected.name, utc(result.time), *(value for _, value in collected.tags))
    return csv_text((titles, *((*head, *map(_finite, row)) for row in result.public_rows())))


def _finite(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value
