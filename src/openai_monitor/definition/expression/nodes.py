"""The tree of a parsed expression: small nodes that hold no value of any row.

Named tuples, since fifteen dataclasses would take longer to make than all the rest to import. Tell them apart by class:
as tuples, nodes of different classes may be equal.
"""

from typing import Literal as OneOf
from typing import NamedTuple


class Literal(NamedTuple):
    """A constant: null, a truth value, a text or a number (a whole one as ``JavaInteger``)."""

    value: object
    offset: int = 0


class Name(NamedTuple):
    """A variable. ``$.cpu.total`` is one variable of three parts, where the row has it under that name."""

    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The name as written."""
        return ".".join(self.parts)


class Key(NamedTuple):
    """One step into an object: ``.key``, or ``?.key``, which is null where ``.key`` fails."""

    name: str
    safe: bool = False


class Index(NamedTuple):
    """One step into a list or object: ``[node]``."""

    node: "Node"


class Access(NamedTuple):
    """Steps into the value of another node."""

    base: "Node"
    steps: tuple[Key | Index, ...]


class Group(NamedTuple):
    """Parentheses. They matter beyond precedence: ``undefined ?? 1`` is 1, ``(undefined) ?? 1`` fails."""

    inner: "Node"


class Unary(NamedTuple):
    """``-`` ``+`` ``~`` ``!`` ``empty`` ``size`` before an operand."""

    operator: str
    operand: "Node"


class Binary(NamedTuple):
    """Two operands; word operators stand here as their symbols (``and`` is ``&&``, ``div`` is ``/``)."""

    operator: str
    left: "Node"
    right: "Node"


class Ternary(NamedTuple):
    """``condition ? yes : no``."""

    condition: "Node"
    yes: "Node"
    no: "Node"


class Fallback(NamedTuple):
    """``value ?: other`` (other unless the value is true) and ``value ?? other`` (other when it is null)."""

    operator: OneOf["?:", "??"]
    value: "Node"
    other: "Node"


class Call(NamedTuple):
    """A function: ``now()``, ``json:apply(text)``."""

    namespace: str | None
    name: str
    arguments: tuple["Node", ...]


class ListLiteral(NamedTuple):
    """``[1, 2]``, or ``{1, 2}`` with ``unique``."""

    items: tuple["Node", ...]
    unique: bool = False


class MapLiteral(NamedTuple):
    """``{'k': 1}``."""

    entries: tuple[tuple["Node", "Node"], ...]


class Template(NamedTuple):
    """A text in backticks, its ``${…}`` parsed."""

    parts: tuple["Node", ...]


Node = (
    Literal | Name | Access | Group | Unary | Binary | Ternary | Fallback | Call | ListLiteral | MapLiteral | Template
)


def children(node: Node) -> tuple[Node, ...]:
    """List the nodes directly below a node."""
    match node:
        case Literal() | Name():
            return ()
        case Access(base, steps):
            return (base, *(step.node for step in steps if isinstance(step, Index)))
        case Group(inner):
            return (inner,)
        case Unary(_, operand):
            return (operand,)
        case Binary(_, left, right):
            return (left, right)
        case Ternary(condition, yes, no):
            return (condition, yes, no)
        case Fallback(_, value, other):
            return (value, other)
        case Call():
            return node.arguments
        case ListLiteral():
            return node.items
        case MapLiteral(entries):
            return tuple(part for entry in entries for part in entry)
        case Template(parts):
            return parts


def walk(root: Node) -> list[Node]:
    """List all nodes of a tree, without recursion: sums may have thousands of terms."""
    found, waiting = [], [root]
    while waiting:
        node = waiting.pop()
        found.append(node)
        waiting.extend(children(node))
    return found
