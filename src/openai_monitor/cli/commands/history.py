"""``history``: what the service collected, read from its history file."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
import re
import sys
from typing import TYPE_CHECKING

from openai_monitor.cli import terminal
from openai_monitor.cli.commands.status import FORMATS, add_source, find_history

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

    from openai_monitor.service.history.queries import DailyCost, History
    from openai_monitor.service.history.selection import Reader

EPILOG = """\
examples:
  openai-monitor history
      what changed in the last day, a table for each metric set
  openai-monitor history acme --metrics credit_grants --since 7d --format csv > credit.csv
  openai-monitor history acme --since 90d --hourly --format json
  openai-monitor history --costs --since 2026-01-01 --format csv
      what each item cost on each UTC day, as it was told last

Rows are there as collected for 7 days and by the hour for 400, unless the monitors file says otherwise; daily costs
stay. What begins before the rows as collected is shown by the hour.

formats:
  table    answers that differ from the one before, the newest 60 rows of each metric set; default on a terminal
  csv      all rows of one metric set; by the hour with the least, most and mean of each number
  json     a list with an object for each row: monitor, metrics, time, row; by the hour also samples, failed, and
           least, most and mean of the numbers that moved; a failure has code, message and no row; default elsewhere

exit codes: 0, 1 when there is no history to read, or 2 for bad usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``history``."""
    parser.epilog = EPILOG
    parser.add_argument("monitor", metavar="MONITOR", nargs="?", help="only this monitor")
    parser.add_argument(
        "--metrics", metavar="NAME", nargs="+", action="extend", help="only these metric sets (default: all)"
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        type=since,
        default="1d",
        help="how far back: 90m, 36h, 7d, 4w, or a day or moment such as 2026-01-31 (UTC); default: %(default)s",
    )
    shape = parser.add_mutually_exclusive_group()
    shape.add_argument("--hourly", action="store_true", help="by the hour, also where there are rows as collected")
    shape.add_argument("--costs", action="store_true", help="the daily costs instead of rows")
    add_source(parser)
    parser.add_argument("--format", choices=FORMATS, help="default: table on a terminal, else json")


def since(text: str) -> "datetime":
    """Read a time before now, or a day or moment."""
    from datetime import UTC, datetime, timedelta

    units = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
    if match := re.fullmatch(r"(\d{1,5})([smhdw])", text.strip(), re.ASCII):
        return datetime.now(UTC) - timedelta(**{units[match[2]]: int(match[1])})
    try:
        moment = datetime.fromisoformat(text.strip())
    except ValueError:
        message = f"{text!r} is no time: expected one such as 36h, 7d or 2026-01-31"
        raise argparse.ArgumentTypeError(message) from None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def run(arguments: argparse.Namespace) -> int:
    """Print the rows."""
    from openai_monitor.errors import ParameterError
    from openai_monitor.service.history.queries import History

    if arguments.costs and arguments.metrics:
        raise ParameterError("--costs and --metrics do not go together: daily costs are of no metric set")
    path, _ = find_history(arguments)
    shape = arguments.format or ("table" if terminal.is_terminal(sys.stdout) else "json")
    write = terminal.write if shape == "table" else terminal.write_data
    wrote = False
    with History(path) as history:
        for piece in _pieces(history, arguments, shape):
            write(piece)
            wrote = True
    if not wrote:
        terminal.say("nothing was collected in that time")
    return 0


def _pieces(history: "History", arguments: argparse.Namespace, shape: str) -> "Iterator[str]":
    from datetime import UTC, datetime

    from openai_monitor.service.history.selection import Reader, select

    now = datetime.now(UTC)
    chosen = select(history, arguments.monitor, arguments.metrics, arguments.since, now)
    if arguments.costs:
        monitor_id = chosen.monitors[0].id if arguments.monitor else None
        return _costs(history.daily_costs(monitor_id, arguments.since), shape)
    reader = Reader(history, chosen)
    return _rows(reader, shape, hourly=arguments.hourly or _is_condensed(history, arguments.since))


def _is_condensed(history: "History", begin: "datetime") -> bool:
    """Tell whether rows of that time were condensed; says so."""
    if not history.is_condensed(begin):
        return False
    terminal.say("by the hour: there are no rows as collected any more of the time this begins with")
    return True


def _costs(costs: "Iterable[DailyCost]", shape: str) -> "Iterator[str]":
    from openai_monitor.service.history import show

    if shape == "table":
        return show.costs_table(costs, terminal.style())
    return (show.costs_csv if shape == "csv" else show.costs_json)(costs)


def _rows(reader: "Reader", shape: str, *, hourly: bool) -> "Iterator[str]":
    from openai_monitor.service.history import show

    if shape == "table":
        return (show.hours_table if hourly else show.answers_table)(reader, terminal.style())
    if shape == "json":
        return (show.hours_json if hourly else show.answers_json)(reader)
    return (show.hours_csv if hourly else show.answers_csv)(reader, _only(reader.selection.metric_sets))


def _only(metric_sets: "tuple[str, ...]") -> str:
    from openai_monitor.errors import ParameterError

    if len(metric_sets) != 1:
        named = ", ".join(metric_sets) or "none"
        raise ParameterError(f"a csv holds one metric set, and these are {named}: name one with --metrics")
    return metric_sets[0]
