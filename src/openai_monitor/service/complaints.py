"""From pydantic's errors to problems with a place in the monitors file: what was found, and what was expected."""

from collections.abc import Iterator
from types import UnionType
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from openai_monitor.definition.definition import KeyPath, make_problem, show_path
from openai_monitor.definition.wording import nearest, quote
from openai_monitor.definition.yaml.tree import Mapping, Node, Scalar, Tree, follow
from openai_monitor.errors import Problem

_EXPECTED = {
    "string": "a text",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "path": "a path",
    "list": "a list",
    "tuple": "a list",
    "set": "a list",
    "frozen_set": "a list",
    "dict": "a mapping",
    "model": "a mapping",
    "mapping": "a mapping",
}
EXPECTATION = "expectation"
"""The type of an error whose sentence says what was expected, of a value that is no secret."""

_BOUNDS = {
    "greater_than": "above {gt}",
    "greater_than_equal": "{ge} or more",
    "less_than": "below {lt}",
    "less_than_equal": "{le} or less",
}


def complain(error: ErrorDetails, before: KeyPath, model: type[BaseModel], tree: Tree, file: str) -> Problem:
    """One of pydantic's errors as a Problem; ``before`` is where the data of ``model`` stands in the file."""
    inside = tuple(step for step in error["loc"] if isinstance(step, str | int))
    path = _as_far_as_it_goes(tree, (*before, *inside))
    kind = error["type"]
    if kind == "extra_forbidden":
        message, hint = f"unknown key {quote(str(path[-1]))}", nearest(str(path[-1]), _keys(model, inside[:-1]))
        return make_problem(tree, file, path, "unknown-key", message, hint=hint, at_key=True)
    if kind == "missing":
        place = f"`{show_path(path[:-1])}`" if len(path) > 1 else "the monitors file"
        return make_problem(tree, file, path, "missing-key", f"{place} has no `{path[-1]}`", hint=f"add `{path[-1]}:`")
    *_, (_, node) = follow(tree.root, path)
    return make_problem(tree, file, path, "wrong-value", _sentence(error, node))


def _sentence(error: ErrorDetails, node: Node) -> str:
    kind, bounds = error["type"], error.get("ctx") or {}
    if kind in _BOUNDS:
        return f"expected {_BOUNDS[kind].format(**bounds)}, found {found(node)}"
    if kind == "literal_error":
        return f"expected {bounds['expected']}, found {found(node)}"
    name = kind.removesuffix("_type").removesuffix("_parsing").removesuffix("_attributes").removesuffix("_from_float")
    if name in _EXPECTED:
        return f"expected {_EXPECTED[name]}, found {found(node)}"
    sentence = error["msg"].removeprefix("Value error, ")
    # Of sentences that other models bring it is not known whether what stands there is a secret.
    return f"{sentence}, found {found(node)}" if kind == EXPECTATION else sentence


def found(node: Node) -> str:
    """What stands there, for a message."""
    if not isinstance(node, Scalar):
        return "a mapping" if isinstance(node, Mapping) else "a list"
    if node.value is None:
        return "nothing"
    return quote(node.value, 40) if node.value.strip() else "an empty text"


def _as_far_as_it_goes(tree: Tree, path: KeyPath) -> KeyPath:
    """The path without the steps that are pydantic's, such as the branch of a union; its last step may be missing."""
    kept: list[str | int] = []
    for index, step in enumerate(path):
        there = len(list(follow(tree.root, (*kept, step)))) == len(kept) + 2
        if there or index == len(path) - 1:
            kept.append(step)
    return tuple(kept)


def _keys(model: type[BaseModel], path: KeyPath) -> list[str]:
    """The keys of the model that a path inside another leads to; none when it can't be told."""
    here: list[type[BaseModel]] = [model]
    for step in path:
        fields = (found.model_fields.get(str(step)) for found in here)
        inner = [part for field in fields if field for part in _models(field.annotation)]
        here = inner or here  # an index, or the key of a mapping of models
    return [name for found in here for name in found.model_fields]


def _models(annotation: Any) -> Iterator[type[BaseModel]]:
    """The models in a type such as ``list[Model] | None``."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Union, UnionType, list, dict, tuple):
        for part in get_args(annotation):
            yield from _models(part)
