"""The series of rows: one for each number and each flag, and one with the texts that are asked for."""

from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache

from openai_monitor.rows import Field, FieldType, MetricSetResult, Value
from openai_monitor.schedule.events import MonitorIdentity
from openai_monitor.sinks.exposition import Families, LabelSet
from openai_monitor.sinks.figures import Figure
from openai_monitor.sinks.naming import TAKEN, label_names, name_of, prefix
from openai_monitor.sinks.own import add_counts
from openai_monitor.sinks.readings import FLAGS, Readings, Shape, clean_text, finite, label_text, readings, shape_of


def add_results(
    families: Families,
    monitor: MonitorIdentity,
    labels: LabelSet,
    results: Iterable[MetricSetResult],
    info: Collection[str],
) -> None:
    """Add the values of metric sets; texts only of the fields in ``info``."""
    for result in results:
        shape = _shape(result.fields)
        found = readings(shape, result.rows)
        add_counts(families, labels, found.merged, found.left_out, result.name)
        names = _label_names([shape.fields[index].name for index in shape.labels], labels)
        rows = [({**labels, **dict(zip(names, key, strict=True))}, row) for key, row in found.rows.items()]
        for index in shape.values:
            if not _is_info(shape.fields[index], info):
                _add_column(
                    families, monitor.app, result.name, shape.fields[index], [(of, row[index]) for of, row in rows]
                )
        _add_info(families, f"{prefix(monitor.app, result.name)}_info", labels, shape, found, info)


def add_figures(families: Families, monitor: MonitorIdentity, labels: LabelSet, figures: Iterable[Figure]) -> None:
    """Add what the rows mean in money."""
    for figure in figures:
        name = f"{prefix(monitor.app)}_{figure.name}"
        families.add(name, figure.help, {**labels, **dict(figure.labels)}, figure.value)


def _add_column(
    families: Families, app: str, metric_set: str, field: Field, cells: Iterable[tuple[LabelSet, Value]]
) -> None:
    name, about = name_of(app, metric_set, field), _about(app, metric_set, field)
    for labels, cell in cells:
        value = FLAGS.get(cell) if isinstance(cell, str) else finite(cell)
        if value is not None:
            families.add(name.text, about, labels, name.scaled(value), "gauge" if name.is_gauge else "unknown")


def _add_info(
    families: Families, name: str, labels: LabelSet, shape: Shape, found: Readings, info: Collection[str]
) -> None:
    """Add the texts that are asked for, as labels of a series that is 1; none where a row has none of them."""
    columns = [index for index in shape.values if _is_info(shape.fields[index], info)]
    if not columns:
        return
    names = _label_names([shape.fields[index].name for index in (*shape.labels, *columns)], labels)
    for key, row in found.rows.items():
        texts = [label_text(row[index]) for index in columns]
        if any(texts):
            told = dict(zip(names, (*key, *texts), strict=True))
            families.add(name, "Texts of the metric set, as labels.", {**labels, **told}, 1.0)


def _is_info(field: Field, info: Collection[str]) -> bool:
    return field.type is FieldType.STRING and field.name in info


@lru_cache(maxsize=1024)
def _shape(fields: tuple[Field, ...]) -> Shape:
    return shape_of(fields)


def _label_names(names: Sequence[str], labels: LabelSet) -> tuple[str, ...]:
    return label_names(tuple(names), (*TAKEN, *labels))


@lru_cache(maxsize=4096)
def _about(app: str, metric_set: str, field: Field) -> str:
    unit = f" ({field.unit})" if field.unit else ""
    return clean_text(f"{field.name}{unit} of {metric_set} of {app}.")
