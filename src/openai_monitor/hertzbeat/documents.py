"""The definition inside a job: only what the loader knows and collecting needs, as YAML text."""

import json
import re
from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from openai_monitor.definition.model import (
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

_PARTS: dict[type[Model], dict[str, type[Model]]] = {
    Document: {"params": ParamSpec, "metrics": MetricSet},
    ParamSpec: {"options": Option},
    MetricSet: {"fields": FieldSpec, "http": Http},
    Http: {"authorization": Authorization},
}
"""The keys that hold parts of the document with keys of their own."""

_OF_DOCUMENT = ("app", "params", "metrics")
_FOR_PEOPLE = {
    ParamSpec: ("name", "placeholder", "id", "app", "creator", "modifier", "hide", "depend", "limit"),
    MetricSet: ("i18n", "visible", "collectTime"),
    FieldSpec: ("i18n",),
}
"""What only the manager's pages show."""

_UNPRINTABLE = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff\ud800-\udfff]")
"""What JSON may hold as it is and YAML may not."""


def known_parts(job: Mapping[str, Any]) -> dict[str, Any]:
    """The definition of a job. Unknown keys are left out (newer managers will bring some), and so are nulls."""
    return {key: value for key, value in _known(job, Document).items() if key in _OF_DOCUMENT}


def as_yaml(document: Mapping[str, Any]) -> str:
    """JSON that is YAML too, for the loader."""
    text = json.dumps(document, ensure_ascii=False)
    return _UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def writable(text: str) -> str:
    """The text fit for UTF-8: what that can't hold, as half a character, becomes a question mark."""
    return text.encode("utf-8", "replace").decode()


def _known(data: Any, model: type[Model]) -> Any:
    if isinstance(data, list):
        return [_known(item, model) for item in data]
    if not isinstance(data, dict):
        return data
    parts, keys = _PARTS.get(model, {}), _KEYS[model]
    return {
        key: _known(value, parts[key]) if key in parts else value
        for key, value in data.items()
        if key in keys and value is not None
    }


def _keys_for_collecting(model: type[Model]) -> frozenset[str]:
    names = {yaml_key(each.name) for each in fields(model)}
    return frozenset(names - set(_FOR_PEOPLE.get(model, ())))


_KEYS: dict[type[Model], frozenset[str]] = {
    model: _keys_for_collecting(model)
    for model in (Document, ParamSpec, Option, MetricSet, FieldSpec, Http, Authorization)
}
