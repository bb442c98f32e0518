"""From pydantic's errors to problems a person can act on: where, what was found and what was expected."""

from dataclasses import fields
from functools import cache
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from openai_monitor.definition.definition import KeyPath, make_problem
from openai_monitor.definition.model import (
    BOOKKEEPING,
    Authorization,
    Document,
    FieldSpec,
    Http,
    MetricSet,
    Model,
    Option,
    ParamSpec,
    yaml_key,
)
from openai_monitor.definition.wording import nearest_name, quote
from openai_monitor.definition.yaml.tree import Mapping as YamlMapping
from openai_monitor.definition.yaml.tree import Node, Scalar, Sequence, Tree, follow
from openai_monitor.errors import Problem

_PARTS: dict[tuple[str, ...], tuple[type[Model], str]] = {
    (): (Document, "a definition"),
    ("params",): (ParamSpec, "a parameter"),
    ("params", "options"): (Option, "an option"),
    ("metrics",): (MetricSet, "a metric set"),
    ("metrics", "fields"): (FieldSpec, "a field"),
    ("metrics", "http"): (Http, "`http`"),
    ("metrics", "http", "authorization"): (Authorization, "`authorization`"),
}
_EXPECTED = {
    "string_type": "text",
    "list_type": "a list",
    "dict_type": "a mapping",
    "dataclass_type": "a mapping",
}
_UNKNOWN_KEY = "unexpected_keyword_argument"
_MOST_COMPLAINTS = 100


def examine(data: Any, tree: Tree, file: str) -> tuple[Document, list[Problem], list[KeyPath]]:
    """What can be read of a document, the problems of the rest, and the paths that were left out of ``data``."""
    problems: list[Problem] = []
    broken: list[KeyPath] = []
    respelt: set[KeyPath] = set()
    while True:
        try:
            return _adapter().validate_python(data, by_alias=True, by_name=False), problems, broken
        except ValidationError as error:
            errors = error.errors(include_url=False, include_context=False, include_input=False)
        if repair(data, errors, tree):
            continue
        # Of a key that was read as another one it is said that it is unknown, and not that its value fits it badly.
        problems += [complain(found, tree, file) for found in errors[:_MOST_COMPLAINTS] if found["loc"] not in respelt]
        meant = respell(data, errors[:_MOST_COMPLAINTS], tree)
        respelt.update(meant.values())
        lost = [found for found in errors if found["loc"] not in meant]
        broken += [found["loc"] for found in lost]
        salvage(data, lost)


@cache
def _adapter() -> TypeAdapter[Document]:
    return TypeAdapter(Document)


def complain(error: ErrorDetails, tree: Tree, file: str) -> Problem:
    """One of pydantic's errors as a Problem."""
    path: KeyPath = error["loc"]
    if error["type"] == _UNKNOWN_KEY:
        message, hint = _unknown_key(path)
        return make_problem(tree, file, path, "unknown-key", message, hint=hint, at_key=True)
    if error["type"] == "missing":
        message = f"the definition has no `{path[-1]}`"
        return make_problem(tree, file, path, "missing-key", message, hint=f"add `{path[-1]}:` with its items")
    *_, (_, node) = follow(tree.root, path)
    expected = _EXPECTED.get(error["type"], error["msg"].removeprefix("Value error, "))
    message = f"expected {expected}, found {_found(node)}"
    return make_problem(tree, file, path, "wrong-type", message, hint=_hint(path, error["type"], node))


def _unknown_key(path: KeyPath) -> tuple[str, str]:
    key = str(path[-1])
    model, name = _PARTS[_shape(path[:-1])]
    return f"unknown key {quote(key)} in {name}", _meant_key(key, _keys(model))


def _meant_key(key: str, known: list[str]) -> str:
    if (match := nearest_name(key, known)) is not None:
        return f"did you mean `{match}`?"
    if (home := next((title for model, title in _PARTS.values() if key in _keys(model)), None)) is not None:
        return f"it is a key of {home}"
    return f"known are {', '.join(known)}"


def _keys(model: type[Model]) -> list[str]:
    """The keys a person may write, HertzBeat's bookkeeping left out."""
    return [yaml_key(each.name) for each in fields(model) if each.metadata["description"] != BOOKKEEPING]


def _shape(path: KeyPath) -> tuple[str, ...]:
    return tuple(step for step in path if isinstance(step, str))


def _found(node: Node) -> str:
    if isinstance(node, Sequence):
        return "a list"
    if isinstance(node, YamlMapping):
        return "a mapping"
    if node.value is None:
        return "nothing"
    return quote(node.value, 40) if node.value.strip() else "an empty text"


def _hint(path: KeyPath, kind: str, node: Node) -> str:
    if kind == "string_type":
        return _text_hint(path, node)
    if kind == "dict_type" and path[-1] in ("name", "help", "helpLink", "i18n"):
        return f"give a text a language: `{path[-1]}: {{en-US: …}}`"
    if kind in ("list_type", "dataclass_type") and isinstance(node, YamlMapping | Scalar):
        return "begin every item with `- `" if kind == "list_type" else ""
    return ""


def _text_hint(path: KeyPath, node: Node) -> str:
    if isinstance(node, YamlMapping):
        return "quote the text: `: ` makes a mapping of it" if isinstance(path[-1], int) else "a text stands here"
    return "quote the text: brackets make a list of it"


def repair(data: Any, errors: list[ErrorDetails], tree: Tree) -> bool:
    """Give a text that is written as a list of one text its text, as SnakeYAML does. Tells whether it did."""
    changed = False
    for error in errors:
        if error["type"] == "string_type" and error["loc"]:
            *_, (_, node) = follow(tree.root, error["loc"])
            text = _lone_text(node)
            if text is not None:
                _parent(data, error["loc"])[error["loc"][-1]] = text
                changed = True
    return changed


def respell(data: Any, errors: list[ErrorDetails], tree: Tree) -> dict[KeyPath, KeyPath]:
    """Give unknown keys the names that are meant, to look at what they hold. Gives the new path of each old one."""
    respelt: dict[KeyPath, KeyPath] = {}
    for error in errors:
        path: KeyPath = error["loc"]
        if error["type"] != _UNKNOWN_KEY:
            continue
        parent, key = _parent(data, path), str(path[-1])
        meant = nearest_name(key, _keys(_PARTS[_shape(path[:-1])][0]))
        if meant is None or meant in parent:
            continue
        parent[meant] = parent.pop(key)
        *_, (_, node) = follow(tree.root, path[:-1])
        if isinstance(node, YamlMapping) and key in node.entries:
            node.entries[meant] = node.entries.pop(key)
        respelt[path] = (*path[:-1], meant)
    return respelt


def salvage(data: Any, errors: list[ErrorDetails]) -> None:
    """Take out what the errors are about, to look at the rest: a key goes, a list's item becomes empty."""
    for error in errors:
        parent, step = _parent(data, error["loc"]), error["loc"][-1]
        if error["loc"] == ("metrics",):
            parent[step] = []
        elif isinstance(parent, dict):
            parent.pop(step, None)
        else:
            parent[step] = {} if error["type"] == "dataclass_type" else None


def _parent(data: Any, path: KeyPath) -> Any:
    for step in path[:-1]:
        data = data[step]
    return data


def _lone_text(node: Node) -> str | None:
    if isinstance(node, Sequence) and len(node.items) == 1 and type(item := node.items[0]) is Scalar:
        return item.value
    return None
