"""What a person reads when a command can't go on, and the exit code for it."""

import os
import traceback

from openai_monitor import system
from openai_monitor.cli import terminal
from openai_monitor.errors import DefinitionError, MonitorError, ParameterError, SettingsError

DEBUG = "OPENAI_MONITOR_DEBUG"

_BAD_USAGE = (ParameterError, SettingsError)


def explain(error: Exception) -> int:
    """Say it in one sentence (a definition's problems: one a line) and give the exit code; never a traceback.

    With OPENAI_MONITOR_DEBUG set the traceback is shown, secrets masked like everywhere.
    """
    if os.environ.get(DEBUG):
        terminal.say_lines("".join(traceback.format_exception(error)))
    if isinstance(error, DefinitionError):
        terminal.say_lines(f"error: the definition can't be used\n{error}")
        return 2
    if isinstance(error, MonitorError):
        terminal.say_lines(f"error: {error}")
        return 2 if isinstance(error, _BAD_USAGE) else 1
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.strerror):
        where = f"{error.filename}: " if isinstance(error, OSError) and error.filename is not None else ""
        terminal.say(f"error: {where}{system.words(error)}")
        return 1
    terminal.say(f"internal error ({type(error).__name__}): please report it, with what {DEBUG}=1 adds to this message")
    return 1
