"""The expression language of ``calculates`` and ``filters``: Apache JEXL 3.2 as HertzBeat allows it.

An expression is parsed once, bound once to the names of a row, and then runs as a closure over rows. It sees
the values of its row and nothing else: there is no way from it to Python's objects, files, or a clock but the
one that ``now()`` is given.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from openai_monitor.definition.expression.compile import Compiler
from openai_monitor.definition.expression.nodes import Binary, Call, Literal, Name, Node, walk
from openai_monitor.definition.expression.parser import parse
from openai_monitor.definition.expression.values import java_text

__all__ = ["Expression", "Variables", "compile_expression", "java_text"]

Variables = Sequence[object]
"""The variables of a row in the order of the names: None, str, bool, float, or int for a whole double."""


def _epoch_milliseconds() -> int:
    return time.time_ns() // 1_000_000


@dataclass(frozen=True, slots=True)
class Expression:
    """A parsed expression; see ``compile_expression``.

    ``names`` are the variables it reads as written, dotted ones whole, and those it asks ``get`` for by a
    literal; ``patterns`` the literal patterns it matches with, each with its offset. Whether names exist and
    patterns compile is found out when it runs.
    """

    text: str
    names: frozenset[str]
    patterns: tuple[tuple[str, int], ...]
    _node: Node = field(repr=False, compare=False)

    def bind(
        self, names: Sequence[str], *, now: Callable[[], int] = _epoch_milliseconds
    ) -> Callable[[Variables], object]:
        """Make a closure from a row of variables, in the order of ``names``, to the result.

        The result is None, bool, str, int, float, or a dict or list out of ``json:apply``. A whole double
        stays an int where it came as one. The closure raises EvaluationError where there is no value.
        """
        return Compiler(names, now).result(self._node)

    def bind_text(
        self, names: Sequence[str], *, now: Callable[[], int] = _epoch_milliseconds
    ) -> Callable[[Variables], str | None]:
        """Make a closure as ``bind`` does, but to the text of the result, which keeps what numbers lose.

        ``a + b`` over doubles is ``14.0``, ``1 + 2`` is ``3``; no exponents; NaN and infinities fail. This is
        the one to fill text cells with: from a result of ``bind`` nobody can tell a double from an integer.
        """
        return Compiler(names, now).text(self._node)


def compile_expression(text: str) -> Expression:
    """Parse an expression; raises ExpressionSyntaxError(message, offset) when it is none.

    Callers take what does not compile for the name of an alias, so what compiles is exactly what does in
    HertzBeat, but for assignments and ``x.class``, which slip through there, and for the empty text.
    """
    node = parse(text)
    found = walk(node)
    return Expression(text, frozenset(_names(found)), tuple(_patterns(found)), node)


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
