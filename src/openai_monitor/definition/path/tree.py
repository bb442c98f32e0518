"""jsonpath-ng parses the paths: this hands them over in its spelling and flattens its tree into steps.

jsonpath-ng reads another dialect than Jayway (no ``in`` or ``size``, no keys in every script, other filters),
so the lexer has read the path first; here keys are quoted and each filter stands as a reference to the
condition that was read. The library takes 40 ms to import and 0.3 ms a path, so a path of nothing but keys,
indexes and wildcards, which has no structure to find, is taken as the lexer gives it.
"""

from collections.abc import Iterator, Sequence
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING

from openai_monitor.definition.path.steps import (
    Call,
    Filter,
    Index,
    Indexes,
    Key,
    Keys,
    Scan,
    Slice,
    Step,
    Steps,
    Wildcard,
)

if TYPE_CHECKING:
    from jsonpath_ng import JSONPath
    from jsonpath_ng.ext.parser import ExtendedJsonPathParser

_one_at_a_time = Lock()


def build(read: Sequence[Step]) -> Steps:
    """Build the steps of a path whose pieces have been read."""
    if all(isinstance(step, Key | Index | Wildcard | Call) for step in read):
        return tuple(read)
    calls = tuple(step for step in read if isinstance(step, Call))
    filters = [step for step in read if isinstance(step, Filter)]
    with _one_at_a_time:  # the parser keeps its state in itself
        tree = _parser().parse(_spelling(read))
    return (*_flatten(tree, filters), *calls)


@cache
def _parser() -> "ExtendedJsonPathParser":
    """One parser for all paths: making one costs twice what a path does."""
    from jsonpath_ng.ext.parser import ExtendedJsonPathParser  # noqa: PLC0415 - plain paths do without it

    return ExtendedJsonPathParser()


def _spelling(read: Sequence[Step]) -> str:
    """Spell the path as jsonpath-ng does, ``@.f0`` standing for the condition of the first filter."""
    pieces = ["$"]
    filters = 0
    for step in read:
        match step:
            case Key(name):
                pieces.append(f"[{_quote(name)}]")
            case Keys(names):
                pieces.append(f"[{','.join(map(_quote, names))}]")
            case Index(index):
                pieces.append(f"[{index}]")
            case Indexes(indexes):
                pieces.append(f"[{','.join(map(str, indexes))}]")
            case Slice(start, stop):
                pieces.append(f"[{'' if start is None else start}:{'' if stop is None else stop}]")
            case Wildcard():
                pieces.append("[*]")
            case Scan():
                pieces.append("..")
            case Filter():
                pieces.append(f"[?@.f{filters}]")
                filters += 1
            case Call():
                pass
    return "".join(pieces)


def _quote(name: str) -> str:
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _flatten(tree: "JSONPath", filters: Sequence[Filter]) -> Iterator[Step]:
    """Walk the leaves from left to right; a long path is a deep tree, so this keeps its own stack."""
    from jsonpath_ng import Child, Descendants  # noqa: PLC0415 - plain paths do without it

    todo: list[object] = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, Child):
            todo += (node.right, node.left)
        elif isinstance(node, Descendants):
            todo += (node.right, Scan(), node.left)
        elif isinstance(node, Scan):
            yield node
        else:
            yield from _leaf(node, filters)


def _leaf(node: object, filters: Sequence[Filter]) -> Iterator[Step]:
    import jsonpath_ng as ng  # noqa: PLC0415 - plain paths do without it
    from jsonpath_ng.ext.filter import Filter as Reference  # noqa: PLC0415

    if isinstance(node, ng.Fields):
        yield Key(node.fields[0]) if len(node.fields) == 1 else Keys(tuple(node.fields))
    elif isinstance(node, ng.Index):
        yield Index(node.indices[0]) if len(node.indices) == 1 else Indexes(tuple(node.indices))
    elif isinstance(node, ng.Slice):
        yield Slice(node.start, node.end)
    elif isinstance(node, Reference):
        yield filters[int(node.expressions[0].target.right.fields[0][1:])]
    elif not isinstance(node, ng.Root):
        yield Wildcard()
