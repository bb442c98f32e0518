"""Answers that are one page of several, where nothing in the definition asks for the rest."""

import asyncio
from typing import Any

import pytest
import yaml
from tests.collect.test_rehearsal import definition_text, try_answer
from tests.collect.test_rounds import NOW, Table, a_set, definition_of

from openai_monitor.collect.plan import make_plan
from openai_monitor.collect.rounds import collect_round
from openai_monitor.definition.load import parse_definition
from openai_monitor.rows import MetricSetResult

ROWS = [{"v": 1}, {"v": 2}]
PAGES = {"costs.next_page": "$.next_page", "costs.page_parameter": "page"}


def collected(answers: Any, annotations: dict[str, str] | None = None, **keys: Any) -> MetricSetResult:
    """The set ``costs``, whose rows are the items of ``data``."""
    table = answers if isinstance(answers, Table) else Table({"/costs": answers})
    document = yaml.safe_load(definition_of(a_set("costs", "/costs", **{"script": "$.data[*]", **keys})))
    definition = parse_definition(yaml.safe_dump({**document, "annotations": annotations}), "acme.yml")
    return asyncio.run(collect_round(make_plan(definition, {}), table, clock=lambda: NOW))["costs"]


@pytest.mark.parametrize(
    ("beside", "said"),
    [
        ({"has_more": True}, "`$.has_more` is true"),
        ({"hasMore": "true"}, "`$.hasMore` is true"),
        ({"has_more": True, "next_page": "p2"}, "costs.next_page: $.next_page and costs.page_parameter: page"),
        ({"next_cursor": "abc"}, "costs.next_page: $.next_cursor and costs.page_parameter: cursor"),
        ({"nextPageToken": "abc"}, "costs.next_page: $.nextPageToken"),
        ({"meta": {"next_page": 2}}, "costs.next_page: $.meta.next_page"),
        ({"pagination": {"cursors": {"next": "abc"}}}, "costs.next_page: $.pagination.cursors.next"),
        ({"response_metadata": {"next_cursor": "dGVhbQ=="}}, "$.response_metadata.next_cursor"),
        ({"next": "https://api.example.com/costs?page=2"}, "`$.next` is the address of a further page"),
        ({"@odata.nextLink": "https://example.com/x"}, "`$['@odata.nextLink']` is the address of a further page"),
        ({"_links": {"next": {"href": "/costs?page=2"}}}, "`$._links.next` is the address of a further page"),
        ({"total": 31, "limit": 2}, "`$.total` is 31 and the list has 2"),
        ({"count": 31}, "`$.count` is 31 and the list has 2"),
        ({"total_count": 3}, "`$.total_count` is 3 and the list has 2"),
        ({"meta": {"total": 5, "offset": 0}}, "`$.meta.total` is 5"),
        ({"page": 1, "total_pages": 2}, "`$.total_pages` is 2 and this is page 1"),
    ],
)
def test_a_sign_of_more_pages_is_said_with_its_mend_and_leaves_the_set_incomplete(
    beside: dict[str, object], said: str
) -> None:
    result = collected({"data": ROWS, **beside})
    assert result.ok
    assert len(result.rows) == 2
    assert not result.complete
    assert said in result.message
    assert "rows are missing" in result.message
    assert "costs.most_pages: 1" in result.message


@pytest.mark.parametrize(
    "beside",
    [
        {},
        {"has_more": False, "next_page": None},
        {"has_more": False, "next_page": "p2", "total": 9},
        {"has_more": None, "next_cursor": ""},
        {"total": 2},
        {"total": 3.5},
        {"count": 1},
        {"total_usage": 108},
        {"next": "2026-04-01"},
        {"page": 2, "total_pages": 2},
        {"meta": {"total": 4, "offset": 2}},
        {"limits": {"count": 99}},
        {"total": "31"},
    ],
)
def test_what_counts_something_else_leaves_a_set_complete(beside: dict[str, object]) -> None:
    result = collected({"data": ROWS, **beside})
    assert result.complete
    assert result.message == ""


def test_a_total_that_is_the_sum_of_the_rows_is_no_count() -> None:
    assert collected({"data": [{"v": 10}, {"v": 20}], "total": 30}).complete


def test_a_total_that_the_set_reads_is_no_count() -> None:
    assert collected({"data": ROWS, "total": 31}, aliasFields=["v", "`parent`.total"]).complete


def test_an_object_that_is_the_row_has_no_pages() -> None:
    assert collected({"v": 1, "has_more": True, "total": 31}, script="$").complete


def test_where_the_first_page_is_meant_nothing_is_missing() -> None:
    result = collected({"data": ROWS, "has_more": True}, {"costs.most_pages": "1"})
    assert result.complete
    assert result.message == ""


@pytest.mark.parametrize("parse", ["parseType: jsonPath, parseScript: '$[*]'", "parseType: default"])
@pytest.mark.parametrize(
    "header",
    [
        ("Link", '<https://a/x?page=1>; rel="prev", <https://a/x?page=3>; rel="next"'),
        ("Link", "<https://a/x?page=3>; rel=next"),
        ("X-Next-Page", "3"),
        ("NextPageToken", "t2"),
        ("X-Total-Count", "31"),
    ],
)
def test_headers_tell_of_further_pages_too(header: tuple[str, str], parse: str) -> None:
    text = definition_text("{field: used, type: 0}", parse=parse)
    [warning] = try_answer(text, [{"used": 1}], headers=(header,)).result.warnings
    assert "rows are missing" in warning
    text = definition_text("{field: used, type: 0}", parse=parse, top="annotations: {usage.most_pages: '1'}")
    assert try_answer(text, [{"used": 1}], headers=(header,)).result.warnings == ()


def test_a_header_of_a_last_page_says_nothing() -> None:
    headers = (("Link", '<https://a/x?page=1>; rel="prev"; title="next"'), ("X-Next-Page", ""))
    text = definition_text("{field: used, type: 0}", parse="parseType: default")
    assert try_answer(text, [{"used": 1}], headers=headers).result.warnings == ()


def test_a_page_that_repeats_is_dropped_and_said() -> None:
    answers = {"/costs": {"data": ROWS, "next_page": "p2"}, "/costs?page=p2": {"data": ROWS, "next_page": "p3"}}
    result = collected(Table(answers), PAGES)
    assert result.rows == ((1,), (2,))
    assert not result.complete
    assert "page 2 is the same as one before it and was dropped" in result.message


def test_pages_whose_fields_are_alike_are_not_the_same() -> None:
    first, second = ([{"id": number, "v": 0}] for number in (1, 2))
    answers = {"/costs": {"data": first, "next_page": "p2"}, "/costs?page=p2": {"data": second}}
    result = collected(Table(answers), PAGES)
    assert result.rows == ((0,), (0,))
    assert result.complete


def test_empty_pages_are_not_repeats() -> None:
    answers = {
        "/costs": {"data": [], "next_page": "2"},
        "/costs?page=2": {"data": [], "next_page": "3"},
        "/costs?page=3": {"data": ROWS},
    }
    result = collected(Table(answers), PAGES)
    assert len(result.rows) == 2
    assert result.complete


def test_a_sign_of_more_behind_the_last_cursor_is_said() -> None:
    result = collected({"data": ROWS, "next_page": None, "links": {"next": "/costs?p=2"}}, PAGES)
    assert not result.complete
    assert "`$.links.next`" in result.message


@pytest.mark.parametrize(
    ("annotations", "answer"),
    [
        ({**PAGES, "costs.most_pages": "1"}, {"data": ROWS, "next_page": "p2"}),
        ({**PAGES, "costs.more_pages": "$.has_more"}, {"data": ROWS, "has_more": True}),
    ],
)
def test_pages_that_were_not_read_leave_a_set_incomplete(annotations: dict[str, str], answer: object) -> None:
    assert not collected(answer, annotations).complete


def test_a_set_asked_row_by_row_is_incomplete_when_a_request_failed_or_a_page_is_missing() -> None:
    first = a_set("first", "/ids", script="$[*]", fields=[{"field": "id", "type": 1}])
    second = a_set("second", "/of/^o^id^o^", 1, script="$.data[*]")
    definition = parse_definition(definition_of(first, second), "acme.yml")
    ids = [{"id": "a"}, {"id": "b"}]
    for of_b in ((500, ""), {"data": ROWS, "has_more": True}):
        table = Table({"/ids": ids, "/of/a": {"data": ROWS}, "/of/b": of_b})
        outcome = asyncio.run(collect_round(make_plan(definition, {}), table, clock=lambda: NOW))
        assert outcome["second"].ok
        assert not outcome["second"].complete
    whole = Table({"/ids": ids, "/of/a": {"data": ROWS}, "/of/b": {"data": ROWS}})
    assert asyncio.run(collect_round(make_plan(definition, {}), whole, clock=lambda: NOW))["second"].complete


def test_a_set_asked_for_the_rows_of_an_incomplete_one_is_incomplete_too() -> None:
    first = a_set("first", "/ids", script="$.data[*]", fields=[{"field": "id", "type": 1}])
    second = a_set("second", "/of/^o^id^o^", 1, script="$.data[*]")
    definition = parse_definition(definition_of(first, second), "acme.yml")
    of_each = {"/of/a": {"data": ROWS}, "/of/b": {"data": ROWS}}
    for more in (True, False):
        table = Table({"/ids": {"data": [{"id": "a"}, {"id": "b"}], "has_more": more}, **of_each})
        outcome = asyncio.run(collect_round(make_plan(definition, {}), table, clock=lambda: NOW))
        assert outcome["second"].complete is not more
        said = "it is asked for the rows of first, which is not complete" if more else ""
        assert outcome["second"].message == said
