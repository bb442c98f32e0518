"""``validate``: all that is wrong with definitions, without running them."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse

from openai_monitor.cli import terminal

FORMATS = ("text", "json", "github")
"""The names in ``authoring.report.FORMATS``, which --help does without (a test compares them)."""

EPILOG = """\
examples:
  openai-monitor validate my-api.yml
  openai-monitor validate define examples
      all definitions of two folders
  openai-monitor validate --hertzbeat my-api.yml
      would HertzBeat take it, since which release, and what does it make of our extensions?
  openai-monitor validate --format github define
      in a GitHub workflow: marks the lines in the changes of a pull request

formats:
  text     file:line:column: error[rule] message (key); hint
  json     files[file, errors, warnings, hertzbeat, problems[line, column, severity, rule, message,
           key, hint]], rules[severity, rule, problems, files]
  github   workflow commands

An error is what is refused here or fails its metric set for certain, or what HertzBeat's manager refuses;
a warning is what runs and is probably not meant. With --hertzbeat an error is what HertzBeat 1.8 refuses.

exit codes:
  0    no errors (there may be warnings)
  1    errors
  2    bad usage, or a file that can't be read
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``validate``."""
    parser.epilog = EPILOG
    parser.add_argument(
        "files",
        metavar="FILE",
        nargs="+",
        help="definitions: YAML files, folders of them (*.test.yml are left out), or shipped names",
    )
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    parser.add_argument(
        "--hertzbeat", action="store_true", help="judge by the rules of HertzBeat's manager alone, and flag extensions"
    )


def run(arguments: argparse.Namespace) -> int:
    """Check all files, print what was found, and return 0, 1 or 2."""
    from openai_monitor.authoring.check import check, definition_files, summary
    from openai_monitor.authoring.report import FORMATS as RENDER

    paths = [path for name in arguments.files for path in definition_files(name)]
    checks = [check(path, hertzbeat=arguments.hertzbeat) for path in paths]
    text = terminal.clean(RENDER[arguments.format](checks, terminal.style()))
    if arguments.format == "json":
        terminal.write_data(text)
    else:
        terminal.write(text)
    terminal.say(summary(checks))
    if any(each.unreadable for each in checks):
        return 2
    return 1 if any(each.count("error") for each in checks) else 0
