"""A place in the text of a path, and the small pieces both grammars read there."""

import re
from typing import NoReturn

from openai_monitor.errors import PathSyntaxError

DEEPEST = 30
"""How deep filters and their parentheses may be nested."""

_ESCAPES = {"b": "\b", "n": "\n", "t": "\t", "f": "\f", "r": "\r"}
_HEX = re.compile("[0-9a-fA-F]{4}")
_QUOTES = ("'", '"', "/")
_TEXTS = r"""'(?:(?:[^'\\]|\\.)*')?|"(?:(?:[^"\\]|\\.)*")?"""

BRACKETS = re.compile(rf"[\[\]]|{_TEXTS}", re.DOTALL)
PARENTHESES = re.compile(rf"[()]|{_TEXTS}|/(?:(?:[^/\\]|\\.)*/)?", re.DOTALL)
"""What Jayway looks at to find the end of either: texts count, and in parentheses patterns too."""


class Cursor:
    """Walks from ``at`` to ``end``; only a blank (no tab, no line end) is skipped between the pieces."""

    __slots__ = ("at", "depth", "end", "text")

    def __init__(self, text: str, at: int, end: int, depth: int = 0) -> None:
        self.text = text
        self.at = at
        self.end = end
        self.depth = depth

    @property
    def char(self) -> str:
        """The character here, an empty text at the end."""
        return self.text[self.at] if self.at < self.end else ""

    def skip_blanks(self) -> str:
        """Go to the next character that is no blank, and tell it."""
        while self.char == " ":
            self.at += 1
        return self.char

    def take(self, expected: str) -> bool:
        """Step over exactly this text, if it stands here."""
        if self.text.startswith(expected, self.at, self.end):
            self.at += len(expected)
            return True
        return False

    def expect(self, expected: str, where: str) -> None:
        """Step over this text after blanks, or fail."""
        self.skip_blanks()
        if not self.take(expected):
            self.fail(f"expected `{expected}` {where}, found {self.found()}")

    def found(self) -> str:
        """Tell what stands here, for messages."""
        return f"`{self.char}`" if self.char else "the end of the path"

    def fail(self, message: str, at: int | None = None) -> NoReturn:
        """Refuse the path: the message tells the place, counted from 1."""
        place = self.at if at is None else at
        raise PathSyntaxError(f"{message} (character {place + 1} of `{_shortened(self.text)}`)", place)

    def deeper(self) -> None:
        """Enter a filter or a parenthesis; ``depth`` is taken back by the caller."""
        self.depth += 1
        if self.depth > DEEPEST:
            self.fail(f"filters and parentheses are nested more than {DEEPEST} deep")

    def end_of(self, at: int, group: re.Pattern[str]) -> int:
        """Where the text goes on after the BRACKETS or PARENTHESES that open at ``at``, whatever stands in them."""
        depth = 0
        for piece in group.finditer(self.text, at, self.end):
            depth += {"[": 1, "(": 1, "]": -1, ")": -1}.get(piece[0], 0)
            if not depth:
                return piece.end()
            if piece[0] in _QUOTES:
                self.fail(f"this {piece[0]} has no other; keys that hold one need brackets and quotes", piece.start())
        return self.fail(f"this `{self.text[at]}` is never closed", at)

    def quoted(self) -> str:
        """Read the text between the quote here and the next one like it, with its escapes undone."""
        start = self.at
        quote = self.char
        self.at += 1
        pieces: list[str] = []
        while self.char != quote:
            if not self.char:
                self.fail(f"the text that starts with {quote} is never closed", start)
            if self.char == "\\":
                self.at += 1
                pieces.append(self._escape())
            else:
                pieces.append(self.char)
                self.at += 1
        self.at += 1
        return "".join(pieces)

    def _escape(self) -> str:
        char = self.char
        self.at += 1
        if char != "u":
            return _ESCAPES.get(char, char)
        digits = _HEX.match(self.text, self.at, self.end)
        if not digits:
            self.fail(r"expected four hex digits after `\u`")
        self.at += 4
        return chr(int(digits[0], 16))


def _shortened(text: str) -> str:
    return text if len(text) <= 100 else text[:99] + "…"
