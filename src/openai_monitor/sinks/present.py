"""The page of what holds at present: every set's values, how each set and monitor is, and the service's own figures."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from openai_monitor.rows import MetricSetResult
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent
from openai_monitor.sinks import SinkHealth, Surroundings
from openai_monitor.sinks.exposition import Block, Extra, Families, Headers, Labels, frame_of
from openai_monitor.sinks.figures import Figure, figures_of
from openai_monitor.sinks.latest import Latest, MonitorNow, monitor_after
from openai_monitor.sinks.own import Own, add_service, labels_of, of_sets, own_of
from openai_monitor.sinks.series import add_figures, add_results
from openai_monitor.sinks.settings import Present

_log = logging.getLogger(__name__)

_Key = tuple[int, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Moment:
    """What a page is made of, taken at one moment in the event loop."""

    now: datetime
    monitors: list[MonitorNow]
    stats: Mapping[str, float]
    healths: tuple[SinkHealth, ...]
    failures: Mapping[str, int]


class Page:
    """Makes the page of what rounds told. ``take`` belongs to the event loop, ``build`` may run in a thread.

    A monitor's lines are kept until its next round, and those of its values until they change: most of a page is as it
    was at the last one.
    """

    def __init__(self, settings: Present, surroundings: Surroundings) -> None:
        self._staleness = timedelta(seconds=settings.staleness)
        self._info = frozenset(settings.info_labels)
        self._surroundings = surroundings
        self._building = threading.Lock()
        self._headers = Headers()
        self._kept: dict[str, _Kept] = {}
        self.latest = Latest()

    def take(self) -> Moment:
        """Take what a page is made of."""
        around = self._surroundings
        return Moment(
            around.now(),
            self.latest.monitors(),
            dict(around.stats.snapshot()),
            tuple(around.healths()),
            dict(around.failures),
        )

    def build(self, moment: Moment) -> bytes:
        """Write the page."""
        service = Families()
        add_service(service, moment.stats, moment.healths, moment.failures)
        with self._building:
            known, self._kept = self._kept, {}
            blocks = [service.write(self._headers, Labels())]
            for monitor in moment.monitors:
                good = monitor.values(moment.now, self._staleness)
                key = (monitor.number, tuple([result.name for result in good]))
                kept = known.get(monitor.monitor.name)
                if kept is None or kept.key != key:
                    kept = self._written(monitor, good, key, kept)
                self._kept[monitor.monitor.name] = kept
                blocks += kept.blocks
            return self._headers.write(blocks)

    def probe(self, event: RoundEvent) -> bytes:
        """Write what one round told and how it went, for a Prometheus that has rounds made."""
        families, headers = Families(), Headers()
        monitor, seconds = monitor_after(None, event), (event.finished - event.started).total_seconds()
        families.add("probe_success", "Whether every metric set was collected.", Labels(), float(monitor.up))
        families.add("probe_duration_seconds", "How long the round took.", Labels(), seconds)
        labels = labels_of(monitor.monitor)
        of_sets(monitor).add_to(families, labels)
        good = [each.good for each in monitor.sets if each.good is not None]
        add_results(families, monitor.monitor, labels, good, self._info)
        add_figures(families, monitor.monitor, labels, figures_of(monitor.monitor, good))
        return headers.write([families.write(headers, labels)])

    def _written(
        self, monitor: MonitorNow, good: Sequence[MetricSetResult], key: _Key, before: "_Kept | None"
    ) -> "_Kept":
        try:
            return self._lines(monitor, good, key, before)
        except Exception:  # noqa: BLE001 - logged
            # What one monitor's rows bring up must not take the page from the others.
            _log.exception("monitor %s: a mistake of ours keeps its values off the page", monitor.monitor.name)
            return self._lines(monitor, (), key, None)

    def _lines(
        self, monitor: MonitorNow, good: Sequence[MetricSetResult], key: _Key, before: "_Kept | None"
    ) -> "_Kept":
        before = before if before is not None and before.monitor == monitor.monitor else None
        known: Mapping[str, _Values] = before.values if before else {}
        labels, own, figures = labels_of(monitor.monitor), own_of(monitor), figures_of(monitor.monitor, good)
        texts = before.texts if before else {}
        values = {result.name: self._values(monitor, result, labels, known.get(result.name)) for result in good}
        blocks = [self._own(own, labels, texts), *(block for _, block in values.values())]
        if figures:
            blocks.append(self._figures(monitor, labels, figures))
        if not _are_apart(tuple([block.names for block in blocks])):
            families = Families()
            own.add_to(families, labels)
            add_figures(families, monitor.monitor, labels, figures)
            add_results(families, monitor.monitor, labels, good, self._info)
            blocks = [families.write(self._headers, labels)]
        return _Kept(key, monitor.monitor, values, blocks, texts)

    def _own(self, own: Own, labels: Labels, texts: dict[Extra, str]) -> Block:
        """Write how a monitor is; ``texts`` are of its labels, and are kept from round to round."""
        frame = frame_of(own.heads)
        if frame is None:
            families = Families()
            own.add_to(families, labels)
            return families.write(self._headers, labels)
        for extra in frame.extras - texts.keys():
            texts[extra] = Labels({**labels, **dict(extra)}).text
        return frame.write(self._headers, texts, own.values)

    def _figures(self, monitor: MonitorNow, labels: Labels, figures: Sequence[Figure]) -> Block:
        families = Families()
        add_figures(families, monitor.monitor, labels, figures)
        return families.write(self._headers, labels)

    def _values(
        self, monitor: MonitorNow, result: MetricSetResult, labels: Labels, before: "_Values | None"
    ) -> "_Values":
        """The values of a set, as they were written before where they are the same."""
        if before is not None and before[0].rows == result.rows and before[0].fields == result.fields:
            return result, before[1]
        families = Families()
        add_results(families, monitor.monitor, labels, (result,), self._info)
        return result, families.write(self._headers, labels)


_Values = tuple[MetricSetResult, Block]
"""A set's last good answer, and its lines."""


@dataclass(slots=True)
class _Kept:
    """What was written of a monitor: its own lines, those of each set, and its labels with the extra ones."""

    key: _Key
    monitor: MonitorIdentity
    values: Mapping[str, _Values]
    blocks: Sequence[Block]
    texts: dict[Extra, str]


@lru_cache(maxsize=1024)
def _are_apart(names: tuple[tuple[str, ...], ...]) -> bool:
    """Whether no family is in two of these; otherwise two values for one series would not be seen."""
    return len({name for some in names for name in some}) == sum(map(len, names))
