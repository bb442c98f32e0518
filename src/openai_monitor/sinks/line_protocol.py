r"""Rounds as InfluxDB's line protocol: ``openai_model_cost,model_name=gpt-4o,monitor=a cost=1.06 1763840999000000000``.

The measurement is ``APP_SET``; tags are the monitor, its tags, and the fields that are labels. A field keeps its type
whatever its value, since InfluxDB refuses a point whose type has changed: numbers are floats, times of day integers
(seconds), all others strings. Beside the rows there is a line for each metric set that was due, ``openai_monitor_set``,
that tells how it went. Times are in nanoseconds, when the set's collection started.

Escaping is what the protocol can say: a line break becomes a blank. In names and tags, a backslash at the end or before
a comma, a blank or an equals sign is dropped: it would escape what follows, and Telegraf refuses such a line.
"""

import math
import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from openai_monitor.rows import Field, FieldType, MetricSetResult, Value
from openai_monitor.schedule.events import RoundEvent, trouble_of_set, trouble_of_skipped
from openai_monitor.sinks.readings import clean_text, finite, label_text, readings, shape_of

SET_MEASUREMENT = "openai_monitor_set"

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
_ESCAPING = re.compile(r"\\+(?=[,= ]|\Z)")
_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ "})
_KEY = str.maketrans({",": r"\,", " ": r"\ ", "=": r"\="})
_STRING = str.maketrans({"\\": "\\\\", '"': r"\""})
_RESERVED = ("time", "_measurement", "_field")


def lines_of(event: RoundEvent, include: Collection[str] = (), leave_out: Collection[str] = ()) -> Iterator[str]:
    """Write a round; each line ends with a line break."""
    tags = {"monitor": event.monitor.name, **{_free(name, ("monitor",)): value for name, value in event.monitor.tags}}
    for result in event.round.results:
        if result.ok:
            yield from _rows(event.monitor.app, result, tags, include, leave_out)
        yield _set_line(event, result.name, tags, result)
    for skipped in event.round.skipped:
        yield _set_line(event, skipped.name, tags, None)


def nanoseconds(moment: datetime) -> int:
    """Count the nanoseconds since 1970, exactly."""
    return (moment - _EPOCH) // _MICROSECOND * 1000


def line(measurement: str, tags: Mapping[str, str], values: Mapping[str, str], time: datetime) -> str:
    """Write a line of values that are written already."""
    told = [(_name(key, _KEY), _name(value, _KEY)) for key, value in tags.items()]
    head = "".join(f",{key}={value}" for key, value in sorted(told) if key and value)
    body = ",".join(f"{_name(key, _KEY)}={value}" for key, value in values.items())
    # A line that begins with # is a comment.
    return f"{_name(measurement, _MEASUREMENT).lstrip('#')}{head} {body} {nanoseconds(time)}\n"


def _rows(
    app: str, result: MetricSetResult, tags: Mapping[str, str], include: Collection[str], leave_out: Collection[str]
) -> Iterator[str]:
    shape = shape_of(result.fields, include, leave_out)
    names: list[str] = []
    for index in shape.labels:
        names.append(_free(shape.fields[index].name, (*tags, *names)))
    for key, row in readings(shape, result.rows, complete=result.complete).rows.items():
        values = {
            _free(shape.fields[index].name, ()): written
            for index in shape.values
            if (written := _value(shape.fields[index], row[index])) is not None
        }
        if values:
            yield line(f"{app}_{result.name}", {**tags, **dict(zip(names, key, strict=True))}, values, result.time)


def _set_line(event: RoundEvent, name: str, tags: Mapping[str, str], result: MetricSetResult | None) -> str:
    trouble = trouble_of_skipped(event) if result is None else trouble_of_set(result)
    values = {"up": "1i" if result is not None and result.ok else "0i"}
    if result is not None:
        values["duration"] = repr(float(result.duration))
        if not result.complete:
            values["complete"] = "0i"
    values["trouble"] = f'"{trouble.value if trouble else ""}"'
    of_set = {**tags, "app": event.monitor.app, "metrics": name}
    return line(SET_MEASUREMENT, of_set, values, event.started if result is None else result.time)


def _value(field: Field, cell: Value) -> str | None:
    """Write a cell by the type of its field; None when there is nothing InfluxDB could store."""
    if cell is None:
        return None
    if field.type is FieldType.NUMBER:
        number = finite(cell)
        return repr(number) if number is not None and math.isfinite(number) else None
    if field.type is FieldType.TIME:
        seconds = finite(cell)
        return f"{int(seconds)}i" if seconds is not None and abs(seconds) < 2**63 else None
    text = clean_text(_BREAKS.sub(" ", cell if isinstance(cell, str) else label_text(cell)))
    return f'"{text.translate(_STRING)}"'


def _name(text: str, escapes: Mapping[int, str]) -> str:
    return _writable(text).translate(escapes)


def _writable(text: str) -> str:
    return _ESCAPING.sub("", clean_text(_BREAKS.sub(" ", text)))


def _free(name: str, taken: Iterable[str]) -> str:
    """Keep clear of names that mean something to InfluxDB, or that another tag has."""
    free = _writable(name) or "unnamed"
    while free in taken or free in _RESERVED or free.startswith("_"):
        free = f"field{free}" if free.startswith("_") else f"field_{free}"
    return free
