"""Tokens to a tree, in the grammar of Apache JEXL 3.2 as HertzBeat allows it.

Left out there, and refused here too: method calls, loops, ``new``, lambdas, annotations, several statements.
Left out here alone: assignments, and ``class`` behind a plain name. Comparisons do not chain (``1 < 2 < 3``).
"""

import re
from collections.abc import Sequence

from openai_monitor.definition.expression.lexer import (
    FLOAT_AFTER_NAME,
    MAX_LENGTH,
    NOT_KEYS,
    STATEMENT_WORDS,
    WORDS,
    Token,
    tokenize,
    unquote,
)
from openai_monitor.definition.expression.nodes import (
    Access,
    Binary,
    Call,
    Fallback,
    Group,
    Index,
    Key,
    ListLiteral,
    Literal,
    MapLiteral,
    Name,
    Node,
    Template,
    Ternary,
    Unary,
)
from openai_monitor.definition.expression.numbers import parse_number
from openai_monitor.errors import ExpressionSyntaxError

MAX_DEPTH = 100
"""How deep an expression may nest: parentheses, branches, arguments, prefixes, operands of operands."""

_LEVELS: tuple[tuple[str, ...], ...] = (
    ("||",),
    ("&&",),
    ("|",),
    ("^",),
    ("&",),
    ("==", "!=", ".."),
    ("<", ">", "<=", ">=", "=~", "!~", "=^", "!^", "=$", "!$"),
    ("+", "-"),
    ("*", "/", "%"),
)
_LEVEL = {operator: level for level, operators in enumerate(_LEVELS) for operator in operators}
_UNCHAINED = frozenset({_LEVEL["=="], _LEVEL["<"]})
_ASSIGNMENTS = frozenset({"=", "+=", "-=", "*=", "/=", "%=", "&=", "|=", "^="})
_PREFIXES = {"op": frozenset({"-", "+", "~", "!"}), "word": frozenset({"empty", "size"})}
_CONSTANTS = {"null": None, "true": True, "false": False}
_PLAIN_NAME = re.compile(r"[A-Za-z_$][A-Za-z_$0-9]*(?:\.[A-Za-z_$0-9]+)*")


def parse(text: str, spelled: Sequence[str] = ()) -> Node:
    """Build the tree of an expression; raises ExpressionSyntaxError with the offset of what does not fit.

    ``spelled`` are names to take as they are spelled, see ``tokenize``.
    """
    return _plain_name(text) or _Parser(text, 0, spelled).whole()


def _plain_name(text: str) -> Name | None:
    """Read a name and nothing else, which is what most calculations are."""
    if not _PLAIN_NAME.fullmatch(text) or FLOAT_AFTER_NAME.search(text) or len(text) > MAX_LENGTH:
        return None
    parts = tuple(text.split("."))
    if parts[0] in WORDS or not NOT_KEYS.isdisjoint(parts):
        return None
    _refuse_class(parts, 0)
    return Name(parts)


def _refuse_class(parts: tuple[str, ...], offset: int) -> None:
    # a JSON path may well go through a key of that name
    if "class" in parts[1:] and not parts[0].startswith("$"):
        raise ExpressionSyntaxError(
            "`class` is not allowed: expressions see values, never what they are made of", offset
        )


class _Parser:
    def __init__(self, text: str, depth: int, spelled: Sequence[str] = ()) -> None:
        self._tokens = tokenize(text, spelled)
        self._position = 0
        self._token = self._tokens[0]
        self._depth = depth

    def whole(self) -> Node:
        if self._token.kind == "end":
            raise ExpressionSyntaxError("the expression is empty", 0)
        node = self._expression()
        if self._token.kind != "end":
            raise self._unexpected()
        return node

    def _take(self) -> Token:
        token = self._token
        self._position += 1
        self._token = self._tokens[self._position]
        return token

    def _accept(self, operator: str) -> bool:
        if self._token.text != operator or self._token.kind != "op":
            return False
        self._take()
        return True

    def _expect(self, operator: str) -> None:
        if not self._accept(operator):
            raise self._unexpected(f", expected `{operator}`")

    def _unexpected(self, hint: str = "") -> ExpressionSyntaxError:
        token = self._token
        if token.kind == "end":
            return ExpressionSyntaxError(f"the expression ends too early{hint}", token.offset)
        if token.kind == "op" and token.text in _ASSIGNMENTS:
            return ExpressionSyntaxError("an assignment is not allowed; `==` compares", token.offset)
        if token.text == "(" and token.kind == "op" and self._position:
            return ExpressionSyntaxError("only a function can be called, and a value has no methods", token.offset)
        if token.text in STATEMENT_WORDS and token.kind == "word":
            return ExpressionSyntaxError(f"`{token.text}` is a statement, not an expression", token.offset)
        return ExpressionSyntaxError(f"unexpected `{token.text[:40]}`{hint}", token.offset)

    def _enter(self) -> None:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            raise ExpressionSyntaxError(f"nested more than {MAX_DEPTH} levels deep", self._token.offset)

    def _expression(self) -> Node:
        self._enter()
        node = self._operation(0)
        if self._accept("?"):
            yes = self._expression()
            self._expect(":")
            node = Ternary(node, yes, self._expression())
        elif self._accept("?:"):
            node = Fallback("?:", node, self._expression())
        elif self._accept("??"):
            node = Fallback("??", node, self._expression())
        self._depth -= 1
        return node

    def _operation(self, lowest: int) -> Node:
        """Precedence climbing: operators of level ``lowest`` and above."""
        node = self._operand()
        highest = len(_LEVELS)
        while self._token.kind == "op":
            level = _LEVEL.get(self._token.text, -1)
            if not lowest <= level <= highest:
                break
            operator = self._take().text
            self._enter()
            node = Binary(operator, node, self._operation(level + 1))
            self._depth -= 1
            highest = level - 1 if level in _UNCHAINED else level
        return node

    def _operand(self) -> Node:
        token = self._token
        if token.text not in _PREFIXES.get(token.kind, ()):
            return self._steps(self._primary())
        self._take()
        self._enter()
        operand = self._operand()
        self._depth -= 1
        return Unary(token.text, operand)

    def _primary(self) -> Node:
        token = self._token
        match token.kind:
            case "name":
                return self._name()
            case "number":
                return self._number()
            case "string" | "regex":
                self._take()
                # a pattern literal is the text of its pattern: matching is all that either is good for
                return Literal(unquote(token.text.removeprefix("~")), token.offset)
            case "template":
                self._take()
                return Template(_template(unquote(token.text), token.offset, self._depth))
            case "word" if token.text in _CONSTANTS:
                self._take()
                return Literal(_CONSTANTS[token.text], token.offset)
            case "word" if token.text == "NaN":
                return self._number()
            case "op" if token.text in ("(", "[", "{"):
                return self._bracketed(self._take().text)
        raise self._unexpected()

    def _number(self) -> Node:
        token = self._take()
        try:
            return Literal(parse_number(token.text), token.offset)
        except ValueError as error:
            raise ExpressionSyntaxError(str(error), token.offset) from None

    def _name(self) -> Node:
        first = self._take()
        following = self._tokens[self._position : self._position + 3]
        shape = [token.text if token.kind == "op" else token.kind for token in following]
        if shape[0] == "(":
            return Call(None, first.text, self._arguments())
        # in `t ? x:f(y) : z` as in JEXL, a colon that sticks to a name makes it a namespace
        if shape == [":", "name", "("] and (following[0].offset == first.end or first.text == "json"):
            self._take()
            return Call(first.text, self._take().text, self._arguments())
        return Name((first.text,))

    def _arguments(self) -> tuple[Node, ...]:
        self._expect("(")
        return () if self._accept(")") else self._items(")")

    def _items(self, close: str) -> tuple[Node, ...]:
        """Expressions between commas, up to and with the closing bracket; a list may end in ``...``."""
        items: list[Node] = []
        while not (close == "]" and self._accept("...")):
            items.append(self._expression())
            if not self._accept(","):
                break
        self._expect(close)
        return tuple(items)

    def _bracketed(self, opening: str) -> Node:
        if opening == "(":
            inner = self._expression()
            self._expect(")")
            return Group(inner)
        if opening == "[":
            return ListLiteral(() if self._accept("]") else self._items("]"))
        return self._braced()

    def _braced(self) -> Node:
        """``{}`` and ``{1, 2}`` are sets, ``{:}`` and ``{'k': 1}`` maps."""
        if self._accept(":"):
            self._expect("}")
            return MapLiteral(())
        if self._accept("}"):
            return ListLiteral((), unique=True)
        first = self._expression()
        if self._accept(":"):
            return self._map(first)
        if self._accept(","):
            return ListLiteral((first, *self._items("}")), unique=True)
        self._expect("}")
        return ListLiteral((first,), unique=True)

    def _map(self, key: Node) -> Node:
        entries = [(key, self._expression())]
        while self._accept(","):
            key = self._expression()
            self._expect(":")
            entries.append((key, self._expression()))
        self._expect("}")
        return MapLiteral(tuple(entries))

    def _steps(self, base: Node) -> Node:
        """Read what follows a value: ``.key``, ``?.key``, ``[index]``. Dots lengthen a name."""
        offset = self._tokens[self._position - 1].offset
        parts = list(base.parts) if isinstance(base, Name) else []
        while parts and self._accept("."):
            parts.append(self._key())
        if parts:
            base = Name(tuple(parts))
            _refuse_class(base.parts, offset)
        steps: list[Key | Index] = []
        while True:
            if self._accept("["):
                steps.append(Index(self._expression()))
                self._expect("]")
            elif self._token.kind == "op" and self._token.text in (".", "?."):
                steps.append(Key(safe=self._take().text == "?.", name=self._key()))
            else:
                break
        if self._token.kind == "op" and self._token.text == "(":
            raise self._unexpected()
        return Access(base, tuple(steps)) if steps else base

    def _key(self) -> str:
        token = self._token
        if token.kind not in ("key", "string"):
            raise self._unexpected(", expected a name after the dot")
        self._take()
        return unquote(token.text) if token.kind == "string" else token.text


def _template(text: str, offset: int, depth: int) -> tuple[Node, ...]:
    r"""Split ``a${b}c`` into texts and expressions; ``\$`` is a dollar, ``#{b}`` the same as ``${b}``."""
    parts: list[Node] = []
    plain = ""
    position = 0
    while position < len(text):
        pair = text[position : position + 2]
        if pair in ("${", "#{"):
            end = _closing_brace(text, position + 2, offset)
            parts += [Literal(plain, offset)] if plain else []
            parts.append(_embedded(text[position + 2 : end], offset, depth))
            plain, position = "", end + 1
        elif pair[0] in "\\$#":
            # whatever follows such a character is text: `$${a}` has no expression
            plain += pair[1] if pair in ("\\$", "\\#", "\\\\") else pair
            position += 2
        else:
            plain += pair[0]
            position += 1
    return (*parts, Literal(plain, offset)) if plain or not parts else tuple(parts)


def _embedded(text: str, offset: int, depth: int) -> Node:
    try:
        return _Parser(text, depth).whole()
    except ExpressionSyntaxError as error:
        raise ExpressionSyntaxError(f"in a template: {error}", offset) from None


def _closing_brace(text: str, position: int, offset: int) -> int:
    """Where the brace closes that opened before ``position``; quotes hide braces."""
    quote = ""
    open_braces = 1
    while position < len(text):
        character = text[position]
        if quote:
            position += character == "\\"
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        else:
            open_braces += (character == "{") - (character == "}")
            if not open_braces:
                return position
        position += 1
    raise ExpressionSyntaxError("in a template: `${` is not closed", offset)
