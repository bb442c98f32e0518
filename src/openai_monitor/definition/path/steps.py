"""What a path is made of: steps in their order, and the conditions of its filters.

Every path ends up as a tuple of these, whoever read it, and everything else here works on them. They are named tuples
because a frozen dataclass takes five times as long to make when the module loads.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from openai_monitor.definition.pattern import Pattern


class Key(NamedTuple):
    """``.name`` or ``['name']``."""

    name: str


class Keys(NamedTuple):
    """``['a','b']``: one object of these keys at the end of a path, each key in turn before it."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Index:
    """``[2]``; a negative index counts from the end."""

    index: int


class Indexes(NamedTuple):
    """``[0,2]``."""

    indexes: tuple[int, ...]


class Slice(NamedTuple):
    """``[1:3]``. Jayway ignores a step such as the last 2 in ``[1:9:2]``."""

    start: int | None
    stop: int | None


@dataclass(frozen=True, slots=True)
class Wildcard:
    """``.*`` or ``[*]``: every value of an object, every item of a list."""


@dataclass(frozen=True, slots=True)
class Scan:
    """``..``: the next step is taken in every object and list from here down."""


class Filter(NamedTuple):
    """``[?(…)]``: the items of a list, or the object itself, for which the condition holds."""

    condition: "Condition"


class Call(NamedTuple):
    """``.length()``: only at the end of a path inside a filter."""

    function: str


Step: TypeAlias = Key | Keys | Index | Indexes | Slice | Wildcard | Scan | Filter | Call
Steps: TypeAlias = tuple[Step, ...]


class Query(NamedTuple):
    """A path inside a filter, from the whole document (``$``) or from the item in question (``@``)."""

    from_root: bool
    steps: Steps


class Literal(NamedTuple):
    """A text, number, true, false or null; ``text`` is a number as it is written, which texts are compared with."""

    value: str | float | bool | None
    text: str = ""


class Json(NamedTuple):
    """A list or object written into the filter."""

    value: object


Operand: TypeAlias = Query | Literal | Json | Pattern


class Exists(NamedTuple):
    """``@.a``, or ``!@.a`` when not wanted."""

    query: Query
    wanted: bool


class Comparison(NamedTuple):
    """``left operator right``."""

    left: Operand
    operator: str
    right: Operand


class Not(NamedTuple):
    """``!(…)``."""

    condition: "Condition"


class All(NamedTuple):
    """``a && b``."""

    conditions: "tuple[Condition, ...]"


class Any(NamedTuple):
    """``a || b``."""

    conditions: "tuple[Condition, ...]"


Condition: TypeAlias = Exists | Comparison | Not | All | Any


def is_definite(step: Step, *, last: bool) -> bool:
    """Whether the step leads from one value to one value, so that a missing one is an error, not an empty list."""
    return isinstance(step, Key | Index | Call) or (isinstance(step, Keys) and last)


def spell(steps: Iterable[Step]) -> str:
    """Write the path as text, for messages."""
    return "$" + "".join(map(_spell, steps)).replace("...", "..")


def _spell(step: Step) -> str:
    match step:
        case Key(name):
            return f".{name}" if name.isidentifier() else f"[{_quote(name)}]"
        case Keys(names):
            return f"[{','.join(map(_quote, names))}]"
        case Index(index):
            return f"[{index}]"
        case Indexes(indexes):
            return f"[{','.join(map(str, indexes))}]"
        case Slice(start, stop):
            return f"[{'' if start is None else start}:{'' if stop is None else stop}]"
        case Wildcard():
            return "[*]"
        case Scan():
            return ".."
        case Filter():
            return "[?(…)]"
        case Call(function):
            return f".{function}()"


def _quote(name: str) -> str:
    return "'" + name.replace("\\", "\\\\").replace("'", "\\'") + "'"
