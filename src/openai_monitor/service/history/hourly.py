"""Condensing answers to hours: the last answer of the hour, and between what its numbers moved."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from openai_monitor.rows import Field, FieldType, Row, Value
from openai_monitor.service.history.cells import Layout
from openai_monitor.service.history.moments import MS_PER_HOUR

_DIGITS = 9
"""What a mean is rounded to, in significant digits; it is the only figure that nobody answered."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a metric set answered at a time (ms). ``code`` is None when it was skipped, and 0 for success."""

    time: int
    code: int | None
    message: str | None = None
    layout: Layout | None = None
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class Spread:
    """Between what a number moved within an hour."""

    least: float
    most: float
    mean: float


@dataclass(frozen=True, slots=True)
class Hour:
    """One hour of a metric set: ``hour`` counts from 1970, ``rows`` are those of its last answer.

    ``spreads`` tell of the number cells that changed, by line and place. ``samples`` answered, ``failed`` did not.
    """

    hour: int
    samples: int
    failed: int
    layout: Layout | None = None
    rows: tuple[Row, ...] = ()
    spreads: dict[tuple[int, int], Spread] = field(default_factory=dict)


@dataclass(slots=True)
class _Moves:
    """The values a cell had so far."""

    least: float
    most: float
    total: float = 0.0
    count: int = 0

    def add(self, value: float, times: int) -> None:
        self.least = min(self.least, value)
        self.most = max(self.most, value)
        self.total += value * times
        self.count += times

    def spread(self) -> Spread | None:
        if self.least == self.most:
            return None
        mean = float(f"{self.total / self.count:.{_DIGITS}g}")
        return Spread(self.least, self.most, mean)


Key = tuple[Value, ...]
"""What identifies a row from answer to answer: its labels, and which of several with the same labels it is."""


class HourTally:
    """Adds up the answers of one hour, in their order."""

    def __init__(self, hour: int) -> None:
        self._hour = hour
        self._samples = self._failed = 0
        self._last: Answer | None = None
        self._times = 0
        self._moves: dict[tuple[Key, int], _Moves] = {}

    def add(self, answer: Answer) -> None:
        """Count one answer."""
        if answer.code != 0 or answer.layout is None:
            self._failed += 1
            return
        self._samples += 1
        if self._last is not None and answer.rows is self._last.rows:
            self._times += 1
            return
        self._take_last()
        if self._last is not None and self._last.layout is not answer.layout:
            self._moves.clear()
        self._last, self._times = answer, 1

    def _take_last(self) -> None:
        if self._last is None or self._last.layout is None:
            return
        fields = self._last.layout.fields
        numbers = _numbers(fields)
        for key, row in zip(_keys(fields, self._last.rows), self._last.rows, strict=True):
            for place in numbers:
                value = row[place]
                if isinstance(value, int | float):
                    moves = self._moves.get((key, place))
                    if moves is None:
                        moves = self._moves[key, place] = _Moves(value, value)
                    moves.add(value, self._times)

    def result(self) -> Hour:
        """Give the hour."""
        self._take_last()
        last = self._last
        if last is None or last.layout is None:
            return Hour(self._hour, self._samples, self._failed)
        spreads = {}
        for line, key in enumerate(_keys(last.layout.fields, last.rows)):
            for place in _numbers(last.layout.fields):
                moves = self._moves.get((key, place))
                if moves is not None and (spread := moves.spread()) is not None:
                    spreads[line, place] = spread
        return Hour(self._hour, self._samples, self._failed, last.layout, last.rows, spreads)


def _numbers(fields: Sequence[Field]) -> list[int]:
    return [place for place, each in enumerate(fields) if each.type is FieldType.NUMBER]


def _keys(fields: Sequence[Field], rows: Sequence[Row]) -> list[Key]:
    labels = [place for place, each in enumerate(fields) if each.label]
    seen: dict[Key, int] = {}
    keys = []
    for row in rows:
        named = tuple(row[place] for place in labels)
        seen[named] = seen.get(named, 0) + 1
        keys.append((*named, seen[named]))
    return keys


def by_hour(answers: Iterable[tuple[int, Answer]]) -> dict[int, list[Hour]]:
    """Condense answers, each with the id of its metric set, to the hours they fall in, of each set in their order."""
    tallies: dict[tuple[int, int], HourTally] = {}
    for set_id, answer in answers:
        hour = answer.time // MS_PER_HOUR
        if (set_id, hour) not in tallies:
            tallies[set_id, hour] = HourTally(hour)
        tallies[set_id, hour].add(answer)
    hours: dict[int, list[Hour]] = {}
    for set_id, hour in sorted(tallies):
        hours.setdefault(set_id, []).append(tallies[set_id, hour].result())
    return hours


def write_cells(hour: Hour) -> tuple[str | None, str | None]:
    """Write an hour's rows as texts and numbers: a number that changed is ``[last, least, most, mean]``.

    ``least`` and ``most`` are null where they are the last, as they are of what only grows or only falls.
    """
    if hour.layout is None:
        return None, None
    if not hour.spreads:
        return hour.layout.write(hour.rows)
    rows = [list[object](row) for row in hour.rows]
    for (line, place), spread in hour.spreads.items():
        last = rows[line][place]
        ends = [None if end == last else end for end in (spread.least, spread.most)]
        rows[line][place] = [last, *ends, spread.mean]
    return hour.layout.write(rows)


def read_cells(hour: Hour, texts: str | None, numbers: str | None) -> Hour:
    """Complete an hour by the rows that ``write_cells`` wrote."""
    if hour.layout is None:
        return hour
    spreads: dict[tuple[int, int], Spread] = {}
    rows = []
    for line, cells in enumerate(hour.layout.read(texts, numbers)):
        for place, cell in enumerate(cells):
            if isinstance(cell, list):
                last, least, most, mean = cell
                spreads[line, place] = Spread(last if least is None else least, last if most is None else most, mean)
        rows.append(tuple(cell[0] if isinstance(cell, list) else cell for cell in cells))
    return replace(hour, rows=tuple(rows), spreads=spreads)
