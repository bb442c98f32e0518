from typing import Any

import pytest
from tests.hertzbeat_cluster import samples
from tests.hertzbeat_cluster.reading import Seen, read_payload

from openai_monitor.hertzbeat.arrow import Column, Table, payload

WITH_ROWS = [9, 10, 11, 12, 13, 19, 21]


def told(number: int) -> dict[str, Any]:
    [arrow] = samples.sample(number)["decoded"]["arrow"]
    found: dict[str, Any] = arrow
    return found


def table_like(recorded: dict[str, Any]) -> Table:
    names = [field["name"] for field in recorded["fields"]]
    columns = tuple(Column(field["name"], tuple(field["metadata"].items())) for field in recorded["fields"])
    return Table(columns, recorded["schema_metadata"], [[row[name] for name in names] for row in recorded["rows"]])


def named(name: str, *rows: list[str]) -> Table:
    column = Column("name", (("type", "1"), ("unit", ""), ("label", "true")))
    return Table((column,), {"id": "1", "metrics": name}, rows)


def same(seen: Seen, recorded: dict[str, Any]) -> bool:
    fields = [{**field, "arrow_type": "string"} for field in recorded["fields"]]
    return (seen.metadata, seen.fields, seen.rows) == (recorded["schema_metadata"], fields, recorded["rows"])


@samples.recorded
@pytest.mark.parametrize("number", WITH_ROWS)
def test_recorded_rows_are_read_as_they_were(number: int) -> None:
    [seen] = read_payload(samples.arrow_payload(number))
    assert same(seen, told(number))


@samples.recorded
@pytest.mark.parametrize("number", WITH_ROWS)
def test_what_a_manager_accepted_is_written_again(number: int) -> None:
    recorded = told(number)
    [seen] = read_payload(payload([table_like(recorded)]))
    assert same(seen, recorded)
    assert seen.batches == 1


def test_several_tables_stand_behind_their_lengths() -> None:
    tables = [named("basic"), named("detail", ["a"], ["b"]), named("basic")]
    assert [(each.name, len(each.rows)) for each in read_payload(payload(tables))] == [
        ("basic", 0),
        ("detail", 2),
        ("basic", 0),
    ]
    assert read_payload(payload([])) == []


def test_managers_before_1_8_get_no_lengths() -> None:
    tables = [named("basic", ["a"]), named("detail")]
    streams = [payload([table])[8:] for table in tables]
    assert payload(tables, lengths=False) == b"\0\0\0\2" + b"".join(streams)


def test_an_empty_table_has_columns_and_one_empty_batch() -> None:
    [seen] = read_payload(payload([named("basic")]))
    assert [(field["name"], field["metadata"]) for field in seen.fields] == [
        ("name", {"type": "1", "unit": "", "label": "true"})
    ]
    assert (seen.rows, seen.batches) == ([], 1)


def test_a_table_without_columns_can_be_sent() -> None:
    [seen] = read_payload(payload([Table((), {"id": "1", "metrics": "m"}, [])]))
    assert (seen.fields, seen.rows) == ([], [])


def test_any_text_survives() -> None:
    texts = ["", "ünï", "鍵", "🔑", "a\0b", "x" * 100_000, "&nbsp;"]
    [seen] = read_payload(payload([Table((Column("t", ()),), {"m": "ü"}, [[text] for text in texts])]))
    assert [row["t"] for row in seen.rows] == texts
    assert seen.metadata == {"m": "ü"}


def test_a_lone_surrogate_is_replaced() -> None:
    [seen] = read_payload(
        payload([Table((Column("t\udfff", (("unit", "\ud800"),)),), {"m\ud800": "x\ud800", "id": "1"}, [["a\ud800"]])])
    )
    assert seen.rows == [{"t?": "a?"}]
    assert seen.metadata == {"m?": "x?", "id": "1"}
