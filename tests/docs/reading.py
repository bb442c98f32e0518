"""A page of Markdown as tests see it: fences, tables and headings in their order, and HTTP as a page writes it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field


@dataclass
class Fence:
    language: str
    text: str
    line: int


@dataclass
class Table:
    header: list[str]
    rows: list[tuple[int, list[str]]]
    data: Fence | None
    section: str


@dataclass
class Example:
    source: Fence
    section: str
    parts: list[Fence] = field(default_factory=list)

    def of(self, *languages: str) -> list[str]:
        return [part.text for part in self.parts if part.language in languages]


@dataclass
class Page:
    """What the page is made of, in its order."""

    examples: list[Example] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    consoles: list[Fence] = field(default_factory=list)
    headings: list[str] = field(default_factory=list)
    case_file: str = ""


_PIECE = re.compile(
    r"^```(?P<language>\w*)\n(?P<text>.*?)^```$|^#+ (?P<heading>[^\n]*)$|(?P<table>(?:^\|[^\n]*\n)+)",
    re.MULTILINE | re.DOTALL,
)


def read_page(text: str) -> Page:
    page = Page()
    example: Example | None = None
    data: Fence | None = None
    for piece in _PIECE.finditer(text):
        line = text.count("\n", 0, piece.start()) + 1
        section = page.headings[-1] if page.headings else ""
        if piece["heading"]:
            example, data = None, None
            page.headings.append(piece["heading"])
        elif piece["table"]:
            page.tables.append(_table(piece["table"], line, data, section))
        elif piece["language"] == "yaml" and piece["text"].startswith("tests:"):
            page.case_file = piece["text"]
        elif piece["language"] == "yaml":
            example = Example(Fence("yaml", piece["text"], line), section)
            page.examples.append(example)
        elif piece["language"] == "console":
            page.consoles.append(Fence("console", piece["text"], line))
        elif piece["language"] and example:
            example.parts.append(Fence(piece["language"], piece["text"], line))
        elif piece["language"]:
            data = Fence(piece["language"], piece["text"], line)
    return page


def _table(text: str, line: int, data: Fence | None, section: str) -> Table:
    rows = [[_plain(cell) for cell in re.split(r"(?<!\\)\|", row)[1:-1]] for row in text.splitlines()]
    return Table(rows[0], [(line + at, row) for at, row in enumerate(rows) if at > 1], data, section)


def _plain(cell: str) -> str:
    """The text of a cell; one code span is what stands in it."""
    text = cell.strip().replace(r"\|", "|")
    span = re.fullmatch(r"(`+)(.*?)\1", text)
    if span is None or span[1] in span[2]:
        return text
    return span[2][1:-1] if span[2][:1] == span[2][-1:] == " " and span[2].strip() else span[2]


def spans(cell: str) -> list[str]:
    """The code spans of a cell, or the cell if it was one."""
    return re.findall(r"`([^`]+)`", cell) or [cell]


# HTTP


@dataclass
class Exchange:
    """A request as the page writes it, and its answer; status 0 is none."""

    line: str
    headers: list[str]
    payload: str
    status: int = 0
    answer_headers: list[tuple[str, str]] = field(default_factory=list)
    body: str = ""


_REQUEST_LINE = re.compile(r"^(?=(?:GET|POST|PUT|DELETE|PATCH) \S+ HTTP/1\.1$)", re.MULTILINE)


def exchanges(text: str) -> Iterator[Exchange]:
    for piece in _REQUEST_LINE.split(text)[1:]:
        asked, _, answered = piece.partition("\nHTTP/1.1 ")
        head, _, payload = asked.partition("\n\n")
        line, *headers = head.splitlines()
        exchange = Exchange(line.removesuffix(" HTTP/1.1"), headers, payload.strip())
        if answered:
            head, _, exchange.body = answered.partition("\n\n")
            status, *lines = head.splitlines()
            exchange.status = int(status[:3])
            exchange.answer_headers = [(name, value) for name, _, value in (line.partition(": ") for line in lines)]
        yield exchange
