"""What of the history is asked for, and reading just that."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from openai_monitor.definition.wording import nearest
from openai_monitor.errors import ParameterError
from openai_monitor.rows import Field
from openai_monitor.service.history.hourly import Answer, Hour
from openai_monitor.service.history.queries import History, MonitorRecord


@dataclass(frozen=True, slots=True)
class Selection:
    """Some metric sets of some monitors, from one moment to another (aware)."""

    monitors: tuple[MonitorRecord, ...]
    metric_sets: tuple[str, ...]
    since: datetime
    until: datetime


@dataclass(frozen=True, slots=True)
class Series:
    """One metric set of one monitor."""

    monitor: MonitorRecord
    metrics: str


def select(
    history: History, monitor: str | None, metrics: Sequence[str] | None, since: datetime, until: datetime
) -> Selection:
    """Find what is meant. Raises ParameterError for names of which there is no history."""
    monitors = {record.name: record for record in history.monitors()}
    sets = history.metric_sets()
    chosen = list(monitors) if monitor is None else [_known(monitor, monitors, "monitor")]
    wanted = list(sets) if metrics is None else [_known(name, sets, "metric set") for name in metrics]
    return Selection(tuple(monitors[name] for name in chosen), tuple(wanted), since, until)


def _known(name: str, known: Sequence[str] | dict[str, MonitorRecord] | dict[str, int], what: str) -> str:
    if name not in known:
        hint = nearest(name, list(known))
        raise ParameterError(f"there is no history of a {what} named {name!r}" + (f": {hint}" if hint else ""))
    return name


class Reader:
    """Reads a selection, a series at a time."""

    def __init__(self, history: History, selection: Selection) -> None:
        self._history = history
        self._ids = history.metric_sets()
        self.selection = selection

    def series(self, metrics: str) -> Iterator[Series]:
        """List the series of a metric set, a monitor after the other."""
        return (Series(monitor, metrics) for monitor in self.selection.monitors)

    def answers(self, series: Series) -> Iterator[Answer]:
        """Read the answers of a series as collected."""
        chosen = self.selection
        return self._history.answers(series.monitor.id, self._ids[series.metrics], chosen.since, chosen.until)

    def hours(self, series: Series) -> list[Hour]:
        """Read the hours of a series."""
        chosen = self.selection
        return self._history.hours(series.monitor.id, self._ids[series.metrics], chosen.since, chosen.until)

    def fields(self, metrics: str) -> list[Field]:
        """List the fields that a metric set has or ever had, those it has now first."""
        return self._history.fields(self._ids[metrics])
