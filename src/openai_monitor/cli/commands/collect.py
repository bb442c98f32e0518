"""``collect``: one round, printed."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
from typing import TYPE_CHECKING

from openai_monitor.cli import options, terminal
from openai_monitor.cli.parser import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai_monitor.cli.conditions import Condition
    from openai_monitor.cli.parameters import Values
    from openai_monitor.collect.plan import Plan
    from openai_monitor.definition.load import Definition
    from openai_monitor.errors import Problem

FORMATS = ("table", "json", "ndjson", "csv")
"""The names in ``outputs.FORMATS``, which --help does without (a test compares them)."""

EPILOG = f"""\
examples:
  openai-monitor collect --sandbox
      an account that lives on this machine; no key needed
  openai-monitor collect
      your OpenAI account; asks for the session key, unless OPENAI_TOKEN holds it
  openai-monitor collect --token-file key.txt --format json > account.json
  openai-monitor collect --metrics credit_grants --fail-if 'credit_grants.total_available < 20'
      for cron: exit code 3 and one sentence when the credit runs low
  openai-monitor collect --define my-api.yml --param host=api.example.com --name prod --tag team=search

formats:
  table    for people; the default on a terminal
  json     one object: app, name, tags, host, time, skipped[name, reason], and
           metrics[name, code, message, duration_ms, fields[name, type, unit, label], rows[]]
  ndjson   one row a line: app, name, tags, metrics (the set's name), time, row; the default elsewhere
  csv      one metric set with a header line; several sets need --output FOLDER, one file each

{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``collect``."""
    parser.epilog = EPILOG
    options.add_definition(parser)
    parser.add_argument(
        "--metrics",
        metavar="NAME",
        nargs="+",
        action="extend",
        help="only these metric sets (what they need runs too)",
    )
    parser.add_argument("--name", help="what you call this monitor; it is in every output")
    parser.add_argument(
        "--tag",
        metavar="KEY=VALUE",
        action="append",
        default=[],
        help="something to remember; may be repeated",
    )
    options.add_parameters(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--format", choices=FORMATS, help="default: table on a terminal, else ndjson")
    output.add_argument(
        "--output",
        metavar="FILE",
        help="write to this file instead (csv of several sets: to this folder)",
    )
    output.add_argument(
        "--fail-if",
        metavar="CONDITION",
        action="append",
        default=[],
        help="exit with 3 when this holds for any row (see the examples); may be repeated",
    )
    output.add_argument(
        "-v", "--verbose", action="store_true", help="show each request on standard error, without secrets"
    )
    options.add_transport(parser)
    parser.add_argument(
        "--sandbox",
        action="store_true",
        help="collect from an OpenAI-like account that is served on this machine",
    )


def _remarks(definition: "Definition") -> "Sequence[Problem]":
    """What the linter says of a definition of the user's own; the shipped ones are clean, and loading it takes time."""
    from pathlib import Path

    from openai_monitor.definition.shipped import shipped_folder

    if Path(definition.file).resolve().parent == shipped_folder().resolve():
        return definition.warnings
    from openai_monitor.definition.lint import lint

    return lint(definition)


def _conditions(definition: "Definition", texts: "Sequence[str]") -> "Sequence[Condition]":
    if not texts:
        return ()
    from openai_monitor.cli.conditions import compile_conditions

    fields = {each.name or "": [spec.field or "" for spec in each.fields] for each in definition.sets}
    return compile_conditions(texts, fields)


def run(arguments: argparse.Namespace) -> int:
    """Collect and print; see EXIT_CODES."""
    from openai_monitor.cli.collecting import collect_once
    from openai_monitor.cli.parameters import next_step, split_pairs
    from openai_monitor.cli.report import Report
    from openai_monitor.collect.plan import make_plan
    from openai_monitor.definition.shipped import load_definition
    from openai_monitor.errors import ParameterError

    definition = load_definition(arguments.define)
    for problem in _remarks(definition):
        terminal.say(str(problem))
    report = Report(
        arguments, _conditions(definition, arguments.fail_if), [each.name or "" for each in definition.sets]
    )
    tags = split_pairs("--tag", arguments.tag)

    def plan(values: "Values") -> "Plan":
        try:
            return make_plan(
                definition,
                values,
                metrics=report.needed,
                name=arguments.name,
                tags=tags,
                send_anyway=arguments.send_anyway,
            )
        except ParameterError as error:
            raise ParameterError(f"{error}{next_step(error, definition, values)}") from None

    return report.give(collect_once(definition, arguments, plan))
