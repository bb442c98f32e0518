"""The file of ``--params``: YAML or JSON, values as the raw text that stands there, null as None.

A list becomes a comma list and a map JSON text, as parameters of type array and key-value take them. No
message repeats a value of the file: it may be a key.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openai_monitor import system
from openai_monitor.errors import SettingsError

LARGEST = 1_048_576
DEEPEST = 20
_EXPECTED = "expected a map of parameter names to values, as YAML or JSON"
_NULLS = ("", "~", "null", "Null", "NULL")


class _Number(str):
    """A JSON number as it is written."""

    __slots__ = ()


def read_params(name: str) -> dict[str, str | None]:
    """Read the parameters in this file; raises SettingsError when it can't be read or is not a map."""
    text = _read(name)
    document = _json(text) if text.lstrip().startswith("{") else None
    if document is None:
        document = _yaml(text, name)
    if not isinstance(document, dict):
        raise SettingsError(f"--params {name}: {_EXPECTED}")
    return {str(key): _raw(value) for key, value in document.items()}


def _read(name: str) -> str:
    try:
        with Path(name).open(encoding="utf-8-sig") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise SettingsError(f"--params {name}: {system.words(error)}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"--params {name}: not UTF-8 text; {_EXPECTED}") from None
    if len(text) > LARGEST:
        raise SettingsError(f"--params {name}: more than 1 MiB; {_EXPECTED}")
    return text


def _json(text: str) -> object:
    try:
        return json.loads(text, parse_int=_Number, parse_float=_Number, object_pairs_hook=_unrepeated)
    except (ValueError, RecursionError):
        return None  # a flow map of YAML begins with a brace too; and YAML tells the place of what is wrong


def _unrepeated(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError
    return found


def _raw(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return ",".join(_raw(item) or "" for item in value)
    return json.dumps(value, ensure_ascii=False)


def _yaml(text: str, name: str) -> object:
    """Build values from YAML's events; its own constructor would read ``010`` as 8, ``no`` as False."""
    import yaml  # noqa: PLC0415 - a JSON file does without

    from openai_monitor.definition.yaml.errors import is_nesting  # noqa: PLC0415 - as above

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        return _build(iter(yaml.parse(text, Loader=loader)), name)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        if is_nesting(error):
            raise SettingsError(f"--params {name}{where}: nested too deeply; {_EXPECTED}") from None
        raise SettingsError(f"--params {name}{where}: not readable as YAML; {_EXPECTED}") from None
    except yaml.YAMLError:
        raise SettingsError(f"--params {name}: not readable as YAML; {_EXPECTED}") from None


def _build(events: Iterator[Any], name: str) -> object:
    root: list[object] = []
    open_: list[list[object]] = [root]
    names: list[set[str] | None] = [None]  # of a map
    for event in events:
        kind = type(event).__name__
        if kind == "ScalarEvent":
            if (known := names[-1]) is not None and len(open_[-1]) % 2 == 0:
                if event.value in known:
                    raise _at(event, name, f"{event.value} is there twice")
                known.add(event.value)
            plain = event.implicit[0] and event.value in _NULLS
            open_[-1].append(None if plain else event.value)
        elif kind in ("MappingStartEvent", "SequenceStartEvent"):
            if len(open_) > DEEPEST:
                raise _at(event, name, "nested too deeply")
            open_.append([])
            names.append(set() if kind == "MappingStartEvent" else None)
        elif kind in ("MappingEndEvent", "SequenceEndEvent"):
            items, is_map = open_.pop(), names.pop() is not None
            open_[-1].append(_pairs(items, event, name) if is_map else items)
        elif kind == "AliasEvent":
            raise _at(event, name, "anchors and aliases are not for parameters: write the value out")
    return root[0] if len(root) == 1 else None


def _pairs(items: list[object], event: Any, name: str) -> dict[str, object]:
    keys = items[::2]
    if any(not isinstance(key, str) for key in keys):
        raise _at(event, name, "a name must be text")
    return dict(zip(map(str, keys), items[1::2], strict=True))


def _at(event: Any, name: str, problem: str) -> SettingsError:
    mark = event.start_mark
    return SettingsError(f"--params {name}:{mark.line + 1}:{mark.column + 1}: {problem}")
