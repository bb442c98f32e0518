import asyncio
import json
from collections.abc import Awaitable

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Extracted, compile_parse
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError, PathSyntaxError, PatternSyntaxError


async def ask(_url: str) -> Answer:
    raise AssertionError("a JSON answer is complete")


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


def extract(
    script: str | None, aliases: tuple[str, ...], document: object, *, keyword: str | None = None, status: int = 200
) -> Extracted:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    parse = compile_parse(Http(parse_type="jsonPath", parse_script=script, keyword=keyword), aliases, "usage")
    return asyncio.run(finish(parse(Answer(status, Headers([]), body, 12, "http://127.0.0.1/"), ask)))


def rows(
    script: str | None, aliases: tuple[str, ...], document: object, *, keyword: str | None = None
) -> list[list[object]]:
    extracted = extract(script, aliases, document, keyword=keyword)
    assert not (extracted.rows and extracted.warnings)
    return [list(row) for row in extracted.rows]


def test_each_selected_object_is_a_row() -> None:
    document = {"data": [{"id": "a", "n": 1}, {"id": "b", "n": None}, {"id": "c"}]}
    assert rows("$.data[*]", ("id", "n"), document) == [["a", 1], ["b", None], ["c", None]]
    assert rows("$.data[*]", ("id",), document) == [["a"], ["b"], ["c"]]
    assert rows("$.data[0]", (), document) == [[]]
    assert rows("$", ("data", "zz"), document) == [[document["data"], None]]


def test_texts_and_numbers_are_rows_and_fill_every_alias() -> None:
    mixed = [1, "b", True, None, {"a": 5}, [{"a": 6}], 2.5, False]
    assert rows("$[*]", ("a", "b"), mixed) == [[1, 1], ["b", "b"], [5, None], [2.5, 2.5]]
    assert rows("$[*]", ("x", "responseTime"), ["t"]) == [["t", 12]]


def test_lists_booleans_and_nulls_are_no_rows() -> None:
    assert rows("$[*]", ("a",), [[1], {"a": 1}, None, True]) == [[1]]


def test_a_literal_key_comes_before_a_path_and_a_path_is_read_inside_the_row() -> None:
    document = [{"$.x.y": 1, "x": {"y": 2}}, {"x": {"y": 3}}, {"$.x.y": None, "x": {"y": 4}}, {"x": None}, {}]
    assert rows("$[*]", ("$.x.y",), document) == [[1], [3], [4], [None], [None]]


def test_a_row_without_a_key_does_not_shift_the_others() -> None:
    document = {
        "rows": [
            {"n": "a", "l": [{"k": "R", "v": 1}]},
            {"n": "b"},
            {"n": "c", "l": [{"k": "S", "v": 2}, {"k": "R", "v": 3}]},
        ]
    }
    assert rows("$.rows[*]", ("n", "$.l[?(@.k == 'R')].v", "$.l[*].v", "$.l[-1].v"), document) == [
        ["a", 1, 1, 1],
        ["b", None, None, None],
        ["c", 3, 2, 3],
    ]


def test_only_a_dollar_and_a_dot_make_an_alias_a_path() -> None:
    document = {"$ref": "r", "a[0]": 1, "5m": 7, "x": [1]}
    assert rows("$", ("$ref", "a[0]", "$['5m']", "$[0]", "x[0]", "$.x[0]"), document) == [["r", 1, None, None, None, 1]]


def test_response_time_and_keyword_in_any_case() -> None:
    document = {"a": "x x x"}
    assert rows("$", ("responseTime", "keyword", "a"), document, keyword="x") == [[12, 3, "x x x"]]
    assert rows("$", ("RESPONSETIME", "KeyWord"), document, keyword="x") == [[12, 3]]
    assert rows("$", ("keyword",), document) == [[0]]
    assert rows("$", ("responseTime", "keyword"), {"responseTime": "9", "keyword": None}, keyword="9") == [["9", 1]]


def test_the_keyword_is_counted_once_for_all_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[str] = []

    def count(_pattern: object, text: str) -> int:
        counted.append(text)
        return 7

    monkeypatch.setattr("openai_monitor.definition.pattern.Pattern.count", count)
    assert rows("$[*]", ("keyword",), ["a", "b", {"c": 1}], keyword="once only") == [[7], [7], [7]]
    assert len(counted) == 1


@pytest.mark.parametrize(
    ("script", "document", "warning"),
    [
        ("$", [{"a": 1}], "no rows: `$` selects a list, which is no row; `$[*]` selects its items"),
        ("data", {"data": []}, "no rows: `data` selects a list, which is no row; `data[*]` selects its items"),
        ("$.ok", {"ok": True}, "no rows: `$.ok` selects true, and rows are objects, texts or numbers"),
        ("$.ok", {"ok": None}, "no rows: `$.ok` selects null, and rows are objects, texts or numbers"),
        ("$.item", {"items": []}, "no rows: `$` exists, `item` does not; did you mean `items`?"),
        ("$.*", "text", "no rows: `$` is a text, not a list or an object"),
        (
            "$.data[*].result[*]",
            {"data": [{"results": []}, {"results": []}]},
            "no rows: none of the 2 values of `$.data[*]` fits: the first exists, `result` does not; did you mean `results`?",
        ),
        (None, {}, "parseScript is empty, so no rows are selected; `$` is the whole answer"),
        ("", {}, "parseScript is empty, so no rows are selected; `$` is the whole answer"),
    ],
)
def test_readable_data_of_another_shape_gives_no_rows_and_a_warning(
    script: str | None, document: object, warning: str
) -> None:
    extracted = extract(script, ("a",), document)
    assert (extracted.rows, extracted.warnings) == ([], [warning])


@pytest.mark.parametrize(
    ("script", "document"),
    [
        ("$.data[*]", {"data": []}),
        ("$.*", {}),
        ("$.data[?(@.id == 'zz')]", {"data": [{"id": "a"}]}),
        ("$.d[*].r[*]", {"d": [{"r": []}]}),
    ],
)
def test_no_rows_where_there_are_none_is_no_reason_to_warn(script: str, document: object) -> None:
    extracted = extract(script, ("a",), document)
    assert (extracted.rows, extracted.warnings) == ([], [])


@pytest.mark.parametrize(
    ("script", "document", "message"),
    [
        (
            "$.daily_costs[0].line_item[*]",
            {"daily_costs": [{"line_items": []}]},
            (
                "the answer does not have the shape that parseScript `$.daily_costs[0].line_item[*]` expects: "
                "`$.daily_costs[0]` exists, `line_item` does not; did you mean `line_items`?"
            ),
        ),
        (
            "$.a[0]",
            {"a": []},
            "the answer does not have the shape that parseScript `$.a[0]` expects: `$.a` has 0 items, none at [0]",
        ),
        ("$", None, "the answer is null where data was expected; check the url and its parameters"),
        (
            "$..a",
            b"<html>",
            "the answer is an HTML page where JSON was expected; check host and url, and whether a login page or a proxy stands in between",
        ),
    ],
)
def test_a_missing_inner_step_fails_the_set(script: str, document: object, message: str) -> None:
    with pytest.raises(CollectionError) as caught:
        extract(script, ("a",), document)
    assert str(caught.value) == message


def test_an_accepted_204_has_no_rows() -> None:
    assert extract("$", ("a",), b"", status=204) == Extracted([])


def test_what_does_not_compile_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(PathSyntaxError):
        compile_parse(Http(parse_type="jsonPath", parse_script="$.a b"), ("a",), "usage")
    with pytest.raises(PathSyntaxError):
        compile_parse(Http(parse_type="jsonPath", parse_script="$"), ("$.[",), "usage")
    with pytest.raises(PatternSyntaxError):
        compile_parse(Http(parse_type="jsonPath", parse_script="$", keyword="["), ("keyword",), "usage")
    compile_parse(Http(parse_type="jsonPath", parse_script="$", keyword="["), ("a",), "usage")


def test_rows_that_lack_keys_cost_the_same_values_as_rows_that_do_not() -> None:
    complete = [{"a": n, "b": -n} for n in range(100)]
    ragged = [*complete, {"a": 1}]
    assert rows("$[*]", ("a", "b"), complete) == rows("$[*]", ("a", "b"), ragged)[:-1]
    assert rows("$[*]", ("a", "b"), ragged)[-1] == [1, None]


@pytest.mark.parametrize("script", [None, "", "  ", "\n"])
def test_a_blank_script_selects_no_rows(script: str | None) -> None:
    extracted = extract(script, ("a",), {"a": 1})
    assert extracted.rows == []
    assert extracted.warnings == ["parseScript is empty, so no rows are selected; `$` is the whole answer"]


@pytest.mark.parametrize("alias", ["n", "`key`"])
def test_a_filter_that_can_not_be_answered_fails_the_set(alias: str) -> None:
    with pytest.raises(CollectionError, match="computes on what holds no numbers"):
        extract("$[?(@.v.sum() > 1)]", (alias,), [{"v": [2]}, {"v": []}])
