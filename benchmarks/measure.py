"""Measuring two ways of doing one thing, in turn, so that a machine's drift cancels out."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Ratio:
    """How much one thing costs for another, measured in the same run."""

    what: str
    value: float
    goal: float | None
    detail: str

    def __str__(self) -> str:
        goal = "no goal" if self.goal is None else f"goal <= {self.goal:g}"
        return f"{self.what}: {self.value:.2f} ({goal}; {self.detail})"


def cpu_seconds(work: Callable[[], object]) -> float:
    """Processor time of one call, all threads of this process."""
    began = time.process_time()
    work()
    return time.process_time() - began


def wall_seconds(work: Callable[[], object]) -> float:
    """Elapsed time of one call."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def compare(
    what: str,
    ours: Callable[[], object],
    floor: Callable[[], object],
    *,
    goal: float | None,
    rounds: int,
    clock: Callable[[Callable[[], object]], float] = cpu_seconds,
) -> Ratio:
    """The median, over pairs of calls, of our cost divided by the floor's. Both are called once before."""
    ours()
    floor()
    pairs = [(clock(ours), clock(floor)) for _ in range(rounds)]
    ratio = statistics.median(mine / theirs for mine, theirs in pairs)
    mine = statistics.median(pair[0] for pair in pairs) * 1e3
    theirs = statistics.median(pair[1] for pair in pairs) * 1e3
    return Ratio(what, ratio, goal, f"{mine:.2f} ms against {theirs:.2f} ms, {rounds} pairs")
