"""Writing rounds: one open file, and what has to be remembered to write little."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from openai_monitor.rows import Field, MetricSetResult, Round, Skipped
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent
from openai_monitor.service.history.cells import Layout, difference, to_json
from openai_monitor.service.history.costs import DailyCosts
from openai_monitor.service.history.moments import MILLISECOND, milliseconds, moment_of
from openai_monitor.service.history.raw import layouts
from openai_monitor.service.history.schema import SETS

_RESULT = (
    "INSERT INTO result (id, set_id, code, status, delay, duration, layout_id, message, warnings,"
    " texts, texts_from, numbers, numbers_from, head, tail) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)


@dataclass(slots=True)
class _Last:
    """What was last written of a metric set of a monitor, in the running span.

    ``texts_at`` and ``numbers_at`` are the results that hold these texts and numbers, the latter in full.
    """

    layout: Layout
    texts: int | None = None
    texts_at: int = 0
    numbers: str | None = None
    numbers_at: int = 0


class Store:
    """Writes to one connection. What it remembers is true only while nothing is rolled back.

    So after any error: drop it, and make another one.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._costs = DailyCosts(connection)
        self._monitors: dict[str, tuple[int, MonitorIdentity]] = {}
        self._sets: dict[str, int] = {}
        self._layouts: dict[tuple[int, tuple[Field, ...]], Layout] = {}
        self._last: dict[tuple[int, int], _Last] = {}
        self._day = ""

    def write(self, event: RoundEvent) -> None:
        """Write one round, inside the transaction of the caller."""
        monitor_id = self._monitor(event.monitor)
        self._enter_day(event.finished)
        round_id = self._round(monitor_id, event)
        rows = self._results(monitor_id, round_id, event.round, milliseconds(event.started))
        self.connection.executemany(_RESULT, rows)
        self._costs.write(monitor_id, event.round, milliseconds(event.finished))

    def forget(self, monitor: str, at: datetime) -> None:
        """Note that a monitor is gone; its rows stay until they are old."""
        self.connection.execute("UPDATE monitor SET removed = ? WHERE name = ?", (milliseconds(at), monitor))
        known = self._monitors.pop(monitor, None)
        if known is not None:
            self._costs.forget(known[0])
            self._last = {key: last for key, last in self._last.items() if key[0] != known[0]}

    def last_round_ended(self) -> datetime | None:
        """Tell when the round that was written last ended; None when there is none."""
        found = self.connection.execute("SELECT started + duration FROM round ORDER BY id DESC LIMIT 1").fetchone()
        return moment_of(found[0]) if found else None

    # Names

    def _monitor(self, identity: MonitorIdentity) -> int:
        known = self._monitors.get(identity.name)
        if known is not None and known[1] == identity:
            return known[0]
        (monitor_id,) = self.connection.execute(
            "INSERT INTO monitor (name, app, host, tags) VALUES (?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
            " app = excluded.app, host = excluded.host, tags = excluded.tags, removed = NULL RETURNING id",
            (identity.name, identity.app, identity.host, to_json(dict(identity.tags))),
        ).fetchone()
        self._monitors[identity.name] = (monitor_id, identity)
        return int(monitor_id)

    def _set(self, name: str) -> int:
        if name not in self._sets:
            self.connection.execute("INSERT OR IGNORE INTO metric_set (name) VALUES (?)", (name,))
            (found,) = self.connection.execute("SELECT id FROM metric_set WHERE name = ?", (name,)).fetchone()
            self._sets[name] = found
        return self._sets[name]

    def _layout(self, set_id: int, fields: tuple[Field, ...]) -> Layout:
        if not self._layouts:
            known = layouts(self.connection)
            self._layouts = {(set_of, layout.fields): layout for set_of, layout in known.values()}
        key = (set_id, fields)
        if key not in self._layouts:
            self._layouts[key] = self._new_layout(set_id, fields)
        return self._layouts[key]

    def _new_layout(self, set_id: int, fields: tuple[Field, ...]) -> Layout:
        cursor = self.connection.execute("INSERT INTO layout (set_id) VALUES (?)", (set_id,))
        layout = Layout(cursor.lastrowid or 0, fields)
        self.connection.executemany(
            "INSERT INTO field (layout_id, place, name, type, unit, label, part, slot) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                (layout.id, number, field.name, field.type.word, field.unit, field.label, place.part, place.slot)
                for number, (field, place) in enumerate(zip(fields, layout.places, strict=True))
            ),
        )
        return layout

    # Rounds

    def _enter_day(self, moment: datetime) -> None:
        """Begin a new span when the UTC day changes: nothing in it points to an earlier one."""
        day = moment.astimezone(UTC).date().isoformat()
        if day == self._day:
            return
        first, before = self.connection.execute(
            "SELECT coalesce((SELECT max(id) FROM round), 0) + 1,"
            " (SELECT day FROM span ORDER BY first_round DESC LIMIT 1)"
        ).fetchone()
        if day != before:
            self.connection.execute("INSERT OR REPLACE INTO span (first_round, day) VALUES (?, ?)", (first, day))
        self._day = day
        self._last.clear()

    def _round(self, monitor_id: int, event: RoundEvent) -> int:
        duration, lag = event.finished - event.started, event.started - event.due
        following = (event.next_due - event.started) // MILLISECOND if event.next_due else None
        cursor = self.connection.execute(
            "INSERT INTO round (monitor_id, started, duration, lag, next, trouble, missed, retries)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                monitor_id,
                milliseconds(event.started),
                duration // MILLISECOND,
                lag // MILLISECOND,
                following,
                event.trouble.value if event.trouble else None,
                event.missed,
                event.retries,
            ),
        )
        return cursor.lastrowid or 0

    def _results(self, monitor_id: int, round_id: int, collected: Round, started: int) -> list[tuple[object, ...]]:
        first = round_id * SETS
        outcomes: list[MetricSetResult | Skipped] = list(collected.results)
        outcomes += collected.skipped
        return [self._result(monitor_id, number, each, started) for number, each in enumerate(outcomes[:SETS], first)]

    def _result(
        self, monitor_id: int, number: int, outcome: MetricSetResult | Skipped, started: int
    ) -> tuple[object, ...]:
        set_id = self._set(outcome.name)
        if isinstance(outcome, Skipped):
            return (number, set_id, None, None, 0, 0, None, _plain(outcome.reason), *([None] * 7))
        head = (number, set_id, int(outcome.code), outcome.status, milliseconds(outcome.time) - started)
        said = (_plain(outcome.message) or None, to_json(list(outcome.warnings)) if outcome.warnings else None)
        duration = round(outcome.duration * 1000)
        if not outcome.ok:
            return (*head, duration, None, *said, *([None] * 6))
        last = self._last_of(monitor_id, set_id, outcome.fields)
        texts, numbers = last.layout.write(outcome.public_rows())
        return (*head, duration, last.layout.id, *said, *_texts(last, texts, number), *_numbers(last, numbers, number))

    def _last_of(self, monitor_id: int, set_id: int, fields: tuple[Field, ...]) -> _Last:
        last = self._last.get((monitor_id, set_id))
        if last is None or (last.layout.fields is not fields and last.layout.fields != fields):
            last = self._last[monitor_id, set_id] = _Last(self._layout(set_id, fields))
        return last


def _texts(last: _Last, texts: str | None, number: int) -> Sequence[object]:
    """Give the texts, or where the same ones stand."""
    if texts is None:
        return (None, None)
    digest = hash(texts)
    if last.texts == digest:
        return (None, last.texts_at)
    last.texts, last.texts_at = digest, number
    return (texts, None)


def _numbers(last: _Last, numbers: str | None, number: int) -> Sequence[object]:
    """Give the numbers, or what changed of others, or where the same ones stand."""
    if numbers is None:
        return (None, None, None, None)
    if last.numbers == numbers:
        return (None, last.numbers_at, None, None)
    if last.numbers is not None:
        patch = difference(last.numbers, numbers)
        if 2 * len(patch.middle) < len(numbers):
            return (patch.middle, last.numbers_at, patch.head, patch.tail)
    last.numbers, last.numbers_at = numbers, number
    return (numbers, None, None, None)


def _plain(text: str) -> str:
    """Replace what UTF-8 can't hold: a lone surrogate that came in a message."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
