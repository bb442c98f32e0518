"""``params``: what a definition asks for, and where a value for it can come from."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
from typing import TYPE_CHECKING

from openai_monitor.cli import options, terminal

if TYPE_CHECKING:
    from openai_monitor.definition.load import Definition
    from openai_monitor.definition.model import ParamSpec

EPILOG = """\
examples:
  openai-monitor params
  openai-monitor params --define my-api.yml

A value is looked for in this order: --param, --params FILE, --token-file or --token-stdin (the key), the
variables named here, the default; a missing key is asked for on a terminal.

exit codes: 0, or 2 for a definition that can't be used
"""

_TITLES = ("parameter", "type", "required", "default", "accepts", "what it is")
_VARIABLES = ("parameter", "environment variable")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``params``."""
    parser.epilog = EPILOG
    options.add_definition(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print a table of the definition's parameters, after what the definition says about itself."""
    from openai_monitor.cli.language import choose
    from openai_monitor.definition.shipped import load_definition
    from openai_monitor.outputs.grid import Column, grid
    from openai_monitor.outputs.text import visible, wrap

    definition = load_definition(arguments.define)
    style = terminal.style()
    about = visible(" ".join(choose(definition.document.help).split()))
    lines = [*wrap(about, style.width or 100), ""] if about else []
    if definition.params:
        tables = (_TITLES, map(_cells, definition.params)), (_VARIABLES, _variables(definition))
        for titles, rows in tables:
            shown = [[visible(cell) for cell in row] for row in rows]
            lines += [*grid([Column(title) for title in titles], shown, style), ""]
    else:
        lines += [f"{visible(definition.app)} takes no parameters", ""]
    terminal.write("\n".join(lines))
    return 0


def _cells(spec: "ParamSpec") -> tuple[str, ...]:
    from openai_monitor.cli.language import choose

    return (
        spec.field or "",
        spec.type or "text",
        "yes" if spec.required else "no",
        "***" if spec.default_value and spec.type == "password" else spec.default_value or "",
        _accepts(spec),
        choose(spec.name),
    )


def _variables(definition: "Definition") -> list[tuple[str, str]]:
    from openai_monitor.cli.parameters import environment_names

    return [(spec.field or "", ", ".join(environment_names(definition, spec))) for spec in definition.params]


def _accepts(spec: "ParamSpec") -> str:
    if spec.options:
        return ", ".join(option.value or "" for option in spec.options)
    if spec.range:
        return spec.range
    if spec.type == "boolean":
        return "true, false"
    return spec.placeholder or (f"at most {spec.limit} characters" if spec.limit else "")
