r"""``parseType: config``: Java properties text, such as ``key=value`` lines.

Without ``parseScript`` there is one row and each alias is a key. With ``parseScript: users`` there is a row
for each index of the keys ``users[0].name``, ``users[1].name`` …, in the order of the numbers, and an alias
is what follows the dot. ``responseTime`` and ``keyword`` (matches of that pattern in the whole text) are
known where no key has that name. A row in which no alias has a value is left out.

The text is read as ``java.util.Properties`` does: ``=``, ``:`` or blanks separate, ``#`` and ``!`` begin
comments, a backslash at the end continues a line, ``\t \n \r \f \uXXXX`` are escapes, and the last of equal
keys counts.
"""

import re
from collections.abc import Callable

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.parse import Aliases, Ask, Extracted, Parse, RawRow
from openai_monitor.collect.parse.body import data_text, failure, read_figures
from openai_monitor.collect.parse.json_body import has_no_content
from openai_monitor.definition.model import Http

MAX_MARKS = 100_000
"""Line ends and backslashes of a text; more of them are refused."""

# Every text has one reading, so that reading it is linear. Only characters have possessive quantifiers: those of groups
# match wrongly in Python before 3.11.5.
_LINE = re.compile(r"[ \t\f\r\n]*+(?:[#!][^\r\n]*+|((?:[^\\\r\n]++|\\(?:\r\n|.|\Z))+))", re.DOTALL)
_CONTINUATION = re.compile(r"(\\[^\r\n])|\\(?:\r\n|\r|\n)[ \t\f]*+")
_KEY = re.compile(r"((?:[^\\=: \t\f]++|\\.)*)[ \t\f]*+[=:]?+[ \t\f]*+", re.DOTALL)
_ESCAPE = re.compile(r"\\(u[0-9a-fA-F]{4}|.|\Z)", re.DOTALL)
_SHORT_ESCAPES = {"t": "\t", "n": "\n", "r": "\r", "f": "\f"}
_SURROGATE = re.compile("[\ud800-\udfff]")

Properties = dict[str, str]
Read = Callable[[str], list[Properties]]


def compile(http: Http, aliases: Aliases, _set_name: str) -> Parse:
    """Read keys, or rows of keys; raises PatternSyntaxError when ``keyword`` is no pattern."""
    figures_of = read_figures(http, aliases)
    read = _reader((http.parse_script or "").strip(), frozenset(aliases))

    async def parse(answer: Answer, _ask: Ask) -> Extracted:
        if has_no_content(answer):
            return Extracted([])
        text = data_text(answer, "Java properties text")
        figures = figures_of(answer)
        records = [{**figures, **properties} for properties in read(text)]
        rows: list[RawRow] = [tuple(map(record.get, aliases)) for record in records if record]
        return Extracted(rows, [] if rows else ["no key of the answer is an alias of this set"])

    return parse


def _reader(base: str, aliases: frozenset[str]) -> Read:
    """The function from a text to what the aliases find in it, one mapping for each row."""
    if base:
        indexed = re.compile(rf"{re.escape(base)}\[([0-9]{{1,9}})\]\.(.+)", re.DOTALL)
        return lambda text: _indexed_rows(parse_properties(text), indexed, aliases)
    return lambda text: [{key: value for key, value in parse_properties(text).items() if key in aliases}]


def _indexed_rows(properties: Properties, indexed: re.Pattern[str], aliases: frozenset[str]) -> list[Properties]:
    rows: dict[int, Properties] = {}
    for key, value in properties.items():
        if match := indexed.fullmatch(key):
            row = rows.setdefault(int(match[1]), {})
            if match[2] in aliases and match[1] == str(int(match[1])):  # `users[00].name` fills no row
                row[match[2]] = value
    return [rows[index] for index in sorted(rows)]


def parse_properties(text: str) -> Properties:
    """The keys and values of properties text; raises CollectionError where it can't be read."""
    if text.count("\n") + text.count("\r") + text.count("\\") > MAX_MARKS:
        raise failure(f"the answer has more than {MAX_MARKS} lines and escapes, too many to read")
    properties: Properties = {}
    for match in _LINE.finditer(text):
        if line := match[1]:
            try:
                key, value = _split(line)
            except ValueError:
                number = len(re.findall(r"\r\n|\r|\n", text[: match.start(1)])) + 1
                raise failure(
                    f"line {number} of the answer has \\u without four hex digits, so it is no properties text"
                ) from None
            properties[key] = value
    return properties


def _split(line: str) -> tuple[str, str]:
    """Key and value of one logical line; raises ValueError for a broken escape."""
    if "\\" in line:
        line = _CONTINUATION.sub(lambda match: match[1] or "", line)
    key = _KEY.match(line)
    if key is None:  # can't be: the pattern matches the empty text
        return line, ""
    return _unescape(key[1]), _unescape(line[key.end() :])


def _unescape(text: str) -> str:
    if "\\" not in text:
        return text
    plain = _ESCAPE.sub(lambda match: _escaped(match[1]), text)
    if _SURROGATE.search(plain):  # two \\u escapes may stand for one character
        return plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return plain


def _escaped(escape: str) -> str:
    if escape == "u":
        raise ValueError
    return chr(int(escape[1:], 16)) if len(escape) == 5 else _SHORT_ESCAPES.get(escape, escape)
