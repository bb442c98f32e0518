"""``hertzbeat``: definitions into a manager and out of it, over its HTTP API."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
from typing import TYPE_CHECKING

from openai_monitor.cli import terminal
from openai_monitor.cli.managing import PASSWORD, add_manager

if TYPE_CHECKING:
    from openai_monitor.hertzbeat.manager_api import ManagerApi
    from openai_monitor.hertzbeat.transfer import Change

EPILOG = f"""\
examples:
  openai-monitor hertzbeat push define/openai.yml --url http://localhost:1157 --user admin
      shows what would change in the manager, and asks before changing it
  openai-monitor hertzbeat push openai --url https://hertzbeat.example.com --user admin --yes
  openai-monitor hertzbeat pull openai --url https://hertzbeat.example.com --user admin

The password comes from --password-file, from {PASSWORD}, or is asked for.

exit codes:
  0    done, or nothing to do
  1    the manager refused, or could not be reached
  2    bad usage, a definition that HertzBeat would refuse, or a change that nobody confirmed
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``hertzbeat``."""
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    push = actions.add_parser("push", help="create or replace a definition", description="Create or replace one.")
    push.add_argument("definition", metavar="FILE", help="a YAML file, or a shipped name (see `definitions`)")
    push.add_argument("--yes", action="store_true", help="change it without asking")
    add_manager(push)
    pull = actions.add_parser("pull", help="write a definition to a file", description="Write one to a file.")
    pull.add_argument("app", metavar="APP", help="name of the definition in the manager")
    pull.add_argument("--output", metavar="FILE", help="default: APP.yml, unless there is one")
    add_manager(pull)


def run(arguments: argparse.Namespace) -> int:
    """Push or pull."""
    return _push(arguments) if arguments.action == "push" else _pull(arguments)


def _push(arguments: argparse.Namespace) -> int:
    from openai_monitor.cli.managing import with_manager
    from openai_monitor.definition.load import read_bytes
    from openai_monitor.definition.shipped import find_definition
    from openai_monitor.hertzbeat import transfer

    path = find_definition(arguments.definition)
    definition = transfer.check_text(read_bytes(path), str(path))
    for problem in definition.warnings:
        terminal.say(str(problem))
    refused = False

    def confirm(change: "Change") -> bool:
        nonlocal refused
        _show(change, arguments.url)
        refused = not (arguments.yes or _is_yes(f"{_verb(change)} {change.app} in {arguments.url}? [y/N] "))
        return not refused

    async def work(api: "ManagerApi") -> "Change | None":
        return await transfer.push(api, definition, confirm)

    done = with_manager(arguments, work)
    if refused:
        terminal.say("nothing was changed" if terminal.can_prompt() else "nothing was changed: add --yes to change it")
        return 2
    terminal.say(f"{done.app} was {_verb(done)}d" if done else f"{definition.app} is the same there: nothing to do")
    return 0


def _pull(arguments: argparse.Namespace) -> int:
    from pathlib import Path

    from openai_monitor.cli.files import save
    from openai_monitor.cli.managing import with_manager
    from openai_monitor.errors import SettingsError
    from openai_monitor.hertzbeat import manager_api, transfer

    path = Path(arguments.output or f"{manager_api.check_app(arguments.app)}.yml")
    if not arguments.output and path.exists():
        raise SettingsError(f"{path} is there already: name a file with --output, which may be the same")

    async def work(api: "ManagerApi") -> str:
        return await transfer.pull(api, arguments.app)

    save(path, terminal.as_data(with_manager(arguments, work)))
    terminal.say(f"{arguments.app} was written to {path}")
    return 0


def _show(change: "Change", url: str) -> None:
    if change.before is None:
        terminal.say(f"{change.app} is not in {url}: it would be created, {change.text.count(chr(10))} lines")
    else:
        terminal.write(terminal.clean(change.diff()))
        terminal.flush()


def _verb(change: "Change") -> str:
    return "create" if change.before is None else "replace"


def _is_yes(question: str) -> bool:
    import sys

    if not terminal.can_prompt():
        return False
    sys.stderr.write(question)
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes")
