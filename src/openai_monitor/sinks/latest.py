"""What holds at present: of each monitor the last good answer of each set, and what is wrong with it.

For outputs that are asked rather than told. A failing set's values stay for a while, so that one lost answer leaves no
gap; they go at once when the key is refused, since then nobody knows.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from openai_monitor.rows import MetricSetResult
from openai_monitor.schedule.events import (
    MonitorIdentity,
    RoundEvent,
    Trouble,
    is_refused,
    trouble_of_set,
    trouble_of_skipped,
)


@dataclass(slots=True)
class SetNow:
    """A metric set. ``good`` is its last good answer, None when there is none or it no longer counts.

    ``trouble`` is None for a good set, and for one that was not asked in a round without trouble. ``duration`` is in
    seconds and of the last time it was asked. ``failing_since`` is when the first round ended that lacked it.
    """

    name: str
    good: MetricSetResult | None
    trouble: Trouble | None = None
    duration: float | None = None
    last_success: datetime | None = None
    failing_since: datetime | None = None

    @property
    def up(self) -> bool:
        """Whether the last round collected it."""
        return self.failing_since is None


@dataclass(slots=True)
class MonitorNow:
    """A monitor and its metric sets.

    ``number`` is that of the round it is as of; ``retries`` requests of that round were asked again.
    """

    number: int
    monitor: MonitorIdentity
    sets: tuple[SetNow, ...]
    up: bool
    trouble: Trouble | None
    started: datetime
    finished: datetime
    next_due: datetime | None
    retries: int = 0

    def values(self, now: datetime, staleness: timedelta) -> list[MetricSetResult]:
        """Give the answers that still count.

        They do not when the set has failed for longer than the bound, or when the next round is overdue for longer.
        """
        if self.next_due is not None and now - self.next_due > staleness:
            return []
        return [
            each.good
            for each in self.sets
            if each.good is not None and (each.failing_since is None or now - each.failing_since <= staleness)
        ]


class Latest:
    """The monitors as they are now. May be read from another thread while rounds come in."""

    def __init__(self) -> None:
        self._monitors: dict[str, MonitorNow] = {}
        self._rounds = 0

    def offer(self, event: RoundEvent) -> None:
        """Take a round."""
        name = event.monitor.name
        self._rounds += 1
        self._monitors[name] = monitor_after(self._monitors.get(name), event, self._rounds)

    def forget(self, monitor: str) -> None:
        """Let go of a monitor."""
        self._monitors.pop(monitor, None)

    def monitors(self) -> list[MonitorNow]:
        """List them, by name."""
        return sorted(list(self._monitors.values()), key=lambda each: each.monitor.name)  # noqa: C414 - copied at once


def monitor_after(before: MonitorNow | None, event: RoundEvent, number: int = 0) -> MonitorNow:
    """Work out how a monitor is after this round."""
    known = {each.name: each for each in before.sets} if before and before.monitor.app == event.monitor.app else {}
    collected = event.round
    # A set of which the round tells nothing was not due: it is as it was, unless nobody knows any more.
    sets = {name: replace(each, good=None) for name, each in known.items()} if is_refused(collected) else dict(known)
    told: dict[str, MetricSetResult | None] = {result.name: result for result in collected.results}
    for skipped in collected.skipped:
        told.setdefault(skipped.name, None)
    # A round that tells of no set at all, as when a secret can't be read, says nothing about which sets there are.
    for name, result in (told or dict.fromkeys(known)).items():
        sets[name] = _set_after(known.get(name), name, result, event)
    return MonitorNow(
        number=number,
        monitor=event.monitor,
        sets=tuple(sets.values()),
        up=collected.ok and event.trouble is None,
        trouble=event.trouble,
        started=event.started,
        finished=event.finished,
        next_due=event.next_due,
        retries=event.retries,
    )


def _set_after(before: SetNow | None, name: str, result: MetricSetResult | None, event: RoundEvent) -> SetNow:
    if result is not None and result.ok:
        return SetNow(name, result, None, result.duration, result.time)
    trouble = trouble_of_skipped(event) if result is None else trouble_of_set(result)
    known = before or SetNow(name, None)
    return replace(
        known,
        good=None if trouble is Trouble.KEY_REFUSED else known.good,
        trouble=trouble,
        duration=result.duration if result is not None else None,
        failing_since=known.failing_since or event.finished,
    )
