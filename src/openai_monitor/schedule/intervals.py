"""When the metric sets of a monitor are due: each has the interval of its own, or the monitor's period.

HertzBeat's rule: a set with an interval of its own is left out of the rounds until it is due again.
"""

import math
from collections.abc import Collection, Iterable

SHORTEST_TICK = 5.0
"""Seconds: odd intervals would otherwise have a monitor looked at every second."""


LONGEST = 10**9
"""Seconds: a set with a longer interval is asked once."""


class Dues:
    """Which sets of one monitor are due; ``tick`` is the seconds between two looks: what its intervals have in common.

    ``own`` are the sets with their own intervals in seconds, 0 for none. Times are those of any one clock. ``names``
    are all sets; ``differ`` tells whether some are due more often than others.
    """

    def __init__(self, own: Iterable[tuple[str, float]], period: float) -> None:
        self._intervals = {name: min(interval, LONGEST) if interval > 0 else period for name, interval in own}
        self._last: dict[str, float] = {}
        self.names = frozenset(self._intervals)
        self.differ = len(set(self._intervals.values())) > 1
        self.tick = _tick(self._intervals.values() or (period,))

    def next(self) -> float:
        """When the first set is due again.

        A tick that comes a little early, or does not divide an interval, is no reason to wait for the one after it.
        """
        return min(map(self._due_at, self._intervals), default=-math.inf)

    def due(self, now: float) -> frozenset[str]:
        """The sets to collect in a round that begins now; those that are due first when it comes too early for all."""
        latest = max(now, self.next())
        return frozenset(name for name in self._intervals if self._due_at(name) <= latest)

    def began(self, names: Collection[str], now: float) -> None:
        """Note that these are being collected."""
        self._last.update(dict.fromkeys(names, now))

    def forget(self) -> None:
        """Have all sets due."""
        self._last.clear()

    def _due_at(self, name: str) -> float:
        last = self._last.get(name)
        return -math.inf if last is None else last + self._intervals[name] - self.tick / 2


def _tick(intervals: Collection[float]) -> float:
    shortest = min(intervals)
    if shortest == max(intervals):
        return shortest
    common = math.gcd(*(round(interval * 1000) for interval in intervals)) / 1000
    return max(common, min(SHORTEST_TICK, shortest))
