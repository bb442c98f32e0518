"""A first definition out of a sample answer: what is found, how it is named, and that it works at once."""

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from openai_monitor.authoring.draft import Address, draft, read_address
from openai_monitor.authoring.sample import MOST_COLUMNS, MOST_TABLES, Table, find_tables
from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.rehearsal import rehearse
from openai_monitor.definition.lint import validate, validate_for_hertzbeat
from openai_monitor.definition.load import Definition, parse_definition
from openai_monitor.errors import ParameterError, SettingsError
from openai_monitor.rows import MetricSetResult

USAGE = {
    "object": "list",
    "daily_costs": [
        {"timestamp": 1.0, "line_items": [{"name": "a", "cost": 1.5}, {"name": "b", "cost": 2}]},
        {"timestamp": 2.0, "line_items": [{"name": "c", "cost": 0}]},
    ],
    "total_usage": 3.5,
}


def text_of(document: object, name: str = "acme", url: str | None = None) -> str:
    return draft(name, json.dumps(document).encode(), read_address(url) if url else None).text


def definition_of(document: object, name: str = "acme") -> Definition:
    return parse_definition(text_of(document, name), f"{name}.yml")


def rows_of(document: object, metrics: str) -> MetricSetResult:
    answer = Answer(200, Headers(()), json.dumps(document).encode(), 0, "")
    return asyncio.run(rehearse(definition_of(document), metrics, answer)).result


def fields(document: object) -> list[tuple[str | None, int, bool]]:
    first, *_ = definition_of(document).sets
    return [(spec.field, spec.type, spec.label) for spec in first.fields]


# Tables


def paths(tables: list[Table]) -> list[tuple[str, int]]:
    return [(table.path, table.size) for table in tables]


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"a": 1}, [("$", 1)]),
        ([{"a": 1}, {"a": 2}], [("$[*]", 2)]),
        ({"data": [{"a": 1}]}, [("$.data[*]", 1)]),
        ({"few": [{"a": 1}], "many": [{"a": 1}, {"a": 2}]}, [("$.many[*]", 2), ("$.few[*]", 1)]),
        (USAGE, [("$.daily_costs[*].line_items[*]", 3), ("$", 1), ("$.daily_costs[*]", 2)]),
        ({"resources": {"core": {"limit": 1}, "search": {"limit": 2}}}, [("$.resources.core", 1), ("$.resources.search", 1)]),
        ({"a": 1, "plan": {"title": "x"}}, [("$", 1)]),
        ({"a": 1, "plan": {"title": "x", "deep": {"b": 1}}}, [("$", 1), ("$.plan.deep", 1)]),
        ({"odd key": {"a": 1}}, [("$['odd key']", 1)]),
        ([], []),
        ({}, []),
        (7, []),
        ([1, 2], []),
        ([[{"a": 1}]], []),
        ({"data": []}, []),
    ],
)  # fmt: skip
def test_the_longest_list_of_objects_comes_first(document: object, expected: list[tuple[str, int]]) -> None:
    assert paths(find_tables(document)) == expected


def test_objects_inside_a_row_are_read_one_level_deep() -> None:
    (table,) = find_tables([{"id": 1, "plan": {"title": "x", "more": [1]}}, {"id": 2, "plan": None}])
    assert [column.alias for column in table.columns] == ["id", "$.plan.title"]


def test_what_is_left_out_is_told() -> None:
    (table,) = find_tables({"a": 1, "tags": ["x"], "none": [], "we'ird": 1, "ClassLoader": 1})
    assert table.left_out == (
        "`tags`: a list of texts",
        "`none`: empty in the sample",
        "`we'ird`: a key that needs care",
        "`ClassLoader`: a key that needs care",
    )


def test_a_table_has_so_many_columns() -> None:
    (table,) = find_tables({f"k{number}": number for number in range(MOST_COLUMNS + 1)})
    assert len(table.columns) == MOST_COLUMNS
    assert table.left_out == (f"`k{MOST_COLUMNS}`: one field too many",)


# Fields


def test_numbers_are_type_0_and_the_rest_is_text() -> None:
    row = {"n": 1, "f": 1.5, "t": "x", "b": True, "none": None, "money": "12.50", "version": "1.2.3", "zip": "00123"}
    assert [(name, kind) for name, kind, _ in fields({"data": [row]})] == [
        ("n", 0), ("f", 0), ("t", 1), ("b", 1), ("none", 1), ("money", 0), ("version", 1), ("zip", 1),
    ]  # fmt: skip
    text = text_of({"data": [row]})
    assert "type: 1  # null in the sample" in text
    assert "type: 0  # a text in the sample, which reads as a number" in text


@pytest.mark.parametrize(
    ("rows", "label"),
    [
        ([{"cost": 1, "name": "x"}], "name"),
        ([{"note": "x", "project_id": "p"}], "project_id"),
        ([{"region": "eu", "model": "m"}], "region"),
        ([{"day": "mon", "n": 1}, {"day": "tue", "n": 1}], "day"),
        ([{"day": "mon", "n": 1}, {"day": "mon", "n": 1}], None),
        ([{"id": 1}], None),
    ],
)
def test_the_label_is_the_first_text_that_is_called_like_one(rows: object, label: str | None) -> None:
    labels = [name for name, _, is_label in fields({"rows": rows}) if is_label]
    assert labels == ([label] if label else [])


def test_a_single_object_needs_no_label() -> None:
    assert fields({"name": "x"}) == [("name", 1, False)]


@pytest.mark.parametrize(
    ("key", "field", "calculate"),
    [
        ("cost", "cost", None),
        ("a.b", "a_b", "a_b=a.b"),
        ("size", "size_value", "size_value=get('size')"),
        ("instance", "instance_value", "instance_value=instance"),
        ("Content-Length", "Content_Length", "Content_Length=get('Content-Length')"),
        ("the name", "the_name", "the_name=get('the name')"),
        ("2nd", "f_2nd", "f_2nd=get('2nd')"),
        ("@type", "type", "type=get('@type')"),
        ("true", "true_value", "true_value=get('true')"),
        ("200", "f_200", "f_200=get('200')"),
    ],
)
def test_fields_are_named_as_the_language_wants_and_find_their_values(
    key: str, field: str, calculate: str | None
) -> None:
    document = {key: 7}
    (metric_set,) = definition_of(document).sets
    assert metric_set.fields[0].field == field
    assert (metric_set.calculates or [None]) == [calculate]
    assert rows_of(document, "acme").rows == ((7,),)


def test_names_that_meet_are_told_apart() -> None:
    assert [name for name, _, _ in fields({"a b": 1, "a.b": 2, "a": {"b": 3}})] == ["a_b", "a_b_2", "a_b_3"]


# The whole


def test_a_draft_reads_its_sample_at_once() -> None:
    assert rows_of(USAGE, "line_items").rows == (("a", 1.5), ("b", 2), ("c", 0))
    assert rows_of(USAGE, "acme").rows == (("list", 3.5),)
    assert rows_of(USAGE, "daily_costs").rows == ((1.0,), (2.0,))


def test_a_draft_has_neither_errors_nor_warnings() -> None:
    text = text_of(USAGE)
    assert validate(text, "acme.yml") == []
    assert validate_for_hertzbeat(text, "acme.yml") == []


def test_only_the_first_set_ends_the_round() -> None:
    assert [metric_set.priority for metric_set in definition_of(USAGE).sets] == [0, 1, 1]


def test_many_tables_are_named_but_not_all_drafted() -> None:
    document = {f"t{number:02}": [{"a": 1}] for number in range(MOST_TABLES + 2)}
    text = text_of(document)
    assert text.count("  - name: t") == MOST_TABLES
    assert "# Also in the answer: $.t13[*], 1 row." in text


def test_nothing_of_the_answer_but_its_keys_is_written() -> None:
    assert "hunter22" not in text_of({"rows": [{"name": "hunter22", "n": 1}]})


@pytest.mark.parametrize("body", [b"", b"<html>", b"7", b"[]", b"{}", b"[1]", b"null", b"\xff\xfe", b"[" * 100_000])
def test_an_answer_without_anything_to_collect_is_refused(body: bytes) -> None:
    with pytest.raises(SettingsError, match="no definition can be drafted"):
        draft("acme", body)


@pytest.mark.parametrize("name", ["", "a b", "1a", "a/b", "a\n", "x" * 64, "ü"])
def test_a_name_that_can_be_none_is_refused(name: str) -> None:
    with pytest.raises(ParameterError, match="can't be the name"):
        draft(name, b"{}")


keys = st.text(min_size=1, max_size=12) | st.sampled_from(
    ["id", "size", "a b", "$.a", "`key`", "^_^a^_^", "'", "null", "!!x"]
)
scalars = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=12)
documents = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(keys, inner, max_size=5), max_leaves=25
)


@settings(max_examples=150, deadline=None)
@given(documents)
def test_any_json_gives_a_good_definition_or_a_refusal(document: object) -> None:
    try:
        text = text_of(document)
    except SettingsError:
        return
    assert [str(found) for found in validate(text, "acme.yml") if found.severity == "error"] == []
    assert [str(found) for found in validate_for_hertzbeat(text, "acme.yml")] == []
    first, *_ = parse_definition(text, "acme.yml").sets
    result = rows_of(document, first.name or "")
    assert result.rows or "error inside" in result.message or result.warnings


# Addresses


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://api.example.com", Address("api.example.com")),
        ("http://localhost:8080/v1", Address("localhost", 8080, tls=False, path="/v1")),
        ("http://a.example/x", Address("a.example", 80, tls=False, path="/x")),
        ("https://a.example/a%20b?q=1%202&e=", Address("a.example", path="/a b", query=(("q", "1 2"), ("e", "")))),
        (
            "https://a.example/?api_key=abc",
            Address("a.example", path="/", query=(("api_key", "abc"),), secret=frozenset({"api_key"})),
        ),
        ("https://[::1]:8443/", Address("::1", 8443)),
    ],
)
def test_the_parts_of_a_url(url: str, address: Address) -> None:
    assert read_address(url) == address


@pytest.mark.parametrize(
    "url",
    ["a.example", "ftp://a", "https:///p", "https://a:b", "https://u:p@a/", "https://a/\n", "https://a/^_^x^_^"],
)
def test_what_is_no_web_address_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ParameterError, match="--url") as caught:
        read_address(url)
    assert url not in str(caught.value)


def test_the_address_is_the_default_of_its_parameters() -> None:
    definition = parse_definition(text_of({"a": 1}, url="http://a.example:81/v1?day=1"), "acme.yml")
    assert {spec.field: spec.default_value for spec in definition.params} == {
        "host": "a.example",
        "port": "81",
        "ssl": "false",
        "token": None,
    }
    http = definition.sets[0].http
    assert http is not None
    assert (http.url, http.params) == ("/v1", {"day": "1"})
    assert http.authorization is not None


def test_a_key_in_the_query_becomes_the_parameter() -> None:
    text = text_of({"a": 1}, url="https://a.example/?api_key=hunter22&x=1")
    http = parse_definition(text, "acme.yml").sets[0].http
    assert "hunter22" not in text
    assert http is not None
    assert http.params == {"api_key": "^_^token^_^", "x": "1"}
    assert http.authorization is None


# Pages


PAGE = {"data": [{"id": "a", "cost": 1}, {"id": "b", "cost": 2}]}


@pytest.mark.parametrize(
    ("beside", "annotations"),
    [
        ({"has_more": True, "next_page": "p2"}, ("$.next_page", "page", "$.has_more")),
        ({"has_more": False, "next_page": None}, ("$.next_page", "page", "$.has_more")),
        ({"meta": {"next_cursor": "x"}}, ("$.meta.next_cursor", "cursor", None)),
    ],
)
def test_pages_in_the_sample_are_drafted(beside: dict[str, object], annotations: tuple[str, str, str | None]) -> None:
    given = definition_of({**PAGE, **beside}).document.annotations or {}
    words = ("next_page", "page_parameter", "more_pages")
    assert tuple(given.get(f"data.{word}") for word in words) == annotations


def test_a_sign_of_more_pages_without_a_cursor_is_a_remark_of_the_draft() -> None:
    text = text_of({**PAGE, "total": 31})
    assert "# rows are missing: `$.total` is 31 and the list has 2" in text
    assert "annotations:" not in text
    assert "annotations:" not in text_of(PAGE)
