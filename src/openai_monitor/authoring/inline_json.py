"""YAML that stands for JSON: a number that JSON could hold keeps its digits, whatever YAML would make of it."""

import json
import re
from collections.abc import Iterator

from openai_monitor.definition.yaml.tree import MAX_SIZE, Node, Scalar, Sequence

_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_WORDS = ("true", "false")


def json_text(node: Node) -> str:
    """A tree as JSON text. Raises ValueError for more than 3 MiB, which aliases can make of a small file."""
    pieces: list[str] = []
    size = 0
    for piece in _pieces(node):
        size += len(piece)
        if size > MAX_SIZE:
            raise ValueError(f"more than {MAX_SIZE // 2**20} MiB of JSON")
        pieces.append(piece)
    return "".join(pieces)


def _pieces(node: Node) -> Iterator[str]:
    if isinstance(node, Scalar):
        yield _scalar(node)
    elif isinstance(node, Sequence):
        for number, item in enumerate(node.items):
            yield "," if number else "["
            yield from _pieces(item)
        yield "]" if node.items else "[]"
    else:
        for number, (key, entry) in enumerate(node.entries.items()):
            yield f"{',' if number else '{'}{json.dumps(key, ensure_ascii=False)}:"
            yield from _pieces(entry.value)
        yield "}" if node.entries else "{}"


def _scalar(scalar: Scalar) -> str:
    text = scalar.value
    if text is None:
        return "null"
    if scalar.plain and scalar.tag is None and (_NUMBER.fullmatch(text) or text in _WORDS):
        return text
    return json.dumps(text, ensure_ascii=False)
