"""The command line. With argparse, since click and typer cost 57 and 108 ms before anything runs."""

import argparse
import sys
from collections.abc import Callable, Collection, Sequence
from importlib import import_module
from typing import Any, NoReturn

from openai_monitor import __version__
from openai_monitor.cli.commands import COMMANDS
from openai_monitor.cli.terminal import PROG, mask_keys, width, write

Run = Callable[[argparse.Namespace], int]

EXIT_CODES = """\
exit codes:
  0    all metric sets were collected
  1    some or all metric sets failed, were skipped or found none of their keys,
       or a --fail-if could not be judged
  2    bad usage, definition or parameters
  3    a --fail-if holds
  130  interrupted (Ctrl-C)
"""

_LIST = "\n".join(f"  {name:<12} {line}" for name, line in COMMANDS.items())

DESCRIPTION = f"""\
Reads a HertzBeat-style YAML definition, asks an HTTP API for it, and prints typed metric
rows: first of all, what an OpenAI account has left and what it spends.

commands:
{_LIST}
"""

EPILOG = f"""\
examples:
  {PROG} collect --sandbox              try it without any key
  {PROG} collect                        your OpenAI account; asks for the session key
  {PROG} collect --define my-api.yml    any other API, described in a YAML file
  {PROG} COMMAND --help                 everything about one command

{EXIT_CODES}
environment:
  OPENAI_TOKEN             the key; <APP>_TOKEN for other definitions
  OPENAI_MONITOR_<PARAM>   any parameter of a definition, such as OPENAI_MONITOR_ORGANIZATION
  HTTPS_PROXY, ALL_PROXY, NO_PROXY, SSL_CERT_FILE, NO_COLOR   as everywhere
  OPENAI_MONITOR_DEBUG     show tracebacks of internal errors, without secrets

"python -m openai_monitor" does the same as "{PROG}".
"""


class CommandParser(argparse.ArgumentParser):
    """A parser whose arguments come from a module of ``commands``, which loads when first needed."""

    def __init__(self, *, command: str | None = None, **settings: Any) -> None:
        settings.setdefault("formatter_class", _Formatter)
        super().__init__(allow_abbrev=False, **settings)
        self.color = False  # Python's, from 3.14 on: our own words would stay without
        self._command = command

    def load(self) -> None:
        """Add the command's arguments, once."""
        if self._command is not None:
            module = import_module(f"openai_monitor.cli.commands.{self._command}")
            self._command = None
            self.set_defaults(command_run=module.run)
            module.add_arguments(self)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Load the arguments, then parse: argparse calls this on the parser of the chosen command."""
        self.load()
        known, unknown = super().parse_known_args(args, namespace)
        if unknown:  # said here, where the help of the chosen command is known
            self.error(f"unrecognized arguments: {' '.join(unknown)}{self._meant(unknown[0])}")
        return known, unknown

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write help as any other output: argparse would pass over a full disk."""
        if file is sys.stdout:
            write(message)
        else:
            super()._print_message(message, file)

    def _meant(self, unknown: str) -> str:
        from openai_monitor.definition.wording import nearest_name  # noqa: PLC0415 - only for a mistake

        near = nearest_name(unknown.partition("=")[0], self._option_string_actions)
        return f"; did you mean {near}?" if near else ""

    def error(self, message: str) -> NoReturn:
        """Say it in one sentence, and where to read more; exit code 2."""
        self.exit(2, f"{self.prog}: error: {mask_keys(message)}\ntry: {self.prog} --help\n")


class _Formatter(argparse.RawDescriptionHelpFormatter):
    def __init__(self, prog: str) -> None:
        # Without a width argparse imports shutil and with it every compressor Python has.
        super().__init__(prog, max_help_position=30, width=min(width(), 110) - 2)

    if sys.version_info[:2] == (3, 14):  # which imports dataclasses and inspect here, even to show no colours

        def _set_color(self, *_arguments: Any, **_named: Any) -> None:
            self._theme, self._decolor = _NoColors(), str


class _NoColors:
    """The colours of argparse, each of them none."""

    def __getattr__(self, _name: str) -> str:
        return ""


def make_parser(names: Collection[str] = COMMANDS) -> tuple[CommandParser, list[CommandParser]]:
    """Build the command line with these commands; also gives the parsers of the commands, not yet loaded."""
    parser = CommandParser(prog=PROG, usage=f"{PROG} COMMAND [options]", description=DESCRIPTION, epilog=EPILOG)
    parser.add_argument("--version", action="version", version=f"{PROG} {__version__}")
    choices = parser.add_subparsers(dest="command", prog=PROG, help=argparse.SUPPRESS)  # in DESCRIPTION
    commands = [
        choices.add_parser(name, command=name, help=line, description=f"{line[0].upper()}{line[1:]}.")
        for name, line in COMMANDS.items()
        if name in names
    ]
    return parser, commands


def parse(argv: Sequence[str]) -> tuple[argparse.Namespace, Run]:
    """Read a command line: its arguments, and the command to run with them.

    Raises SystemExit as argparse does.
    """
    # The others would only be chosen from: nobody misses them once the first word is a command.
    parser, _ = make_parser(argv[:1] if argv and argv[0] in COMMANDS else COMMANDS)
    arguments = parser.parse_args(argv)
    if arguments.command is None:
        parser.print_help(sys.stderr)
        parser.exit(2)
    return arguments, arguments.command_run
