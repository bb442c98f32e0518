"""The series that tell of the service itself: its figures, its outputs, and how each monitor is."""

from collections.abc import Iterable, Mapping
from functools import lru_cache

from openai_monitor import __version__
from openai_monitor.schedule.events import MonitorIdentity
from openai_monitor.sinks import SinkHealth
from openai_monitor.sinks.exposition import OWN, Families, Labels
from openai_monitor.sinks.latest import MonitorNow
from openai_monitor.sinks.naming import TAKEN, label_names, prefix, words
from openai_monitor.sinks.readings import clean_text, finite, label_text

_TAKEN_BY_US = (*TAKEN, "app", "metrics", "trouble", "currency", "figure")


def labels_of(monitor: MonitorIdentity) -> Labels:
    """Give the labels of every series of a monitor: its name, and its tags."""
    names = label_names(tuple(name for name, _ in monitor.tags), _TAKEN_BY_US, "tag")
    tags = zip(names, (label_text(value) for _, value in monitor.tags), strict=True)
    return Labels({"monitor": label_text(monitor.name), **dict(tags)})


def add_service(families: Families, stats: Mapping[str, float], healths: Iterable[SinkHealth]) -> None:
    """Add the service's figures and its outputs."""
    families.add(f"{OWN}_build_info", "The version that runs.", Labels(version=__version__), 1.0)
    for health in healths:
        labels = Labels(output=clean_text(health.name))
        families.add(f"{OWN}_output_up", "Whether the output works.", labels, float(health.ok))
        families.add(f"{OWN}_output_buffered_rows", "Rows that wait to be written.", labels, health.buffered)
        families.add(
            f"{OWN}_output_dropped_rows_total", "Rows that were not written.", labels, health.dropped, "counter"
        )
    for name, figure in stats.items():
        text = f"{OWN}_{words(name)}"
        value = finite(figure)
        if value is not None:
            about = f"The service's own figure: {clean_text(name).replace('_', ' ').removesuffix(' total')}."
            families.add(text, about, Labels(), value, "counter" if text.endswith("_total") else "gauge")


def add_monitor(families: Families, monitor: MonitorNow, labels: Labels) -> None:
    """Add how a monitor is."""
    of_app = Labels({**labels, "app": label_text(monitor.monitor.app)})
    seconds = (monitor.finished - monitor.started).total_seconds()
    families.add(f"{OWN}_up", "Whether the last round collected every metric set.", of_app, float(monitor.up))
    families.add(f"{OWN}_round_duration_seconds", "How long the last round took.", of_app, seconds)
    families.add(
        f"{OWN}_last_round_timestamp_seconds", "When the last round ended.", of_app, monitor.finished.timestamp()
    )
    if monitor.trouble is not None:
        families.add(
            f"{OWN}_trouble",
            "What is wrong with the monitor, by kind; none when nothing is.",
            Labels({**of_app, "trouble": monitor.trouble.value}),
            1.0,
        )


def add_sets(families: Families, monitor: MonitorNow, labels: Labels) -> None:
    """Add how each of its metric sets is."""
    for each in monitor.sets:
        up, duration, last_success, trouble = _of_set(monitor.monitor.app, each.name)
        families.add(*up, labels, float(each.up))
        if each.duration is not None:
            families.add(*duration, labels, each.duration)
        if each.last_success is not None:
            families.add(*last_success, labels, each.last_success.timestamp())
        if each.trouble is not None:
            families.add(*trouble, Labels({**labels, "trouble": each.trouble.value}), 1.0)


@lru_cache(maxsize=1024)
def _of_set(app: str, metric_set: str) -> tuple[tuple[str, str], ...]:
    """Name the series of a set, and what each is."""
    stem, name = prefix(app, metric_set), clean_text(metric_set)
    return (
        (f"{stem}_up", f"Whether the last round collected {name}."),
        (f"{stem}_duration_seconds", f"How long {name} took."),
        (f"{stem}_last_success_timestamp_seconds", f"When {name} was last collected."),
        (f"{stem}_trouble", f"What is wrong with {name}, by kind; none when nothing is."),
    )


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
