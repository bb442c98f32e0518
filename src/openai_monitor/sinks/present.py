"""The page of what holds at present: every set's values, how each set and monitor is, and the service's own figures."""

import logging
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from openai_monitor.rows import MetricSetResult
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.sinks import SinkHealth, Surroundings
from openai_monitor.sinks.exposition import Block, Families, Headers, Labels
from openai_monitor.sinks.figures import figures_of
from openai_monitor.sinks.latest import Latest, MonitorNow, monitor_after
from openai_monitor.sinks.own import add_monitor, add_service, add_sets, labels_of
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


class Page:
    """Makes the page of what rounds told. ``take`` belongs to the event loop, ``build`` may run in a thread.

    A monitor's lines are kept until its next round: most of a page is as it was at the last one.
    """

    def __init__(self, settings: Present, surroundings: Surroundings) -> None:
        self._staleness = timedelta(seconds=settings.staleness)
        self._info = frozenset(settings.info_labels)
        self._surroundings = surroundings
        self._building = threading.Lock()
        self._headers = Headers()
        self._blocks: dict[str, tuple[_Key, Block]] = {}
        self.latest = Latest()

    def take(self) -> Moment:
        """Take what a page is made of."""
        around = self._surroundings
        return Moment(around.now(), self.latest.monitors(), dict(around.stats.snapshot()), tuple(around.healths()))

    def build(self, moment: Moment) -> bytes:
        """Write the page."""
        service = Families()
        add_service(service, moment.stats, moment.healths)
        with self._building:
            known, self._blocks = self._blocks, {}
            blocks = [service.write(self._headers, Labels())]
            for monitor in moment.monitors:
                good = monitor.values(moment.now, self._staleness)
                key = (monitor.number, tuple([result.name for result in good]))
                kept = known.get(monitor.monitor.name)
                block = kept[1] if kept is not None and kept[0] == key else self._block(monitor, good)
                self._blocks[monitor.monitor.name] = (key, block)
                blocks.append(block)
            return self._headers.write(blocks)

    def probe(self, event: RoundEvent) -> bytes:
        """Write what one round told and how it went, for a Prometheus that has rounds made."""
        families, headers = Families(), Headers()
        monitor, seconds = monitor_after(None, event), (event.finished - event.started).total_seconds()
        families.add("probe_success", "Whether every metric set was collected.", Labels(), float(monitor.up))
        families.add("probe_duration_seconds", "How long the round took.", Labels(), seconds)
        labels = labels_of(monitor.monitor)
        add_sets(families, monitor, labels)
        self._add_values(families, monitor, labels, [each.good for each in monitor.sets if each.good is not None])
        return headers.write([families.write(headers, labels)])

    def _block(self, monitor: MonitorNow, good: Sequence[MetricSetResult]) -> Block:
        try:
            return self._lines(monitor, good)
        except Exception:  # noqa: BLE001 - logged
            # What one monitor's rows bring up must not take the page from the others.
            _log.exception("monitor %s: a mistake of ours keeps its values off the page", monitor.monitor.name)
            return self._lines(monitor, ())

    def _lines(self, monitor: MonitorNow, good: Sequence[MetricSetResult]) -> Block:
        families, labels = Families(), labels_of(monitor.monitor)
        add_monitor(families, monitor, labels)
        add_sets(families, monitor, labels)
        if good:
            self._add_values(families, monitor, labels, good)
        return families.write(self._headers, labels)

    def _add_values(
        self, families: Families, monitor: MonitorNow, labels: Labels, good: Sequence[MetricSetResult]
    ) -> None:
        add_results(families, monitor.monitor, labels, good, self._info)
        add_figures(families, monitor.monitor, labels, figures_of(monitor.monitor, good))
