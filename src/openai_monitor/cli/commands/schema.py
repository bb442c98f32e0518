"""``schema``: the definition language for editors."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse

from openai_monitor.cli import terminal

EPILOG = """\
examples:
  openai-monitor schema --output definition.schema.json
      then begin a definition with the line
      # yaml-language-server: $schema=definition.schema.json
      and editors with the YAML language server (VS Code, Neovim, Emacs, …) complete and explain its keys
  openai-monitor schema | jq '."$defs".Http.properties | keys'

exit codes: 0, or 2 for bad usage
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``schema``."""
    parser.epilog = EPILOG
    parser.add_argument("--output", metavar="FILE", help="write to this file instead")


def run(arguments: argparse.Namespace) -> int:
    """Print the JSON Schema."""
    import json
    from pathlib import Path

    from openai_monitor.cli.files import save
    from openai_monitor.definition.schema import definition_schema

    text = json.dumps(definition_schema(), ensure_ascii=False, indent=2) + "\n"
    if arguments.output:
        save(Path(arguments.output), terminal.as_data(text))
    else:
        terminal.write_data(text)
    return 0
