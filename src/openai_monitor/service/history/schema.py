"""The tables of the history file, and how an older file becomes a newer one.

A file carries its schema's version in ``PRAGMA user_version``. Migration n leads from version n to n + 1, in one
transaction; it is never edited once released, only followed by another. ``docs/history.md`` explains the tables.
"""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from openai_monitor.errors import MonitorError
from openai_monitor.paths import is_folder, is_missing

APPLICATION_ID = 0x6F61_6D68
"""What ``PRAGMA application_id`` of a history file is: ``oamh``."""

SETS = 4096
"""``result.id`` is ``round.id * SETS`` plus the place of the metric set in its round."""

_NAMES = (
    """CREATE TABLE monitor (
        id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, app TEXT NOT NULL, host TEXT,
        tags TEXT NOT NULL, removed INTEGER)""",
    "CREATE TABLE metric_set (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE)",
    "CREATE TABLE layout (id INTEGER PRIMARY KEY, set_id INTEGER NOT NULL)",
    """CREATE TABLE field (
        layout_id INTEGER NOT NULL, place INTEGER NOT NULL, name TEXT NOT NULL, type TEXT NOT NULL,
        unit TEXT, label INTEGER NOT NULL, part TEXT NOT NULL, slot INTEGER NOT NULL,
        PRIMARY KEY (layout_id, place)) WITHOUT ROWID""",
)

_ROUNDS = (
    "CREATE TABLE span (first_round INTEGER PRIMARY KEY, day TEXT NOT NULL)",
    """CREATE TABLE round (
        id INTEGER PRIMARY KEY, monitor_id INTEGER NOT NULL, started INTEGER NOT NULL,
        duration INTEGER NOT NULL, lag INTEGER NOT NULL, next INTEGER, trouble TEXT,
        missed INTEGER NOT NULL, retries INTEGER NOT NULL)""",
    "CREATE INDEX round_of_monitor ON round (monitor_id)",
    """CREATE TABLE result (
        id INTEGER PRIMARY KEY, set_id INTEGER NOT NULL, code INTEGER, status INTEGER,
        delay INTEGER NOT NULL, duration INTEGER NOT NULL, layout_id INTEGER,
        texts_from INTEGER, numbers_from INTEGER, head INTEGER, tail INTEGER,
        message TEXT, warnings TEXT, texts TEXT, numbers TEXT)""",
)

_CONDENSED = (
    """CREATE TABLE hourly (
        monitor_id INTEGER NOT NULL, set_id INTEGER NOT NULL, hour INTEGER NOT NULL,
        samples INTEGER NOT NULL, failed INTEGER NOT NULL, layout_id INTEGER,
        texts_from INTEGER, numbers_from INTEGER, texts TEXT, numbers TEXT,
        PRIMARY KEY (monitor_id, set_id, hour)) WITHOUT ROWID""",
    """CREATE TABLE daily_cost (
        monitor_id INTEGER NOT NULL, day TEXT NOT NULL, item TEXT NOT NULL, currency TEXT NOT NULL,
        cost REAL NOT NULL, updated INTEGER NOT NULL, withdrawn INTEGER,
        PRIMARY KEY (monitor_id, day, item, currency)) WITHOUT ROWID""",
)

NUMBERS = """CASE WHEN result.numbers_from IS NULL THEN result.numbers
    WHEN result.numbers IS NULL THEN base.numbers
    ELSE substr(base.numbers, 1, result.head) || result.numbers
        || substr(base.numbers, length(base.numbers) - result.tail + 1) END"""
"""The number cells of a result, where they stand (``base`` is the result that ``numbers_from`` names)."""

_VIEWS = (
    f"""CREATE VIEW answer AS
        SELECT round.id AS round_id, monitor.name AS monitor, metric_set.name AS metrics,
            round.started + result.delay AS time, result.code, result.message, result.layout_id,
            coalesce(result.texts, labels.texts) AS texts, {NUMBERS} AS numbers
        FROM monitor CROSS JOIN round ON round.monitor_id = monitor.id
        CROSS JOIN result ON result.id BETWEEN round.id * {SETS} AND round.id * {SETS} + {SETS - 1}
        JOIN metric_set ON metric_set.id = result.set_id
        LEFT JOIN result AS labels ON labels.id = result.texts_from
        LEFT JOIN result AS base ON base.id = result.numbers_from""",  # noqa: S608 - all of it stands in this file
    """CREATE VIEW cell AS
        SELECT answer.monitor, answer.metrics, answer.time, line.key AS line, field.name AS field,
            json_extract(line.value, '$[' || field.slot || ']') AS value
        FROM answer JOIN field ON field.layout_id = answer.layout_id
        JOIN json_each(CASE field.part WHEN 'texts' THEN answer.texts ELSE answer.numbers END) AS line""",
    """CREATE VIEW hourly_cell AS
        WITH hour AS (
            SELECT monitor.name AS monitor, metric_set.name AS metrics, hourly.hour * 3600000 AS time,
                hourly.samples, hourly.layout_id, coalesce(hourly.texts, labels.texts) AS texts,
                coalesce(hourly.numbers, base.numbers) AS numbers
            FROM monitor CROSS JOIN metric_set
            JOIN hourly ON hourly.monitor_id = monitor.id AND hourly.set_id = metric_set.id
            LEFT JOIN hourly AS labels ON labels.monitor_id = hourly.monitor_id
                AND labels.set_id = hourly.set_id AND labels.hour = hourly.texts_from
            LEFT JOIN hourly AS base ON base.monitor_id = hourly.monitor_id
                AND base.set_id = hourly.set_id AND base.hour = hourly.numbers_from
        ), found AS (
            SELECT hour.*, line.key AS line, field.name AS field,
                json_extract(line.value, '$[' || field.slot || ']') AS value,
                json_type(line.value, '$[' || field.slot || ']') = 'array' AS moved
            FROM hour JOIN field ON field.layout_id = hour.layout_id
            JOIN json_each(CASE field.part WHEN 'texts' THEN hour.texts ELSE hour.numbers END) AS line
        )
        SELECT monitor, metrics, time, samples, line, field,
            iif(moved, json_extract(value, '$[0]'), value) AS value,
            iif(moved, coalesce(json_extract(value, '$[1]'), json_extract(value, '$[0]')), NULL) AS least,
            iif(moved, coalesce(json_extract(value, '$[2]'), json_extract(value, '$[0]')), NULL) AS most,
            iif(moved, json_extract(value, '$[3]'), NULL) AS mean FROM found""",
    """CREATE VIEW day_total AS
        SELECT monitor.name AS monitor, daily_cost.day, daily_cost.currency, sum(daily_cost.cost) AS cost
        FROM daily_cost JOIN monitor ON monitor.id = daily_cost.monitor_id
        WHERE daily_cost.withdrawn IS NULL GROUP BY monitor.name, daily_cost.day, daily_cost.currency""",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (f"PRAGMA application_id = {APPLICATION_ID}", *_NAMES, *_ROUNDS, *_CONDENSED, *_VIEWS),
)


class HistoryError(MonitorError):
    """The file is not one that this program may write to or can read."""


def open_to_write(path: Path, *, patience: float) -> sqlite3.Connection:
    """Open an existing (perhaps empty) file, and bring its schema to the newest version.

    ``patience`` is how many seconds to wait for others who hold it locked. Raises HistoryError when it belongs to
    another program or a newer version of this one, sqlite3.Error when SQLite can't use it.
    """
    # One thread writes, but another may have to close the connection once that thread has ended.
    connection = sqlite3.connect(path, timeout=patience, isolation_level=None, check_same_thread=False)
    try:
        _check_owner(connection, path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = NORMAL")
        connection.execute("PRAGMA journal_size_limit = 8388608")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def open_to_read(path: Path) -> sqlite3.Connection:
    """Open a history that may be written to at the same time. Raises HistoryError when it can't be read."""
    if is_missing(path) or is_folder(path):
        raise HistoryError(f"there is no history at {path}: the service writes one (openai-monitor run)")
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=5, isolation_level=None)
    try:
        version = _check_owner(connection, path)
    except sqlite3.Error as error:
        connection.close()
        raise HistoryError(f"{path} can't be read: {error}") from None
    except HistoryError:
        connection.close()
        raise
    if version < len(MIGRATIONS):
        connection.close()
        raise HistoryError(
            f"{path} has no history of this version yet (schema {version}, {len(MIGRATIONS)} is expected): "
            "start the service once, which brings it up to date"
        )
    return connection


def is_of_another_program(path: Path) -> bool:
    """Tell whether the file is a database, and not one of ours; it is not changed."""
    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=0)) as connection:
            _check_owner(connection, path)
    except HistoryError:
        return True
    except sqlite3.Error:  # no database, or a damaged one
        return False
    return False


def _check_owner(connection: sqlite3.Connection, path: Path) -> int:
    """Refuse what is not ours to touch; gives the version of the schema."""
    owner, version = _pragma(connection, "application_id"), _pragma(connection, "user_version")
    is_empty = connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0] == 0
    if owner != APPLICATION_ID and not is_empty:
        raise HistoryError(f"{path} is a database of another program: give the history a path of its own")
    if version > len(MIGRATIONS):
        raise HistoryError(
            f"{path} was written by a newer openai-monitor (schema {version}, this one knows {len(MIGRATIONS)}): "
            "upgrade, or give the history another path"
        )
    return version


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    return int(connection.execute(f"PRAGMA {name}").fetchone()[0])


def migrate(connection: sqlite3.Connection) -> None:
    """Apply the migrations that the file lacks, each in a transaction of its own."""
    while (version := _pragma(connection, "user_version")) < len(MIGRATIONS):
        with transaction(connection):
            if _pragma(connection, "user_version") == version:  # nobody else did it meanwhile
                for statement in MIGRATIONS[version]:
                    connection.execute(statement)
                connection.execute(f"PRAGMA user_version = {version + 1}")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Make one transaction of the block: all of it is written, or nothing."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk has ended it already
            connection.execute("ROLLBACK")
        raise
