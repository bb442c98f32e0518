"""``parseType: xmlPath``: rows by an XPath (``parseScript``), and aliases that are XPaths inside a row.

An alias gives the text of the first node it selects, or its text, number or truth; blanks alone are null.
``responseTime`` (milliseconds) and ``keyword`` (matches of that pattern in the whole text) are known beside
them, and when no row is selected and an alias asks for one of those, there is one row of them alone. The
first 1000 rows count.

An XPath that HertzBeat refuses (more than ten slashes or five stars, a union that begins with everything) is
refused here too, before a request; so is one that does not compile, where HertzBeat leaves such an alias
null.
"""

import re
from collections.abc import Callable
from functools import cached_property
from typing import TypeGuard

from lxml import etree

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse, RawRow
from openai_monitor.collect.parse.body import failure, read_figures, web_page
from openai_monitor.collect.parse.json_body import has_no_content
from openai_monitor.collect.parse.xml_body import local_name, parse_xml
from openai_monitor.definition.model import Http
from openai_monitor.definition.xpath import XPath, compile_xpath
from openai_monitor.errors import PathSyntaxError

MAX_ROWS = 1000
"""HertzBeat's limit too."""

MAX_SECONDS = 1.0
"""What all expressions of a set may take on a document, by an estimate that errs upwards."""

MAX_SLASHES = 10
MAX_STARS = 5
_EVERYTHING = re.compile(r"//(?:\*|@\*|node\(\))\s*\||/descendant-or-self::node\(\)", re.IGNORECASE)

_MAX_DEPTH = 256  # libxml2's own limit
_BYTES_A_NODE = 50  # a text this long takes as long to copy as a node to visit

_counts = (etree.XPath("count(//node())"), etree.XPath("count(//@*)"))
_deeper = {depth: etree.XPath("/*" * (depth + 1)) for depth in (2, 4, 8, 16, 32, 64)}
_text_of = etree.XPath("string()")

ReadAlias = Callable[[object], object]
"""From a row, which is an element or a text, to the value of one alias."""


def compile(http: Http, aliases: Aliases, _set_name: str) -> Parse:
    """Compile the XPaths and ``keyword``; raises PathSyntaxError or PatternSyntaxError."""
    script = _compile_script((http.parse_script or "").strip())
    columns = [_Column(alias) for alias in aliases]
    figures_of = read_figures(http, aliases)

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        if has_no_content(answer):
            return Extracted([])
        document = Document(parse_xml(answer), len(answer.body))
        figures = figures_of(answer)
        found = document.select(script)
        if not found:
            return Extracted([tuple(map(figures.get, aliases))] if figures else [])
        readers = [column.reader(document, min(len(found), MAX_ROWS), figures) for column in columns]
        rows: list[RawRow] = [tuple(read(node) for read in readers) for node in found[:MAX_ROWS]]
        return Extracted(rows, _warnings(len(found)))

    return parse


def _compile_script(script: str) -> XPath:
    if not script:
        raise PathSyntaxError("parseScript is empty, an XPath that selects the rows was expected")
    if script.count("/") > MAX_SLASHES or script.count("*") > MAX_STARS:
        raise PathSyntaxError(f"an XPath for rows has at most {MAX_SLASHES} slashes and {MAX_STARS} stars")
    if everything := _EVERYTHING.search(script):
        raise PathSyntaxError(f"{everything[0]!r} looks at every node of a document", everything.start())
    if script == "/":
        raise PathSyntaxError("'/' is the document itself, the path of an element such as /status was expected")
    return compile_xpath(script, MAX_ROWS + 1)


def _warnings(found: int) -> list[str]:
    if found <= MAX_ROWS:
        return []
    return [f"parseScript selects more than {MAX_ROWS} nodes, the rows are the first {MAX_ROWS}"]


class Document:
    """A parsed document, with the sizes by which an expression is weighed before it runs on it."""

    def __init__(self, root: etree._Element, size: int) -> None:
        self.root = root
        counted = (count(root) for count in _counts)
        self.nodes = sum(int(n) for n in counted if isinstance(n, float)) + size // _BYTES_A_NODE
        self._spent = 0.0

    @cached_property
    def depth(self) -> int:
        """How deep elements are nested at most, roughly."""
        return next((depth for depth, deeper in _deeper.items() if not deeper(self.root)), _MAX_DEPTH)

    def afford(self, path: XPath, times: int) -> None:
        """Raise CollectionError when so many evaluations of the path could take too long."""
        self._spent += path.weigh(self.nodes, self.depth, times)
        if self._spent > MAX_SECONDS * 1e9:
            raise failure(
                f"the XPath {path.text!r} could take too long on a document of {self.nodes} nodes; "
                "write steps from the root instead of `//`, `..` and axes, and no search inside brackets"
            )

    def select(self, path: XPath) -> list[object]:
        """The nodes and texts that a path selects, in the order of the document."""
        self.afford(path, 1)
        try:
            found = path.evaluate(self.root)
        except etree.XPathError as error:
            raise failure(f"the XPath {path.text!r} can't be evaluated: {error}") from None
        if not isinstance(found, list):
            raise failure(f"parseScript {path.text!r} gives a value; write an XPath that selects rows")
        if not found and local_name(self.root).lower() == "html":
            raise web_page("XML")
        return found


class _Column:
    """One alias, compiled."""

    def __init__(self, alias: str) -> None:
        self.alias = alias
        self.path = compile_xpath(alias) if alias.strip() else None
        self.above = compile_xpath(alias[1:]) if alias.startswith("..") else None
        """The same from the element around a row that is a text or an attribute."""

    def reader(self, document: Document, times: int, figures: dict[str, object]) -> ReadAlias:
        """The function that reads this alias in a row; raises CollectionError if it is too slow."""
        path, figure = self.path, figures.get(self.alias)
        if path is None:
            return lambda _row: None
        document.afford(path, 1 if path.of_document else times)
        if path.of_document:
            value = _value(path, document.root)
            return lambda _row: value
        if figure is None:
            return lambda row: _value(path, row) if _is_element(row) else self._of_text(row)
        return lambda row: figure if not _is_element(row) else _value(path, row) or figure

    def _of_text(self, row: object) -> object:
        """Read the alias of a row that is an attribute or a text: itself, or what is around it."""
        if self.alias in {".", "string()", "string(.)"}:
            return _plain(row)
        around = _element_around(row)
        return None if self.above is None or around is None else _value(self.above, around)


def _is_element(row: object) -> TypeGuard[etree._Element]:
    return etree.iselement(row)


def _element_around(row: object) -> etree._Element | None:
    if not isinstance(row, etree._ElementUnicodeResult):  # noqa: SLF001 - it has no public name
        return None
    parent = row.getparent()
    return parent.getparent() if row.is_tail and parent is not None else parent


def _value(path: XPath, node: etree._Element) -> object:
    try:
        value = path.evaluate(node)
    except etree.XPathError:  # such as last() outside of brackets
        return None
    if isinstance(value, list):
        return _plain(_text(value[0])) if value else None
    return _plain(value)


def _text(node: object) -> object:
    return _text_of(node) if _is_element(node) else node


def _plain(value: object) -> object:
    """A result of XPath as a raw value: a number, a truth as text, or text that is not blank."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return int(value) if value.is_integer() else value
    text = str(value)
    return text if text.strip() else None
