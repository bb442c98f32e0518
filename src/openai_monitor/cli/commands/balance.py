"""``balance``: what is left, what was spent on what, and when it is gone."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
from typing import TYPE_CHECKING

from openai_monitor.cli import options, terminal
from openai_monitor.cli.parser import EXIT_CODES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from openai_monitor.cli.conditions import Verdict
    from openai_monitor.cli.parameters import Values
    from openai_monitor.collect.plan import Plan
    from openai_monitor.definition.definition import Definition
    from openai_monitor.rows import Round
    from openai_monitor.spend import Figures, Reading

FORMATS = ("text", "json")

EPILOG = f"""\
examples:
  openai-monitor balance --sandbox
      an account that lives on this machine; no key needed
  openai-monitor balance
      your account; asks for the key, unless OPENAI_TOKEN holds it, and finds the definition for it
  openai-monitor balance --define openai_organization --token-file admin-key.txt --format json
  openai-monitor balance --fail-if 'days_left < 7' --fail-if 'spent_today > 10'
      for cron: exit code 3 and a sentence when one of them holds

figures, as --fail-if and --format json name them (null is not known; amounts are in the account's currency):
  left, granted, used              what the service says of the credit
  spent_today, spent_yesterday, spent_month, spent_30_days
                                   by UTC days; the last 30 days count today
  mean_7_days, mean_30_days        a day, over full days only (so not today) since the first cost
  burn                             a day at present: mean_7_days, or after a week without costs mean_30_days
  days_left, gone_on               of the credit at that burn, what expires before it is used being lost; not
                                   known with fewer than 3 full days since the first cost
  sure                             "good": 14 days or more that vary by half their mean at most; "low": fewer
                                   than 7, or they vary by more than their mean; else "fair"
  expires_on, expiring             the next grant that expires, and how much of it is unused
  limit, limit_used, limit_used_percent
  currency                         of the account, for --fail-if: an empty one decides nothing unless it is named

json:
  one object: app, host, time, missing[part, reason], remarks[], and for each currency accounts[currency, the
  figures, mean_7_days_over, mean_30_days_over, no_forecast, unlimited, limit_interval, models[model, spent,
  percent], grants[amount, used, effective_at, expires_at]]

{EXIT_CODES}"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``balance``."""
    parser.epilog = EPILOG
    parser.add_argument(
        "--define",
        metavar="FILE",
        help="the definition: a YAML file, or a shipped name (see `definitions`); default: the one for keys "
        "that begin like yours",
    )
    options.add_parameters(parser)
    output = parser.add_argument_group("output")
    output.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    output.add_argument(
        "--fail-if",
        metavar="CONDITION",
        action="append",
        default=[],
        help="exit with 3 when this holds for the figures, in any currency that is not empty or in the one it names "
        "(currency == 'CNY' && left < 10); may be repeated",
    )
    output.add_argument(
        "-v", "--verbose", action="store_true", help="show each request on standard error, without secrets"
    )
    options.add_transport(parser)
    parser.add_argument("--sandbox", action="store_true", help="ask an account that is served on this machine instead")


def run(arguments: argparse.Namespace) -> int:
    """Collect, work out the figures, and print them; see EXIT_CODES."""
    from openai_monitor.cli.choosing import choose
    from openai_monitor.cli.collecting import collect_once
    from openai_monitor.cli.figure_conditions import compile_figure_conditions, judge
    from openai_monitor.cli.parameters import next_step
    from openai_monitor.collect.plan import make_plan
    from openai_monitor.errors import ParameterError
    from openai_monitor.spend import PARTS, read, work_out

    conditions = compile_figure_conditions(arguments.fail_if)
    definition = choose(arguments, PARTS, "balance")
    for problem in definition.warnings:
        terminal.say(str(problem))
    metrics = [each.name for each in definition.sets if each.name in PARTS]

    def plan(values: "Values") -> "Plan":
        try:
            return make_plan(definition, values, metrics=metrics, send_anyway=arguments.send_anyway)
        except ParameterError as error:
            raise ParameterError(f"{error}{next_step(error, definition, values)}") from None

    collected = collect_once(definition, arguments, plan)
    reading = _cleaned(read(collected))
    figures = [work_out(account, collected.time) for account in reading.accounts]
    _print(arguments.format, collected, reading, figures)
    _tell_next_step(definition, collected)
    return _exit_code(collected.ok and not reading.missing, judge(conditions, figures, collected.time))


def _tell_next_step(definition: "Definition", collected: "Round") -> None:
    """Say what to do where a key is refused, or where nothing at all could be read."""
    from openai_monitor.cli.parameters import key_parameter
    from openai_monitor.definition.keys import how_to_renew
    from openai_monitor.definition.shipped import expected_prefix

    key = key_parameter(definition)
    # A set that only others needed is not among the results; what it failed of is why they were skipped.
    is_refused = any(result.status == 401 for result in collected.results)
    if is_refused or any("HTTP 401: " in each.reason for each in collected.skipped):
        terminal.say(f"the key is refused: {how_to_renew(expected_prefix(key.placeholder if key else None) or '')}")
    elif not any(
        type(cell) in (int, float) for each in collected.results if each.ok for row in each.rows for cell in row
    ):
        terminal.say(
            "nothing could be read: `openai-monitor check` with the same options says whether it is the API that "
            "answers, and what this key may read"
        )


def _cleaned(reading: "Reading") -> "Reading":
    """Mask keys in what servers said."""
    from dataclasses import replace

    missing = tuple(replace(each, reason=terminal.clean(each.reason)) for each in reading.missing)
    return replace(reading, missing=missing, remarks=tuple(map(terminal.clean, reading.remarks)))


def _print(form: str, collected: "Round", reading: "Reading", figures: "list[Figures]") -> None:
    if form == "text":
        from openai_monitor.outputs.balance_text import render as render_text

        terminal.write(render_text(collected, reading, figures, terminal.style()))
        return
    from openai_monitor.outputs.balance_json import render as render_json

    terminal.write_data(render_json(collected, reading, figures))
    for each in reading.missing:
        terminal.say(f"{each.part} missing: {each.reason}")


def _exit_code(complete: bool, verdicts: "Sequence[Verdict]") -> int:
    from openai_monitor.cli.report import COLLECTED, CONDITION_HOLDS, INCOMPLETE

    for verdict in verdicts:
        if verdict.sentence:
            terminal.say(verdict.sentence)
    if any(verdict.holds for verdict in verdicts):
        return CONDITION_HOLDS
    judged = all(verdict.holds is False for verdict in verdicts)
    return COLLECTED if complete and judged else INCOMPLETE
