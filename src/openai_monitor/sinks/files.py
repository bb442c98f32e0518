"""``ndjson`` and ``csv``: rows in files, in the shapes of ``collect --format``, with rotation.

The files of ``csv`` have a column for each tag any monitor of the set has, and for each field; a column that is new
begins a new file. A row has nothing where its monitor has no such tag.
"""

import csv
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from openai_monitor import system
from openai_monitor.errors import SettingsError
from openai_monitor.outputs import ndjson, utc
from openai_monitor.outputs.csv_text import csv_text
from openai_monitor.rows import MetricSetResult, Value
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.sinks import Sink, Surroundings
from openai_monitor.sinks.buffered import Buffered
from openai_monitor.sinks.private import public_round
from openai_monitor.sinks.readings import clean_text
from openai_monitor.sinks.rotating import RotatingFile
from openai_monitor.sinks.settings import CsvSettings, NdjsonSettings
from openai_monitor.threads import run_in_thread

NAME, TIME, TAG = "monitor name", "monitor time", "tag "


def make_ndjson(settings: NdjsonSettings, surroundings: Surroundings) -> Sink:  # noqa: ARG001 - every sink is made so
    """Make the sink ``ndjson``."""
    return NdjsonFile(settings)


def make_csv(settings: CsvSettings, surroundings: Surroundings) -> Sink:  # noqa: ARG001 - every sink is made so
    """Make the sink ``csv``."""
    return CsvFiles(settings)


class NdjsonFile(Buffered):
    """Writes a line for each row."""

    def __init__(self, settings: NdjsonSettings) -> None:
        super().__init__("ndjson", settings.buffer_rows)
        self._settings = settings
        self._file = RotatingFile(settings.path, settings.rotate_bytes, settings.keep)

    async def open(self) -> None:
        """Make the folder."""
        await run_in_thread(make_folder, self._settings.path.parent)

    async def deliver(self, events: Sequence[RoundEvent]) -> None:
        """Append the lines."""
        await run_in_thread(self._append, events)

    def _append(self, events: Iterable[RoundEvent]) -> None:
        include, leave_out = self._settings.include, self._settings.leave_out
        rounds = (public_round(event, include, leave_out) for event in events)
        self._file.append(encoded(line) for each in rounds for line in ndjson.lines(each))


@dataclass(slots=True)
class _Rows:
    """Rows for one file: the columns they have, the cells of each, and the rounds they are of."""

    columns: list[str]
    cells: list[dict[str, Value]]
    events: list[RoundEvent]


class CsvFiles(Buffered):
    """Writes the rows of each metric set to a file of its own, ``APP.SET.csv``."""

    def __init__(self, settings: CsvSettings) -> None:
        super().__init__("csv", settings.buffer_rows)
        self._settings = settings
        # What stands in some files already of rounds that are to be written again since another file failed.
        self._written: dict[int, tuple[RoundEvent, set[str]]] = {}

    async def open(self) -> None:
        """Make the folder."""
        await run_in_thread(make_folder, self._settings.folder)

    async def deliver(self, events: Sequence[RoundEvent]) -> None:
        """Append the rows, a file after the other."""
        await run_in_thread(self._append, events)
        self._written.clear()

    def _append(self, events: Iterable[RoundEvent]) -> None:
        named: dict[str, _Rows] = {}
        for event in events:
            done = self._written.get(id(event), (event, set[str]()))[1]
            for result in public_round(event, self._settings.include, self._settings.leave_out).results:
                name = file_name(event.monitor.app, result.name)
                if result.rows and name not in done:
                    _add(named.setdefault(name, _Rows([NAME, TIME], [], [])), event, result)
        for name, rows in named.items():
            self._write(self._settings.folder / name, rows)
            for event in rows.events:
                self._written.setdefault(id(event), (event, set()))[1].add(name)

    def _write(self, path: Path, rows: _Rows) -> None:
        file = RotatingFile(path, self._settings.rotate_bytes, self._settings.keep)
        known = _read_columns(file.first_line())
        columns = _ordered([*known, *rows.columns])
        if columns != known:
            file.rotate()
        records = (encoded(csv_text([[cells.get(column) for column in columns]])) for cells in rows.cells)
        file.append(records, encoded(csv_text([columns])))


def _add(rows: _Rows, event: RoundEvent, result: MetricSetResult) -> None:
    tags: dict[str, Value] = {_column(f"{TAG}{key}"): value for key, value in event.monitor.tags}
    names = [_column(field.name) for field in result.fields]
    known = set(rows.columns)
    rows.columns.extend(column for column in (*tags, *names) if column not in known)
    rows.events.append(event)
    head: dict[str, Value] = {NAME: event.monitor.name, TIME: utc(result.time), **tags}
    for row in result.public_rows():
        rows.cells.append({**head, **dict(zip(names, map(_finite, row), strict=True))})


def _column(name: str) -> str:
    """Write a column's name on one line."""
    return clean_text(" ".join(name.split()))


def _read_columns(line: bytes) -> list[str]:
    try:
        return next(csv.reader([line.decode("utf-8", "replace")]), [])
    except csv.Error:
        return []


def _ordered(columns: Iterable[str]) -> list[str]:
    """Put each once: the two of every file first, then tags, then fields."""
    once = dict.fromkeys(columns)
    return sorted(once, key=lambda column: (column not in (NAME, TIME), not column.startswith(TAG)))


def _finite(value: Value) -> Value:
    return None if isinstance(value, float) and not math.isfinite(value) else value


def file_name(app: str, metric_set: str) -> str:
    """Name the file of a metric set; nothing in the names leads out of the folder."""
    stem = re.sub(r"[^\w.-]", "_", f"{app}.{metric_set}").lstrip(".") or "_"
    return f"{stem[:200]}.csv"


def encoded(text: str) -> bytes:
    """Write a text in UTF-8, which has no lone surrogates."""
    return clean_text(text).encode("utf-8")


def make_folder(folder: Path) -> None:
    """Make a folder that only its owner may look into. Raises SettingsError where that can't be."""
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise SettingsError(f"{folder} can't be made a folder for an output: {system.words(error)}") from None
    except OSError:
        return  # a disk that may come back: writing tells
