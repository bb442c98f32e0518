"""Text to tokens, as Apache JEXL 3.2 cuts it: longest match, ASCII names, and its own rules after a dot."""

import re
from collections.abc import Sequence
from typing import NamedTuple

from openai_monitor.errors import ExpressionSyntaxError

MAX_LENGTH = 65_536
"""Characters of one expression."""


class Token(NamedTuple):
    """``kind`` is name, key (a name after a dot), word, number, string, template, regex, op or end.

    ``text`` is the source text but for word operators, which carry their symbol.
    """

    kind: str
    text: str
    offset: int
    end: int


WORD_OPERATORS = {
    "and": "&&",
    "or": "||",
    "not": "!",
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "div": "/",
    "mod": "%",
}
VALUE_WORDS = frozenset({"null", "true", "false", "NaN", "empty", "size"})
STATEMENT_WORDS = frozenset(
    {"if", "else", "for", "while", "do", "new", "var", "return", "function", "break", "continue"},
)
WORDS = VALUE_WORDS | STATEMENT_WORDS | frozenset(WORD_OPERATORS)
NOT_KEYS = frozenset({"div", "mod", "return", "break", "continue", "NaN"})
"""Words that can't follow a dot; the others can."""

_SUFFIX = r"(?:[eE][+-]?[0-9]+[fFdDbB]?|[fFdDbB])"
FLOAT_AFTER_NAME = re.compile(rf"\.[0-9]+{_SUFFIX}")
"""``.5d``, which is a number even right behind a name, so that ``x.5d`` is no expression."""

_ONE_COMMENT = r"##[^\n\r]*|//[^\n\r]*|/\*.*?\*/"
_COMMENT = re.compile(_ONE_COMMENT, re.DOTALL)
_BLANK = re.compile(rf"(?:[ \t\n\r\f]+|{_ONE_COMMENT})+", re.DOTALL)
_OUTER_BLANKS = " \xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""Unicode's separators, which may stand around an expression but not in it."""

_BLANK_STARTS = frozenset(" \t\n\r\f#/")
_KEY = re.compile(r"[0-9A-Za-z_$@]+")
_LENGTHENS = re.compile(r"[0-9A-Za-z_$@\[(]|\s*\??\.[0-9A-Za-z_$@'\"]")
"""What may not follow an alias in an expression: it would be part of a longer name, or a step behind it."""

_OPERAND_ENDS = frozenset({")", "]", "}", "null", "true", "false", "NaN"})
_ANNOTATION = re.compile(r"@[0-9A-Za-z_$]+")
_TOKEN = re.compile(
    rf"""
    (?P<number>
        0[xX][0-9a-fA-F]+[lLhH]? | [0-9]+\.[0-9]+{_SUFFIX}? | [0-9]+\.?{_SUFFIX} | \.[0-9]+{_SUFFIX}
        | [1-9][0-9]*[lLhH]? | 0[0-7]*[lLhH]? | \#NaN )
    | (?P<name> [A-Za-z_$@](?:[A-Za-z_$@0-9]|\\[ '"\\])* )
    | (?P<string> "(?:[^"\\\n\r\u2028\u2029]|\\[^\n\r\u2028\u2029])*"
                | '(?:[^'\\\n\r\u2028\u2029]|\\[^\n\r\u2028\u2029])*' )
    | (?P<template> `(?:[^`\\]|\\[^\0])*` )
    | (?P<regex> ~/(?:\\/|[^/\n\r\u2028\u2029])*/ )
    | (?P<op> \.\.\. | \.\. | \?\. | \?: | \?\? | && | \|\| | == | != | >= | <= | =~ | !~ | =\^ | =\$
            | !\^ | !\$ | \+= | -= | \*= | /= | %= | &= | \|= | \^= | -> | [(){{}}\[\];:,.?<>=+\-*/%!&|^~] )
    """,
    re.VERBOSE,
)


def tokenize(text: str, spelled: Sequence[str] = ()) -> list[Token]:
    """Cut an expression into tokens, the last one of kind ``end``.

    ``spelled`` are names that are no plain names, such as ``$.tags[0].n`` or ``24h``, longest first: where one of them
    stands as a whole operand, it is one token of kind ``name``.
    """
    if len(text) > MAX_LENGTH:
        raise ExpressionSyntaxError(f"the expression is longer than {MAX_LENGTH} characters", MAX_LENGTH)
    tokens: list[Token] = []
    text = text.rstrip(_OUTER_BLANKS)
    position = _skip(text, len(text) - len(text.lstrip(_OUTER_BLANKS)))
    while position < len(text):
        after_dot = bool(tokens) and tokens[-1].kind == "op" and tokens[-1].text in (".", "?.")
        token = _spelled(text, position, spelled, tokens) if spelled and not after_dot else None
        token = token or (_key(text, position) if after_dot else None) or _token(text, position)
        tokens.append(token)
        position = _skip(text, token.end)
    tokens.append(Token("end", "", len(text), len(text)))
    return tokens


def _spelled(text: str, position: int, names: Sequence[str], before: Sequence[Token]) -> Token | None:
    """The longest of the names that stands here as a whole operand: nothing that lengthens a name stands around it."""
    if before and (before[-1].kind not in ("op", "word") or before[-1].text in _OPERAND_ENDS):
        return None
    for name in names:
        end = position + len(name)
        if text.startswith(name, position) and not _LENGTHENS.match(text, end):
            return Token("name", name, position, end)
    return None


def slashes_in(text: str) -> str | None:
    """What a ``//`` between the tokens of an expression makes a comment, with it; None without one."""
    end = 0
    for token in tokenize(text):
        for comment in _COMMENT.findall(text, end, token.offset):
            if comment.startswith("//"):
                return str(comment)
        end = token.end
    return None


def _skip(text: str, position: int) -> int:
    if text[position : position + 1] not in _BLANK_STARTS:
        return position
    blank = _BLANK.match(text, position)
    return blank.end() if blank else position


def _key(text: str, position: int) -> Token | None:
    """Read a name after a dot: it may start with a digit and be most of the words."""
    match = _KEY.match(text, position)
    if match is None:
        return None
    found = match.group()
    if found in NOT_KEYS or found.startswith("@"):
        raise ExpressionSyntaxError(f"`{found}` can't be a name after a dot", position)
    return Token("key", found, position, match.end())


def _token(text: str, position: int) -> Token:
    match = _TOKEN.match(text, position)
    if match is None:
        raise ExpressionSyntaxError(_stray(text[position]), position)
    if match.group() in ("/", "~") and text.startswith(("/*", "~/"), position):
        # no expression goes on so, and looking for the end again at each would take quadratic time
        raise ExpressionSyntaxError("a comment or pattern that starts here does not end", position)
    kind, found, end = str(match.lastgroup), match.group(), match.end()
    if kind == "name":
        return _name(text, found, position, end)
    return Token(kind, found, position, end)


def _stray(character: str) -> str:
    if character in "'\"`":
        return "a text that starts here does not end"
    return f"`{character}` is no part of an expression"


def _name(text: str, found: str, position: int, end: int) -> Token:
    if found in WORD_OPERATORS:
        return Token("op", WORD_OPERATORS[found], position, end)
    if found in WORDS:
        return Token("word", found, position, end)
    annotation = _ANNOTATION.match(text, position)
    if annotation and annotation.end() == end:
        raise ExpressionSyntaxError("annotations are not allowed", position)
    return Token("name", found.replace("\\", ""), position, end)


_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.)", re.DOTALL)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r"}


def unquote(quoted: str) -> str:
    r"""Read a quoted text; an escape that means nothing keeps its backslash (``'\d'``)."""
    if "\\" not in quoted:
        return quoted[1:-1]
    quote = quoted[0]

    def replace(match: re.Match[str]) -> str:
        escaped = match.group(1)
        if len(escaped) > 1:
            return chr(int(escaped[1:], 16))
        return escaped if escaped in (quote, "\\") else _ESCAPES.get(escaped, match.group())

    text = _ESCAPE.sub(replace, quoted[1:-1])
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
