"""Plain data to the parts of a document, where nothing is wrong with it.

What is read here, pydantic reads to the same values. What is refused here may only be unusual: pydantic decides,
and says what is wrong (see ``complaints``).
"""

from collections.abc import Callable
from dataclasses import fields
from types import NoneType
from typing import Any, TypeVar, cast, get_args, get_origin

from openai_monitor.definition.model import Model, ReadAs, yaml_key

Reader = Callable[[object], object]

M = TypeVar("M", bound=Model)


def read_part(part: type[M], data: object) -> M:
    """Read a part from dicts, lists and texts. Raises ValueError when something is wrong with them, or unusual."""
    return cast("M", _part(part)(data))


_READERS: dict[type[Model], Reader] = {}


def _part(part: type[Model]) -> Reader:
    if part not in _READERS:
        _READERS[part] = _compiled(part)
    return _READERS[part]


def _compiled(part: type[Model]) -> Reader:
    readers = {yaml_key(each.name): (each.name, _reader(each.type)) for each in fields(part)}

    def read(data: object) -> object:
        values = {}
        for key, value in _checked(dict, data).items():
            if key not in readers:
                raise ValueError("unknown key")
            name, reader = readers[key]
            values[name] = reader(value)
        try:
            return part(**values)
        except TypeError:
            raise ValueError("missing key") from None

    return read


def _reader(kind: Any) -> Reader:
    """The reader of a type: text, a list, a dict by text, a part, something or None; a ReadAs says otherwise."""
    if how := getattr(kind, "__metadata__", ()):
        return _read_as(how[0], kind.__origin__)
    if kind is Any:
        return lambda value: value
    if isinstance(kind, type) and issubclass(kind, Model):
        return _part(kind)
    arguments = get_args(kind)
    if NoneType in arguments:
        return _optional(_reader(arguments[0]))
    if get_origin(kind) is list:
        item = _reader(arguments[0])
        return lambda value: [item(each) for each in _checked(list, value)]
    if get_origin(kind) is dict:
        item = _reader(arguments[1])
        return lambda value: {_checked(str, key): item(each) for key, each in _checked(dict, value).items()}
    return lambda value: _checked(kind, value)


def _read_as(how: ReadAs, kind: Any) -> Reader:
    if how.read is not None:
        return how.read
    reader, first = _reader(kind), how.first
    return reader if first is None else lambda value: reader(first(value))


def _optional(reader: Reader) -> Reader:
    return lambda value: None if value is None else reader(value)


def _checked(kind: type[Any], value: object) -> Any:
    if type(value) is not kind:
        raise ValueError("another type")
    return value
