"""``run``: many monitors on a schedule, until a signal ends it."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
from typing import TYPE_CHECKING

from openai_monitor.cli import terminal

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = ("debug", "info", "warning", "error")
"""Those of ``schedule.logs.LEVELS``, which --help does without (a test compares them)."""
FORMATS = ("text", "json", "telegraf")
"""Those of ``schedule.logs.FORMATS``, likewise."""

DEFAULT_FILE = "monitors.yml"

EPILOG = """\
examples:
  openai-monitor run --config monitors.yml
  openai-monitor run --config monitors.yml --check
      say what is wrong with the file and the definitions it names, and which secrets can't be read
  openai-monitor run --once
      one round of each monitor, then end; for cron
  openai-monitor run --collector eu
      the monitors of collector eu, and those that are assigned to none

the monitors file:
  defaults:
    period: 300
  monitors:
    - name: acme
      define: openai            # a shipped definition, or the path of a YAML file beside this one
      params:
        token: {file: acme.key} # or {env: NAME}, {command: [PROGRAM, …]}; read again each round
      tags: {team: search}
  outputs:
    ndjson: {path: rows.ndjson}

signals:
  SIGTERM, Ctrl-C   end: running rounds get some seconds, outputs are written; a second one ends at once
  SIGHUP            read the monitors file again (it is read by itself when it changes)

exit codes:
  0    ended by SIGTERM or --end-with-stdin; with --check: the file is good; with --once: everything was collected,
       and written
  1    with --once: something was not collected, or an output lost rows
  2    bad usage, or a monitors file that can't be used
  130  ended by Ctrl-C
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``run``."""
    parser.epilog = EPILOG
    parser.add_argument("--config", metavar="FILE", default=DEFAULT_FILE, help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="check the file and all it names, and end")
    parser.add_argument(
        "--collector", metavar="NAME", help="who this is: monitors with this `collector` run, and those without one"
    )
    parser.add_argument(
        "--assigned-only", action="store_true", help="with --collector: leave monitors without one to others"
    )
    parser.add_argument("--once", action="store_true", help="run each monitor once, and end")
    parser.add_argument(
        "--end-with-stdin",
        action="store_true",
        help="end when standard input ends, as it does when Telegraf's execd ends or is gone",
    )
    log = parser.add_argument_group("log (on standard error)")
    log.add_argument("--log-level", choices=LEVELS, help="default: what the file says, else info")
    log.add_argument("--log-format", choices=FORMATS, help="default: what the file says, else text")


def run(arguments: argparse.Namespace) -> int:
    """Check the file, or run what stands in it."""
    from openai_monitor.errors import ParameterError
    from openai_monitor.paths import expanded

    if arguments.assigned_only and not arguments.collector:
        raise ParameterError("--assigned-only goes with --collector NAME")
    path = expanded(arguments.config).absolute()
    return _check(path) if arguments.check else _serve(path, arguments)


def _check(path: "Path") -> int:
    from openai_monitor.cli.loop import run_async
    from openai_monitor.service.check import (
        exposed_files,
        unusable_certificates,
        unusable_outputs,
        unusable_secrets,
    )
    from openai_monitor.service.reading import read_setup

    setup = read_setup(path)
    for problem in setup.warnings:
        terminal.say(str(problem))
    for sentence in [*run_async(unusable_secrets(setup)), *exposed_files(setup)]:
        terminal.say(f"warning: {sentence}")
    if unusable := [*run_async(unusable_outputs(setup)), *unusable_certificates(setup)]:
        for sentence in unusable:
            terminal.say(f"error: {sentence}")
        return 2
    enabled = sum(spec.enabled for spec in setup.monitors)
    terminal.write(f"{path}: good; {enabled} of {len(setup.monitors)} monitors enabled\n")
    return 0


def _serve(path: "Path", arguments: argparse.Namespace) -> int:
    from openai_monitor.cli.loop import run_async
    from openai_monitor.service.fleet import Share
    from openai_monitor.service.service import Options, Service

    options = Options(
        share=Share(arguments.collector, arguments.assigned_only),
        once=arguments.once,
        until_end_of=_standard_input() if arguments.end_with_stdin else None,
        log_level=arguments.log_level,
        log_format=arguments.log_format,
    )

    async def serve() -> int:
        return await Service(path, options).run()

    return run_async(serve())


def _standard_input() -> int:
    import sys

    from openai_monitor.errors import SettingsError

    if sys.stdin is None:
        raise SettingsError("--end-with-stdin: there is no standard input")
    return sys.stdin.fileno()
