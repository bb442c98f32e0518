"""How long to wait before the next connection."""

import random
from collections.abc import Callable

LONGEST = 30.0
"""Seconds: a manager that comes back is found within that."""
LONGEST_CONTESTED = 8.0
"""Seconds: it may be the network after all, and a monitor that nobody collects is worse."""
STABLE = 60.0
"""A connection that lasted this many seconds was a good one."""
SUSPICIOUS = 3
"""So many connections in a row that were accepted and closed soon after look like two collectors of one name."""


class Backoff:
    """Waits that double up to LONGEST, shortened by chance so that many collectors do not come at once."""

    def __init__(self, first: float = 1.0, chance: Callable[[], float] = random.random) -> None:
        self._first = first
        self._chance = chance
        self._failures = 0
        self._short = 0

    @property
    def failures(self) -> int:
        """How many attempts in a row did not get as far as the manager's answer."""
        return self._failures

    @property
    def cuts(self) -> int:
        """How many connections in a row were accepted and ended soon after."""
        return self._short

    @property
    def looks_contested(self) -> bool:
        """Whether another collector seems to have the same name: each throws the other out when it connects."""
        return self._short >= SUSPICIOUS

    def after_failure(self) -> float:
        """The wait after a connection that the manager did not answer."""
        self._failures += 1
        return self._wait(self._failures - 1)

    def after_cut(self, lasted: float) -> float:
        """The wait after a connection on which the manager knew us; ``lasted`` is in seconds."""
        self._failures = 0
        self._short = self._short + 1 if lasted < STABLE else 0
        return self._wait(max(0, self._short - SUSPICIOUS + 1), LONGEST_CONTESTED)

    def _wait(self, doublings: int, longest: float = LONGEST) -> float:
        wait: float = min(longest, self._first * 2 ** min(doublings, 10))
        return wait * (0.5 + self._chance() / 2)
