"""Secrets that stand elsewhere: ``{env: NAME}``, ``{file: PATH}`` or ``{command: [PROGRAM, ARGUMENT, …]}``.

A secret is read again whenever it is needed, so that renewing a key needs no restart. No message here holds a
value, nor what a command wrote, which may be one.
"""

import asyncio
import os
import signal
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

from pydantic_core import PydanticCustomError

from openai_monitor import system
from openai_monitor.errors import MonitorError
from openai_monitor.paths import expanded

LONGEST = 65_536
"""Bytes: no key has as many; a wrong file or an endless one may."""

COMMAND_SECONDS = 20.0
END_SECONDS = 0.5
"""What a command that is asked to end, and all that it has begun, have for that; then they are killed."""

_KILL = getattr(signal, "SIGKILL", signal.SIGTERM)
_running: set[int] = set()
"""The sessions of the programs that run at present."""


class SecretError(MonitorError):
    """A secret can't be read; the message says which source and why, and holds no value."""


@dataclass(frozen=True, slots=True)
class EnvironmentSecret:
    """A variable of this process's environment. Renewing it does need a restart."""

    variable: str
    renewed: ClassVar[str] = "give the variable its new value and restart"

    def __str__(self) -> str:
        return f"environment variable {self.variable}"

    async def read(self) -> str:
        """The value; raises SecretError."""
        value = os.environ.get(self.variable)
        if value is None:
            raise SecretError(f"{self} is not set: set it for this process, or name another one")
        return _checked(value, str(self))


@dataclass(frozen=True, slots=True)
class FileSecret:
    """A file that holds the secret and nothing else."""

    path: Path
    renewed: ClassVar[str] = "write the new one into the file; no restart is needed"

    def __str__(self) -> str:
        return f"file {self.path}"

    async def read(self) -> str:
        """The file's text without the line end after it; raises SecretError."""
        # Not in a thread: such a file is small and local, and a thread would cost several times as much as the read.
        try:
            data = self._data()
        except OSError as error:
            raise SecretError(f"{self} can't be read: {system.words(error)}") from None
        return _checked(_text(data, str(self)), str(self))

    def _data(self) -> bytes:
        # Without O_NONBLOCK opening a named pipe would wait for a writer, and with it every other monitor.
        handle = os.open(self.path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        try:
            if not stat.S_ISREG(os.fstat(handle).st_mode):
                raise SecretError(f"{self} is no regular file: write the secret into one")
            return os.read(handle, LONGEST + 1)
        finally:
            os.close(handle)


@dataclass(frozen=True, slots=True)
class CommandSecret:
    """A program, run without a shell, that writes the secret to its standard output."""

    command: tuple[str, ...]
    renewed: ClassVar[str] = "see that the command gives the new one; no restart is needed"

    def __str__(self) -> str:
        return f"command {self.command[0]}"

    async def read(self) -> str:
        """What the program writes, without the line end after it; raises SecretError."""
        data = await self._output()
        return _checked(_text(data, f"the output of {self}"), f"the output of {self}")

    async def _output(self) -> bytes:
        loop, pipe, nowhere = asyncio.get_running_loop(), asyncio.subprocess.PIPE, asyncio.subprocess.DEVNULL
        # A task, as asyncio leaves the pipe open, and may wait for its end for ever, when this is cancelled midway.
        starting = loop.create_task(
            loop.subprocess_exec(
                _Output, *self.command, stdin=nowhere, stdout=pipe, stderr=nowhere, start_new_session=True
            )
        )
        try:
            async with asyncio.timeout(COMMAND_SECONDS):
                process, output = await asyncio.shield(starting)
                _running.add(process.get_pid())
                await output.enough.wait()
        except TimeoutError:
            raise SecretError(f"{self} took longer than {COMMAND_SECONDS:g} s: run it by hand to see why") from None
        except (OSError, ValueError) as error:
            reason = system.words(error) if isinstance(error, OSError) else type(error).__name__
            raise SecretError(f"{self} can't be run: {reason}") from None
        finally:
            await _end(starting)
        if len(output.data) <= LONGEST and (code := process.get_returncode()):
            raise SecretError(f"{self} ended with exit code {code}: run it by hand to see why")
        return bytes(output.data)


class _Output(asyncio.SubprocessProtocol):
    """What a program writes; ``over`` when it has ended and its output is closed, ``enough`` then or when too long."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.enough = asyncio.Event()
        self.over = asyncio.Event()

    def pipe_data_received(self, fd: int, data: bytes) -> None:  # noqa: ARG002 - asyncio's own signature
        self.data += data
        if len(self.data) > LONGEST:
            self.enough.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - likewise
        self.enough.set()
        self.over.set()


_Started = tuple[asyncio.SubprocessTransport, _Output]


async def _end(starting: "asyncio.Task[_Started]") -> None:
    """Let go of a program that has ended; end one that has not, with all that it has begun."""
    if not starting.done():
        await asyncio.wait((starting,))
    if starting.exception() is not None:
        return
    process, output = starting.result()
    group, loop = process.get_pid(), asyncio.get_running_loop()
    is_there = not output.over.is_set()
    try:
        is_there = is_there and _signal_group(group, signal.SIGTERM)
        until = loop.time() + END_SECONDS
        while is_there and loop.time() < until:
            await asyncio.sleep(0.02)
            is_there = _signal_group(group, 0)
    finally:
        if is_there:
            _signal_group(group, _KILL)
        _running.discard(group)
        process.close()
    await output.over.wait()


def end_commands() -> None:
    """Kill all programs that run for a secret, with what they have begun: the process ends at once."""
    for group in _running:
        _signal_group(group, _KILL)


def _signal_group(group: int, number: int) -> bool:
    """Send a signal to a program and what it has begun, its session; tells whether anything is left of it."""
    if not hasattr(os, "killpg"):  # Windows: closing the transport ends the program
        return False
    try:
        os.killpg(group, number)
    except (ProcessLookupError, PermissionError):  # macOS says the latter of one that has ended
        return False
    return True


SecretSource = EnvironmentSecret | FileSecret | CommandSecret


def _text(data: bytes, where: str) -> str:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise SecretError(f"{where} is not text in UTF-8: expected a secret and nothing else") from None
    return text.rstrip("\r\n")


def _checked(value: str, where: str) -> str:
    if len(value) > LONGEST:
        raise SecretError(f"{where} is too long for a secret: expected a secret and nothing else")
    if not value.strip():
        raise SecretError(f"{where} is empty: expected a secret")
    return value


# In a monitors file


def parse_source(value: Mapping[Any, Any], folder: Path | None = None) -> SecretSource:
    """The source that a mapping of the monitors file names; ``folder`` is what relative paths start from.

    Raises PydanticCustomError with a sentence.
    """
    if len(value) != 1 or not (kind := next(iter(value))) or kind not in _KINDS:
        raise PydanticCustomError("secret", _EXPECTED)
    return _KINDS[kind](value[kind], folder or Path())


_EXPECTED = "expected `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, …]}`"


def _environment(value: object, _folder: Path) -> SecretSource:
    if not isinstance(value, str) or not value.strip() or "=" in value or "\0" in value:
        raise PydanticCustomError("secret", "`env` takes the name of an environment variable")
    return EnvironmentSecret(value.strip())


def _file(value: object, folder: Path) -> SecretSource:
    if not isinstance(value, str) or not value.strip() or "\0" in value:
        raise PydanticCustomError("secret", "`file` takes the path of a file")
    return FileSecret(folder / expanded(value))


def _command(value: object, _folder: Path) -> SecretSource:
    if not isinstance(value, list) or not value or not all(isinstance(item, str) for item in value) or not value[0]:
        raise PydanticCustomError("secret", "`command` takes a list: the program, then its arguments")
    return CommandSecret(tuple(value))


_KINDS = {"env": _environment, "file": _file, "command": _command}


SECRET_SCHEMA = {
    "oneOf": [
        {
            "type": "object",
            "description": "A variable of the service's environment.",
            "properties": {"env": {"type": "string"}},
            "required": ["env"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "description": "A file that holds the secret and nothing else; read again each round.",
            "properties": {"file": {"type": "string"}},
            "required": ["file"],
            "additionalProperties": False,
        },
        {
            "type": "object",
            "description": "A program, run without a shell, that prints the secret; run again each round.",
            "properties": {"command": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
            "required": ["command"],
            "additionalProperties": False,
        },
    ]
}
