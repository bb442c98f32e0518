"""Reading the history, also while the service writes to it.

Moments are aware, UTC. All that one ``History`` reads is as it was when it was opened.
"""

import json
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

from openai_monitor.rows import Field
from openai_monitor.service.history.hourly import Answer, Hour, by_hour, read_cells
from openai_monitor.service.history.moments import MS_PER_HOUR, milliseconds, moment_if, moment_of
from openai_monitor.service.history.raw import FOREVER, Wanted, layouts, read_answers
from openai_monitor.service.history.schema import SETS, HistoryError, open_to_read


@dataclass(frozen=True, slots=True)
class MonitorRecord:
    """A monitor of which there is history. ``removed`` is when it was taken out of the configuration."""

    id: int
    name: str
    app: str
    host: str | None
    tags: dict[str, str]
    removed: datetime | None


@dataclass(frozen=True, slots=True)
class LastRound:
    """The last round of a monitor. ``failed`` and ``skipped`` tell of sets that were not collected why, by name.

    ``failing_since`` is when the first round began that failed and that none without trouble followed; None
    while all is well. ``trouble`` is the value of a Trouble.
    """

    started: datetime
    duration: timedelta
    next_due: datetime | None
    trouble: str | None
    failing_since: datetime | None
    failed: dict[str, str]
    skipped: dict[str, str]
    metric_sets: int
    missed: int
    retries: int


@dataclass(frozen=True, slots=True)
class DailyCost:
    """What an item (empty: without a name) cost a monitor on a UTC day, as it was told last."""

    monitor: str
    day: date
    item: str
    currency: str
    cost: float
    updated: datetime


class History:
    """A history file, opened to read; a context manager. Raises HistoryError when the file can't be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection = open_to_read(path)
        self._connection.execute("BEGIN")
        self._layouts = {number: layout for number, (_, layout) in layouts(self._connection).items()}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()
        if isinstance(error, sqlite3.Error):
            raise HistoryError(f"{self._path} can't be read: {error}") from None

    # Names

    def monitors(self) -> list[MonitorRecord]:
        """List the monitors by name."""
        rows = self._connection.execute("SELECT id, name, app, host, tags, removed FROM monitor ORDER BY name")
        return [
            MonitorRecord(number, name, app, host, json.loads(tags), moment_if(removed))
            for number, name, app, host, tags, removed in rows
        ]

    def metric_sets(self) -> dict[str, int]:
        """List the metric sets that were ever collected, each with its id, in the order in which they first were."""
        return dict(self._connection.execute("SELECT name, id FROM metric_set ORDER BY id"))

    def fields(self, set_id: int) -> list[Field]:
        """List the fields that a metric set has or ever had, the newest layout first; a name stands once."""
        rows = self._connection.execute("SELECT id FROM layout WHERE set_id = ? ORDER BY id DESC", (set_id,))
        found: dict[str, Field] = {}
        for (layout_id,) in rows.fetchall():
            for field in self._layouts[layout_id].fields:
                found.setdefault(field.name, field)
        return list(found.values())

    def is_condensed(self, moment: datetime) -> bool:
        """Tell whether rows that were collected after a moment are there by the hour only."""
        (newest,) = self._connection.execute(
            "SELECT max((SELECT hour FROM hourly WHERE monitor_id = monitor.id AND set_id = metric_set.id"
            " ORDER BY hour DESC LIMIT 1)) FROM monitor CROSS JOIN metric_set"
        ).fetchone()
        return newest is not None and (newest + 1) * MS_PER_HOUR > milliseconds(moment)

    # Answers

    def answers(self, monitor_id: int, set_id: int, since: datetime, until: datetime) -> Iterator[Answer]:
        """Read the answers as collected, in the order in which they were written."""
        wanted = Wanted(
            monitor_id,
            set_id,
            first_round=self._first_round(since),
            since=milliseconds(since),
            until=milliseconds(until),
        )
        return (answer for _, answer in read_answers(self._connection, self._layouts, wanted))

    def _first_round(self, since: datetime) -> int:
        """Find a round before which all were written on earlier days."""
        day = since.astimezone(UTC).date().isoformat()
        (found,) = self._connection.execute("SELECT min(first_round) FROM span WHERE day >= ?", (day,)).fetchone()
        return FOREVER if found is None else int(found)

    def hours(self, monitor_id: int, set_id: int, since: datetime, until: datetime) -> list[Hour]:
        """Read the hours, those of rows that are still there as collected too. The last may be running."""
        hours = {hour.hour: hour for hour in self._condensed(monitor_id, set_id, since, until)}
        start = since.replace(minute=0, second=0, microsecond=0)
        answers = ((set_id, answer) for answer in self.answers(monitor_id, set_id, start, until))
        for hour in by_hour(answers).get(set_id, ()):
            hours.setdefault(hour.hour, hour)
        return [hours[number] for number in sorted(hours)]

    def _condensed(self, monitor_id: int, set_id: int, since: datetime, until: datetime) -> Iterator[Hour]:
        rows = self._connection.execute(
            "SELECT hourly.hour, hourly.samples, hourly.failed, hourly.layout_id,"
            " coalesce(hourly.texts, labels.texts), coalesce(hourly.numbers, base.numbers) FROM hourly"
            " LEFT JOIN hourly AS labels ON labels.monitor_id = hourly.monitor_id"
            " AND labels.set_id = hourly.set_id AND labels.hour = hourly.texts_from"
            " LEFT JOIN hourly AS base ON base.monitor_id = hourly.monitor_id"
            " AND base.set_id = hourly.set_id AND base.hour = hourly.numbers_from"
            " WHERE hourly.monitor_id = ? AND hourly.set_id = ? AND hourly.hour BETWEEN ? AND ?",
            (monitor_id, set_id, milliseconds(since) // MS_PER_HOUR, milliseconds(until) // MS_PER_HOUR),
        )
        for number, samples, failed, layout_id, texts, numbers in rows:
            yield read_cells(Hour(number, samples, failed, self._layouts.get(layout_id)), texts, numbers)

    # Costs

    def daily_costs(self, monitor_id: int | None, since: datetime) -> Iterator[DailyCost]:
        """Read the daily costs of a monitor, or of all, without what was withdrawn."""
        rows = self._connection.execute(
            "SELECT monitor.name, day, item, currency, cost, updated FROM monitor"
            " CROSS JOIN daily_cost ON daily_cost.monitor_id = monitor.id"
            " WHERE day >= ? AND withdrawn IS NULL AND (? IS NULL OR monitor.id = ?)"
            " ORDER BY monitor.name, day, item, currency",
            (since.astimezone(UTC).date().isoformat(), monitor_id, monitor_id),
        )
        for name, day, item, currency, cost, updated in rows:
            yield DailyCost(name, date.fromisoformat(day), item, currency, cost, moment_of(updated))

    # State

    def last_round(self, monitor_id: int) -> LastRound | None:
        """Read the last round of a monitor; None when there is none, or it was so long ago that it was dropped."""
        found = self._connection.execute(
            "SELECT id, started, duration, next, trouble, missed, retries FROM round"
            " WHERE monitor_id = ? ORDER BY id DESC LIMIT 1",
            (monitor_id,),
        ).fetchone()
        if found is None:
            return None
        number, started, duration, following, trouble, missed, retries = found
        outcomes = self._outcomes(number)
        return LastRound(
            started=moment_of(started),
            duration=timedelta(milliseconds=duration),
            next_due=None if following is None else moment_of(started + following),
            trouble=trouble,
            failing_since=self._failing_since(monitor_id) if trouble else None,
            failed={name: message or "" for name, code, message in outcomes if code},
            skipped={name: message or "" for name, code, message in outcomes if code is None},
            metric_sets=len(outcomes),
            missed=missed,
            retries=retries,
        )

    def _outcomes(self, round_id: int) -> list[tuple[str, int | None, str | None]]:
        return self._connection.execute(
            "SELECT metric_set.name, code, message FROM result JOIN metric_set ON metric_set.id = set_id"
            " WHERE result.id BETWEEN ? AND ? ORDER BY result.id",
            (round_id * SETS, round_id * SETS + SETS - 1),
        ).fetchall()

    def _failing_since(self, monitor_id: int) -> datetime | None:
        (found,) = self._connection.execute(
            "SELECT started FROM round WHERE monitor_id = :monitor AND id > coalesce("
            "(SELECT id FROM round WHERE monitor_id = :monitor AND trouble IS NULL ORDER BY id DESC LIMIT 1), 0)"
            " ORDER BY id LIMIT 1",
            {"monitor": monitor_id},
        ).fetchone()
        return moment_if(found)
