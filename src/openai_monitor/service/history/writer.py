"""The sink that writes history: one thread, one connection, a transaction for all rounds that wait.

A round is committed as soon as the thread gets to it, so being killed loses at most the rounds that waited for the
transaction that was running, and never part of one.
"""

import asyncio
import logging
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.service.history import faults, place, schema
from openai_monitor.service.history.buffer import MOST_BYTES, Buffer, Forget, Waiting, waiting
from openai_monitor.service.history.retention import Calendar, tidy
from openai_monitor.service.history.settings import HistorySettings
from openai_monitor.service.history.store import Store
from openai_monitor.sinks import SinkHealth

log = logging.getLogger(__name__)

_TASK = "history"

Clock = Callable[[], datetime]


@dataclass(frozen=True, slots=True)
class Pace:
    """Seconds: how long to wait for a lock, between attempts after a failure, and between two tidyings."""

    lock: float = 5.0
    first_retry: float = 1.0
    longest_retry: float = 30.0
    tidying: float = 3600.0


class HistorySink:
    """Writes rounds to the history file. Whatever happens to the file, ``offer`` neither waits nor raises.

    ``clock`` gives aware datetimes. Rounds wait in memory while the file can't be written, up to ``most_bytes``.
    """

    name = "history"

    def __init__(
        self,
        settings: HistorySettings,
        *,
        pace: Pace | None = None,
        clock: Clock = lambda: datetime.now(UTC),
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._clock = clock
        self._buffer = Buffer(most_bytes)
        self._writer = _Writer(settings, pace or Pace(), self._buffer, clock)
        self._thread = threading.Thread(target=self._writer.run, name="history", daemon=True)

    async def start(self, supervisor: Supervisor | None = None) -> None:
        """Start the thread. A file that can't be used is told by ``health``; the service starts all the same."""
        self._writer.supervisor = supervisor or self._writer.supervisor
        self._thread.start()

    def offer(self, event: RoundEvent) -> None:
        """Take a finished round."""
        self._buffer.put(waiting(event))

    def forget(self, monitor: str) -> None:
        """Note that a monitor was removed; what it collected stays until it is old."""
        self._buffer.put(waiting(Forget(monitor, self._clock())))

    async def close(self, deadline: float) -> None:
        """Write what waits, for at most ``deadline`` seconds."""
        self._buffer.close()
        if self._thread.is_alive():
            await asyncio.get_running_loop().run_in_executor(None, self._thread.join, deadline)
        if self._buffer.rounds:
            why = f": {detail}" if (detail := self._writer.detail) else ""
            log.warning("history: %d rounds were not written before the end%s", self._buffer.rounds, why)

    def health(self) -> SinkHealth:
        """Tell whether rounds reach the file."""
        detail = self._writer.detail
        return SinkHealth(
            name=self.name,
            ok=not detail,
            detail=detail,
            dropped=self._buffer.dropped,
            buffered=self._buffer.rows,
        )


class _Writer:
    """What the thread does. Only ``detail`` is read by others."""

    def __init__(self, settings: HistorySettings, pace: Pace, buffer: Buffer, clock: Clock) -> None:
        self._settings = settings
        self._path = settings.file
        self._pace = pace
        self._buffer = buffer
        self._clock = clock
        self._store: Store | None = None
        self._file: tuple[int, int] | None = None
        self._calendar: Calendar | None = None
        self._hand: list[Waiting] = []
        self._tidying: Iterator[None] | None = None
        self._tidy_at = 0.0
        self._failures = 0
        self._failing_since = clock()
        self._fault: str | None = None
        self.supervisor = Supervisor()

    @property
    def detail(self) -> str:
        """What is wrong with the file, and since when; empty when nothing is."""
        fault = self._fault
        if fault is None:
            return ""
        return f"{fault}; since {self._failing_since:%Y-%m-%d %H:%M:%S %Z} rows wait in memory"

    def run(self) -> None:
        """Write until the buffer is closed and empty, or can't be emptied."""
        while self._goes_on():
            pass
        self._drop_store()

    def _goes_on(self) -> bool:
        """Write once, and begin anew after what nobody foresaw; false at the end."""
        try:
            goes_on = self._work()
            self.supervisor.works(_TASK)
        except Exception as error:  # noqa: BLE001 - told; a thread that ends would take the history with it
            pause = self.supervisor.failed(_TASK, error)
            self._put_back(error)
            self._fault = f"a mistake of ours ({type(error).__name__}), see the log"
            self._buffer.pause(pause)
            return not self._buffer.closing
        return goes_on

    def _work(self) -> bool:
        """Write once; false at the end."""
        self._hand = self._buffer.take(self._idle_seconds())
        if not self._hand and self._buffer.closing:
            return False
        try:
            self._write()
            self._tidy_a_little()
            self._succeeded()
        except faults.OF_THE_FILE as error:  # whatever else there is has been dealt with
            self._put_back(error)
            self._buffer.pause(self._retry_seconds())
            return not self._buffer.closing or self._retry_seconds() == 0
        return True

    def _idle_seconds(self) -> float:
        if self._tidying is not None or self._store is None:
            return 0.0
        return max(0.0, self._tidy_at - time.monotonic())

    # Writing

    def _write(self) -> None:
        if self._store is not None and self._hand and not self._is_in_place():
            self._drop_store()
        store = self._store or self._open()
        if not self._hand:
            return
        try:
            with schema.transaction(store.connection):
                for item in self._hand:
                    _apply(store, item)
        except Exception as error:
            if faults.is_of_the_file(error):
                raise
            self._write_singly()  # a round that can't be written must not keep others from it
        self._written(len(self._hand))

    def _written(self, count: int) -> None:
        """Let go of the first in hand."""
        self._buffer.written(self._hand[:count])
        self._hand = self._hand[count:]

    def _write_singly(self) -> None:
        """Write each round by itself, and leave out those that can't be written."""
        while self._hand:
            self._drop_store()  # what it remembers was rolled back
            store = self._open()
            item = self._hand[0]
            try:
                with schema.transaction(store.connection):
                    _apply(store, item)
            except Exception as error:
                if faults.is_of_the_file(error):
                    raise
                self._refused(item, error)
            else:
                self._written(1)

    def _refused(self, item: Waiting, error: Exception) -> None:
        self._buffer.refused(item)
        self._hand = self._hand[1:]
        # No traceback: it could show cells.
        log.error("history: a round of %s was not written (%s)", _monitor_of(item), type(error).__name__)

    def _open(self) -> Store:
        path = self._path
        place.make_private(path)
        connection = schema.open_to_write(path, patience=self._pace.lock)
        self._store = Store(connection)
        self._file = _identity(path)
        if self._calendar is None:
            self._calendar = Calendar(self._clock, time.monotonic, self._store.last_round_ended())
        return self._store

    def _is_in_place(self) -> bool:
        """Tell whether the open file is still the one at its path: someone may have moved or deleted it."""
        return _identity(self._path) == self._file

    def _drop_store(self) -> None:
        store, self._store, self._tidying = self._store, None, None
        if store is not None:
            store.connection.close()

    # Tidying

    def _tidy_a_little(self) -> None:
        if self._tidying is None and time.monotonic() >= self._tidy_at:
            self._tidy_at = time.monotonic() + self._pace.tidying
            self._tidying = self._begin_tidying()
        try:
            if self._tidying is not None and next(self._tidying, self) is self:
                self._tidying = None
        except Exception as error:
            if faults.is_of_the_file(error):
                raise
            log.error("history: old rows were not condensed (%s)", type(error).__name__)  # noqa: TRY400 - as above
            self._tidying = None

    def _begin_tidying(self) -> Iterator[None] | None:
        if self._store is None or self._calendar is None:
            return None
        days, hourly_days = self._settings.rows_days, self._settings.hourly_days
        return tidy(self._store.connection, self._calendar.now(), rows_days=days, hourly_days=hourly_days)

    # Failing

    def _put_back(self, error: Exception) -> None:
        """Leave what could not be written to the next try, which opens the file anew."""
        hand, self._hand = self._hand, []
        self._buffer.give_back(hand)
        with suppress(sqlite3.Error):
            self._drop_store()
        self._failed(error)

    def _failed(self, error: Exception) -> None:
        self._failures += 1
        if self._failures == 1:
            self._failing_since = self._clock()
        if faults.is_corrupt(error) and self._set_aside():
            return
        self._fault = faults.fault_of(error, self._path)

    def _set_aside(self) -> bool:
        try:
            aside = place.set_aside(self._path, self._clock().astimezone(UTC).strftime("%Y%m%dT%H%M%SZ"))
        except OSError:
            return False
        log.error("history: %s was damaged and is now %s; a new one is begun", self._path, aside.name)
        return True

    def _retry_seconds(self) -> float:
        if self._fault is None and self._failures == 1:  # a damaged file is out of the way
            return 0.0
        return min(self._pace.longest_retry, self._pace.first_retry * 2.0 ** min(self._failures - 1, 10))

    def _succeeded(self) -> None:
        self._fault = None
        self._failures = 0


def _apply(store: Store, item: Waiting) -> None:
    if isinstance(item.what, Forget):
        store.forget(item.what.monitor, item.what.at)
    else:
        store.write(item.what)


def _monitor_of(item: Waiting) -> str:
    return item.what.monitor if isinstance(item.what, Forget) else item.what.monitor.name


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
