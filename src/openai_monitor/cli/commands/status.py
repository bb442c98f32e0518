"""``status``: how each monitor of the service is."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
from typing import TYPE_CHECKING

from openai_monitor.cli import terminal

if TYPE_CHECKING:
    from pathlib import Path

FORMATS = ("table", "csv", "json")

EPILOG = """\
examples:
  openai-monitor status
      one table: each monitor's last result, its age, its next round, and what is wrong
  openai-monitor status --config monitors.yml
      of the history that this monitors file names; tells of its monitors that had no round yet, too
  openai-monitor status --format json | jq '.[] | select(.trouble)'

It reads the history file that the service writes, so it answers while the service runs and when it does not:
a round that is long overdue is told.

exit codes:
  0    nothing is wrong
  1    a monitor failed or is overdue, or there is no history to read
  2    bad usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``status``."""
    parser.epilog = EPILOG
    add_source(parser)
    parser.add_argument("--format", choices=FORMATS, default="table", help="default: %(default)s")


def add_source(parser: argparse.ArgumentParser) -> None:
    """``--config`` and ``--path``."""
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--config", metavar="FILE", help="the monitors file of the service, which says where it is")
    source.add_argument(
        "--path", metavar="FILE", help="the history file; default: history.sqlite in your folder for state"
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the states."""
    from datetime import UTC, datetime

    from openai_monitor.service.history import state
    from openai_monitor.service.history.queries import History

    path, configured = find_history(arguments)
    with History(path) as history:
        states = state.read_states(history, configured)
    now = datetime.now(UTC)
    if arguments.format == "table":
        terminal.write(state.to_table(states, now, terminal.style()))
    else:
        terminal.write_data((state.to_json if arguments.format == "json" else state.to_csv)(states, now))
    return 0 if all(each.is_well(now) for each in states) else 1


def find_history(arguments: argparse.Namespace) -> "tuple[Path, list[str] | None]":
    """Find the history file and, given a monitors file, the names of its monitors."""
    from pathlib import Path

    if arguments.config:
        from openai_monitor.service.history.configured import read_configured

        return read_configured(Path(arguments.config))
    if arguments.path:
        return Path(arguments.path), None
    from openai_monitor.service.history.place import default_path

    return default_path(), None
