"""One command line from start to exit code; at this last edge whatever was raised becomes a sentence."""

import gc
import os
import sys
from collections.abc import Sequence

from openai_monitor.cli import INTERRUPTED, interrupts, terminal
from openai_monitor.cli.parser import parse

GARBAGE_THRESHOLD = 20_000
"""Objects between two looks for garbage: what loads is none, and would be looked through eighty times."""


def run(argv: Sequence[str] | None) -> int:
    """Parse, run the command, and see that all output has left.

    Raises nothing but a Ctrl-C that comes too late.
    """
    terminal.start()
    gc.set_threshold(GARBAGE_THRESHOLD)
    # pydantic would look through every installed package for plugins, which takes as long as all our models.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "true")
    try:
        code = _command(sys.argv[1:] if argv is None else argv)
        interrupts.check()
        terminal.flush()
    except KeyboardInterrupt:
        terminal.say("interrupted")
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - whatever it is, a person reads one sentence
        if interrupts.came:  # something made another error of it
            return INTERRUPTED
        from openai_monitor.cli.failure import explain  # noqa: PLC0415 - only when something failed

        return explain(error)
    return code


def _command(argv: Sequence[str]) -> int:
    try:
        arguments, command = parse(argv)
    except SystemExit as leaving:  # --help, --version, or a usage error: argparse has said it
        return leaving.code if isinstance(leaving.code, int) else 2
    return command(arguments)
