"""How often a monitor may ask: at its period, or more slowly after repeated 429."""

from dataclasses import dataclass

from openai_monitor.rows import Round

SLOWEST = 8
"""Times the period."""

_REPEATED = 2
_GOOD_ROUNDS = 3
_LONGEST_WAIT = 86_400.0


@dataclass(slots=True)
class Pace:
    """Doubles the time between rounds when 429 comes again, and halves it after three rounds without trouble.

    ``factor`` is how many periods lie between two rounds. What ``Retry-After`` asks for is waited for in any case,
    up to a day.
    """

    period: float
    factor: int = 1
    _limited: int = 0
    _good: int = 0

    @property
    def seconds(self) -> float:
        """The present time between rounds."""
        return self.period * self.factor

    def after(self, outcome: Round, due: float, now: float) -> float | None:
        """Until when to ask nothing, after a round that was due then; None when the schedule holds."""
        asked = 0.0
        if outcome.ok:
            self._speed_up()
        else:
            if any(result.status == 429 for result in outcome.results):
                self._slow_down()
            asked = max((result.retry_after or 0.0 for result in outcome.results), default=0.0)
        until = now + min(asked, _LONGEST_WAIT)
        if self.factor > 1:
            # Half a period before the time to come, since the times themselves stay where they are.
            until = max(until, due + (self.factor - 0.5) * self.period)
        return until if until > now else None

    def _slow_down(self) -> None:
        self._good = 0
        self._limited += 1
        if self._limited >= _REPEATED:
            self.factor = min(self.factor * 2, SLOWEST)

    def _speed_up(self) -> None:
        self._limited = 0
        self._good += 1
        if self.factor > 1 and self._good >= _GOOD_ROUNDS:
            self._good = 0
            self.factor //= 2
