"""Java properties text: one row of keys, or rows of numbered keys."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Extracted, compile_parse
from openai_monitor.collect.parse.config import parse_properties
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


async def no_more(url: str) -> NoReturn:
    raise AssertionError(url)


def extract(
    body: str, *aliases: str, script: str | None = None, keyword: str | None = None, status: int = 200
) -> Extracted:
    parse = compile_parse(Http(parse_type="config", parse_script=script, keyword=keyword), aliases, "usage")
    return asyncio.run(
        finish(parse(Answer(status, Headers([]), body.encode("utf-8", "replace"), 12, "http://host/"), no_more))
    )


def rows(body: str, *aliases: str, script: str | None = None, keyword: str | None = None) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in extract(body, *aliases, script=script, keyword=keyword).rows]


def message(body: str) -> str:
    with pytest.raises(CollectionError) as failed:
        extract(body, "a")
    assert failed.value.code is Code.FAIL
    return str(failed.value)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a=1\nb = 2 ", {"a": "1", "b": "2 "}),
        ("a:1\nb: 2", {"a": "1", "b": "2"}),
        ("a 1\nb\t2", {"a": "1", "b": "2"}),
        ("a = = 1", {"a": "= 1"}),
        ("a", {"a": ""}),
        ("a=", {"a": ""}),
        ("=x", {"": "x"}),
        ("# c\n ! d\n  a=1", {"a": "1"}),
        ("# c \\\na=1", {"a": "1"}),
        ("a=1 # no comment", {"a": "1 # no comment"}),
        ("a=1\\\n   2\\\r\n\t3\\\r4", {"a": "1234"}),
        ("a=1\\\n\nb=2", {"a": "1", "b": "2"}),
        ("a\\\n  b=1", {"ab": "1"}),
        ("a=1\\\\\nb=2", {"a": "1\\", "b": "2"}),
        ("a=1\\", {"a": "1"}),
        ("a\\ b\\=c\\:d=1", {"a b=c:d": "1"}),
        ("a=\\t\\n\\r\\f\\q\\\\", {"a": "\t\n\r\fq\\"}),
        ("a=\\u00e9\\uD83D\\uDE00", {"a": "é😀"}),
        ("a=\\uD83D", {"a": "�"}),
        ("a=1\na=2", {"a": "2"}),
        ("a=1\r\nb=2\rc=3", {"a": "1", "b": "2", "c": "3"}),
        ("a=é\x85ü", {"a": "é\x85ü"}),
        ('{"plan":"x"}', {'{"plan"': '"x"}'}),
    ],
)
def test_text_is_read_as_java_util_properties_does(text: str, expected: dict[str, str]) -> None:
    assert parse_properties(text) == expected


def test_an_alias_is_a_key() -> None:
    body = "table.General.Name=cam\nusers[0].Name=admin\nplan=pro"
    assert rows(body, "plan", "table.General.Name", "users[0].Name", "cost") == [("pro", "cam", "admin", None)]


@pytest.mark.parametrize("script", [None, "users"])
def test_without_a_key_there_is_no_row_but_a_warning(script: str | None) -> None:
    extracted = extract("users[0].x=1", "plan", script=script)
    assert extracted == Extracted([], ["no key of the answer is an alias of this set"])


def test_numbered_keys_are_rows_in_the_order_of_their_numbers() -> None:
    body = "u[2].Name=bob\nu[10].Name=zed\nu[0].Name=\nu[1].Id=3\nuser[0].Name=no\nu.Name=no\nu[x].Name=no\nu[3]Name=no"
    assert rows(body, "Name", script="u") == [("",), ("bob",), ("zed",)]


def test_what_follows_the_number_may_be_nested_and_so_may_the_base() -> None:
    assert rows("t.u[0].a.b=1\nt.u[0].a.c=2\nt.u[1].a.b=3", "a.b", "a.c", script="t.u") == [("1", "2"), ("3", None)]


def test_a_number_with_a_leading_zero_fills_no_row() -> None:
    assert rows("u[00].Name=a\nu[1].Name=b\nu[99999999999].Name=c", "Name", script="u") == [("b",)]


def test_time_and_keyword_are_known_beside_the_keys() -> None:
    assert rows("plan=pro pro", "plan", "keyword", "responseTime", keyword="pro") == [("pro pro", 2, 12)]
    assert rows("x=1", "plan", "keyword") == [(None, 0)]
    assert rows("u[0].a=1\nu[1].b=2", "a", "keyword", script="u", keyword="u") == [("1", 2), (None, 2)]


def test_a_key_called_keyword_comes_before_the_count() -> None:
    assert rows("keyword=mine", "keyword", keyword="m") == [("mine",)]


def test_an_empty_body_fails_unless_its_status_says_so() -> None:
    assert "empty" in message(" \n")
    assert extract("", "a", status=204) == Extracted([])


def test_a_web_page_is_no_configuration() -> None:
    assert "HTML page" in message("<!DOCTYPE html>\n<html><body>a=1</body></html>")


def test_a_broken_escape_fails_with_its_line() -> None:
    assert (
        message("x=1\r\n# c\r\na=\\u12x4\r\n")
        == r"line 3 of the answer has \u without four hex digits, so it is no properties text"
    )


@pytest.mark.parametrize(
    "body",
    ["a=" + "\\" * 2_000_000, "a=\\\n" * 500_000, "a=1\n" * 500_000],
    ids=["backslashes", "continuations", "lines"],
)
def test_too_many_lines_and_escapes_are_refused(body: str) -> None:
    assert "lines and escapes" in message(body)


@pytest.mark.parametrize(
    "body",
    ["a=" + "x" * 5_000_000, "a" + " " * 5_000_000, ":" * 5_000_000, "a\\b" * 33_000],
    ids=["long", "blanks", "colons", "key"],
)
def test_long_lines_are_read_in_linear_time(body: str) -> None:
    start = time.process_time()
    extract(body, "a")
    assert time.process_time() - start < 3


@given(st.text(alphabet="ab[]0.=: \t\\u\n\r#!é", max_size=40))
def test_only_a_collection_error_escapes(body: str) -> None:
    for script in (None, "a"):
        with contextlib.suppress(CollectionError):
            extract(body, "a", "b", script=script)


@given(st.dictionaries(st.text(min_size=1), st.text(), max_size=4))
def test_what_is_written_with_escapes_is_read_back(properties: dict[str, str]) -> None:
    def escaped(text: str) -> str:
        units = text.encode("utf-16-be", "surrogatepass").hex(" ", 2).split()
        return "".join(f"\\u{unit}" for unit in units)

    text = "\n".join(f"{escaped(key)}={escaped(value)}" for key, value in properties.items())
    assert parse_properties(text) == properties
