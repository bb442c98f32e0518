"""The series that tell of the service itself: its figures, its outputs, and how each monitor is."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from openai_monitor import __version__
from openai_monitor.schedule.events import MonitorIdentity, Trouble
from openai_monitor.sinks import SinkHealth
from openai_monitor.sinks.exposition import OWN, Families, Head, Labels
from openai_monitor.sinks.latest import MonitorNow
from openai_monitor.sinks.naming import TAKEN, label_names, prefix, words
from openai_monitor.sinks.readings import clean_text, finite, label_text

_TAKEN_BY_US = (*TAKEN, "app", "metrics", "trouble", "currency", "figure")


def labels_of(monitor: MonitorIdentity) -> Labels:
    """Give the labels of every series of a monitor: its name, and its tags."""
    names = label_names(tuple(name for name, _ in monitor.tags), _TAKEN_BY_US, "tag")
    tags = zip(names, (label_text(value) for _, value in monitor.tags), strict=True)
    return Labels({"monitor": label_text(monitor.name), **dict(tags)})


def add_service(
    families: Families, stats: Mapping[str, float], healths: Iterable[SinkHealth], failures: Mapping[str, int]
) -> None:
    """Add the service's figures, its outputs, and the failures of its tasks."""
    families.add(f"{OWN}_build_info", "The version that runs.", Labels(version=__version__), 1.0)
    for health in healths:
        labels = Labels(output=clean_text(health.name))
        families.add(f"{OWN}_output_up", "Whether the output works.", labels, float(health.ok))
        families.add(f"{OWN}_output_buffered_rows", "Rows that wait to be written.", labels, health.buffered)
        families.add(
            f"{OWN}_output_dropped_rows_total", "Rows that were not written.", labels, health.dropped, "counter"
        )
    about = "Failures of a task of the service that it should never meet; the log tells of them."
    for task, count in failures.items():
        families.add(f"{OWN}_task_failures_total", about, Labels(task=clean_text(task)), float(count), "counter")
    for name, figure in stats.items():
        text = f"{OWN}_{words(name)}"
        value = finite(figure)
        if value is not None:
            about = f"The service's own figure: {clean_text(name).replace('_', ' ').removesuffix(' total')}."
            families.add(text, about, Labels(), value, "counter" if text.endswith("_total") else "gauge")


@dataclass(slots=True)
class Own:
    """How a monitor and its metric sets are: series, and the value of each."""

    heads: tuple[Head, ...]
    values: Sequence[float]

    def add_to(self, families: Families, labels: Labels) -> None:
        """Add the series to others."""
        for head, value in zip(self.heads, self.values, strict=True):
            families.add(head.name, head.about, Labels({**labels, **dict(head.extra)}), value, head.kind)


def own_of(monitor: MonitorNow) -> Own:
    """Tell how a monitor is, and each of its sets."""
    sets = of_sets(monitor)
    seconds = (monitor.finished - monitor.started).total_seconds()
    values = [float(monitor.up), seconds, monitor.finished.timestamp()]
    if monitor.trouble is not None:
        values.append(1.0)
    if monitor.retries:
        values.append(float(monitor.retries))
    heads = _heads_of_monitor(monitor.monitor.app, monitor.trouble, retried=monitor.retries > 0)
    return Own((*heads, *sets.heads), [*values, *sets.values])


def of_sets(monitor: MonitorNow) -> Own:
    """Tell how each metric set of a monitor is."""
    heads: list[Head] = []
    values: list[float] = []
    for each in monitor.sets:
        up, duration, last_success, incomplete, *trouble = _heads_of_set(monitor.monitor.app, each.name, each.trouble)
        heads.append(up)
        values.append(float(each.up))
        if each.duration is not None:
            heads.append(duration)
            values.append(each.duration)
        if each.last_success is not None:
            heads.append(last_success)
            values.append(each.last_success.timestamp())
        if each.good is not None and not each.good.complete:
            heads.append(incomplete)
            values.append(1.0)
        heads += trouble
        values += [1.0] * len(trouble)
    return Own(tuple(heads), values)


@lru_cache(maxsize=1024)
def _heads_of_monitor(app: str, trouble: Trouble | None, *, retried: bool) -> tuple[Head, ...]:
    of_app = ("app", label_text(app))
    heads = [
        Head(f"{OWN}_up", "Whether the last round collected every metric set.", (of_app,)),
        Head(f"{OWN}_round_duration_seconds", "How long the last round took.", (of_app,)),
        Head(f"{OWN}_last_round_timestamp_seconds", "When the last round ended.", (of_app,)),
    ]
    if trouble is not None:
        about = "What is wrong with the monitor, by kind; none when nothing is."
        heads.append(Head(f"{OWN}_trouble", about, (of_app, ("trouble", trouble.value))))
    if retried:
        about = "Requests of the last round that were asked again; none when there were none."
        heads.append(Head(f"{OWN}_round_retries", about, (of_app,)))
    return tuple(heads)


@lru_cache(maxsize=1024)
def _heads_of_set(app: str, metric_set: str, trouble: Trouble | None) -> tuple[Head, ...]:
    stem, name = prefix(app, metric_set), clean_text(metric_set)
    heads = [
        Head(f"{stem}_up", f"Whether the last round collected {name}."),
        Head(f"{stem}_duration_seconds", f"How long {name} took."),
        Head(f"{stem}_last_success_timestamp_seconds", f"When {name} was last collected."),
        Head(f"{stem}_incomplete", f"That rows of {name} are known to be missing; none when nothing is."),
    ]
    if trouble is not None:
        about = f"What is wrong with {name}, by kind; none when nothing is."
        heads.append(Head(f"{stem}_trouble", about, (("trouble", trouble.value),)))
    return tuple(heads)


def add_counts(families: Families, labels: Labels, merged: int, left_out: int, metric_set: str) -> None:
    """Add how many rows of a set met another one with the same labels, or had no room."""
    of_set = Labels({**labels, "metrics": label_text(metric_set)})
    if merged:
        families.add(
            f"{OWN}_merged_rows",
            "Rows that had the labels of another row: money was added up, of other values the last stands.",
            of_set,
            merged,
        )
    if left_out:
        families.add(f"{OWN}_left_out_rows", "Rows left out because there were too many.", of_set, left_out)
