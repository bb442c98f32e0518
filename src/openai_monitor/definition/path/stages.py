"""The tail of a path: stages that turn the values so far into more or fewer, and skip what does not fit."""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from operator import itemgetter
from typing import Any, TypeAlias, cast

from openai_monitor.definition.path.filters import Queries, Scope, Sieve, Test, compile_filter, compile_sieve
from openai_monitor.definition.path.functions import FUNCTIONS
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
from openai_monitor.definition.path.values import Failed

MOST_VALUES = 5_000_000
"""More at once is a mistake or an attack (``$..*..*..*``), not a selection."""

Nodes: TypeAlias = list[object]
Stage: TypeAlias = Callable[[Nodes, Scope], Nodes]


class Missing(Exception):
    """A definite step found nothing."""


class OutOfRange(Missing):
    """A definite index is beyond the list: fatal for a definite path, no values for any other."""


class TooMany(Failed):
    """The path selects more than ``MOST_VALUES`` values."""


def compile_stages(steps: Steps, queries: Queries, *, strict: bool) -> Iterator[Stage]:
    """Compile the steps of a tail; ``..`` and the step after it are one stage."""
    last = len(steps) - 1
    for at, step in enumerate(steps):
        if isinstance(step, Scan):
            continue
        if at and isinstance(steps[at - 1], Scan):
            yield _scan(step, queries, then=steps[at + 1 :], strict=strict)
        else:
            yield _stage(step, queries, leaf=at == last, strict=strict)


def _stage(step: Step, queries: Queries, *, leaf: bool, strict: bool) -> Stage:
    """One step of the tail, taken in every value so far."""
    match step:
        case Key(name):
            return _keys_stage((name,), strict=True) if strict else _key_stage(name, leaf=leaf)
        case Keys(names) if leaf:
            return lambda nodes, _: [merged(n, names, strict=strict) for n in nodes if isinstance(n, dict)]
        case Keys(names):
            return _keys_stage(names, strict=strict)
        case Index(index):
            return _index_stage((index,))
        case Indexes(indexes):
            return _index_stage(indexes)
        case Slice(start, stop):
            return lambda nodes, _: _bounded(
                item for n in nodes if isinstance(n, list) for item in _cut(n, start, stop)
            )
        case Filter(condition):
            return _filter_stage(compile_sieve(condition, queries))
        case Call(function):
            return lambda nodes, _: list(map(FUNCTIONS[function], nodes))
    return _children


def stage_ends(steps: Steps) -> Iterator[int]:
    """Behind which steps of a tail a stage ends: ``..`` and the step after it are one."""
    return (at + 1 for at, step in enumerate(steps) if not isinstance(step, Scan))


def _bounded(found: Iterable[object]) -> list[object]:
    """What was found, unless it is more than anyone can want; only steps that make more out of less need this."""
    nodes = list(islice(found, MOST_VALUES + 1))
    if len(nodes) > MOST_VALUES:
        raise TooMany
    return nodes


def _children(nodes: Nodes, _scope: Scope) -> Nodes:
    """Every item of a list, every value of an object."""
    if len(nodes) == 1:
        node = nodes[0]
        return list(node) if isinstance(node, list) else list(node.values()) if isinstance(node, dict) else []
    if set(map(type, nodes)) == {list}:
        return _bounded(chain.from_iterable(cast("list[list[object]]", nodes)))
    return _bounded(
        child
        for node in nodes
        for child in (node if isinstance(node, list) else node.values() if isinstance(node, dict) else ())
    )


def _key_stage(name: str, *, leaf: bool) -> Stage:
    get: Callable[[Any], object] = itemgetter(name)

    def stage(nodes: Nodes, _scope: Scope) -> Nodes:
        try:
            return list(map(get, nodes))
        except (LookupError, TypeError):  # some value is no object, or lacks the key
            pass
        if leaf:
            return [node.get(name) for node in nodes if isinstance(node, dict)]
        return [node[name] for node in nodes if isinstance(node, dict) and name in node]

    return stage


def _keys_stage(names: tuple[str, ...], *, strict: bool) -> Stage:
    def stage(nodes: Nodes, _scope: Scope) -> Nodes:
        objects = [node for node in nodes if isinstance(node, dict)]
        if strict and not all(name in node for node in objects for name in names):
            raise Missing
        return _bounded(node[name] for node in objects for name in names if name in node)

    return stage


def _index_stage(indexes: tuple[int, ...]) -> Stage:
    return lambda nodes, _: _bounded(
        n[i] for n in nodes if isinstance(n, list) for i in indexes if -len(n) <= i < len(n)
    )


def _cut(items: list[object], start: int | None, stop: int | None) -> Nodes:
    """Slice as Jayway does: with both ends given, a negative start counts on through 0."""
    length = len(items)
    if start is None or stop is None:
        return items[start:stop]
    return [items[i] for i in range(max(start, -length), min(stop, length))]


def _filter_stage(sieve: Sieve) -> Stage:
    def stage(nodes: Nodes, scope: Scope) -> Nodes:
        if len(nodes) == 1 and isinstance(nodes[0], list):
            return sieve(nodes[0], scope)
        items = _bounded(
            item
            for node in nodes
            for item in (node if isinstance(node, list) else (node,) if isinstance(node, dict) else ())
        )
        return sieve(items, scope)

    return stage


def _scan(step: Step, queries: Queries, *, then: Steps, strict: bool) -> Stage:
    """``..`` and the step after it."""
    if isinstance(step, Filter):
        return _scan_filter(compile_filter(step.condition, queries), leaf=not then)
    taken = _scanned(step, queries, then=then, strict=strict)
    return lambda nodes, scope: taken(_containers(nodes), scope)


def _scanned(step: Step, queries: Queries, *, then: Steps, strict: bool) -> Stage:
    """Take the step after ``..`` in every object and list."""
    match step:
        case Key(name):
            return _key_stage(name, leaf=not then and not strict)
        case Keys(names) if not then and strict:
            return lambda nodes, _: [
                merged(n, names, strict=False)
                for n in nodes
                if isinstance(n, dict) and all(name in n for name in names)
            ]
        case Index() | Indexes() | Slice() if then:
            return _scanned_items(step, then)
    return _stage(step, queries, leaf=not then, strict=strict)


def _scanned_items(step: Index | Indexes | Slice, then: Steps) -> Stage:
    """Jayway goes on with every item of the list, but a last key it takes only from the one item of an index."""
    if len(then) > 1 or not isinstance(then[0], Key | Wildcard):
        return lambda nodes, _: _bounded(item for n in nodes if isinstance(n, list) for item in n)
    index = step.index if isinstance(step, Index) else -1
    return lambda nodes, _: _bounded(
        item for n in nodes if isinstance(n, list) for at, item in enumerate(n) if at == index or isinstance(item, list)
    )


def _scan_filter(passes: Test, *, leaf: bool) -> Stage:
    """Ask the condition of each object and list; in a list that passes, of each item once more at the end."""

    def taken(node: object, scope: Scope) -> Iterable[object]:
        if not passes(node, scope):
            return ()
        if not isinstance(node, list):
            return (node,)
        return [item for item in node if passes(item, scope)] if leaf else node

    return lambda nodes, scope: _bounded(item for node in _containers(nodes) for item in taken(node, scope))


def _containers(nodes: Nodes) -> list[object]:
    """Every object and list from these values down, each before what it holds."""
    return _bounded(container for node in nodes for container in _walk(node))


def _walk(node: object) -> Iterator[object]:
    todo = [node]
    while todo:
        current = todo.pop()
        if isinstance(current, dict):
            yield current
            todo.extend(reversed(current.values()))
        elif isinstance(current, list):
            yield current
            todo.extend(reversed(current))


def merged(node: dict[str, object], names: tuple[str, ...], *, strict: bool) -> dict[str, object]:
    """Merge some keys into one object; a missing one is None, or Missing when that is asked strictly."""
    if strict and not all(name in node for name in names):
        raise Missing
    return {name: node.get(name) for name in names}
