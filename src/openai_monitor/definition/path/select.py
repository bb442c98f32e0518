"""Steps compiled to closures.

A path has a definite head, which leads from one value to one value and fails where something is missing, and
a tail of stages, each of which turns the values so far into more or fewer and skips what does not fit. The
first step that can give several values starts the tail.

``strict`` is how Jayway looks whether ``[?(@.a.b)]`` exists: a missing last key is missing there, not null.
"""

from collections.abc import Callable, Iterable
from operator import itemgetter
from typing import Any, TypeAlias

from openai_monitor.definition.path.filters import Column, Scope, Test, Value, compile_filter
from openai_monitor.definition.path.functions import FUNCTIONS
from openai_monitor.definition.path.stages import Missing, OutOfRange, compile_stages, merged
from openai_monitor.definition.path.steps import (
    Call,
    Condition,
    Filter,
    Index,
    Indexes,
    Key,
    Keys,
    Query,
    Slice,
    Step,
    Steps,
    is_definite,
)
from openai_monitor.definition.path.values import UNDEFINED, Rejected

Read: TypeAlias = Callable[[object], object]


class Route:
    """A compiled path."""

    __slots__ = ("_head", "_needs", "_otherwise", "_tail", "definite")

    def __init__(self, steps: Steps, *, strict: bool = False) -> None:
        length = head_length(steps)
        last = len(steps) - 1
        self.definite = length == len(steps)
        self._head = tuple(_read(step, strict, last=at == last) for at, step in enumerate(steps[:length]))
        self._tail = tuple(compile_stages(steps[length:], _Queries(strict=strict), strict=strict))
        self._needs = object if self.definite else _needed(steps[length])
        self._otherwise = Rejected if not self.definite and isinstance(steps[length], Filter) else Missing

    def values(self, document: object, scope: Scope) -> list[object]:
        """Select; raises Missing, TooMany, or Rejected where Jayway thinks a filter impossible."""
        node = document
        try:
            for read in self._head:
                node = read(node)
        except OutOfRange:
            if self.definite:
                raise
            return []
        nodes = [node]
        if not self.definite and not isinstance(node, self._needs):
            raise self._otherwise
        for stage in self._tail:
            nodes = stage(nodes, scope)
        return nodes


def head_length(steps: Steps) -> int:
    """How many steps at the start are definite."""
    last = len(steps) - 1
    return next((at for at, step in enumerate(steps) if not is_definite(step, last=at == last)), len(steps))


def _read(step: Step, strict: bool, *, last: bool) -> Read:
    """One definite step."""
    match step:
        case Key(name):
            return _read_key(name) if strict or not last else _read_last_key(name)
        case Keys(names):
            return lambda node: merged(_object(node), names, strict=strict)
        case Index(index):
            return _read_index(index)
        case Call(function):
            return FUNCTIONS[function]
    raise AssertionError(step)


def _read_key(name: str) -> Read:
    def read(node: object) -> object:
        if isinstance(node, dict) and name in node:
            return node[name]
        raise Missing

    return read


def _read_last_key(name: str) -> Read:
    def read(node: object) -> object:
        if isinstance(node, dict):
            return node.get(name)
        raise Missing

    return read


def _read_index(index: int) -> Read:
    def read(node: object) -> object:
        if not isinstance(node, list):
            raise Missing
        try:
            return node[index]
        except IndexError:
            raise OutOfRange from None

    return read


def _object(node: object) -> dict[str, object]:
    if isinstance(node, dict):
        return node
    raise Missing


def _needed(step: Step) -> type | tuple[type, ...]:
    """Tell what the value at the end of the head has to be for the first step of the tail."""
    match step:
        case Keys():
            return dict
        case Indexes() | Slice():
            return list
        case Filter():
            return (list, dict)
    return object


class _Queries:
    """Compiles the paths inside a condition."""

    def __init__(self, *, strict: bool) -> None:
        self.strict = strict
        self.missing: object = UNDEFINED if strict else None

    def value(self, query: Query) -> Value:
        if not query.steps:
            return (lambda _item, scope: scope.root) if query.from_root else (lambda item, _scope: item)
        names = [step.name for step in query.steps if isinstance(step, Key)]
        if len(names) == len(query.steps) and not query.from_root:
            return self._value_of_keys(names)
        route = Route(query.steps, strict=self.strict)

        def value(item: object, scope: Scope) -> object:
            try:
                found = route.values(item, scope)
            except Missing:
                return UNDEFINED
            return found[0] if route.definite else found

        return _once(value) if query.from_root else value

    def column(self, query: Query) -> Column:
        value = self.value(query)
        getters = [itemgetter(step.name) for step in query.steps if isinstance(step, Key)]

        def column(items: list[object], scope: Scope) -> list[object]:
            values: Iterable[Any] = items
            for get in getters:
                values = map(get, values)
            try:
                return list(values)
            except (LookupError, TypeError):  # some item is no object, or lacks the key
                return [value(item, scope) for item in items]

        return column

    def _value_of_keys(self, names: list[str]) -> Value:
        *path, last = names
        missing = self.missing
        if not path:
            return lambda item, _scope: item.get(last, missing) if isinstance(item, dict) else UNDEFINED

        if len(path) == 1:
            return _value_of_two(path[0], last, missing)

        def value(item: object, _scope: Scope) -> object:
            for name in path:
                if not isinstance(item, dict):
                    return UNDEFINED
                item = item.get(name)
            return item.get(last, missing) if isinstance(item, dict) else UNDEFINED

        return value

    def exists(self, query: Query) -> Test:
        """Jayway looks in the item, also for a path that starts with ``$``."""
        if len(query.steps) == 1 and isinstance(query.steps[0], Key):
            name = query.steps[0].name
            return lambda item, _scope: isinstance(item, dict) and name in item
        route = Route(query.steps, strict=True)

        def exists(item: object, scope: Scope) -> bool:
            try:
                route.values(item, scope)
            except Missing:
                return False
            return True

        return exists


def compile_condition(condition: Condition) -> Test:
    """Whether a value passes a filter's condition."""
    return compile_filter(condition, _Queries(strict=False))


def _value_of_two(one: str, two: str, missing: object) -> Value:
    def value(item: object, _scope: Scope) -> object:
        inner = item.get(one) if isinstance(item, dict) else None
        return inner.get(two, missing) if isinstance(inner, dict) else UNDEFINED

    return value


def _once(value: Value) -> Value:
    """Remember: a path from the root finds the same for every item of one evaluation."""

    def remembered(_item: object, scope: Scope) -> object:
        key = id(value)
        if key not in scope.found:
            scope.found[key] = value(scope.root, scope)
        return scope.found[key]

    return remembered
