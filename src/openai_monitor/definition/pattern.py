"""Regular expressions of a definition, on RE2: the time of a match grows with the text, whatever the pattern.

Definitions are written for Java's expressions. What RE2 spells otherwise is rewritten; what it lacks
(lookaround, backreferences, possessive quantifiers, atomic groups) or would read as something else in silence
is refused by name.
"""

import re
from functools import lru_cache
from typing import Any, Final

from openai_monitor.errors import PatternSyntaxError

LONGEST_PATTERN = 5_000
LARGEST_PROGRAM = 10_000
"""Compiled instructions; ``\\p{L}`` has 1,200, ordinary patterns fewer than 100."""

_LINE_END = r"\r\n|[\n\x0b\f\r\x{85}\x{2028}\x{2029}]"
_VERTICAL = r"\n\x0b\f\r\x{85}\x{2028}\x{2029}"
_HORIZONTAL = r"\t \x{a0}\x{1680}\x{180e}\x{2000}-\x{200a}\x{202f}\x{205f}\x{3000}"

_SETS: Final = {"v": _VERTICAL, "h": _HORIZONTAL}
"""Escapes that are sets of characters in Java and something else, or nothing, in RE2."""

_POSIX = frozenset(
    (
        "Lower",
        "Upper",
        "ASCII",
        "Alpha",
        "Digit",
        "Alnum",
        "Punct",
        "Graph",
        "Print",
        "Blank",
        "Cntrl",
        "XDigit",
        "Space",
    )
)
_IS = {
    "Alphabetic": "L",
    "Letter": "L",
    "Uppercase": "Lu",
    "Lowercase": "Ll",
    "Digit": "Nd",
    "Punctuation": "P",
}

_HALF = re.compile("[\ud800-\udfff]")
_LACKING = {
    "(?=": "lookahead",
    "(?!": "lookahead",
    "(?<=": "lookbehind",
    "(?<!": "lookbehind",
    "(?>": "an atomic group",
}
_GROUP = re.compile(r"\(\?(?:<?[=!]|>)")
_FLAGS = re.compile(r"\(\?([a-zA-Z]*)(?:-([a-zA-Z]*))?([:)])")
_QUANTIFIER = re.compile(r"(?:[*+?]|\{\d+(?:,\d*)?\})")
_CODE_POINT = re.compile(r"\\x\{[0-9a-fA-F]+\}")
_POSIX_IN_CLASS = re.compile(r"\[:\^?[a-z]+:\]")


class Pattern:
    """A compiled pattern. Texts are matched as UTF-8; half a surrogate pair counts as a question mark."""

    __slots__ = ("_search", "_whole", "text")

    def __init__(self, text: str, whole: Any, search: Any) -> None:
        self.text = text
        self._whole = whole
        self._search = search

    def fullmatch(self, text: str) -> bool:
        """Whether the pattern matches the text from its first to its last character."""
        return self._whole.fullmatch(text.encode("utf-8", "replace")) is not None

    def search(self, text: str) -> bool:
        """Whether the pattern matches anywhere in the text."""
        return self._search.search(text.encode("utf-8", "replace")) is not None

    def count(self, text: str) -> int:
        """How often the pattern matches, one match after the end of the one before."""
        plain = text.encode("utf-8", "replace")
        # After an empty match RE2 goes on by one character of a text, but by one byte of bytes.
        found = self._search.finditer(plain if text.isascii() else plain.decode())
        return sum(1 for _ in found)

    def __repr__(self) -> str:
        return f"Pattern({self.text!r})"


@lru_cache(maxsize=1024)
def compile_pattern(text: str) -> Pattern:
    """Compile a pattern written for Java; raises PatternSyntaxError with the place and what is wrong or lacking."""
    if len(text) > LONGEST_PATTERN:
        raise PatternSyntaxError(f"the pattern is longer than {LONGEST_PATTERN:,} characters", LONGEST_PATTERN)
    if half := _HALF.search(text):
        raise PatternSyntaxError("the pattern holds half a surrogate pair", half.start())
    pieces = _Translation(text).pieces()
    whole = _re2(text, "".join(pieces))
    # Java's $ also stands before a last line end. A whole match has no such line end left over.
    ends = [rf"(?:{_LINE_END})?\z" if piece == "$" else piece for piece in pieces]
    multiline = any(piece.startswith("(?") and "m" in piece for piece in pieces)
    search = whole if multiline or ends == pieces else _re2(text, "".join(ends))
    return Pattern(text, whole, search)


def _re2(text: str, translated: str) -> Any:
    import re2  # noqa: PLC0415  only sets that have a pattern pay for it

    options = re2.Options()
    options.log_errors = False
    options.never_capture = True
    try:
        compiled = re2.compile(translated.encode(), options)
    except re2.error as error:
        raise _syntax_error(text, error) from None
    if compiled.programsize > LARGEST_PROGRAM:
        raise PatternSyntaxError("the pattern is too large: repeat less, or less of it")
    return compiled


def _syntax_error(text: str, error: Exception) -> PatternSyntaxError:
    """RE2's words, with the place of the piece it complains of."""
    raw = error.args[0] if error.args else b""
    said = raw.decode("utf-8", "replace") if isinstance(raw, bytes) else str(raw)
    reason, _, piece = said.partition(": ")
    if "too large" in reason or "bad repetition" in reason or "repetition size" in reason:
        reason = f"{reason}; RE2 repeats at most 1,000 times"
    found = f", found `{piece}`" if piece else ""
    return PatternSyntaxError(f"not a regular expression: {reason}{found}", max(0, text.find(piece)))


class _Translation:
    """One walk over a pattern, from Java's spelling to RE2's."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def pieces(self) -> list[str]:
        pieces: list[str] = []
        while self.at < len(self.text):
            pieces.append(self._piece())
        return pieces

    def _piece(self) -> str:
        match self.text[self.at]:
            case "\\":
                return self._escape(in_class=False)
            case "[":
                return self._class()
            case "(":
                return self._group()
            case _ if quantifier := _QUANTIFIER.match(self.text, self.at):
                return self._quantifier(quantifier)
            case "{":
                raise PatternSyntaxError("not a regular expression: a `{` without a count is written `\\{`", self.at)
        return self._take(1)

    def _take(self, length: int) -> str:
        taken = self.text[self.at : self.at + length]
        self.at += length
        return taken

    def _lacks(self, what: str) -> PatternSyntaxError:
        return PatternSyntaxError(
            f"{what} at character {self.at + 1} is not supported: patterns run on RE2, in linear time; "
            "rewrite the pattern without it",
            self.at,
        )

    def _quantifier(self, found: re.Match[str]) -> str:
        after = self.text[found.end() : found.end() + 1]
        if after == "+":
            raise self._lacks(f"a possessive quantifier (`{found[0]}+`)")
        return self._take(len(found[0]) + (after == "?"))

    def _group(self) -> str:
        if lacking := _GROUP.match(self.text, self.at):
            raise self._lacks(f"{_LACKING[lacking[0]]} (`{lacking[0]}`)")
        flags = _FLAGS.match(self.text, self.at)
        if not flags:
            return self._take(1)
        for flag in (flags[1] or "") + (flags[2] or ""):
            if flag not in "imsdu":
                raise self._lacks(f"the flag `{flag}`")
        self.at = flags.end()
        on, off = (re.sub("[du]", "", part or "") for part in (flags[1], flags[2]))
        switched = on + (f"-{off}" if off else "")
        if flags[3] == ")":
            return f"(?{switched})" if switched else "(?:)"
        return f"(?{switched}:"

    def _class(self) -> str:
        """Read a ``[...]``: RE2 has neither sets within sets nor ``&&``, and would take them for characters."""
        start = self.at
        opening = "[^" if self.text.startswith("[^", self.at) else "["
        pieces = [self._take(len(opening))]
        while self.at < len(self.text):
            char = self.text[self.at]
            if char == "]" and len(pieces) > 1:
                return "".join(pieces) + self._take(1)
            if posix := _POSIX_IN_CLASS.match(self.text, self.at):
                pieces.append(self._take(len(posix[0])))
            elif char == "[":
                raise self._lacks("a set within a set (`[`)")
            elif self.text.startswith("&&", self.at):
                raise self._lacks("an intersection of sets (`&&`)")
            else:
                pieces.append(self._escape(in_class=True) if char == "\\" else self._take(1))
        raise PatternSyntaxError("not a regular expression: a `[` is never closed", start)

    def _escape(self, *, in_class: bool) -> str:
        char = self.text[self.at + 1 : self.at + 2]
        if not char:
            raise PatternSyntaxError("not a regular expression: it ends with a backslash", self.at)
        if char in "123456789k" and not in_class:
            raise self._lacks(f"a backreference (`\\{char}`)")
        if char in _SETS:
            self.at += 2
            return _SETS[char] if in_class else f"[{_SETS[char]}]"
        match char:
            case "Q":
                return self._quoted()
            case "u":
                return self._code_point()
            case "p" | "P":
                return self._property(in_class=in_class)
            case "x" if code := _CODE_POINT.match(self.text, self.at):
                return self._take(len(code[0]))
            case "e":
                self.at += 2
                return r"\x1b"
            case "R" if not in_class:
                self.at += 2
                return f"(?:{_LINE_END})"
            case "Z" if not in_class:
                self.at += 2
                return rf"(?:{_LINE_END})?\z"
            case _ if not char.isascii():
                self.at += 1
                return self._take(1)
        return self._take(2)

    def _quoted(self) -> str:
        end = self.text.find(r"\E", self.at + 2)
        quoted = self.text[self.at + 2 : end if end >= 0 else len(self.text)]
        self.at = end + 2 if end >= 0 else len(self.text)
        return "".join(char if char.isalnum() or not char.isascii() else f"\\{char}" for char in quoted)

    def _code_point(self) -> str:
        digits = re.compile("[0-9a-fA-F]{4}").match(self.text, self.at + 2)
        if not digits:
            raise PatternSyntaxError(r"not a regular expression: `\u` needs four hex digits", self.at)
        self.at += 6
        return f"\\x{{{digits[0]}}}"

    def _property(self, *, in_class: bool) -> str:
        found = re.compile(r"\\([pP])\{([A-Za-z_]+)\}").match(self.text, self.at)
        if not found:
            return self._take(2)
        letter, name = found.groups()
        self.at = found.end()
        negated = letter == "P"
        if name in _POSIX:
            posix = f"[:{'^' if negated else ''}{name.lower()}:]"
            return posix if in_class else f"[{posix}]"
        bare = name.removeprefix("Is")
        return f"\\{letter}{{{_IS.get(bare, bare) if bare != name else name}}}"
