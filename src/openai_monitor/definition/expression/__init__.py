"""The expression language of ``calculates`` and ``filters``: Apache JEXL 3.2 as HertzBeat allows it.

An expression is parsed once, bound once to the names of a row, and then runs as a closure over rows. It sees
the values of its row and nothing else: there is no way from it to Python's objects, files, or a clock but the
one that ``now()`` is given.
"""

import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

from openai_monitor.definition.expression.compile import Compiler, list_name
from openai_monitor.definition.expression.functions import AGGREGATES
from openai_monitor.definition.expression.nodes import Binary, Call, Literal, Name, Node, Unary, walk
from openai_monitor.definition.expression.parser import parse
from openai_monitor.definition.expression.values import java_text
from openai_monitor.errors import ExpressionSyntaxError

__all__ = ["Expression", "KnownNames", "Variables", "compile_expression", "java_text", "known_names"]

Variables = Sequence[object]
"""The variables of a row in the order of the names: None, str, bool, float, or int for a whole double."""

_PLAIN = re.compile(r"[A-Za-z_$@][0-9A-Za-z_$@]*(?:\.[0-9A-Za-z_$@]+)*")
_NEVER_MEANT = re.compile(r"`.*|.*\[.*|[0-9][0-9.]*[A-Za-z].*", re.DOTALL)
"""Names that mean nothing sensible as an expression: a constant text, an index into a text, a number with a suffix."""


def _epoch_milliseconds() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; see ``compile_expression``.

    ``names`` are the variables it reads as written, dotted ones whole, and those it asks ``get`` for by a
    literal; ``spelled`` those of them that HertzBeat reads as something else; ``lists`` those that ``size``,
    ``empty`` and the aggregates read as lists, ``singles`` those that are read as one value; ``aggregates`` the names
    of those functions; ``patterns`` the literal patterns it matches with, each with its offset. Whether names exist
    and patterns compile is found out when it runs.
    """

    text: str
    names: frozenset[str]
    spelled: frozenset[str]
    lists: frozenset[str]
    singles: frozenset[str]
    aggregates: frozenset[str]
    patterns: tuple[tuple[str, int], ...]
    _node: Node = field(repr=False, compare=False)

    def bind(
        self, names: Sequence[str], *, lists: Sequence[str] = (), now: Callable[[], int] = _epoch_milliseconds
    ) -> Callable[[Variables], object]:
        """Make a closure from a row of variables, in the order of ``names``, to the result.

        ``lists`` are names whose lists (of JSON values; anything else is as its variable) follow in the row.
        The result is None, bool, str, int, float, or a dict or list out of ``json:apply``. A whole double
        stays an int where it came as one. The closure raises EvaluationError where there is no value.
        """
        return Compiler(names, now, lists).result(self._node)

    def bind_text(
        self, names: Sequence[str], *, lists: Sequence[str] = (), now: Callable[[], int] = _epoch_milliseconds
    ) -> Callable[[Variables], str | None]:
        """Make a closure as ``bind`` does, but to the text of the result, which keeps what numbers lose.

        ``a + b`` over doubles is ``14.0``, ``1 + 2`` is ``3``; no exponents; NaN and infinities fail. This is
        the one to fill text cells with: from a result of ``bind`` nobody can tell a double from an integer.
        """
        return Compiler(names, now, lists).text(self._node)


@dataclass(frozen=True, slots=True, eq=False)
class KnownNames:
    """The variables that there are; ``odd`` those of them that are not plain names, longest first."""

    all: frozenset[str] = frozenset()
    odd: tuple[str, ...] = ()


@lru_cache(maxsize=256)
def known_names(names: tuple[str, ...]) -> KnownNames:
    """Tell the odd names apart, once for all expressions over them."""
    known = frozenset(names)
    return KnownNames(known, tuple(sorted(filter(_is_odd, known), key=lambda name: (-len(name), name))))


def _is_odd(name: str) -> bool:
    return bool(name) and (not _PLAIN.fullmatch(name) or name in ("null", "true", "false", "NaN"))


_NONE_KNOWN = KnownNames()


def compile_expression(text: str, known: KnownNames = _NONE_KNOWN) -> Expression:
    """Parse an expression; raises ExpressionSyntaxError(message, offset) when it is not one.

    Callers take what does not compile for the name of an alias, so what compiles is what does in HertzBeat, but for
    assignments and ``x.class``, which slip through there, for the empty text, and for the known names that are
    not plain names. Those are read as they are spelled where HertzBeat's reading can't be meant:
    `` `parent`.total ``, ``$.tags[0].n`` and ``24h`` always, ``Content-Length`` where its pieces are not all aliases
    themselves, and a constant such as ``2024`` where it is the whole expression.
    """
    odd = [name for name in known.odd if name in text]
    if not odd:
        return _expression(text, parse(text), ())
    try:
        found = _expression(text, parse(text, [name for name in odd if _NEVER_MEANT.fullmatch(name)]), odd)
    except ExpressionSyntaxError:
        return _expression(text, parse(text, odd), odd)
    if text in odd and not found.names:
        return _expression(text, Name((text,)), odd)
    if not found.names <= known.all:
        try:
            other = _expression(text, parse(text, odd), odd)
        except ExpressionSyntaxError:
            return found
        if other.names <= known.all:
            return other
    return found


def _expression(text: str, node: Node, odd: Sequence[str]) -> Expression:
    nodes = walk(node)
    names = Counter(_names(nodes))
    calls = [node for node in nodes if isinstance(node, Call) and node.namespace is None and node.name in AGGREGATES]
    arguments = [node.operand for node in nodes if isinstance(node, Unary) and node.operator in ("size", "empty")]
    arguments += [argument for call in calls for argument in call.arguments]
    lists = Counter(filter(None, map(list_name, arguments)))
    return Expression(
        text=text,
        names=frozenset(names),
        spelled=frozenset(node.text for node in nodes if isinstance(node, Name)).intersection(odd),
        lists=frozenset(lists),
        singles=frozenset(names - lists),
        aggregates=frozenset(call.name for call in calls),
        patterns=tuple(_patterns(nodes)),
        _node=node,
    )


def _names(nodes: list[Node]) -> list[str]:
    names = [node.text for node in nodes if isinstance(node, Name)]
    for node in nodes:
        match node:
            case Call(None, "get", (Literal(str(name)),)):
                names.append(name)
    return names


def _patterns(nodes: list[Node]) -> list[tuple[str, int]]:
    found = []
    for node in nodes:
        match node:
            case Binary("=~" | "!~", _, Literal(str(pattern), offset)):
                found.append((pattern, offset))
            case Call(None, "matches", (_, Literal(str(pattern), offset))):
                found.append((pattern, offset))
    return found
