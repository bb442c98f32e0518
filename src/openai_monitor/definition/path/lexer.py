"""Reads a path in Jayway's dialect; whatever Jayway refuses is refused here, with its place."""

import re

from openai_monitor.definition.path.conditions import read_condition
from openai_monitor.definition.path.cursor import BRACKETS, PARENTHESES, Cursor
from openai_monitor.definition.path.functions import FUNCTIONS
from openai_monitor.definition.path.steps import (
    Call,
    Filter,
    Index,
    Indexes,
    Key,
    Keys,
    Query,
    Scan,
    Slice,
    Step,
    Steps,
    Wildcard,
)
from openai_monitor.definition.path.tree import build

LONGEST_PATH = 10_000
MOST_STEPS = 500
LARGEST_INDEX = 2**31 - 1

_TOO_MANY_DOTS = "too many dots: a step is missing between them"
_NAME = re.compile(r"[^ .\[(]*")
_NUMBERS = re.compile(r"[0-9,: -]*")
_WHOLE = re.compile(r"-?[0-9]+")


def read_path(text: str) -> Steps:
    """Read a whole path; raises PathSyntaxError. Without ``$`` or ``@`` in front, ``$.`` is meant."""
    cursor = Cursor(text, 0, len(text.rstrip(" ")))
    if len(text) > LONGEST_PATH:
        cursor.fail(f"the path is longer than {LONGEST_PATH:,} characters", LONGEST_PATH)
    if not text.strip():
        cursor.fail("the path is empty; `$` is the whole answer", 0)
    if cursor.char == " ":
        cursor.fail("a path can't begin with a blank", 0)
    return _read(cursor, in_filter=False)


def _read(cursor: Cursor, *, in_filter: bool) -> Steps:
    if cursor.text[cursor.end - 1] == ".":
        cursor.fail("a path can't end with a dot", cursor.end - 1)
    return build(_Lexer(cursor, in_filter=in_filter).steps())


def _read_query(cursor: Cursor) -> Query:
    """Read a path inside a filter, as if it stood alone."""
    inner = Cursor(cursor.text, cursor.at, _end_of_query(cursor), cursor.depth)
    cursor.at = inner.end
    return Query(inner.char == "$", _read(inner, in_filter=True))


def _end_of_query(cursor: Cursor) -> int:
    """Where Jayway ends a path: before a sign, a blank or a parenthesis that closes no function.

    It looks over only the first of two adjacent brackets as a whole, so that a second one can't hold any of these.
    """
    text, at = cursor.text, cursor.at + 1
    while at < cursor.end:
        if text[at] == "[":
            at = cursor.end_of(at, BRACKETS)
        char = text[at] if at < cursor.end else " "
        closes_function = char == ")" and text[at - 1] == "(" and "." in text[cursor.at : at]
        if char in " <>=~!)" and not closes_function:
            return at
        at += 1
    return cursor.end


class _Lexer:
    def __init__(self, cursor: Cursor, *, in_filter: bool) -> None:
        self.cursor = cursor
        self.in_filter = in_filter
        self.read: list[Step] = []

    def steps(self) -> list[Step]:
        cursor = self.cursor
        if not self._start():
            return self.read
        while True:
            if len(self.read) > MOST_STEPS:
                cursor.fail(f"the path has more than {MOST_STEPS} steps")
            self._step()
            if cursor.at >= cursor.end - 1:  # Jayway never looks at a last single character
                return self.read

    def _start(self) -> bool:
        """Read ``$`` or ``@``; whether anything follows."""
        cursor = self.cursor
        if not (cursor.take("$") or cursor.take("@")):
            if cursor.take("."):
                self.read.append(Scan())
                if cursor.char == ".":
                    cursor.fail(_TOO_MANY_DOTS)
            return True
        if not cursor.char:
            return False
        if cursor.char not in (".", "["):
            cursor.fail(f"expected `.` or `[` after `{cursor.text[cursor.at - 1]}`, found {cursor.found()}")
        return True

    def _step(self) -> None:
        cursor = self.cursor
        if cursor.take(".."):
            self.read.append(Scan())
        elif cursor.take("."):
            pass
        if cursor.char == ".":
            cursor.fail(_TOO_MANY_DOTS)
        if cursor.char == "[":
            self.read.append(self._bracket())
        elif cursor.take("*"):
            self.read.append(Wildcard())
        else:
            self._name()

    def _name(self) -> None:
        cursor = self.cursor
        start = cursor.at
        found = _NAME.match(cursor.text, start, cursor.end)
        name = found[0] if found else ""
        cursor.at += len(name)
        if cursor.char == "(":
            self._call(name, start)
        elif cursor.char == " ":
            cursor.fail("a key with a blank needs brackets and quotes, such as ['my key']")
        elif not name:
            cursor.fail(f"expected a key, found {cursor.found()}")
        else:
            self.read.append(Key(name))

    def _call(self, name: str, start: int) -> None:
        cursor = self.cursor
        if not self.in_filter:
            cursor.fail(f"a function such as {name}() selects no rows; only filters take functions", start)
        if name not in FUNCTIONS:
            cursor.fail(f"no function is called {name}(); known are {', '.join(FUNCTIONS)}", start)
        if self.read[:1] == [Scan()] or self.read[-1:] == [Scan()]:
            cursor.fail(f"{name}() can't be taken of what `..` finds", start)
        self.read.append(Call(name))
        cursor.at += 1
        if cursor.char != ")":
            cursor.fail(f"expected `)` right after `{name}(`, found {cursor.found()}")
        if cursor.at != cursor.end - 1:
            cursor.fail(f"nothing can follow {name}()")

    def _bracket(self) -> Step:
        cursor = self.cursor
        start = cursor.at
        cursor.take("[")
        char = cursor.skip_blanks()
        if char in ("'", '"'):
            return self._keys(char)
        if char == "*":
            cursor.take("*")
            cursor.expect("]", "after `[*`")
            return Wildcard()
        if char == "?":
            return self._filter()
        if char and char in "0123456789-:":
            return self._numbers(start)
        if not char:
            cursor.fail("this `[` is never closed", start)
        hint = "a name in brackets needs quotes, such as ['name']" if char.isalpha() or char == "_" else ""
        return cursor.fail(hint or f"expected a quoted key, an index, `*` or `?` after `[`, found {cursor.found()}")

    def _keys(self, quote: str) -> Step:
        cursor = self.cursor
        names = [cursor.quoted()]
        while cursor.skip_blanks() == ",":
            cursor.take(",")
            if cursor.skip_blanks() != quote:
                cursor.fail(f"expected another key in {quote}, found {cursor.found()}")
            names.append(cursor.quoted())
        cursor.expect("]", "or `,` after a key")
        return Key(names[0]) if len(names) == 1 else Keys(tuple(names))

    def _numbers(self, start: int) -> Step:
        cursor = self.cursor
        found = _NUMBERS.match(cursor.text, cursor.at, cursor.end)
        text = found[0] if found else ""
        cursor.at += len(text)
        cursor.expect("]", "after an index")
        if ":" in text:
            return self._slice(text.strip(" "), start)
        indexes = tuple(self._whole(part.strip(" "), start) for part in text.split(","))
        return Index(indexes[0]) if len(indexes) == 1 else Indexes(indexes)

    def _slice(self, text: str, start: int) -> Slice:
        first, second = text.split(":")[:2]
        if " " in text or "," in text:
            self.cursor.fail("a slice takes no blanks and no commas", start)
        if not first and not second:
            self.cursor.fail("a slice needs a start or an end; `[*]` is every item", start)
        return Slice(self._whole(first, start) if first else None, self._whole(second, start) if second else None)

    def _whole(self, text: str, start: int) -> int:
        if not _WHOLE.fullmatch(text) or len(text) > 11 or not -LARGEST_INDEX - 1 <= int(text) <= LARGEST_INDEX:
            self.cursor.fail(f"expected a whole number as an index, found `{text}`", start)
        return int(text)

    def _filter(self) -> Filter:
        cursor = self.cursor
        cursor.take("?")
        cursor.deeper()
        if cursor.skip_blanks() == "(":
            cursor.end_of(cursor.at, PARENTHESES)
        cursor.expect("(", "after `[?`, as in [?(@.name == 'x')]")
        condition = read_condition(cursor, _read_query)
        cursor.expect(")", "at the end of the filter")
        cursor.expect("]", "after the filter's `)`")
        cursor.depth -= 1
        return Filter(condition)
