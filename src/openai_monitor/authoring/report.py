"""Checks as texts: for people and editors, for programs, and as annotations of a GitHub workflow."""

from collections.abc import Callable, Iterator, Sequence

from openai_monitor.authoring.check import Check, tally
from openai_monitor.errors import Problem
from openai_monitor.outputs import Style
from openai_monitor.outputs.json_text import encode
from openai_monitor.outputs.text import visible

Render = Callable[[Sequence[Check], Style], str]

_LOOKS = {"error": "red", "warning": "yellow"}


def render_text(checks: Sequence[Check], style: Style) -> str:
    """``file:line:col: error[code] message`` a line; one of severity ``note`` tells what HertzBeat does."""
    return "".join(f"{line}\n" for each in checks for line in _lines(each, style))


def render_json(checks: Sequence[Check], _style: Style) -> str:
    """One object; its shape is kept stable.

    ``files`` lists the files with their problems, ``rules`` counts the problems and files of each rule. ``hertzbeat``
    is null unless HertzBeat was asked about.
    """
    files = ",\n    ".join(encode(_file(each)) for each in checks)
    rules = ",\n    ".join(
        encode({"severity": each.severity, "rule": each.rule, "problems": each.problems, "files": each.files})
        for each in tally(checks)
    )
    return f'{{\n  "files": [\n    {files}\n  ],\n  "rules": [\n    {rules}\n  ]\n}}\n'


def render_github(checks: Sequence[Check], _style: Style) -> str:
    """A workflow command a line, which GitHub shows beside the line it is about."""
    return "".join(f"{_annotation(problem)}\n" for each in checks for problem in each.problems)


FORMATS: dict[str, Render] = {"text": render_text, "json": render_json, "github": render_github}


def _lines(checked: Check, style: Style) -> Iterator[str]:
    for problem in checked.problems:
        severity = f"{problem.severity}["
        yield visible(str(problem)).replace(severity, style.paint(severity[:-1], _LOOKS[problem.severity]) + "[", 1)
    if checked.hertzbeat is not None:
        yield visible(f"{checked.file}:1:1: note[hertzbeat] {checked.hertzbeat}")


def _file(checked: Check) -> dict[str, object]:
    hertzbeat = checked.hertzbeat
    return {
        "file": checked.file,
        "errors": checked.count("error"),
        "warnings": checked.count("warning"),
        "hertzbeat": None if hertzbeat is None else {"accepts": hertzbeat.accepts, "oldest": hertzbeat.oldest},
        "problems": [_problem(problem) for problem in checked.problems],
    }


def _problem(problem: Problem) -> dict[str, object]:
    names = ("line", "column", "severity", "rule", "message", "key", "hint")
    return {name: getattr(problem, name) for name in names}


def _annotation(problem: Problem) -> str:
    place = {"file": problem.file, "line": problem.line, "col": problem.column, "title": problem.rule}
    properties = ",".join(f"{name}={_escaped(str(value), ':,')}" for name, value in place.items())
    hint = f"; {problem.hint}" if problem.hint else ""
    return f"::{problem.severity} {properties}::{_escaped(problem.message + hint)}"


def _escaped(text: str, more: str = "") -> str:
    """Write what would end a workflow command or one of its properties as ``%`` and two hex digits."""
    return "".join(f"%{ord(c):02X}" if c in "%\r\n" or c in more else c for c in text)
