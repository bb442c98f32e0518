"""Answers of a Prometheus query: rows of vectors and matrices, and what is refused."""

import asyncio
import contextlib
import json
from collections.abc import Awaitable
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Extracted, compile_parse
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


async def no_more(url: str) -> NoReturn:
    raise AssertionError(url)


def extract(document: Any, *aliases: str, status: int = 200) -> Extracted:
    body = document if isinstance(document, str) else json.dumps(document)
    parse = compile_parse(Http(parse_type="PromQL"), aliases, "usage")
    return asyncio.run(finish(parse(Answer(status, Headers([]), body.encode(), 3, "http://host/q"), no_more)))


def success(kind: str, result: Any) -> dict[str, Any]:
    return {"status": "success", "data": {"resultType": kind, "result": result}}


def series(value: Any, /, **labels: Any) -> dict[str, Any]:
    return {"metric": labels, "value": value}


def rows(document: Any, *aliases: str) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in extract(document, *aliases).rows]


def test_each_series_of_a_vector_is_a_row() -> None:
    answer = success("vector", [series([1.5, "1"], __name__="up", job="api"), series([1.5, "0.5"], job="db")])
    assert rows(answer, "__name__", "job", "value") == [("up", "api", "1"), (None, "db", "0.5")]


def test_each_sample_of_a_matrix_is_a_row() -> None:
    matrix = [{"metric": {"job": "a"}, "values": [[1, "1"], [2, "2"]]}, {"metric": {"job": "b"}, "values": []}]
    assert rows(success("matrix", matrix), "job", "value", "timestamp") == [("a", "1", 1000), ("a", "2", 2000)]


@pytest.mark.parametrize("value", ["NaN", "+Inf", "1e+21", "-0"])
def test_a_value_stays_as_it_is_written(value: str) -> None:
    assert rows(success("vector", [series([1, value])]), "value") == [(value,)]


@pytest.mark.parametrize(
    ("seconds", "milliseconds"),
    [
        (1700000000, 1700000000000),
        (1700000000.123, 1700000000123),
        (1700000000.0, 1700000000000),
        (1700000000.126, 1700000000126),
        (1.5, 1500.0),
        (None, None),
        (True, None),
        ("1", None),
    ],
)
def test_the_timestamp_is_in_milliseconds(seconds: Any, milliseconds: Any) -> None:
    ((timestamp,),) = rows(success("vector", [series([seconds, "1"])]), "timestamp")
    assert timestamp == milliseconds
    assert type(timestamp) is type(milliseconds)


def test_time_and_value_are_told_apart_by_their_places() -> None:
    assert rows(success("vector", [series([1700000000.5, 1])]), "value", "timestamp") == [(1, 1700000000500)]


def test_a_label_called_value_comes_before_the_value() -> None:
    assert rows(success("vector", [series([1, "7"], value="lab")]), "value") == [("lab",)]


def test_a_null_label_is_null() -> None:
    assert rows(success("vector", [series([1, "7"], job=None)]), "job", "other", "responseTime") == [(None, None, None)]


@pytest.mark.parametrize(
    "odd", [{"metric": {"job": "a"}}, {"metric": {"job": "a"}, "value": []}, {"metric": {"job": "a"}, "value": "1"}]
)
def test_a_series_without_a_sample_keeps_its_labels(odd: Any) -> None:
    assert rows(success("vector", [odd]), "job", "value", "timestamp") == [("a", None, None)]


def test_what_is_no_series_is_left_out_with_a_warning() -> None:
    extracted = extract(success("vector", [7, series([1, "1"]), None]), "value")
    assert extracted.rows == [("1",)]
    assert extracted.warnings == ["2 entries of the vector are no series and were left out"]


@pytest.mark.parametrize(
    "document",
    [
        success("scalar", [1, "2"]),
        success("string", [1, "x"]),
        {"status": "success", "data": {"resultType": ["matrix"], "result": []}},
        {"status": "success", "data": None},
        {"a": 1},
        [1],
        "42",
    ],
)
def test_an_answer_of_another_shape_has_no_rows_and_a_warning(document: Any) -> None:
    extracted = extract(document, "value")
    assert extracted.rows == []
    assert len(extracted.warnings) == 1


def test_an_empty_vector_is_no_reason_to_warn() -> None:
    assert extract(success("vector", []), "value") == Extracted([])


def test_an_answer_with_status_error_fails_with_its_words() -> None:
    with pytest.raises(CollectionError, match="bad_data: parse error at char 3") as failed:
        extract({"status": "error", "errorType": "bad_data", "error": "parse error at char 3"}, "value")
    assert failed.value.code is Code.FAIL


def test_warnings_of_the_server_are_handed_on() -> None:
    document = {**success("vector", []), "warnings": ["results may be partial"]}
    assert extract(document, "value").warnings == ["Prometheus warns: results may be partial"]


@pytest.mark.parametrize(
    "document", ["", "<html></html>", '{"status":', success("vector", None), success("matrix", {"a": 1})]
)
def test_what_can_not_be_read_fails(document: Any) -> None:
    with pytest.raises(CollectionError) as failed:
        extract(document, "value")
    assert failed.value.code is Code.FAIL


def test_no_content_has_no_rows() -> None:
    assert extract("", "value", status=204) == Extracted([])


_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["metric", "value", "values", "job"]), inner)
    ),
)


@given(kind=st.sampled_from(["vector", "matrix", "scalar"]), result=_values)
def test_only_a_collection_error_escapes(kind: str, result: Any) -> None:
    with contextlib.suppress(CollectionError):
        extracted = extract(success(kind, result), "job", "value", "timestamp")
        assert all(len(row) == 3 for row in extracted.rows)
