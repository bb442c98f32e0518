"""When the sets of a job are due: each has the interval of its own, or that of the job."""

import math
from collections.abc import Mapping

from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.hertzbeat.kinds import SetHead

SHORTEST_TICK = 5
"""Seconds: odd intervals would otherwise have a job looked at every second."""


def interval_of(head: SetHead, job: Job) -> int:
    """The seconds between two collections of a set."""
    return head.interval or job.period


def tick_of(job: Job) -> int:
    """The seconds between two looks at a job: what its intervals have in common."""
    intervals = {interval_of(head, job) for head in job.kind.heads} or {job.period}
    return max(math.gcd(*intervals), min(SHORTEST_TICK, *intervals))


def due_sets(job: Job, last: Mapping[str, float], now: float) -> frozenset[str]:
    """The sets to collect now; ``last`` is when each began last, on the clock of ``now``.

    A tick that comes a little early, or does not divide an interval, is no reason to wait for the next.
    """
    leeway = tick_of(job) / 2
    return frozenset(
        head.name
        for head in job.kind.heads
        if head.name not in last or now - last[head.name] >= interval_of(head, job) - leeway
    )
