"""``jsonPath``: rows are what ``parseScript`` selects, aliases are keys or paths inside a row."""

from collections.abc import Callable
from typing import cast

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse, RawRow
from openai_monitor.collect.parse.json_body import has_no_content, read_json
from openai_monitor.collect.parse.json_rows import RowReader
from openai_monitor.definition.model import Http
from openai_monitor.definition.path import Path, PathNotFound, compile_path, kind
from openai_monitor.definition.path.lineage import Node, compile_lineage, compile_lineage_alias, is_lineage_alias
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

_SCALARS = (str, int, float)
_ROWS = frozenset({dict, *_SCALARS})


def compile(http: Http, aliases: Aliases, _set_name: str) -> Parse:
    """Compile the reader of a set's answers; raises SyntaxFault when a path or the keyword does not compile."""
    script = http.parse_script or ""
    path = compile_path(script) if script.strip() else None
    reader = RowReader(http, aliases, paths=True)
    if path is not None and any(map(is_lineage_alias, aliases)):
        return _compile_with_lineage(path, aliases, reader)

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        if has_no_content(answer):
            return Extracted([])
        document = read_json(answer)
        if path is None:
            return Extracted([], ["parseScript is empty, so no rows are selected; `$` is the whole answer"])
        return _extract(document, answer, path, reader)

    return parse


def _compile_with_lineage(path: Path, aliases: Aliases, reader: RowReader) -> Parse:
    """As ``compile``, for aliases that are read from around the row."""
    select = compile_lineage(path.text)
    around = [(at, compile_lineage_alias(alias)) for at, alias in enumerate(aliases) if is_lineage_alias(alias)]

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        if has_no_content(answer):
            return Extracted([])
        document = read_json(answer)
        nodes = [node for node in select(document) if type(node.value) in _ROWS]
        if not nodes:
            return _extract(document, answer, path, reader)
        return Extracted(_rows_with_lineage(nodes, around, reader, answer))

    return parse


def _rows_with_lineage(
    nodes: list[Node], around: list[tuple[int, Callable[[Node], object]]], reader: RowReader, answer: Answer
) -> list[RawRow]:
    rows = list(map(list, _rows([node.value for node in nodes], answer, reader)))
    for at, read in around:
        for row, node in zip(rows, nodes, strict=True):
            row[at] = read(node)
    return list(rows)


def _extract(document: object, answer: Answer, path: Path, reader: RowReader) -> Extracted:
    if document is None:
        raise CollectionError(Code.FAIL, "the answer is null where data was expected; check the url and its parameters")
    try:
        selected = path.select(document)
    except PathNotFound as broken:
        raise CollectionError(
            Code.FAIL, f"the answer does not have the shape that parseScript `{path.text}` expects: {broken}"
        ) from None
    rows = _rows(selected, answer, reader)
    return Extracted(rows, [] if rows else _why_no_rows(document, selected, path))


def _rows(selected: list[object], answer: Answer, reader: RowReader) -> list[RawRow]:
    """Take objects, texts and numbers as rows; lists, booleans and nulls are none."""
    kinds = set(map(type, selected))
    if kinds == {dict}:
        return reader.read(cast("list[dict[str, object]]", selected), answer)
    if kinds.isdisjoint(_SCALARS):
        return reader.read([item for item in selected if isinstance(item, dict)], answer)
    rows: list[RawRow] = []
    for item in selected:
        if isinstance(item, dict):
            rows += reader.read([item], answer)
        elif type(item) in _ROWS:
            rows.append(reader.scalar(item, answer))
    return rows


def _why_no_rows(document: object, selected: list[object], path: Path) -> list[str]:
    """Warn, unless the answer has no rows to give: an empty list, or a filter that nothing passes."""
    broken = path.explain(document)
    if broken:
        return [f"no rows: {broken}"]
    other = next((item for item in selected if item is not None), None)
    if isinstance(other, list):
        return [f"no rows: `{path.text}` selects a list, which is no row; `{path.text}[*]` selects its items"]
    if selected:
        return [f"no rows: `{path.text}` selects {kind(other)}, and rows are objects, texts or numbers"]
    return []
