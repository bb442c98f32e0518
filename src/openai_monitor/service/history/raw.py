"""Reading the answers as collected."""

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from openai_monitor.rows import Field, FieldType, Row
from openai_monitor.service.history.cells import Layout
from openai_monitor.service.history.hourly import Answer
from openai_monitor.service.history.schema import NUMBERS, SETS

FOREVER = 1 << 62

_ANSWERS = f"""
    SELECT result.set_id, round.started + result.delay, result.code, result.message, result.layout_id,
        coalesce(result.texts, labels.texts), {NUMBERS}
    FROM round CROSS JOIN result ON result.id BETWEEN round.id * {SETS} AND round.id * {SETS} + {SETS - 1}
    LEFT JOIN result AS labels ON labels.id = result.texts_from
    LEFT JOIN result AS base ON base.id = result.numbers_from
    WHERE round.monitor_id = :monitor AND round.id BETWEEN :first AND :last
        AND round.started BETWEEN :since AND :until AND (:set IS NULL OR result.set_id = :set)
    ORDER BY round.id
"""  # noqa: S608 - all of it stands in this package


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which answers: those of a monitor, of one metric set or all, in rounds by number and by start (ms)."""

    monitor_id: int
    set_id: int | None = None
    first_round: int = 0
    last_round: int = FOREVER
    since: int = -FOREVER
    until: int = FOREVER

    def parameters(self) -> dict[str, int | None]:
        """Name them as the query does."""
        return {
            "monitor": self.monitor_id,
            "set": self.set_id,
            "first": self.first_round,
            "last": self.last_round,
            "since": self.since,
            "until": self.until,
        }


def read_answers(
    connection: sqlite3.Connection, layouts: Mapping[int, Layout], wanted: Wanted
) -> Iterator[tuple[int, Answer]]:
    """Read answers in the order in which they were written, each with the id of its metric set."""
    reader = _Reader(layouts)
    for set_id, time, code, message, layout_id, texts, numbers in connection.execute(_ANSWERS, wanted.parameters()):
        rows = reader.rows(set_id, layout_id, texts, numbers) if layout_id is not None else ()
        yield set_id, Answer(time, code, message, layouts.get(layout_id), rows)


class _Reader:
    """Reads cells, once for as long as they stay the same: then the rows are the same object."""

    def __init__(self, layouts: Mapping[int, Layout]) -> None:
        self._layouts = layouts
        self._last: dict[int, tuple[tuple[int, str | None, str | None], tuple[Row, ...]]] = {}

    def rows(self, set_id: int, layout_id: int, texts: str | None, numbers: str | None) -> tuple[Row, ...]:
        cells = (layout_id, texts, numbers)
        last = self._last.get(set_id)
        if last is None or last[0] != cells:
            last = self._last[set_id] = (cells, self._layouts[layout_id].read(texts, numbers))
        return last[1]


def layouts(connection: sqlite3.Connection) -> dict[int, tuple[int, Layout]]:
    """Read all layouts: by id, the metric set's id and the layout."""
    types = {each.word: each for each in FieldType}
    rows = connection.execute(
        "SELECT layout.id, set_id, name, type, unit, label FROM layout JOIN field ON layout_id = layout.id"
        " ORDER BY layout.id, place"
    )
    fields: dict[tuple[int, int], list[Field]] = {}
    for layout_id, set_id, name, word, unit, label in rows:
        fields.setdefault((layout_id, set_id), []).append(Field(name, types[word], unit, bool(label)))
    return {layout_id: (set_id, Layout(layout_id, tuple(found))) for (layout_id, set_id), found in fields.items()}
