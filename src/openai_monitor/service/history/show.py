"""A selection of the history as text: a table for people, CSV, or JSON. Pieces of text, as they are read."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from operator import itemgetter

from openai_monitor.outputs import Style, utc
from openai_monitor.outputs.csv_text import csv_text
from openai_monitor.outputs.grid import Column, grid
from openai_monitor.outputs.json_text import encode
from openai_monitor.outputs.table import EMPTY, show
from openai_monitor.outputs.text import visible
from openai_monitor.rows import Code, Field, FieldType, Row, Value
from openai_monitor.service.history.hourly import Answer, Hour, Spread
from openai_monitor.service.history.moments import MS_PER_HOUR, moment_of
from openai_monitor.service.history.queries import DailyCost
from openai_monitor.service.history.selection import Reader, Series

MOST_LINES = 60
"""Lines of a table for one metric set: the newest."""


def named(fields: Sequence[Field], row: Row) -> dict[str, Value]:
    """Give a row by the names of its fields."""
    return dict(zip((field.name for field in fields), row, strict=True))


# JSON


def answers_json(reader: Reader) -> Iterator[str]:
    """Write a list of objects, one for each row as collected, and for each answer without rows."""
    return _list(
        record
        for metrics in reader.selection.metric_sets
        for series in reader.series(metrics)
        for answer in reader.answers(series)
        for record in _answer_records(series, answer)
    )


def _answer_records(series: Series, answer: Answer) -> Iterator[dict[str, object]]:
    head = {"monitor": series.monitor.name, "metrics": series.metrics, "time": utc(moment_of(answer.time))}
    if answer.layout is None:
        code = "SKIPPED" if answer.code is None else Code(answer.code).name
        yield {**head, "code": code, "message": answer.message or "", "row": None}
    else:
        for row in answer.rows:
            yield {**head, "row": named(answer.layout.fields, row)}


def hours_json(reader: Reader) -> Iterator[str]:
    """Write a list of objects, one for each row of an hour, and for each hour without rows."""
    return _list(
        record
        for metrics in reader.selection.metric_sets
        for series in reader.series(metrics)
        for hour in reader.hours(series)
        for record in _hour_records(series, hour)
    )


def _hour_records(series: Series, hour: Hour) -> Iterator[dict[str, object]]:
    head = {
        "monitor": series.monitor.name,
        "metrics": series.metrics,
        "time": utc(moment_of(hour.hour * MS_PER_HOUR)),
        "samples": hour.samples,
        "failed": hour.failed,
    }
    if hour.layout is None:
        yield {**head, "row": None}
        return
    for line, row in enumerate(hour.rows):
        moved = {
            field.name: spread
            for place, field in enumerate(hour.layout.fields)
            if (spread := hour.spreads.get((line, place))) is not None
        }
        ends = {
            "least": {name: spread.least for name, spread in moved.items()},
            "most": {name: spread.most for name, spread in moved.items()},
            "mean": {name: spread.mean for name, spread in moved.items()},
        }
        yield {**head, "row": named(hour.layout.fields, row), **(ends if moved else {})}


def costs_json(costs: Iterable[DailyCost]) -> Iterator[str]:
    """Write a list of objects, one for each item and day."""
    return _list(
        {
            "monitor": cost.monitor,
            "day": cost.day.isoformat(),
            "item": cost.item,
            "currency": cost.currency,
            "cost": cost.cost,
            "updated": utc(cost.updated),
        }
        for cost in costs
    )


def _list(records: Iterable[dict[str, object]]) -> Iterator[str]:
    first = True
    for record in records:
        yield ("[\n  " if first else ",\n  ") + encode(record)
        first = False
    yield "[]\n" if first else "\n]\n"


# CSV


def answers_csv(reader: Reader, metrics: str) -> Iterator[str]:
    """Write the rows of one metric set as collected. Answers without rows have no line."""
    names = [field.name for field in reader.fields(metrics)]
    yield _line(["monitor name", "monitor time", *names])
    for series in reader.series(metrics):
        for answer in reader.answers(series):
            if answer.layout is not None:
                head = (series.monitor.name, utc(moment_of(answer.time)))
                for row in answer.rows:
                    record = named(answer.layout.fields, row)
                    yield _line([*head, *map(record.get, names)])


def hours_csv(reader: Reader, metrics: str) -> Iterator[str]:
    """Write the rows of one metric set by the hour; numbers have three more columns each."""
    fields = reader.fields(metrics)
    titles = [f"{field.name}{part}" for field in fields for part in _parts(field)]
    yield _line(["monitor name", "monitor time", "samples", "failed", *titles])
    for series in reader.series(metrics):
        for hour in reader.hours(series):
            if hour.layout is not None:
                head = (series.monitor.name, utc(moment_of(hour.hour * MS_PER_HOUR)), hour.samples, hour.failed)
                for line in range(len(hour.rows)):
                    yield _line([*head, *_hour_cells(hour, line, fields)])


def _parts(field: Field) -> tuple[str, ...]:
    return ("", " least", " most", " mean") if field.type is FieldType.NUMBER else ("",)


def _hour_cells(hour: Hour, line: int, fields: Sequence[Field]) -> Iterator[Value]:
    places = {each.name: place for place, each in enumerate(hour.layout.fields)} if hour.layout else {}
    for field in fields:
        place = places.get(field.name)
        value = None if place is None else hour.rows[line][place]
        yield value
        if field.type is FieldType.NUMBER:
            spread = hour.spreads.get((line, -1 if place is None else place))
            yield from _ends(value, spread)


def _ends(value: Value, spread: Spread | None) -> tuple[Value, Value, Value]:
    return (spread.least, spread.most, spread.mean) if spread is not None else (value, value, value)


def costs_csv(costs: Iterable[DailyCost]) -> Iterator[str]:
    """Write a line for each item and day."""
    yield _line(["monitor name", "day", "item", "currency", "cost", "updated"])
    for cost in costs:
        yield _line([cost.monitor, cost.day.isoformat(), cost.item, cost.currency, cost.cost, utc(cost.updated)])


def _line(cells: Sequence[object]) -> str:
    return csv_text((cells,))


# Tables


def answers_table(reader: Reader, style: Style) -> Iterator[str]:
    """Write a table for each metric set: the answers that differ from those before them."""
    return _apart(_answers_tables(reader, style))


def _apart(tables: Iterable[str]) -> Iterator[str]:
    return (table if number == 0 else f"\n{table}" for number, table in enumerate(tables))


def _answers_tables(reader: Reader, style: Style) -> Iterator[str]:
    for metrics in reader.selection.metric_sets:
        lines = _Lines()
        for series in reader.series(metrics):
            before: tuple[Row, ...] | None = None
            for answer in reader.answers(series):
                if answer.layout is None:
                    lines.failed += 1
                elif answer.rows != before:
                    lines.add(series, moment_of(answer.time), answer.layout.fields, answer.rows)
                    before = answer.rows
        if lines.count or lines.failed:
            yield _table(metrics, reader.fields(metrics), lines, style)


def hours_table(reader: Reader, style: Style) -> Iterator[str]:
    """Write a table for each metric set: the last answer of each hour, where it differs from the one before."""
    return _apart(_hours_tables(reader, style))


def _hours_tables(reader: Reader, style: Style) -> Iterator[str]:
    for metrics in reader.selection.metric_sets:
        lines = _Lines()
        for series in reader.series(metrics):
            before: tuple[Row, ...] | None = None
            for hour in reader.hours(series):
                lines.failed += hour.failed
                if hour.layout is not None and hour.rows != before:
                    lines.add(series, moment_of(hour.hour * MS_PER_HOUR), hour.layout.fields, hour.rows)
                    before = hour.rows
        if lines.count or lines.failed:
            yield _table(metrics, reader.fields(metrics), lines, style)


Line = tuple[datetime, str, dict[str, Value]]


class _Lines:
    """The newest lines of a table, and what is to be said below it."""

    def __init__(self) -> None:
        self._newest: dict[str, deque[Line]] = {}
        self.count = self.failed = 0

    def add(self, series: Series, time: datetime, fields: Sequence[Field], rows: Sequence[Row]) -> None:
        name = series.monitor.name
        lines = self._newest.setdefault(name, deque(maxlen=MOST_LINES))
        lines.extend((time, name, named(fields, row)) for row in rows)
        self.count += len(rows)

    def newest(self) -> list[Line]:
        """List the newest lines of all monitors, by time."""
        lines = (line for lines in self._newest.values() for line in lines)
        return sorted(lines, key=itemgetter(0))[-MOST_LINES:]


def _table(metrics: str, fields: Sequence[Field], lines: _Lines, style: Style) -> str:
    newest = lines.newest()
    columns = [Column("time (UTC)"), Column("monitor"), *map(_column, fields)]
    cells = [
        [f"{time:%Y-%m-%d %H:%M:%S}", visible(monitor), *(_cell(field, record) for field in fields)]
        for time, monitor, record in newest
    ]
    text = [style.paint(visible(metrics), "bold"), *(grid(columns, cells, style, "  ") if cells else ())]
    text += [style.paint(f"  {note}", "yellow") for note in _notes(lines, len(newest))]
    return "\n".join(text) + "\n"


def _column(field: Field) -> Column:
    title = f"{field.name} ({field.unit})" if field.unit else field.name
    return Column(visible(title), right=field.type in (FieldType.NUMBER, FieldType.TIME))


def _cell(field: Field, record: dict[str, Value]) -> str:
    value = record.get(field.name)
    return EMPTY if value is None else show(field, value)


def _notes(lines: _Lines, shown: int) -> Iterator[str]:
    earlier = lines.count - shown
    if earlier:
        yield f"{earlier:,} earlier rows: --format csv or json shows all"
    if lines.failed:
        yield f"not collected {lines.failed:,} time{'' if lines.failed == 1 else 's'}: --format json says why"


def costs_table(costs: Iterable[DailyCost], style: Style) -> Iterator[str]:
    """Write one table, a line for each item and day."""
    columns = [Column("day (UTC)"), Column("monitor"), Column("item"), Column("cost", right=True), Column("currency")]
    rows = [
        [
            cost.day.isoformat(),
            visible(cost.monitor),
            visible(cost.item) or EMPTY,
            show(_MONEY, cost.cost),
            visible(cost.currency),
        ]
        for cost in costs
    ]
    if rows:
        yield "\n".join(grid(columns, rows, style)) + "\n"


_MONEY = Field("cost", FieldType.NUMBER)
