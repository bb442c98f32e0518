"""What is old is condensed, and what is very old is dropped; in small steps, so that writing never waits long.

Rows go by whole spans (what was written on one UTC day): first their hours are written, then they are deleted. Being
killed in between loses nothing, since an hour that exists already is left as it is.
"""

import sqlite3
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from itertools import pairwise

from openai_monitor.service.history.cells import Layout
from openai_monitor.service.history.hourly import Hour, by_hour, write_cells
from openai_monitor.service.history.moments import HOURS_PER_DAY, MS_PER_HOUR, milliseconds
from openai_monitor.service.history.raw import Wanted, layouts, read_answers
from openai_monitor.service.history.schema import SETS, transaction

ROUNDS_A_STEP = 1000

TOLERANCE = timedelta(hours=1)
DISBELIEF = timedelta(days=1)


class Calendar:
    """The time by which rows are old. A clock that jumps ahead is not believed for a day.

    A wrong clock would have everything dropped. Time goes on from the last round in the file, or from the
    start where there is none; a jump back is believed at once, since it only keeps rows longer.
    """

    def __init__(self, clock: Callable[[], datetime], monotonic: Callable[[], float], last: datetime | None) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._believed = min(last, clock()) if last is not None else clock()
        self._at = monotonic()
        self._ahead_since: float | None = None

    def now(self) -> datetime:
        """Tell the time that is believed."""
        wall, ticks = self._clock(), self._monotonic()
        expected = self._believed + timedelta(seconds=ticks - self._at)
        if wall - expected > TOLERANCE and not self._is_old_news(ticks):
            return expected
        self._believed, self._at, self._ahead_since = wall, ticks, None
        return wall

    def _is_old_news(self, ticks: float) -> bool:
        if self._ahead_since is None:
            self._ahead_since = ticks
        return ticks - self._ahead_since >= DISBELIEF.total_seconds()


def tidy(connection: sqlite3.Connection, now: datetime, *, rows_days: int, hourly_days: int) -> Iterator[None]:
    """Condense and drop what is too old now, a transaction at each step.

    Raises sqlite3.Error as any writing does; the next tidying goes on where this one ended.
    """
    last_day = (now - timedelta(days=rows_days)).date().isoformat()
    known = {layout_id: layout for layout_id, (_, layout) in layouts(connection).items()}
    for first, last in _old_spans(connection, last_day):
        yield from _condense(connection, known, first, last)
        yield from _drop_rounds(connection, first, last)
    yield from _drop_hours(connection, now, hourly_days)


def _old_spans(connection: sqlite3.Connection, last_day: str) -> list[tuple[int, int]]:
    """Find the rounds, first and last, of each span before this day; never of the running one."""
    spans = connection.execute("SELECT first_round, day FROM span ORDER BY first_round").fetchall()
    return [(first, following - 1) for (first, day), (following, _) in pairwise(spans) if day < last_day]


# Condensing


def _condense(connection: sqlite3.Connection, known: Mapping[int, Layout], first: int, last: int) -> Iterator[None]:
    monitors = connection.execute("SELECT id FROM monitor").fetchall()
    for (monitor_id,) in monitors:
        wanted = Wanted(monitor_id, first_round=first, last_round=last)
        hours = by_hour(read_answers(connection, known, wanted))
        if hours:
            with transaction(connection):
                for set_id, found in hours.items():
                    _write_hours(connection, monitor_id, set_id, found)
            yield


def _write_hours(connection: sqlite3.Connection, monitor_id: int, set_id: int, hours: list[Hour]) -> None:
    """Write the hours that do not exist; cells that an earlier one of the same day has are pointed to."""
    existing = connection.execute(
        "SELECT hour FROM hourly WHERE monitor_id = ? AND set_id = ? AND hour BETWEEN ? AND ?",
        (monitor_id, set_id, hours[0].hour, hours[-1].hour),
    )
    taken = {hour for (hour,) in existing}
    texts_at, numbers_at = _Shared(), _Shared()
    rows = []
    for hour in hours:
        if hour.hour not in taken:
            texts, numbers = write_cells(hour)
            same = (texts_at.find(hour.hour, texts), numbers_at.find(hour.hour, numbers))
            shown = [None if at is not None else cells for at, cells in zip(same, (texts, numbers), strict=True)]
            layout_id = hour.layout.id if hour.layout else None
            rows.append((monitor_id, set_id, hour.hour, hour.samples, hour.failed, layout_id, *same, *shown))
    connection.executemany(
        "INSERT INTO hourly (monitor_id, set_id, hour, samples, failed, layout_id, texts_from, numbers_from,"
        " texts, numbers) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )


class _Shared:
    """Where cells that come again were written first on the same day."""

    def __init__(self) -> None:
        self._cells: str | None = None
        self._hour = 0

    def find(self, hour: int, cells: str | None) -> int | None:
        if cells is None:
            return None
        if cells == self._cells and hour // HOURS_PER_DAY == self._hour // HOURS_PER_DAY:
            return self._hour
        self._cells, self._hour = cells, hour
        return None


# Dropping


def _drop_rounds(connection: sqlite3.Connection, first: int, last: int) -> Iterator[None]:
    """Delete a span from its end, so that no result is there without the one it points to."""
    while last >= first:
        start = max(first, last - ROUNDS_A_STEP + 1)
        with transaction(connection):
            connection.execute("DELETE FROM result WHERE id BETWEEN ? AND ?", (start * SETS, (last + 1) * SETS - 1))
            connection.execute("DELETE FROM round WHERE id BETWEEN ? AND ?", (start, last))
            if start == first:
                connection.execute("DELETE FROM span WHERE first_round = ?", (first,))
        last = start - 1
        yield


def _drop_hours(connection: sqlite3.Connection, now: datetime, days: int) -> Iterator[None]:
    day = milliseconds(now) // MS_PER_HOUR // HOURS_PER_DAY - days
    sets = connection.execute("SELECT id FROM metric_set").fetchall()
    for (monitor_id,) in connection.execute("SELECT id FROM monitor").fetchall():
        with transaction(connection):
            connection.executemany(
                "DELETE FROM hourly WHERE monitor_id = ? AND set_id = ? AND hour < ?",
                [(monitor_id, set_id, day * HOURS_PER_DAY) for (set_id,) in sets],
            )
        yield
