"""A website set: one row about the answer, whatever its body."""

import asyncio
from collections.abc import Awaitable
from typing import Any, NoReturn

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Extracted, compile_parse
from openai_monitor.definition.model import Http
from openai_monitor.errors import PatternSyntaxError


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


async def no_more(url: str) -> NoReturn:
    raise AssertionError(url)


def row(body: str, *aliases: str, status: int = 200, keyword: str | None = None) -> tuple[Any, ...]:
    parse = compile_parse(Http(parse_type="website", keyword=keyword), aliases, "usage")
    (found,) = asyncio.run(finish(parse(Answer(status, Headers([]), body.encode(), 12, "http://host/"), no_more))).rows
    return tuple(found)


def test_status_time_and_keyword_are_known() -> None:
    aliases = ("statusCode", "responseTime", "keyword", "title")
    assert row("<html>Hello hello</html>", *aliases, keyword="ello") == (200, 12, 2, None)


def test_their_names_are_found_in_any_case() -> None:
    assert row("x", "STATUSCODE", "responsetime", "Keyword", keyword="x") == (200, 12, 1)


@pytest.mark.parametrize(
    ("keyword", "body", "count"),
    [
        ("^a", "a\na\na", 1),
        ("aa", "aaaaa", 2),
        (".", "a\nb", 2),
        ("日本", "日本日本", 2),
        ("a|b", "abc", 2),
        ("x*", "", 0),
        (None, "x", 0),
        (" ", "a b", 0),
    ],
)
def test_the_keyword_is_a_pattern_and_its_matches_are_counted(keyword: str | None, body: str, count: int) -> None:
    assert row(body, "keyword", keyword=keyword) == (count,)


@pytest.mark.parametrize(("body", "status"), [("", 200), ("gone gone", 404), ("x", 503)])
def test_any_answer_is_a_row(body: str, status: int) -> None:
    assert row(body, "statusCode", status=status) == (status,)


def test_a_keyword_that_is_no_pattern_is_refused_before_a_request() -> None:
    with pytest.raises(PatternSyntaxError):
        row("[[[", "keyword", keyword="[")


def test_a_keyword_that_no_alias_counts_is_not_looked_at() -> None:
    assert row("[[[", "statusCode", keyword="[") == (200,)
