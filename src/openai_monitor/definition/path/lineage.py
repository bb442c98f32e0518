"""What a row stands in: the objects around it and the key it has there. An extension of ours to HertzBeat's language.

An alias that begins with a backtick is read from there: `` `parent`.timestamp `` is the timestamp of the object that
encloses the row (lists in between do not count), `` `key` `` the key under which the row stands in its object, or its
place in its list. `` `parent` `` can be repeated and can stand before `` `key` ``.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from openai_monitor.definition.path import compile_path
from openai_monitor.definition.path.filters import Scope, Test
from openai_monitor.definition.path.lexer import read_path
from openai_monitor.definition.path.select import compile_condition
from openai_monitor.definition.path.steps import Filter, Index, Indexes, Key, Keys, Slice, Step, Wildcard
from openai_monitor.definition.path.values import Failed
from openai_monitor.errors import PathSyntaxError

_ALIAS = re.compile(r"((?:`parent`\.)*)(?:(`key`)|(?<=`parent`\.)([^`]+))")


@dataclass(frozen=True, slots=True)
class Node:
    """A value with its place: the key or index it has in the value it was found in, which is ``container``."""

    value: object
    key: str | int | None
    container: "Node | None"


Read = Callable[[Node], object]
Take = Callable[[Node, Scope], Iterable[Node]]


def is_lineage_alias(alias: str) -> bool:
    """Whether an alias is read from around the row."""
    return alias.startswith("`")


@lru_cache(maxsize=1024)
def compile_lineage_alias(alias: str) -> Read:
    """The reading of such an alias for the Node of a row; what is not there is None. Raises PathSyntaxError."""
    match = _ALIAS.fullmatch(alias)
    if match is None:
        raise PathSyntaxError(f"{alias} is not read from around a row: expected `parent`.name, `key` or `parent`.`key`")
    up = match[1].count("`parent`")
    if match[2]:
        return lambda node: key.key if (key := _ancestor(node, up)) else None
    first = compile_path(f"$.{match[3]}").first
    return lambda node: first(around.value) if (around := _ancestor(node, up)) else None


def _ancestor(node: Node | None, up: int) -> Node | None:
    while up and node is not None:
        node = node.container
        if node is not None and isinstance(node.value, dict):
            up -= 1
    return node


@lru_cache(maxsize=1024)
def compile_lineage(text: str) -> Callable[[object], list[Node]]:
    """The rows that a path selects, each with its place; what does not fit is skipped. None where the path fails.

    Raises PathSyntaxError for a path with ``..``, whose values have no one place, and for what is no path.
    """
    takes = [_take(step, text) for step in read_path(text)]

    def select(document: object) -> list[Node]:
        scope = Scope(document)
        nodes = [Node(document, None, None)]
        try:
            for take in takes:
                nodes = [found for node in nodes for found in take(node, scope)]
        except Failed:
            return []
        return nodes

    return select


def _take(step: Step, text: str) -> Take:
    match step:
        case Key(name):
            return _take_keys((name,))
        case Keys(names):
            return _take_keys(names)
        case Index(index):
            return _take_indexes((index,))
        case Indexes(indexes):
            return _take_indexes(indexes)
        case Slice(start, stop):
            return lambda node, _: list(_items(node))[start:stop] if isinstance(node.value, list) else ()
        case Wildcard():
            return lambda node, _: _items(node)
        case Filter(condition):
            return _take_filtered(compile_condition(condition))
    raise PathSyntaxError(f"`parent` and `key` are not read from rows of {text}: write it without `..` and functions")


def _items(node: Node) -> Iterator[Node]:
    value = node.value
    if isinstance(value, dict):
        return (Node(item, key, node) for key, item in value.items())
    if isinstance(value, list):
        return (Node(item, index, node) for index, item in enumerate(value))
    return iter(())


def _take_keys(names: tuple[str, ...]) -> Take:
    def take(node: Node, _scope: Scope) -> list[Node]:
        value = node.value
        return [Node(value[name], name, node) for name in names if name in value] if isinstance(value, dict) else []

    return take


def _take_indexes(indexes: tuple[int, ...]) -> Take:
    def take(node: Node, _scope: Scope) -> list[Node]:
        value = node.value
        if not isinstance(value, list):
            return []
        size = len(value)
        return [Node(value[index], index % size, node) for index in indexes if -size <= index < size]

    return take


def _take_filtered(passes: Test) -> Take:
    def take(node: Node, scope: Scope) -> list[Node]:
        if isinstance(node.value, list):
            return [item for item in _items(node) if passes(item.value, scope)]
        return [node] if isinstance(node.value, dict) and passes(node.value, scope) else []

    return take
