"""``definitions``: what can be collected without writing a file first."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
import re
from typing import TYPE_CHECKING

from openai_monitor.cli import terminal

if TYPE_CHECKING:
    from openai_monitor.definition.load import Definition

EPILOG = """\
examples:
  openai-monitor definitions
  openai-monitor params --define openai     what one of them asks for
  openai-monitor collect --define openai    collect with it

exit codes: 0, or 2 for bad usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``definitions``: it takes nothing."""
    parser.epilog = EPILOG


def run(arguments: argparse.Namespace) -> int:  # noqa: ARG001 - the signature of a command
    """List the shipped definitions by name, each with a line about it."""
    from openai_monitor.definition.load import read_definition
    from openai_monitor.definition.shipped import find_path, shipped_names
    from openai_monitor.outputs.grid import Column, grid

    rows = [(name, about(read_definition(find_path(name)))) for name in shipped_names()]
    lines = grid([Column("definition"), Column("what it collects")], rows, terminal.style())
    terminal.write("\n".join(lines) + "\n")
    return 0


def about(definition: "Definition") -> str:
    """Take the first sentence of a definition's help, or its name where it has none."""
    from openai_monitor.cli.language import choose
    from openai_monitor.outputs.text import visible

    text = choose(definition.document.help) or choose(definition.document.name) or definition.app
    plain = " ".join(re.sub(r"<[^>]*>", " ", text).split())
    first = re.match(r".*?(?:[.!?](?=\s)|[。！？]|$)", plain)  # a dot inside openai.com ends no sentence
    return visible(first[0] if first else plain)
