"""What is wrong with a text that is no YAML: the parser's complaint as a sentence a person can act on."""

import re

import yaml

from openai_monitor.errors import Problem

MAX_DEPTH = 51
"""Mappings and lists inside each other, the document's own included; HertzBeat's limit too."""


def problem_at(mark: tuple[int, int], file: str, rule: str, message: str, hint: str) -> Problem:
    """A Problem at a line and column counted from 0, as parsers count."""
    return Problem(file, mark[0] + 1, mark[1] + 1, "error", rule, message, hint=hint)


def too_deep(mark: tuple[int, int], file: str) -> Problem:
    """The Problem of more levels than a definition may have, whether we count them or the parser gives up."""
    message = f"lists and mappings are nested deeper than {MAX_DEPTH - 1} levels"
    return problem_at(mark, file, "too-deep", message, "no definition needs more than 6")


_UNREADABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LINE_END = re.compile("\r\n|[\n\r\x85\u2028\u2029]")

_SENTENCES = (
    (
        "mapping values are not allowed",
        "a `:` stands where no key can be",
        "indent the keys of one mapping alike, and quote a value that holds `: `",
    ),
    (
        "could not find expected ':'",
        "a line without `:` stands among keys",
        "write `key: value`, a blank after the `:`",
    ),
    (
        "did not find expected key",
        "this does not continue the mapping around it",
        "indent the keys of one mapping alike, and close every quote and bracket before it",
    ),
    (
        "did not find expected '-'",
        "this does not continue the list around it",
        "begin every item with `- `, indented alike",
    ),
    (
        "did not find expected ','",
        "a `,` or the closing bracket is missing here",
        "close the bracket, and quote what holds one",
    ),
    (
        "unexpected end of stream",
        "a quote opens here and never closes",
        "close it; inside '…' write '' for a quote",
    ),
    (
        "found unknown escape character",
        'an unknown escape in "…"',
        "write `\\\\` for a backslash, or use '…', where it needs no escape",
    ),
    (
        "alphabetic or numeric",
        "a name of letters and digits is missing after `&` or `*`",
        "quote the value if it is a text",
    ),
    ("found a tab character", "a tab stands where blanks are expected", "indent with blanks"),
    (
        "expected node content",
        "a value or a closing bracket is missing before this",
        "close the bracket, or remove a comma too many",
    ),
    (
        "are not allowed in this context",
        "a list item or key can't begin here",
        "begin it on its own line, or quote the value",
    ),
    ("expected <document start>", "something follows the definition's end", "indent it, or remove it"),
    (
        "undefined tag handle",
        "an unknown tag",
        "remove the tag: every value keeps the text it is written with",
    ),
    ("incompatible YAML document", "a YAML version other than 1.x", "remove the `%YAML` line"),
)
_NOT_A_START = "cannot start any token"


def syntax_problem(error: Exception, text: str, file: str) -> Problem:
    """The Problem of an error raised by PyYAML's parsers, or by a character that has no place in UTF-8."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _unreadable_character(text, file)
    found = error.problem or "not YAML"
    mark = error.problem_mark or error.context_mark
    if "unexpected end of stream" in found:
        mark = error.context_mark or mark
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if is_nesting(error):
        return too_deep((line, column), file)
    if _NOT_A_START in found:
        return problem_at((line, column), file, "yaml", *_bad_start(text, line, column))
    for part, message, hint in _SENTENCES:
        if part in found:
            return problem_at((line, column), file, "yaml", message, hint)
    context = f" {error.context}" if error.context else ""
    message = f"this is not YAML: {found}{context}"
    return problem_at((line, column), file, "yaml", message, "quote the value, or mend the indentation")


def is_nesting(error: yaml.MarkedYAMLError) -> bool:
    """Whether a parser gave up at the depth of a text, which newer releases of libyaml do by themselves."""
    return "maximum nesting depth" in (error.problem or "")


def _bad_start(text: str, line: int, column: int) -> tuple[str, str]:
    lines = _LINE_END.split(text)
    character = lines[line][column : column + 1] if line < len(lines) else ""
    if character == "\t":
        return "a tab stands where blanks are expected", "indent with blanks"
    return f"a value can't begin with {character}", "quote the value"


def _unreadable_character(text: str, file: str) -> Problem:
    found = _UNREADABLE.search(text)
    before = text[: found.start()] if found else ""
    lines = _LINE_END.split(before)
    character = f"U+{ord(found[0]):04X}" if found else "a character"
    message = f"the character {character} can't stand in YAML"
    hint = 'remove it, or write it as an escape in "…"'
    return problem_at((len(lines) - 1, len(lines[-1])), file, "yaml", message, hint)
