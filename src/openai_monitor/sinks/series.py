"""The series of rows: one for each number and each flag, and one with the texts that are asked for."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

from openai_monitor.rows import Field, FieldType, MetricSetResult, Row
from openai_monitor.schedule.events import MonitorIdentity
from openai_monitor.sinks.exposition import Families, Labels, Type
from openai_monitor.sinks.figures import Figure
from openai_monitor.sinks.naming import TAKEN, label_names, name_of, prefix
from openai_monitor.sinks.own import add_counts
from openai_monitor.sinks.readings import FLAGS, Readings, Shape, clean_text, finite, label_text, readings, shape_of


def add_results(
    families: Families,
    monitor: MonitorIdentity,
    labels: Labels,
    results: Iterable[MetricSetResult],
    info: frozenset[str],
) -> None:
    """Add the values of metric sets; texts only of the fields in ``info``."""
    for result in results:
        series = _series(monitor.app, result.name, result.fields, info)
        found = readings(series.shape, result.rows, complete=result.complete)
        add_counts(families, labels, found.merged, found.left_out, result.name)
        names = _label_names(series.labels, labels)
        rows = [(Labels({**labels, **dict(zip(names, key, strict=True))}), row) for key, row in found.rows.items()]
        for column in series.columns:
            _add_column(families, column, rows)
        _add_info(families, series, labels, found)


def add_figures(families: Families, monitor: MonitorIdentity, labels: Labels, figures: Iterable[Figure]) -> None:
    """Add what the rows mean in money."""
    for figure in figures:
        name = f"{prefix(monitor.app)}_{figure.name}"
        families.add(name, figure.help, Labels({**labels, **dict(figure.labels)}), figure.value)


def _add_column(families: Families, column: "_Column", rows: Iterable[tuple[Labels, Row]]) -> None:
    index, name, about, kind, scale = column.index, column.name, column.about, column.kind, column.scale
    for labels, row in rows:
        cell = row[index]
        value = FLAGS.get(cell) if isinstance(cell, str) else finite(cell)
        if value is not None:
            families.add(name, about, labels, value if scale is None else scale(value), kind)


def _add_info(families: Families, series: "_Series", labels: Labels, found: Readings) -> None:
    """Add the texts that are asked for, as labels of a series that is 1; none where a row has none of them."""
    if not series.info:
        return
    fields = series.shape.fields
    names = _label_names((*series.labels, *(fields[index].name for index in series.info)), labels)
    for key, row in found.rows.items():
        texts = [label_text(row[index]) for index in series.info]
        if any(texts):
            told = dict(zip(names, (*key, *texts), strict=True))
            families.add(series.info_name, "Texts of the metric set, as labels.", Labels({**labels, **told}), 1.0)


@dataclass(frozen=True, slots=True)
class _Column:
    """``scale`` brings a value into the unit of the name, None where it is in it already."""

    index: int
    name: str
    about: str
    kind: Type
    scale: Callable[[float], float] | None


@dataclass(frozen=True, slots=True)
class _Series:
    """What becomes of the fields of a metric set. ``labels`` are names of fields, ``info`` positions of texts."""

    shape: Shape
    labels: tuple[str, ...]
    columns: tuple[_Column, ...]
    info: tuple[int, ...]
    info_name: str


@lru_cache(maxsize=1024)
def _series(app: str, metric_set: str, fields: tuple[Field, ...], info: frozenset[str]) -> _Series:
    shape = shape_of(fields)
    texts = tuple(
        index for index in shape.values if fields[index].type is FieldType.STRING and fields[index].name in info
    )
    return _Series(
        shape=shape,
        labels=tuple(fields[index].name for index in shape.labels),
        columns=tuple(_column(app, metric_set, fields[index], index) for index in shape.values if index not in texts),
        info=texts,
        info_name=f"{prefix(app, metric_set)}_info",
    )


def _column(app: str, metric_set: str, field: Field, index: int) -> _Column:
    name = name_of(app, metric_set, field)
    scale = None if name.factor == 1 else name.scaled
    return _Column(index, name.text, _about(app, metric_set, field), "gauge" if name.is_gauge else "unknown", scale)


def _label_names(names: tuple[str, ...], labels: Labels) -> tuple[str, ...]:
    return label_names(names, (*TAKEN, *labels)) if names else ()


def _about(app: str, metric_set: str, field: Field) -> str:
    unit = f" ({field.unit})" if field.unit else ""
    return clean_text(f"{field.name}{unit} of {metric_set} of {app}.")
