"""Lines of the log that strangers can cause, as often as they like: of each kind one now and then, with a count."""

import asyncio
import logging
from contextvars import Context

SECONDS = 60.0
"""What is told of one kind within them: the first, and at their end how many more there were."""


class Seldom:
    """Logs warnings about the listener, few of each kind. ``kind`` is what is counted, in the plural."""

    def __init__(self, log: logging.Logger) -> None:
        self._log = log
        self._more: dict[str, int] = {}
        self._timers: dict[str, asyncio.TimerHandle] = {}

    def tell(self, kind: str, line: str) -> None:
        """Log a line, unless one of its kind was logged a short while ago."""
        if kind in self._more:
            self._more[kind] += 1
            return
        self._log.warning("web: %s", line)
        self._more[kind] = 0
        # In a context of its own: the line it may write is about no monitor.
        self._timers[kind] = asyncio.get_running_loop().call_later(SECONDS, self._sum_up, kind, context=Context())

    def close(self) -> None:
        """Say what is still unsaid."""
        for kind, timer in list(self._timers.items()):
            timer.cancel()
            self._sum_up(kind)

    def _sum_up(self, kind: str) -> None:
        del self._timers[kind]
        if more := self._more.pop(kind):
            self._log.warning("web: %s: %d more since then", kind, more)
