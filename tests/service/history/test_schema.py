import sqlite3
from contextlib import suppress
from pathlib import Path

import pytest
from tests.corpus import ROOT
from tests.service.history.rounds import answered, count, event, open_store, rows_of, write

from openai_monitor.service.history import schema
from openai_monitor.service.history.schema import MIGRATIONS, HistoryError, open_to_read, open_to_write

SECOND = ("ALTER TABLE round ADD COLUMN note TEXT", "CREATE TABLE extra (x)")


def version(path: Path) -> int:
    return int(str(rows_of(path, "PRAGMA user_version")[0][0]))


def test_a_new_file_has_the_newest_schema(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    open_to_write(path, patience=1).close()
    assert version(path) == len(MIGRATIONS)
    assert rows_of(path, "PRAGMA application_id") == [(schema.APPLICATION_ID,)]
    assert rows_of(path, "PRAGMA journal_mode") == [("wal",)]


def test_an_older_file_is_brought_up_to_date_and_keeps_its_rows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "history.sqlite"
    write(path, event(answered()))
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, SECOND))
    write(path, event(answered()))
    assert version(path) == len(MIGRATIONS) + 1
    assert count(path) == 2
    assert rows_of(path, "SELECT note FROM round") == [(None,), (None,)]


def test_a_migration_that_fails_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.sqlite"
    write(path, event(answered()))
    monkeypatch.setattr(schema, "MIGRATIONS", (*MIGRATIONS, (*SECOND, "NO SQL AT ALL")))
    with pytest.raises(sqlite3.OperationalError):
        open_to_write(path, patience=1)
    assert version(path) == len(MIGRATIONS)
    assert rows_of(path, "SELECT name FROM sqlite_schema WHERE name = 'extra'") == []
    monkeypatch.undo()
    write(path, event(answered()))
    assert count(path) == 2


@pytest.mark.parametrize("opening", [lambda path: open_to_write(path, patience=1), open_to_read])
def test_a_file_of_a_newer_version_is_refused(opening: object, tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    write(path, event(answered()))
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(HistoryError, match=r"newer openai-monitor \(schema 99, this one knows 1\): upgrade"):
        opening(path)  # type: ignore[operator]
    assert path.read_bytes() == before


@pytest.mark.parametrize("opening", [lambda path: open_to_write(path, patience=1), open_to_read])
def test_the_database_of_another_program_is_not_touched(opening: object, tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE bookmarks (url)")
    connection.close()
    before = path.read_bytes()
    with pytest.raises(HistoryError, match="a database of another program"):
        opening(path)  # type: ignore[operator]
    assert path.read_bytes() == before


def test_what_is_missing_or_no_database_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(HistoryError, match=r"there is no history at .*history\.sqlite: the service writes one"):
        open_to_read(tmp_path / "history.sqlite")
    (tmp_path / "text").write_text("no database" * 100)
    with pytest.raises(HistoryError, match="can't be read: file is not a database"):
        open_to_read(tmp_path / "text")


def test_the_documentation_names_every_table_and_column(tmp_path: Path) -> None:
    text = (ROOT / "docs" / "history.md").read_text(encoding="utf-8")
    path = tmp_path / "history.sqlite"
    open_to_write(path, patience=1).close()
    tables = [str(name) for (name,) in rows_of(path, "SELECT name FROM sqlite_schema WHERE type IN ('table', 'view')")]
    for table in tables:
        assert f"### `{table}`" in text, table
        described = text.split(f"### `{table}`")[1].split("\n#")[0]
        for (column,) in rows_of(path, "SELECT name FROM pragma_table_info(?)", table):
            assert f"`{column}`" in described, f"{table}.{column}"


def test_a_transaction_that_fails_writes_nothing_and_ends(tmp_path: Path) -> None:
    store = open_store(tmp_path / "history.sqlite")
    with suppress(ZeroDivisionError), schema.transaction(store.connection):
        store.write(event(answered()))
        raise ZeroDivisionError
    assert not store.connection.in_transaction
    assert store.connection.execute("SELECT count(*) FROM round").fetchone() == (0,)
    store.connection.close()
