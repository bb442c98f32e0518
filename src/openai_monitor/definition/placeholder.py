"""Placeholders: ``^_^name^_^`` takes a parameter of the monitor, ``^o^name^o^`` a field of an earlier set.

Both stand anywhere in a metric set's texts. A set in which nothing is replaced comes back as the same object,
and so does every part of a changed set that did not change itself.
"""

import json
import re
import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import TypeVar

from openai_monitor.definition.model import MetricSet, Model, Text
from openai_monitor.errors import ParameterError

_PARAMETER = re.compile(r"\^_\^([\w.-]+)\^_\^", re.ASCII)
_ROW_FIELD = re.compile(r"\^o\^([\w.-]+)\^o\^", re.ASCII)
_PARAMETER_MARK = "^_^"
_ROW_FIELD_MARK = "^o^"

_NEVER = ("i18n",)
"""Attributes whose texts are for people only."""

_LONGEST_TEXT = 16 * 2**20
"""Characters a text may grow to: values that bring in others double with each of them."""

_MOST_WORK = 10**8
"""Placeholders of a text times its characters, where they have to be replaced one by one."""

_BLANKS = "".join(map(chr, range(33)))
"""What Java trims: the blank and all control characters below it."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter's value and its declared type (``text``, ``password``, ``array``, ``key-value`` …).

    None is a given null, which is not the same as a parameter that is absent. ``repr`` never shows the value.
    """

    value: str | None = field(repr=False)
    type: str

    @property
    def text(self) -> str | None:
        """The value as it is inserted: trimmed, unless it is a password."""
        if self.value is None or self.type == "password":
            return self.value
        return self.value.strip(_BLANKS)


Parameters = Mapping[str, Parameter]
"""Parameters by name. A name that is absent is unknown: its placeholders stay as written."""


def substitute_parameters(metric_set: MetricSet, parameters: Parameters) -> MetricSet:
    """Return the metric set with its ``^_^name^_^`` replaced.

    - An unknown name stays as written; in a list the whole item becomes None.
    - A null parameter makes the whole text None, or leaves nothing where more stands around it.
    - A list item with an ``array`` parameter becomes the items of its comma list, whatever else it holds.
    - A map key that is a placeholder gives way to the entries of that ``key-value`` parameter, at the end.
    - Placeholders are replaced one by one, so a value may bring in one that follows in the same text.

    Raises ParameterError when a text grows beyond 16 million characters.
    """
    return _replace_attributes(metric_set, _ParameterRules(parameters))


def substitute_row(metric_set: MetricSet, values: Mapping[str, str]) -> MetricSet:
    """Return the metric set with its ``^o^name^o^`` replaced by the values of one row, given as text.

    The values come from a response, so they are inserted and never looked through. Other names stay as
    written, and so do map keys.
    """
    return _replace_attributes(metric_set, _RowRules(values))


def parameters_used(metric_set: MetricSet) -> frozenset[str]:
    """Return the names in the set's ``^_^name^_^`` markers."""
    marked = _marked(metric_set, _PARAMETER_MARK)
    return _names([metric_set.__dict__[name] for name in marked], _PARAMETER, _PARAMETER_MARK)


def row_fields(metric_set: MetricSet) -> frozenset[str]:
    """Return the names in the set's ``^o^name^o^`` markers."""
    # Not by _marked, which remembers: most of these sets are one monitor's only.
    return _names([metric_set], _ROW_FIELD, _ROW_FIELD_MARK)


def parameter_names(text: str) -> list[str]:
    """Return the names in the ``^_^name^_^`` markers of one text, in their order."""
    return _PARAMETER.findall(text) if _PARAMETER_MARK in text else []


def has_unfinished_marker(text: str) -> bool:
    """Whether the text holds a piece of a marker, such as ``^_^name``, which is no placeholder."""
    if _PARAMETER_MARK not in text and _ROW_FIELD_MARK not in text:
        return False
    rest = _ROW_FIELD.sub("", _PARAMETER.sub("", text))
    return _PARAMETER_MARK in rest or _ROW_FIELD_MARK in rest


@dataclass(frozen=True, slots=True)
class _ParameterRules:
    parameters: Parameters
    mark = _PARAMETER_MARK

    def value(self, text: str) -> Text:
        markers = list(_PARAMETER.finditer(text))
        if len(markers) > 1 and self._are_apart(text, markers):
            return self._at_once(text, markers)
        if len(markers) * len(text) > _MOST_WORK:
            raise ParameterError(
                f"a text of the definition has {len(markers):,} placeholders, and values that bring in others: "
                "give them values without `^`"
            )
        result = text
        for marker in markers:
            parameter = self.parameters.get(marker[1])
            if parameter is None:
                continue
            inserted = parameter.text
            if inserted is None and result == marker[0]:
                return None
            result = _insert(result, marker, inserted or "")
        return result

    def _are_apart(self, text: str, markers: list[re.Match[str]]) -> bool:
        """Whether no replacement can make another marker, or a null: none stays, and no value or rest holds a piece."""
        if text.count(_PARAMETER_MARK) != 2 * len(markers):
            return False
        names = {marker[1] for marker in markers}
        given = [self.parameters.get(name) for name in names]
        between = {text[one.end() : other.start()] for one, other in pairwise(markers)}
        if names & between or any(parameter is not None and parameter.value in names for parameter in given):
            return False  # between two marks that are left, a name would be a marker
        return all(parameter is not None and "^" not in (parameter.value or "^") for parameter in given)

    def _at_once(self, text: str, markers: list[re.Match[str]]) -> Text:
        """The text with all markers replaced in one go, in a time that grows with its length alone."""
        grown = len(text)
        for marker in markers:
            grown += len(self._inserted(marker))
            if grown > _LONGEST_TEXT:
                raise _too_long(marker[1])
        return _PARAMETER.sub(self._inserted, text)

    def _inserted(self, marker: re.Match[str]) -> str:
        parameter = self.parameters.get(marker[1])
        return marker[0] if parameter is None else parameter.text or ""

    def items(self, text: str) -> list[Text]:
        array: str | None = None
        for marker in _PARAMETER.finditer(text):
            parameter = self.parameters.get(marker[1])
            if parameter is None:
                return [None] if array is None else _comma_list(array)
            if parameter.type == "array" and parameter.text is not None:
                array = parameter.text
        return [self.value(text)] if array is None else _comma_list(array)

    def entries(self, texts: Mapping[str, Text]) -> Mapping[str, Text]:
        kept: dict[str, Text] = {}
        added: dict[str, Text] = {}
        for key, text in texts.items():
            name = _key_name(key)
            if name is None:
                kept[key] = _map_value(text, self.value)
            else:
                added |= self._key_values(name)
        return kept | added

    def _key_values(self, name: str) -> dict[str, Text]:
        parameter = self.parameters.get(name)
        if parameter is None or parameter.type != "key-value" or not parameter.text:
            return {}
        return _text_map(parameter.text)


@dataclass(frozen=True, slots=True)
class _RowRules:
    values: Mapping[str, str]
    mark = _ROW_FIELD_MARK

    def value(self, text: str) -> Text:
        return _ROW_FIELD.sub(lambda marker: self.values.get(marker[1], marker[0]), text)

    def items(self, text: str) -> list[Text]:
        return [self.value(text)]

    def entries(self, texts: Mapping[str, Text]) -> Mapping[str, Text]:
        return {key: _map_value(text, self.value) for key, text in texts.items()}


_Rules = _ParameterRules | _RowRules
_M = TypeVar("_M", bound=Model)


def _replace(node: object, rules: _Rules) -> object:
    """Return the node with the rules applied to all texts below it; the same object when none changes."""
    if isinstance(node, str):
        text = rules.value(node) if rules.mark in node else node
        return node if text == node else text
    if isinstance(node, Model):
        return _replace_attributes(node, rules)
    if isinstance(node, list):
        changed = [new for item in node for new in _replace_item(item, rules)]
        return node if _same(changed, node) else changed
    if isinstance(node, dict):
        entries = rules.entries(node)
        return node if entries == node else entries
    return node


def _replace_attributes(model: _M, rules: _Rules) -> _M:
    changes = {}
    for name in _marked(model, rules.mark):
        value = model.__dict__[name]
        if (new := _replace(value, rules)) is not value:
            changes[name] = new
    return replace(model, **changes) if changes else model


def _replace_item(item: object, rules: _Rules) -> list[object]:
    if isinstance(item, str) and rules.mark in item:
        return list(rules.items(item))
    return [_replace(item, rules)]


def _same(new: list[object], old: list[object]) -> bool:
    return len(new) == len(old) and all(
        a is b or (isinstance(a, str) and a == b) for a, b in zip(new, old, strict=True)
    )


_NONE: frozenset[str] = frozenset()
"""Most sets have none, and an empty one each would add up over thousands of monitors."""

_MARKED: dict[tuple[int, str], tuple[str, ...]] = {}


def _marked(model: Model, mark: str) -> tuple[str, ...]:
    """Return the names of the attributes that hold a mark; they are remembered as long as the model lives."""
    key = id(model), mark
    names = _MARKED.get(key)
    if names is None:
        found = model.__dict__.items()
        names = tuple(name for name, value in found if name not in _NEVER and any(_texts(value, mark)))
        _MARKED[key] = names
        weakref.finalize(model, _MARKED.pop, key, None).atexit = False
    return names


def _texts(node: object, mark: str) -> Iterator[str]:
    """Return all texts below a node that hold a mark; a map's key is one only when its entries give way."""
    if isinstance(node, str):
        if mark in node:
            yield node
    elif isinstance(node, Model):
        for name, value in node.__dict__.items():
            if name not in _NEVER:
                yield from _texts(value, mark)
    elif isinstance(node, list):
        for item in node:
            yield from _texts(item, mark)
    elif isinstance(node, dict):
        for key, value in node.items():
            if mark == _PARAMETER_MARK and _key_name(key) is not None:
                yield key
            yield from _texts(value, mark)


def _names(nodes: Iterable[object], pattern: re.Pattern[str], mark: str) -> frozenset[str]:
    return frozenset(name for node in nodes for text in _texts(node, mark) for name in pattern.findall(text)) or _NONE


def _key_name(key: str) -> str | None:
    """Return the name in a map key that is as a whole a parameter's placeholder; None for any other key."""
    whole = len(key) > 2 * len(_PARAMETER_MARK)
    return key[3:-3] if whole and key.startswith(_PARAMETER_MARK) and key.endswith(_PARAMETER_MARK) else None


def _map_value(text: Text, value: Callable[[str], Text]) -> Text:
    """Return a map's value replaced. One that becomes null is empty, so that a query keeps its bare key."""
    return text if text is None else value(text) or ""


def _insert(text: str, marker: re.Match[str], value: str) -> str:
    if text.count(marker[0]) * len(value) + len(text) > _LONGEST_TEXT:
        raise _too_long(marker[1])
    return text.replace(marker[0], value)


def _too_long(name: str) -> ParameterError:
    return ParameterError(
        f"parameter {name} makes a text of the definition longer than {_LONGEST_TEXT} characters: "
        "give it a shorter value"
    )


def _comma_list(text: str) -> list[Text]:
    """Return the items of a comma list; empty ones at its end don't count."""
    items = text.rstrip(",")
    return list(items.split(",")) if items or not text else []


def _text_map(text: str) -> dict[str, Text]:
    """Return a JSON object of scalars as texts, numbers as they are written; any other text is no entries."""
    try:
        found = json.loads(text, parse_int=str, parse_float=str)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict) or any(isinstance(value, dict | list) for value in found.values()):
        return {}
    return {name: _scalar_text(value) for name, value in found.items() if name}


def _scalar_text(value: object) -> Text:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None else str(value)
