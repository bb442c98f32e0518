"""``test``: a definition tried on saved answers, and the tests that lie beside definitions."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from openai_monitor.cli import options, terminal
from openai_monitor.errors import DefinitionError, ParameterError

if TYPE_CHECKING:
    from pathlib import Path

    from openai_monitor.authoring.casefile import CaseFile
    from openai_monitor.collect.answer import Answer
    from openai_monitor.collect.rehearsal import Rehearsal
    from openai_monitor.definition.load import Definition

FORMATS = ("table", "json")

EPILOG = """\
examples:
  openai-monitor test my-api.yml --metrics queues --response answer.json
      the rows of a saved answer, and for each cell without a value the reason
  openai-monitor test my-api.yml --metrics queues --response answer.json --explain depth
      the way of one value: body, rows, alias, expression, unit, field
  curl … | openai-monitor test openai --metrics model_cost --response -
  openai-monitor test define examples
      run all *.test.yml of two folders

Tests beside a definition: my-api.test.yml lies beside my-api.yml and says what rows its answers give.

  params: {host: api.example.com}       # optional, and for one test too
  at: 2026-11-22T12:00:00Z              # optional, and for one test too: the clock of now()
  tests:
    - name: sizes are megabytes
      metrics: queues                   # the metric set
      status: 200                       # optional
      headers: {X-Total: 2}             # optional
      row: {id: 7}                      # optional: values for ^o^id^o^
      response:                         # what has structure is sent as JSON, a text as it is
        queues: [{name: mail, bytes: 1048576}]
      expect:
        rows:                           # all rows in their order; fields not named here are not compared
          - {queue: mail, size: 1, oldest: null}
        warning: left out               # optional: a part of a warning
    - name: a wrong key fails
      metrics: queues
      status: 401
      response_file: unauthorized.json  # a file beside this one, instead of `response`
      expect: {error: HTTP 401}         # a part of the message, instead of `rows`

`definition: FILE` at the top names another definition. Unknown keys are refused with their place.

exit codes:
  0    rows came out; all tests passed
  1    the metric set failed; a test failed
  2    bad usage, or a file that can't be used
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``test``."""
    parser.epilog = EPILOG
    parser.add_argument(
        "what",
        metavar="FILE",
        nargs="+",
        help="with --response a definition (or a shipped name); without, test files, folders of them, "
        "or definitions with tests beside them",
    )
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")
    trial = parser.add_argument_group("trying a saved answer")
    trial.add_argument("--response", metavar="FILE", help="the body of an answer; - reads standard input")
    trial.add_argument("--metrics", metavar="NAME", help="the metric set; may be left out where there is one")
    trial.add_argument(
        "--status",
        metavar="N",
        type=options.whole_number(100, 999),
        default=200,
        help="its HTTP status (default: %(default)s)",
    )
    trial.add_argument(
        "--header", metavar="'NAME: VALUE'", action="append", default=[], help="one of its headers; may be repeated"
    )
    trial.add_argument(
        "--param", metavar="NAME=VALUE", action="append", default=[], help="a parameter; none is required here"
    )
    trial.add_argument(
        "--row", metavar="NAME=VALUE", action="append", default=[], help="a value for ^o^NAME^o^; may be repeated"
    )
    trial.add_argument(
        "--explain", metavar="FIELD", nargs="?", const="", help="show the way of this field's value, or of all"
    )


def run(arguments: argparse.Namespace) -> int:
    """Try one answer, or run tests."""
    if arguments.response is not None:
        return _try_answer(arguments)
    alone = [name for name in ("metrics", "header", "param", "row", "explain") if getattr(arguments, name)]
    if alone:
        raise ParameterError(f"--{alone[0]} goes with --response FILE, the saved answer")
    return _run_tests(arguments)


def _try_answer(arguments: argparse.Namespace) -> int:
    from openai_monitor.authoring.trial import render_json, render_table

    definition, rehearsal = _rehearse(arguments)
    terminal.hide(rehearsal.secrets)
    ways = [] if arguments.explain is None else rehearsal.ways(arguments.explain or None)
    # Rows have been cleaned by the rule for rows; the rest is text.
    result = rehearsal.result
    warnings = tuple(map(terminal.clean, result.warnings))
    rehearsal = replace(
        rehearsal,
        result=replace(result, message=terminal.clean(result.message), warnings=warnings),
        gaps=tuple(replace(gap, reason=terminal.clean(gap.reason)) for gap in rehearsal.gaps),
    )
    ways = [replace(way, steps=tuple((stage, terminal.clean(text)) for stage, text in way.steps)) for way in ways]
    if arguments.format == "json":
        terminal.write_data(render_json(rehearsal, ways))
    else:
        terminal.write(render_table(definition.app, rehearsal, ways, terminal.style()))
    return 0 if rehearsal.result.ok else 1


def _rehearse(arguments: argparse.Namespace) -> tuple["Definition", "Rehearsal"]:
    from openai_monitor.cli.loop import run_async
    from openai_monitor.cli.parameters import split_pairs
    from openai_monitor.collect.rehearsal import rehearse
    from openai_monitor.definition.shipped import load_definition

    if len(arguments.what) > 1:
        raise ParameterError("--response tries one definition: name one")
    definition = load_definition(arguments.what[0])
    values, row = split_pairs("--param", arguments.param), split_pairs("--row", arguments.row)
    name = arguments.metrics or _only_set(definition)
    return definition, run_async(rehearse(definition, name, _answer(arguments), values, row=row))


def _only_set(definition: "Definition") -> str:
    names = [each.name or "" for each in definition.sets]
    if len(names) != 1:
        raise ParameterError(f"name the metric set with --metrics: {definition.app} has {', '.join(names)}")
    return names[0]


def _answer(arguments: argparse.Namespace) -> "Answer":
    from openai_monitor.cli.answers import read_answer
    from openai_monitor.collect.answer import Answer, Headers

    headers = Headers(map(_header, arguments.header))
    return Answer(arguments.status, headers, read_answer(arguments.response), 0, "")


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon or not name.strip():
        raise ParameterError("--header takes 'NAME: VALUE', such as --header 'Retry-After: 30'")
    return name.strip(), value.strip()


def _run_tests(arguments: argparse.Namespace) -> int:
    from openai_monitor.authoring.caseresults import count, render_json, render_text, summary
    from openai_monitor.authoring.caserun import run_case_file
    from openai_monitor.cli.loop import run_async
    from openai_monitor.definition.load import read_definition

    files = [path for name in arguments.what for path in _test_files(name)]
    case_files = _read_all(files)
    if case_files is None:
        return 2
    definitions = [read_definition(tests.definition) for tests in case_files]
    pairs = zip(case_files, definitions, strict=True)
    results = [(tests, run_async(run_case_file(tests, definition))) for tests, definition in pairs]
    if arguments.format == "json":
        terminal.write_data(terminal.clean(render_json(results)))
    else:
        terminal.write(terminal.clean(render_text(results, terminal.style())))
    terminal.say(summary(results))
    return 1 if count(results)[1] else 0


def _read_all(files: list["Path"]) -> list["CaseFile"] | None:
    """All test files; None when some can't be used, which is said for each."""
    from openai_monitor.authoring.casefile import read_case_file

    read = []
    for path in files:
        try:
            read.append(read_case_file(path))
        except DefinitionError as error:
            terminal.say_lines(f"error: the tests can't be used\n{error}")
    return read if len(read) == len(files) else None


def _test_files(name: str) -> list["Path"]:
    """The test files meant by a folder, a test file, or a definition that has one beside it."""
    from pathlib import Path

    from openai_monitor.authoring.casefile import SUFFIX
    from openai_monitor.authoring.check import files_in
    from openai_monitor.definition.shipped import find_path
    from openai_monitor.errors import SettingsError
    from openai_monitor.paths import is_folder, is_missing

    if is_folder(folder := Path(name)):
        if found := files_in(folder, tests=True):
            return found
        raise SettingsError(f"the folder {name} holds no tests (*{SUFFIX}.yml)")
    path = find_path(name)
    beside = path if path.stem.endswith(SUFFIX) else path.with_name(f"{path.stem}{SUFFIX}{path.suffix}")
    if is_missing(beside):
        raise SettingsError(f"{name} has no tests beside it ({beside.name}); --response FILE tries a saved answer")
    return [beside]
