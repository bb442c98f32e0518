"""The bounded buffer and the second tries of outputs that can be down."""

import asyncio
import logging
import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress

from openai_monitor import system
from openai_monitor.errors import MonitorError
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.sinks import SinkHealth

BATCH_ROWS = 5_000
BATCH_ROUNDS = 500
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
LONGEST_ASKED = 3600.0

_log = logging.getLogger(__name__)


class OutputDown(MonitorError):
    """Nothing was written, and it is worth trying again; after ``retry_after`` seconds, if given."""

    def __init__(self, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutputRefused(MonitorError):
    """What was sent is not wanted and never will be: the same again would be refused again."""


def weight(event: RoundEvent) -> int:
    """Count the rows of a round; one without rows counts as one."""
    return sum(len(result.rows) for result in event.round.results) or 1


class Buffered(ABC):
    """A sink that writes batches of rounds, in order, and keeps in memory what it can't write at present.

    A subclass writes in ``deliver``. When the buffer is full, the oldest rounds go.
    """

    def __init__(self, name: str, most_rows: int, chance: Callable[[], float] = random.random) -> None:
        self.name = name
        self._most = most_rows
        self._chance = chance
        self._waiting: deque[RoundEvent] = deque()
        self._buffered = 0
        self._dropped = 0
        self._trouble = ""
        self._failures = 0
        self._closing = asyncio.Event()
        self._offered = asyncio.Event()
        self._supervisor = Supervisor()
        self._task: asyncio.Task[None] | None = None

    @abstractmethod
    async def deliver(self, events: Sequence[RoundEvent]) -> None:
        """Write all of them or none. Raises OutputDown, OSError or OutputRefused."""

    async def open(self) -> None:  # noqa: B027 - most have nothing to open
        """Prepare. Raises SettingsError for what will never work."""

    async def release(self) -> None:  # noqa: B027 - most have nothing to let go of
        """Let go of what was opened."""

    async def start(self, supervisor: Supervisor | None = None) -> None:
        """Begin to write."""
        self._supervisor = supervisor or self._supervisor
        await self.open()
        self._task = self._supervisor.start(f"output {self.name}", self._work)

    def offer(self, event: RoundEvent) -> None:
        """Take a round; the oldest go when there is no room."""
        self._waiting.append(event)
        self._buffered += weight(event)
        self._make_room()
        self._offered.set()

    def forget(self, monitor: str) -> None:  # noqa: B027 - sinks have it; this one has nothing to do
        """Do nothing: what was collected is still written."""

    async def close(self, deadline: float) -> None:
        """Write what is waiting; what can't be written, or not within so many seconds, is dropped."""
        self._closing.set()
        self._offered.set()
        if self._task is not None:
            await asyncio.wait((self._task,), timeout=deadline)
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._buffered:
            _log.warning("output %s: %d rows could not be written before the end%s", *self._lost())
        self._dropped += self._buffered
        self._waiting.clear()
        self._buffered = 0
        await self.release()

    def health(self) -> SinkHealth:
        """Tell how it is."""
        waiting = f"; rows wait in memory, {self._most} at most" if self._trouble and self._buffered else ""
        return SinkHealth(self.name, not self._trouble, self._trouble + waiting, self._dropped, self._buffered)

    def _lost(self) -> tuple[str, int, str]:
        return self.name, self._buffered, f": {self._trouble}" if self._trouble else ""

    def _make_room(self) -> None:
        while self._buffered > self._most and len(self._waiting) > 1:
            self._drop(weight(self._waiting.popleft()))

    def _drop(self, rows: int) -> None:
        self._buffered -= rows
        self._dropped += rows

    # Writing

    async def _work(self) -> None:
        while True:
            while self._waiting:
                is_last_try = self._closing.is_set()
                if not await self._write_batch() and is_last_try:
                    return
            if self._closing.is_set():
                return
            await self._offered.wait()
            self._offered.clear()

    async def _write_batch(self) -> bool:
        """Write some of what waits; when that fails, put it back and wait."""
        batch, rows = self._take()
        try:
            await self.deliver(batch)
        except (OutputDown, OSError) as error:
            self._put_back(batch)
            await self._pause(error)
            return False
        except OutputRefused as error:
            self._lose(rows, str(error))
        except Exception as error:  # noqa: BLE001 - logged
            # What one round brings up must not stop those after it.
            self._supervisor.met(
                f"output {self.name}", error, f"{rows} rows are lost, the rounds after them are written"
            )
            self._lose(rows, f"a mistake of ours ({type(error).__name__}), see the log")
        else:
            self._buffered -= rows
            self._recover()
        return True

    def _take(self) -> tuple[list[RoundEvent], int]:
        batch = [self._waiting.popleft()]
        rows = weight(batch[0])
        while self._waiting and len(batch) < BATCH_ROUNDS and rows < BATCH_ROWS:
            batch.append(self._waiting.popleft())
            rows += weight(batch[-1])
        return batch, rows

    def _put_back(self, batch: Sequence[RoundEvent]) -> None:
        self._waiting.extendleft(reversed(batch))
        self._make_room()

    # What is told

    def _lose(self, rows: int, why: str) -> None:
        self._drop(rows)
        if not self._trouble:
            _log.warning("output %s: %d rows were refused and are lost: %s", self.name, rows, why)
        self._trouble = why

    def _recover(self) -> None:
        self._trouble, self._failures = "", 0

    async def _pause(self, error: OutputDown | OSError) -> None:
        message = str(error) if isinstance(error, OutputDown) else reason(error)
        self._trouble = message
        self._failures += 1
        seconds = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(self._failures - 1, 10)) * (0.5 + self._chance() / 2)
        asked = error.retry_after if isinstance(error, OutputDown) else None
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, min(asked or 0.0, LONGEST_ASKED))):
                await self._closing.wait()


def reason(error: OSError) -> str:
    """Say what the system says, and about which file."""
    where = f": {error.filename}" if isinstance(error.filename, str) else ""
    return f"{system.words(error)}{where}"
