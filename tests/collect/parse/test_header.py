"""A header set: one row of response headers."""

import asyncio
from collections.abc import Awaitable
from typing import Any, NoReturn

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Extracted, compile_parse
from openai_monitor.definition.model import Http


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


async def no_more(url: str) -> NoReturn:
    raise AssertionError(url)


def row(headers: list[tuple[str, str]], *aliases: str, status: int = 200, body: bytes = b"{}") -> tuple[Any, ...]:
    parse = compile_parse(Http(parse_type="header"), aliases, "limits")
    (found,) = asyncio.run(finish(parse(Answer(status, Headers(headers), body, 12, "http://host/"), no_more))).rows
    return tuple(found)


def test_an_alias_is_the_name_of_a_header_in_any_case() -> None:
    headers = [("Content-Type", "text/plain"), ("x-ratelimit-remaining-requests", "59")]
    assert row(headers, "content-type", "X-RateLimit-Remaining-Requests") == ("text/plain", "59")


def test_of_several_headers_the_first_counts() -> None:
    assert row([("X-A", "1"), ("X-A", "2")], "X-A") == ("1",)


def test_values_stay_as_they_were_sent() -> None:
    assert row([("X-A", ""), ("X-B", "007"), ("X-C", "6m0s")], "X-A", "X-B", "X-C") == ("", "007", "6m0s")


@pytest.mark.parametrize("alias", ["X-Missing", "responseTime", "keyword", ""])
def test_what_is_no_header_is_null(alias: str) -> None:
    assert row([("X-A", "1")], alias) == (None,)


def test_the_body_does_not_matter() -> None:
    assert row([("X-A", "1")], "X-A", status=204, body=b"") == ("1",)
