"""When each round starts. Knows nothing of HTTP or outputs.

A heap of times and one timer of the event loop serve any number of monitors: one that waits costs an entry, no
task. What is due waits in the line of its lane (its host), outside any task, until there is room. The first
round comes within FIRST_WITHIN seconds. From the second on a monitor keeps its own place in a window of at most
SPREAD_OVER seconds, which a hash of its name gives it: so that thousands started together do not stay together,
and none comes earlier than its period.
"""

import asyncio
import heapq
import math
from collections import deque
from collections.abc import Awaitable, Callable
from contextvars import Context
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import count
from typing import Protocol

from openai_monitor.schedule.stats import Stats
from openai_monitor.schedule.supervision import Supervisor

FIRST_WITHIN = 5.0
SPREAD_OVER = 120.0
CUT_WITHIN = 5.0
LONGEST_PERIOD = 1e10
"""Seconds, some 300 years: a time that far away is still a number."""

DEAD_AFTER = 10.0
"""Seconds after which a time that nobody has taken up tells that the scheduler does not work."""

CUT = "cut: the service ended before the round did"
"""What is said of a round that ``close`` has cut."""

TASK = "scheduler"
"""Its name among what is supervised."""


@dataclass(slots=True)
class Turn:
    """One round that may start. Times are the loop's, in seconds.

    ``missed`` counts the rounds since the last turn whose time passed without one. ``beside`` tells that somebody asked
    for this one, beside the monitor's times.
    """

    name: str
    due: float
    missed: int
    schedule: "Schedule" = field(repr=False)
    beside: bool = False


class Schedule(Protocol):
    """What a round may do about the ones after it. Times are the loop's, in seconds."""

    def hold(self, name: str, until: float) -> None:
        """Let the times of a monitor before ``until`` pass without a round."""

    def rest(self, name: str, until: float) -> None:
        """Have no times of a monitor before ``until``: nothing is due then, so nothing is missed."""

    def next_due(self, name: str) -> float | None:
        """When the next round of a monitor is to start; None for one that is not there."""


Run = Callable[[Turn], Awaitable[bool]]
"""Runs one round, and tells whether everything was collected."""

Stopped = Callable[[str, Exception], None]
"""Hears of a monitor that can't be scheduled any more, and why."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many rounds may run at once: in all, and in one lane."""

    total: int = 64
    lane: int = 32


@dataclass(slots=True, eq=False)
class _Lane:
    """What waits and runs for one host."""

    waiting: deque["_Entry"] = field(default_factory=deque)
    running: int = 0


@dataclass(slots=True, eq=False)
class _Entry:
    """One monitor. ``next`` is its next time in the heap; ``due`` that of the turn which waits or runs."""

    name: str
    period: float
    lane: str
    next: float
    spread: float
    due: float = 0.0
    missed: int = 0
    held_until: float = 0.0
    beside: bool = False
    waiting: bool = False
    gone: bool = False
    task: asyncio.Task[None] | None = None


_Item = tuple[float, int, _Entry]
"""A time of a monitor, in the heap; the number orders equal times."""


def _holds(item: _Item) -> bool:
    """Whether this is still the monitor's next time."""
    return not item[2].gone and item[0] == item[2].next


def place_of(name: str) -> float:
    """A number from 0 up to 1 that belongs to a name: the same in every process, spread evenly over names."""
    return int.from_bytes(blake2b(name.encode("utf-8", "surrogatepass"), digest_size=7).digest()) / 2**56


class Scheduler:
    """Calls ``run`` for every monitor at its times; create and use it inside the event loop.

    A monitor never runs beside itself. A time that comes while it runs, waits for room or is held back passes
    without a round and is counted as missed. ``run`` should not raise; a round that does, or is cut, has failed.

    What goes wrong with the times of one monitor ends that one, tells ``stopped`` of it, and leaves the others alone.
    """

    def __init__(
        self,
        run: Run,
        stats: Stats | None = None,
        room: Room | None = None,
        *,
        supervisor: Supervisor | None = None,
        stopped: Stopped = lambda _name, _error: None,
    ) -> None:
        self.supervisor = supervisor or Supervisor()
        self._stopped = stopped
        self._run = run
        self._stats = stats or Stats()
        self._room = room or Room()
        self._loop = asyncio.get_running_loop()
        self._entries: dict[str, _Entry] = {}
        self._heap: list[_Item] = []
        self._order = count()
        self._timer: asyncio.TimerHandle | None = None
        self._lanes: dict[str, _Lane] = {}
        self._open: dict[str, _Lane] = {}  # lanes in which something waits and may start, in the order of their turns
        self._running: dict[str, _Entry] = {}
        self._ended = False

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __len__(self) -> int:
        return len(self._entries)

    def add(
        self, name: str, period: float, *, lane: str = "", within: float = FIRST_WITHIN, spread: bool = True
    ) -> None:
        """Start a monitor: its first round comes ``within`` seconds (less when its period is), at its own place.

        With ``spread`` the second one comes up to a period later than it would, so that rounds which began together do
        not stay together.

        Raises ValueError for a name that is there, and for a period that is not a positive number of seconds.
        """
        if name in self._entries:
            raise ValueError(f"{name} is scheduled already")
        if not 0 < period < LONGEST_PERIOD:
            raise ValueError("a period has to be a positive number of seconds")
        place, now = place_of(name), self._loop.time()
        first = now + place * min(period, within)
        entry = _Entry(name, period, lane, first, place * min(period, SPREAD_OVER) - (first - now) if spread else 0.0)
        self._entries[name] = entry
        self._push(entry)
        self._arm()

    def remove(self, name: str) -> None:
        """Stop a monitor; a round of it that runs is cancelled. Unknown names are fine."""
        entry = self._entries.pop(name, None)
        if entry is None:
            return
        entry.gone = True
        if entry.waiting:
            self._unqueue(entry)
        if entry.task:
            entry.task.cancel()
        if len(self._heap) > 2 * len(self._entries) + 16:
            self._heap = [item for item in self._heap if _holds(item)]
            heapq.heapify(self._heap)
        self._arm()

    def replace(self, name: str, period: float, *, lane: str = "", within: float = FIRST_WITHIN) -> None:
        """Start a monitor anew: a round that runs is cancelled, and the first one after it comes soon."""
        self.remove(name)
        self.add(name, period, lane=lane, within=within)

    def hold(self, name: str, until: float) -> None:
        """Let the times of a monitor before ``until`` (the loop's clock) pass without a round."""
        if entry := self._entries.get(name):
            entry.held_until = until

    def rest(self, name: str, until: float) -> None:
        """Have no times of a monitor before ``until`` (the loop's clock), since nothing is due then."""
        entry = self._entries.get(name)
        if entry is not None and entry.next < until:
            until = min(until, entry.next + LONGEST_PERIOD)
            entry.next += -(-(until - entry.next) // entry.period) * entry.period
            self._push(entry)
            self._arm()

    def next_due(self, name: str) -> float | None:
        """When the next round of a monitor is to start, on the loop's clock.

        None for one that is not there, or is held for good.
        """
        entry = self._entries.get(name)
        if entry is None or entry.held_until == math.inf:
            return None
        late = max(0.0, entry.held_until - entry.next)
        return entry.next + -(-late // entry.period) * entry.period

    @property
    def is_alive(self) -> bool:
        """Whether the times of monitors are taken up when they come."""
        return not self._heap or self._heap[0][0] > self._loop.time() - DEAD_AFTER

    def is_busy(self, name: str) -> bool:
        """Whether a round of the monitor runs, or is due and waits for room."""
        entry = self._entries.get(name)
        return entry is not None and (entry.waiting or entry.task is not None)

    def trigger(self, name: str) -> bool:
        """Let a monitor run now, beside its times. False when it is not there, held back, waits or runs."""
        entry, now = self._entries.get(name), self._loop.time()
        if entry is None or entry.waiting or name in self._running or now < entry.held_until or self._ended:
            return False
        self._stats.due += 1
        entry.beside = True
        self._queue(entry, now)
        self._start_what_may()
        return True

    async def close(self, deadline: float) -> int:
        """Start nothing any more, and wait ``deadline`` seconds for what runs. Returns how many were cut then.

        A round that does not end by being cut is left behind after CUT_WITHIN seconds more.
        """
        self._ended = True
        if self._timer:
            self._timer.cancel()
        for entry in list(self._entries.values()):
            entry.gone = True
            if entry.waiting:
                self._unqueue(entry)
        self._entries.clear()
        self._heap.clear()
        if not self._running:
            return 0
        tasks = [entry.task for entry in self._running.values() if entry.task]
        _, late = await asyncio.wait(tasks, timeout=deadline)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=CUT_WITHIN)
        return len(late)

    # Times

    def _push(self, entry: _Entry) -> None:
        heapq.heappush(self._heap, (entry.next, next(self._order), entry))

    def _arm(self) -> None:
        """Set the timer to the earliest time."""
        while self._heap and not _holds(self._heap[0]):
            heapq.heappop(self._heap)
        when = self._heap[0][0] if self._heap and not self._ended else None
        if self._timer is not None:
            if self._timer.when() == when and not self._timer.cancelled():
                return
            self._timer.cancel()
        # In a context of its own: it may be a round that sets the timer, and those to come are about other monitors.
        self._timer = None if when is None else self._loop.call_at(when, self._tick, context=Context())

    def _tick(self) -> None:
        self._timer = None
        try:
            self._take_up(self._loop.time())
            self._start_what_may()
            self._arm()
        except Exception as error:  # noqa: BLE001 - told; without another try nothing would run ever again
            pause = self.supervisor.failed(TASK, error)
            self._timer = self._loop.call_later(pause, self._tick, context=Context())
        else:
            self.supervisor.works(TASK)

    def _take_up(self, now: float) -> None:
        """Take up every time that has come."""
        while self._heap and self._heap[0][0] <= now:
            item = heapq.heappop(self._heap)
            if not _holds(item):
                continue
            try:
                self._come_due(item[2], now)
                self._push(item[2])
            except Exception as error:  # noqa: BLE001 - told; one monitor may fail, the others may not
                self._stop(item[2], error)

    def _stop(self, entry: _Entry, error: Exception) -> None:
        """End one monitor whose times can't be told."""
        self.supervisor.met(TASK, error, f"{entry.name} is not collected any more, the others are")
        entry.gone = True
        self._entries.pop(entry.name, None)
        if entry.waiting:
            self._unqueue(entry)
        self._stopped(entry.name, error)

    def _come_due(self, entry: _Entry, now: float) -> None:
        """Take up the latest time of a monitor that has passed; those before it are missed."""
        due = entry.next
        entry.next = due + entry.period + entry.spread
        entry.spread = 0.0
        passed = 1
        if entry.next <= now:  # the machine slept, or the loop was busy for that long
            more = int((now - entry.next) // entry.period) + 1
            due = entry.next + (more - 1) * entry.period
            entry.next += more * entry.period
            passed += more
        self._stats.due += passed
        if entry.waiting:
            entry.due = due
            self._miss(entry, passed)
        elif due < entry.held_until or entry.task:
            self._miss(entry, passed)
        else:
            self._miss(entry, passed - 1)
            self._queue(entry, due)

    def _miss(self, entry: _Entry, times: int) -> None:
        entry.missed += times
        self._stats.skipped += times

    # Room

    def _queue(self, entry: _Entry, due: float) -> None:
        entry.due, entry.waiting = due, True
        lane = self._lanes.setdefault(entry.lane, _Lane())
        lane.waiting.append(entry)
        self._stats.queued += 1
        if lane.running < self._room.lane:
            self._open.setdefault(entry.lane, lane)

    def _unqueue(self, entry: _Entry) -> None:
        """Take a turn back that will not come; it stays in its line until it is passed over."""
        entry.waiting = False
        self._stats.queued -= 1
        self._stats.skipped += 1

    def _start_what_may(self) -> None:
        """Start rounds while there is room, one lane after the other."""
        while self._open and len(self._running) < self._room.total:
            name = next(iter(self._open))
            lane = self._open.pop(name)
            entry = lane.waiting.popleft()
            if entry.waiting and not self._wait_for_predecessor(entry, lane):
                self._start(entry, lane)
            if lane.waiting and lane.running < self._room.lane:
                self._open[name] = lane
            elif not lane.waiting and not lane.running:
                del self._lanes[name]

    def _wait_for_predecessor(self, entry: _Entry, lane: _Lane) -> bool:
        """Let a replaced monitor's round wait until the cancelled one before it has ended."""
        predecessor = self._running.get(entry.name)
        if predecessor is None or predecessor.task is None:
            return False
        lane.running += 1  # keeps the lane, and a place in it
        predecessor.task.add_done_callback(lambda _: self._resume(entry, lane))
        return True

    def _resume(self, entry: _Entry, lane: _Lane) -> None:
        lane.running -= 1
        if entry.waiting:
            lane.waiting.appendleft(entry)
        self._leave(entry.lane, lane)

    def _start(self, entry: _Entry, lane: _Lane) -> None:
        stats = self._stats
        turn = Turn(entry.name, entry.due, entry.missed, self, entry.beside)
        entry.waiting, entry.missed, entry.beside = False, 0, False
        stats.queued -= 1
        stats.running += 1
        stats.lag.add(max(0.0, self._loop.time() - entry.due))
        lane.running += 1
        self._running[entry.name] = entry
        entry.task = self._loop.create_task(self._round(turn, entry, lane), name=f"round of {entry.name}")
        entry.task.add_done_callback(lambda task: self._finish(entry, lane, task, collected=False))

    async def _round(self, turn: Turn, entry: _Entry, lane: _Lane) -> None:
        """Run a turn, and end it in the same step: whoever hears of its end finds the monitor free."""
        task, collected = entry.task, False
        try:
            collected = await self._run(turn)
        except Exception as error:  # noqa: BLE001 - told; one round may fail, the others may not
            self.supervisor.met("rounds", error, f"this round of {entry.name} has failed")
        finally:
            self._finish(entry, lane, task, collected=collected)

    def _finish(self, entry: _Entry, lane: _Lane, task: "asyncio.Task[None] | None", *, collected: bool) -> None:
        """Count a round that has ended, once. A task that was cancelled before its first step ends by its callback.

        By the time of the callback the monitor may be in its next round.
        """
        if entry.task is not task:
            return
        del self._running[entry.name]
        entry.task = None
        self._stats.running -= 1
        if collected:
            self._stats.collected += 1
        else:
            self._stats.failed += 1
        lane.running -= 1
        self._leave(entry.lane, lane)

    def _leave(self, name: str, lane: _Lane) -> None:
        if lane.waiting and lane.running < self._room.lane:
            self._open.setdefault(name, lane)
        elif not lane.waiting and not lane.running:
            self._lanes.pop(name, None)
        self._start_what_may()
