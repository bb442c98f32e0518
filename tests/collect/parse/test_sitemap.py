"""Sitemaps: which pages are listed, how they are asked for, and what a row says of each."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Ask, Extracted, compile_parse
from openai_monitor.collect.parse.sitemap import AT_ONCE, MAX_PAGES
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

ALIASES = ("url", "statusCode", "responseTime", "errorMsg")


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


def page(status: int, url: str) -> Answer:
    return Answer(status, Headers([]), b"x", 7, url)


class Web:
    """Pages by URL: a status or an error; counts how many are asked for at once."""

    def __init__(self, pages: dict[str, int | CollectionError] | None = None) -> None:
        self.pages = pages or {}
        self.asked: list[str] = []
        self.open = self.most = 0

    async def __call__(self, url: str) -> Answer:
        self.asked.append(url)
        self.open += 1
        self.most = max(self.most, self.open)
        await asyncio.sleep(0)
        self.open -= 1
        found = self.pages.get(url, 200)
        if isinstance(found, CollectionError):
            raise found
        return page(found, url)


def extract(body: str | bytes, ask: Ask, *aliases: str, status: int = 200) -> Extracted:
    content = body.encode() if isinstance(body, str) else body
    parse = compile_parse(Http(parse_type="sitemap"), aliases or ALIASES, "pages")
    return asyncio.run(finish(parse(Answer(status, Headers([]), content, 3, "http://host/sitemap.xml"), ask)))


def urls(body: str | bytes) -> list[Any]:
    return [row[0] for row in extract(body, Web(), "url").rows]


def urlset(*locations: str) -> str:
    return f"<urlset>{''.join(f'<url><loc>{location}</loc></url>' for location in locations)}</urlset>"


def test_each_page_is_a_row_whatever_its_status() -> None:
    web = Web({"http://h/b": 503})
    found = extract(urlset("http://h/a", "http://h/b"), web)
    assert found.rows == [("http://h/a", 200, 7, ""), ("http://h/b", 503, 7, "")]


def test_names_of_aliases_are_found_in_any_case() -> None:
    assert extract(urlset("http://h/a"), Web(), "URL", "statuscode", "title").rows == [("http://h/a", 200, None)]


@pytest.mark.parametrize(
    "body",
    [
        '<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9"><url><loc>http://h/a</loc></url></urlset>',
        '<s:urlset xmlns:s="urn:x"><s:url><s:loc>http://h/a</s:loc></s:url></s:urlset>',
        "<urlset><url><x/></url><url><loc>\n http://h/a\n</loc></url><url><loc/></url></urlset>",
        "<urlset><url><loc>http://h/a</loc><loc>http://h/b</loc></url></urlset>",
        "<x:urlset><url><loc>http://h/a</loc></url></x:urlset>",
        "http://h/a",
        "\ufeffhttp://h/a\r\n",
    ],
    ids=["namespace", "prefix", "blanks and gaps", "two in one", "undeclared", "text", "mark and CRLF"],
)
def test_pages_are_found_in_xml_and_text(body: str) -> None:
    assert urls(body) == ["http://h/a"]


def test_lines_of_a_text_end_in_either_way() -> None:
    assert urls("http://h/a\r\nhttp://h/b\r\n") == ["http://h/a", "http://h/b"]


@pytest.mark.parametrize(
    "body", ["hello\nhttp://h/a", "null", '{"a":1}', "<sitemapindex><sitemap/></sitemapindex>", "<urlset/>"]
)
def test_what_lists_no_pages_has_no_rows_and_a_warning(body: str) -> None:
    found = extract(body, Web())
    assert found.rows == []
    assert len(found.warnings) == 1


@pytest.mark.parametrize(
    "body",
    [
        "",
        "<!doctype html><html><body>x</body></html>",
        "<html><body/></html>",
        "<urlset><url>",
        "<!DOCTYPE x><urlset/>",
    ],
)
def test_what_is_no_sitemap_fails(body: str) -> None:
    with pytest.raises(CollectionError) as failed:
        extract(body, Web())
    assert failed.value.code is Code.FAIL


def test_no_content_has_no_rows() -> None:
    assert extract("", Web(), status=204) == Extracted([])


@pytest.mark.parametrize(
    ("url", "error"),
    [
        ("ftp://x/y", "ftp protocol is not supported"),
        ("mailto:a@b", "URI does not specify a valid host name: mailto:a@b"),
        ("http:///a", "URI does not specify a valid host name: http:///a"),
        ("/a", "Target host is not specified"),
        ("http://h/a b", "error: Illegal character in path at index 10: http://h/a b"),
        ("http://h/a?b|c", "error: Illegal character in query at index 12: http://h/a?b|c"),
        ("http://h/a#b^", "error: Illegal character in fragment at index 12: http://h/a#b^"),
        ("http://h{/a", "error: Illegal character in authority at index 8: http://h{/a"),
        ("http://h/%zz", "error: Malformed escape pair at index 9: http://h/%zz"),
    ],
)
def test_an_address_that_can_not_be_asked_is_a_row_with_the_reason(url: str, error: str) -> None:
    web = Web()
    assert extract(urlset(url), web).rows == [(url, None, 0, error)]
    assert web.asked == []


def test_an_empty_line_between_two_is_such_an_address() -> None:
    found = extract("http://h/a\n\nhttp://h/b\n\n", Web(), "url", "errorMsg")
    assert found.rows == [("http://h/a", ""), ("", "Target host is not specified"), ("http://h/b", "")]


def test_a_page_that_can_not_be_reached_is_a_row_and_the_others_stand() -> None:
    web = Web(
        {
            "http://no.invalid/": CollectionError(Code.UN_REACHABLE, "no address for no.invalid"),
            "http://h/b": CollectionError(Code.UN_CONNECTABLE, "refused"),
        }
    )
    found = extract(urlset("http://no.invalid/", "http://h/b", "http://h/c"), web, "statusCode", "errorMsg")
    assert found.rows == [(None, "unknown host"), (None, "refused"), (200, "")]


def test_pages_are_asked_ten_at_a_time_and_rows_keep_their_order() -> None:
    web = Web()
    listed = [f"http://h/{number}" for number in range(35)]
    assert [row[0] for row in extract(urlset(*listed), web).rows] == listed
    assert web.asked == listed
    assert web.most == AT_ONCE


@pytest.mark.parametrize("as_text", [True, False])
def test_only_the_first_pages_of_a_long_sitemap_are_asked(as_text: bool) -> None:
    listed = [f"http://h/{number}" for number in range(MAX_PAGES + 5)]
    web = Web()
    found = extract("\n".join(listed) if as_text else urlset(*listed), web)
    assert len(found.rows) == len(web.asked) == MAX_PAGES
    assert found.warnings == ["the sitemap lists more than 1000 pages, the first 1000 were asked"]


@given(st.text(alphabet='htp:/. <>urlsetoc?="\n%|', max_size=60))
def test_only_a_collection_error_escapes(body: str) -> None:
    for text in (body, "http://" + body, urlset(body.replace("<", "&lt;"))):
        with contextlib.suppress(CollectionError):
            extract(text, Web())
