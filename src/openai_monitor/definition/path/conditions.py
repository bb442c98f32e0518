"""Reads the condition of a filter in Jayway's dialect.

::

    or        = and { "||" and }
    and       = operand { "&&" operand }
    operand   = "!" operand | "(" or ")" | value [ operator value ]
    value     = path | text | number | true | false | null | list | object | /pattern/flags
"""

import re
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import TypeVar

from openai_monitor.definition.path.cursor import Cursor
from openai_monitor.definition.path.steps import (
    All,
    Any,
    Comparison,
    Condition,
    Exists,
    Json,
    Literal,
    Not,
    Operand,
    Query,
)
from openai_monitor.definition.path.values import OPERATORS
from openai_monitor.definition.pattern import Pattern, compile_pattern
from openai_monitor.errors import PatternSyntaxError

ReadQuery = Callable[[Cursor], Query]
_Read = TypeVar("_Read")

_SIGN = re.compile("[<>=~!]+")
_WORD = re.compile("[^ ]+")
_NUMBER = re.compile(r"[0-9.eE-]+")
_JSON_NUMBER = re.compile(r"-?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_BARE = re.compile(r"[^,:\[\]{}'\"]+")
_FLAGS = re.compile("[dimsuUx]*")
_CONSTANTS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def read_condition(cursor: Cursor, read_query: ReadQuery) -> Condition:
    """Read the condition that starts here, without the parentheses around it."""
    return _Reader(cursor, read_query).either()


class _Reader:
    def __init__(self, cursor: Cursor, read_query: ReadQuery) -> None:
        self.cursor = cursor
        self.read_query = read_query

    def either(self) -> Condition:
        conditions = self._chain("||", self.both)
        return conditions[0] if len(conditions) == 1 else Any(conditions)

    def both(self) -> Condition:
        conditions = self._chain("&&", self.operand)
        return conditions[0] if len(conditions) == 1 else All(conditions)

    def _chain(self, sign: str, read: Callable[[], Condition]) -> tuple[Condition, ...]:
        conditions = [read()]
        while self.cursor.skip_blanks() == sign[0] and self.cursor.take(sign):
            conditions.append(read())
        return tuple(conditions)

    def operand(self) -> Condition:
        cursor = self.cursor
        if cursor.skip_blanks() == "!":
            return self._not()
        if cursor.char == "(":
            return self._group()
        start = cursor.at
        left = self.value()
        operator = self._operator()
        if operator:
            return Comparison(left, operator, self.value())
        if not isinstance(left, Query):
            cursor.fail("a value alone is no condition: compare it with something", start)
        return Exists(left, wanted=True)

    def _not(self) -> Condition:
        cursor = self.cursor
        start = cursor.at
        cursor.take("!")
        if cursor.skip_blanks() not in ("$", "@"):
            cursor.deeper()
            condition = Not(self.operand())
            cursor.depth -= 1
            return condition
        query = self.read_query(cursor)
        if self._operator():
            cursor.fail("`!` before a comparison needs parentheses, as in !(@.a == 1)", start)
        return Exists(query, wanted=False)

    def _group(self) -> Condition:
        cursor = self.cursor
        cursor.take("(")
        cursor.deeper()
        condition = self.either()
        cursor.expect(")", "to close the parenthesis")
        cursor.depth -= 1
        return condition

    def _operator(self) -> str:
        """Read the operator that stands here; empty at the end of a condition."""
        cursor = self.cursor
        if cursor.skip_blanks() in (")", "&", "|", ""):
            return ""
        found = _SIGN.match(cursor.text, cursor.at, cursor.end) or _WORD.match(cursor.text, cursor.at, cursor.end)
        operator = found[0].lower() if found else cursor.char
        if operator not in OPERATORS:
            cursor.fail(_advice(operator))
        cursor.at += len(operator)
        return operator

    def value(self) -> Operand:
        cursor = self.cursor
        char = cursor.skip_blanks()
        if char in ("$", "@"):
            return self.read_query(cursor)
        if char in ("'", '"'):
            return Literal(cursor.quoted())
        if char in ("[", "{"):
            return Json(self._json())
        if char == "/":
            return self._pattern()
        for word, constant in _CONSTANTS.items():
            if cursor.take(word):
                return Literal(constant)
        return self._number()

    def _number(self) -> Literal:
        cursor = self.cursor
        found = _NUMBER.match(cursor.text, cursor.at, cursor.end)
        text = found[0] if found else ""
        if not _JSON_NUMBER.fullmatch(text) or len(text) > 400:
            cursor.fail(f"expected a path, a number or a text in quotes, found {cursor.found()}")
        cursor.at += len(text)
        return Literal(as_number(text), str(Decimal(text)))

    def _pattern(self) -> Pattern:
        """``/…/i``, with the flags of Java."""
        cursor = self.cursor
        start = cursor.at
        end = start + 1
        while end < cursor.end and cursor.text[end] != "/":
            end += 2 if cursor.text[end] == "\\" else 1
        if end >= cursor.end:
            cursor.fail("the pattern that starts here is never closed with `/`")
        found = _FLAGS.match(cursor.text, end + 1, cursor.end)
        letters = found[0] if found else ""
        flags = "".join(sorted(set(letters) & set("imsxU")))
        cursor.at = end + 1 + len(letters)
        prefix = f"(?{flags})" if flags else ""
        try:
            return compile_pattern(prefix + cursor.text[start + 1 : end])
        except PatternSyntaxError as error:
            cursor.fail(str(error), start + 1 + max(0, error.offset - len(prefix)))

    def _json(self) -> object:
        """Read a list or object with the liberties of Jayway: either quote, and words without any."""
        cursor = self.cursor
        cursor.deeper()
        if cursor.take("["):
            value: object = self._items()
        elif cursor.take("{"):
            value = self._members()
        else:
            value = self._scalar()
        cursor.depth -= 1
        return value

    def _items(self) -> list[object]:
        return list(self._between_commas("]", self._json))

    def _members(self) -> dict[str, object]:
        return dict(self._between_commas("}", self._member))

    def _member(self) -> tuple[str, object]:
        name = self._scalar()
        self.cursor.expect(":", "after a key of the object")
        self.cursor.skip_blanks()
        return str(name), self._json()

    def _between_commas(self, end: str, read: Callable[[], _Read]) -> Iterator[_Read]:
        """Up to the end; a comma too many is nothing."""
        cursor = self.cursor
        while cursor.skip_blanks() != end:
            if cursor.take(","):
                continue
            yield read()
            if cursor.skip_blanks() != end:
                cursor.expect(",", f"or `{end}` after a value")
        cursor.take(end)

    def _scalar(self) -> object:
        cursor = self.cursor
        if cursor.char in ("'", '"'):
            return cursor.quoted()
        found = _BARE.match(cursor.text, cursor.at, cursor.end)
        text = found[0].strip(" ") if found else ""
        if not text:
            cursor.fail(f"expected a value, found {cursor.found()}")
        cursor.at += len(found[0]) if found else 0
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        is_number = text[0] != "." and _JSON_NUMBER.fullmatch(text) and len(text) <= 400
        return as_number(text) if is_number else text


def as_number(text: str) -> int | float:
    """Read a number as JSON would hold it: exact when it is whole."""
    return int(text) if text.lstrip("-").isdecimal() else float(text)


def _advice(operator: str) -> str:
    meant = {"=": "==", "and": "&&", "or": "||", "not": "!", "<>": "!=", "=<": "<=", "=>": ">=", "eq": "=="}
    if operator in meant:
        return f"`{operator}` is no operator here; write `{meant[operator]}`"
    return f"expected an operator such as == or in, found `{operator}`"
