"""``parseType: sitemap``: one row for each page of a sitemap, which is XML or a text with a URL a line.

Each page is asked for, ten at a time; the rows come in the order of the sitemap. The aliases are ``url``,
``statusCode``, ``responseTime`` (milliseconds) and ``errorMsg``, which is empty for every page that answered,
with whatever status; others are null. An address that can't be asked, for its scheme or its characters, is a
row with the reason and the time 0. Blanks around a URL and empty ``loc`` elements are passed over. A sitemap
index gives no rows. HertzBeat takes text with CRLF and a sitemap with one empty ``loc`` for empty sitemaps.
"""

import asyncio
import re
import time
from itertools import islice

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse, RawRow
from openai_monitor.collect.parse.body import data_text, web_page
from openai_monitor.collect.parse.json_body import has_no_content
from openai_monitor.collect.parse.xml_body import local_name, parse_xml
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

MAX_PAGES = 1000
AT_ONCE = 10

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*+:")
_WEB = re.compile(r"https?://", re.IGNORECASE)
_BAD_CHARACTER = re.compile(r'[\x00-\x20\x7f"<>\\^`{|}]|%(?![0-9a-fA-F]{2})')

Page = dict[str, object]


def compile(_http: Http, aliases: Aliases, _set_name: str) -> Parse:
    """Read a sitemap and ask for its pages."""
    names = tuple(map(str.lower, aliases))

    async def parse(answer: Answer, ask: Ask) -> Extracted:
        if has_no_content(answer):
            return Extracted([])
        urls, warnings = _addresses(answer)
        pages = await _visit_all(urls, ask)
        rows: list[RawRow] = [tuple(map(page.get, names)) for page in pages]
        return Extracted(rows, warnings)

    return parse


def _addresses(answer: Answer) -> tuple[list[str], list[str]]:
    """The URLs of a sitemap and what is odd about it; raises CollectionError when it is broken XML."""
    text = data_text(answer, "a sitemap").lstrip()
    if not text.startswith("<"):
        return _text_addresses(text)
    root = parse_xml(answer)
    kind = local_name(root)
    if kind == "html":
        raise web_page("a sitemap")
    if kind == "sitemapindex":
        return [], ["this is an index of sitemaps: name one of them in the definition to watch its pages"]
    locations = (url.findtext("{*}loc") or "" for url in root.iterchildren("{*}url"))
    urls = list(islice(filter(None, map(str.strip, locations)), MAX_PAGES + 1))
    return _bounded(urls) if urls else ([], ["the sitemap lists no pages: no url has a loc"])


def _text_addresses(text: str) -> tuple[list[str], list[str]]:
    """A line each; an empty line among them is an address that can't be asked, as in HertzBeat."""
    if not _WEB.match(text):
        return [], ["the answer is no sitemap: its first line is no URL, and it is no XML"]
    lines = text.rstrip().split("\n", MAX_PAGES + 1)
    return _bounded(list(map(str.strip, lines)))


def _bounded(urls: list[str]) -> tuple[list[str], list[str]]:
    if len(urls) > MAX_PAGES:
        return urls[:MAX_PAGES], [f"the sitemap lists more than {MAX_PAGES} pages, the first {MAX_PAGES} were asked"]
    return urls, []


async def _visit_all(urls: list[str], ask: Ask) -> list[Page]:
    """Visit the pages side by side; the result is in the order of the URLs."""
    pages: list[Page] = [{} for _ in urls]
    waiting = iter(enumerate(urls))

    async def visit_next() -> None:
        for index, url in waiting:
            pages[index] = await _visit(url, ask)

    async with asyncio.TaskGroup() as group:
        for _ in islice(urls, AT_ONCE):
            group.create_task(visit_next())
    return pages


async def _visit(url: str, ask: Ask) -> Page:
    if refusal := _refusal(url):
        return _page(url, None, 0, refusal)
    start = time.perf_counter()
    try:
        answer = await ask(url)
    except CollectionError as error:
        elapsed = int((time.perf_counter() - start) * 1000)
        return _page(url, None, elapsed, "unknown host" if error.code is Code.UN_REACHABLE else str(error))
    return _page(url, answer.status, answer.elapsed_ms, "")


def _page(url: str, status: int | None, elapsed_ms: int, error: str) -> Page:
    return {"url": url, "statuscode": status, "responsetime": elapsed_ms, "errormsg": error}


def _refusal(url: str) -> str | None:
    """Why an address can't be asked, in the words that HertzBeat puts into ``errorMsg``."""
    if bad := _BAD_CHARACTER.search(url):
        what = "Malformed escape pair" if bad[0] == "%" else f"Illegal character in {_part(url, bad.start())}"
        return f"error: {what} at index {bad.start()}: {url}"
    scheme = _SCHEME.match(url)
    if scheme is None:
        return "Target host is not specified"
    if not url[scheme.end() :].startswith("//") or url[scheme.end() + 2 :][:1] in {"", "/", "?", "#"}:
        return f"URI does not specify a valid host name: {url}"
    return None if _WEB.match(url) else f"{scheme[0][:-1]} protocol is not supported"


def _part(url: str, index: int) -> str:
    """Name the part of a URL in which a character stands."""
    before = url[:index]
    if ":" not in before:
        return "scheme name"
    if "#" in before:
        return "fragment"
    if "?" in before:
        return "query"
    return "path" if before.count("/") > 2 else "authority"
