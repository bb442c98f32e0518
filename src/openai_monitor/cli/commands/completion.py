"""``completion``: a script that lets a shell complete this command."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse

from openai_monitor.cli import terminal
from openai_monitor.cli.parser import make_parser
from openai_monitor.errors import SettingsError

EPILOG = """\
examples:
  bash   openai-monitor completion bash > ~/.local/share/bash-completion/completions/openai-monitor
  zsh    openai-monitor completion zsh > ~/.zfunc/_openai-monitor      (with ~/.zfunc in fpath)
  fish   openai-monitor completion fish > ~/.config/fish/completions/openai-monitor.fish

exit codes: 0, or 2 for bad usage
"""

SHELLS = ("bash", "zsh", "fish", "tcsh", "powershell")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``completion``."""
    parser.epilog = EPILOG
    parser.add_argument("shell", choices=SHELLS)


def run(arguments: argparse.Namespace) -> int:
    """Print the script."""
    import shtab

    if arguments.shell not in shtab.SUPPORTED_SHELLS:
        known = ", ".join(shtab.SUPPORTED_SHELLS)
        raise SettingsError(f"the installed shtab knows {known}; a newer one may know {arguments.shell}")
    parser, commands = make_parser()
    for command in commands:
        command.load()
    for action in (action for each in (parser, *commands) for action in each._actions):  # noqa: SLF001 - as shtab
        if action.help == argparse.SUPPRESS:
            action.help = None  # the list of commands, which the help writes itself
        if action.metavar == "FILE":
            action.complete = shtab.FILE  # type: ignore[attr-defined]  # shtab's own
    terminal.write_data(shtab.complete(parser, arguments.shell) + "\n")
    return 0
