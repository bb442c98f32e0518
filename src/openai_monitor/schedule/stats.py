"""The service's own figures: what it did, and how it keeps up. Everything here only counts."""

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

LAG_BOUNDS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of the classes of ``Lag.counts``; the last class has none."""


@dataclass(slots=True)
class Lag:
    """How long after their time rounds started, in seconds."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(LAG_BOUNDS) + 1))
    total: float = 0.0
    longest: float = 0.0

    @property
    def count(self) -> int:
        """How many rounds have started."""
        return sum(self.counts)

    def add(self, seconds: float) -> None:
        """Count one round."""
        self.counts[bisect_left(LAG_BOUNDS, seconds)] += 1
        self.total += seconds
        self.longest = max(self.longest, seconds)

    def within(self, share: float) -> float:
        """The bound of the class in which this share (such as 0.99) of all rounds have started; the longest at most."""
        wanted, seen = share * self.count, 0
        for bound, number in zip(LAG_BOUNDS, self.counts, strict=False):
            seen += number
            if seen >= wanted:
                return min(bound, self.longest)
        return self.longest


@dataclass(slots=True)
class Stats:
    """Counters since the start, and gauges.

    Every round that was due is accounted for: ``collected + failed + skipped + running + queued == due``. ``failed``
    are rounds in which anything was not collected, ``skipped`` those that never started: the one before still ran,
    the monitor was slowed down, or the service ended. ``requests`` were handed to the transport, ``retries`` are
    those among them that asked again. ``listener_errors`` are mistakes of ours while the listener answered.
    """

    due: int = 0
    collected: int = 0
    failed: int = 0
    skipped: int = 0
    retries: int = 0
    requests: int = 0
    lag: Lag = field(default_factory=Lag)
    running: int = 0
    queued: int = 0
    in_flight: int = 0
    monitors: int = 0
    reloads: int = 0
    failed_reloads: int = 0
    listener_errors: int = 0

    def snapshot(self) -> Mapping[str, float]:
        """The figures by name in Prometheus's style, as the outputs take them."""
        return {
            "rounds_due_total": self.due,
            "rounds_collected_total": self.collected,
            "rounds_failed_total": self.failed,
            "rounds_skipped_total": self.skipped,
            "rounds_running": self.running,
            "rounds_queued": self.queued,
            "rounds_started_total": self.lag.count,
            "rounds_started_late_total": self.lag.count - sum(self.lag.counts[: LAG_BOUNDS.index(1.0) + 1]),
            "round_lag_seconds_total": self.lag.total,
            "round_lag_longest_seconds": self.lag.longest,
            "requests_total": self.requests,
            "request_retries_total": self.retries,
            "requests_in_flight": self.in_flight,
            "monitors": self.monitors,
            "reloads_total": self.reloads,
            "failed_reloads_total": self.failed_reloads,
            "listener_errors_total": self.listener_errors,
        }
