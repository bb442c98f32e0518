"""Where secrets stand, and that no message shows one."""

import asyncio
import gc
import os
import signal
import sys
import time
from pathlib import Path

import pytest
from pydantic_core import PydanticCustomError

from openai_monitor.schedule import secrets
from openai_monitor.schedule.secrets import (
    CommandSecret,
    EnvironmentSecret,
    FileSecret,
    SecretError,
    SecretSource,
    parse_source,
)

KEY = "sess-fake-key"


def read(source: SecretSource) -> str:
    return asyncio.run(source.read())


def python(code: str) -> CommandSecret:
    return CommandSecret((sys.executable, "-S", "-c", code))


def refusal(source: SecretSource) -> str:
    with pytest.raises(SecretError) as caught:
        read(source)
    assert KEY not in str(caught.value)
    assert caught.value.__cause__ is None
    return str(caught.value)


def test_a_variable_is_read_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ACME_KEY", KEY)
    assert read(EnvironmentSecret("ACME_KEY")) == KEY
    monkeypatch.setenv("ACME_KEY", "another")
    assert read(EnvironmentSecret("ACME_KEY")) == "another"
    monkeypatch.delenv("ACME_KEY")
    assert refusal(EnvironmentSecret("ACME_KEY")).startswith("environment variable ACME_KEY is not set")


def test_a_file_is_read_each_time_without_the_line_end_after_it(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.write_text(f"{KEY}\r\n")
    assert read(FileSecret(path)) == KEY
    path.write_bytes(b"\xef\xbb\xbfanother\n\n")
    assert read(FileSecret(path)) == "another"


def test_what_is_no_file_with_a_key_is_refused(tmp_path: Path) -> None:
    def file(data: bytes) -> FileSecret:
        (tmp_path / "key").write_bytes(data)
        return FileSecret(tmp_path / "key")

    assert "No such file" in refusal(FileSecret(tmp_path / "none"))
    assert "is no regular file" in refusal(FileSecret(tmp_path))
    assert "is empty" in refusal(file(b" \n"))
    assert "is not text in UTF-8" in refusal(file(KEY.encode() + b"\xff"))
    assert "is too long" in refusal(file(KEY.encode() * 10_000))


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_a_named_pipe_makes_nobody_wait(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert "is no regular file" in refusal(FileSecret(tmp_path / "pipe"))


def test_a_command_gives_what_it_writes() -> None:
    assert read(python(f"print({KEY!r})")) == KEY


def test_a_command_that_fails_shows_nothing_of_what_it_wrote() -> None:
    assert "ended with exit code 3" in refusal(python(f"import sys; print({KEY!r}); sys.exit(3)"))
    assert "is empty" in refusal(python("pass"))
    assert "is too long" in refusal(python(f"print({KEY!r} * 100_000)"))
    assert "can't be run: No such file" in refusal(CommandSecret(("/no/such/program",)))


def test_a_command_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(secrets, "COMMAND_SECONDS", 0.5)
    code = f"import os, time; open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    assert "took longer than 0.5 s" in refusal(python(code))
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


@pytest.mark.parametrize("script", ["sleep 60; true", "sleep 60 & echo some-key"])
def test_a_command_whose_own_child_keeps_the_output_open_holds_nobody(
    script: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secrets, "COMMAND_SECONDS", 0.3)

    async def main() -> None:
        async with asyncio.timeout(5):
            with pytest.raises(SecretError, match=r"took longer than 0\.3 s"):
                await CommandSecret(("sh", "-c", script)).read()

    asyncio.run(main())
    gc.collect()  # nothing is left open, of which it would warn


PARENT = """
import subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", {child!r}], stdout={stdout})
open({pid!r}, "w").write(str(child.pid))
{then}
"""
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(60)"


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups here")
@pytest.mark.parametrize("child", ["import time; time.sleep(60)", STUBBORN])
@pytest.mark.parametrize(
    ("stdout", "then"),
    [("None", "time.sleep(60)"), ("subprocess.DEVNULL", "time.sleep(60)"), ("None", "sys.exit()")],
)
def test_a_command_that_takes_too_long_ends_with_what_it_has_begun(
    child: str, stdout: str, then: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(secrets, "COMMAND_SECONDS", 1.0)
    pid = tmp_path / "pid"
    with pytest.raises(SecretError, match="took longer than"):
        read(python(PARENT.format(child=child, stdout=stdout, pid=str(pid), then=then)))
    assert not is_running(int(pid.read_text()))


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups here")
def test_what_a_command_has_begun_ends_when_whoever_waited_ends(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    command = python(PARENT.format(child=STUBBORN, stdout="None", pid=str(pid), then="time.sleep(60)"))

    async def main() -> None:
        reading = asyncio.create_task(command.read())
        while not pid.exists() or not pid.read_text():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)
        reading.cancel()
        await asyncio.wait((reading,))

    asyncio.run(main())
    assert not is_running(int(pid.read_text()))


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="there are no process groups here")
def test_what_a_command_that_ended_by_itself_has_left_behind_stays(tmp_path: Path) -> None:
    pid = tmp_path / "pid"  # such as a helper that keeps a key for the next time
    child = "import time; time.sleep(60)"
    read(python(PARENT.format(child=child, stdout="subprocess.DEVNULL", pid=str(pid), then="print('some-key')")))
    assert is_running(int(pid.read_text()))
    os.kill(int(pid.read_text()), signal.SIGKILL)


def is_running(pid: int) -> bool:
    """Whether a process is there that nobody has waited for, as a killed one may be for a moment, does not count."""
    for _ in range(100):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return False
        if state == "Z":
            return False
        time.sleep(0.01)
    return True


@pytest.mark.parametrize("steps", range(6))
def test_a_command_is_ended_with_whoever_waited_for_it(steps: int) -> None:
    async def main() -> None:
        reading = asyncio.create_task(CommandSecret(("sh", "-c", "sleep 60; true")).read())
        for _ in range(steps):
            await asyncio.sleep(0)
        reading.cancel()
        async with asyncio.timeout(5):
            await asyncio.wait((reading,))
        assert reading.cancelled()

    asyncio.run(main())
    gc.collect()


def test_the_three_kinds_as_a_file_writes_them(tmp_path: Path) -> None:
    assert parse_source({"env": "X"}) == EnvironmentSecret("X")
    assert parse_source({"file": "a/key"}, tmp_path) == FileSecret(tmp_path / "a" / "key")
    assert parse_source({"file": "/etc/key"}, tmp_path) == FileSecret(Path("/etc/key"))
    assert parse_source({"command": ["pass", "show", "acme"]}) == CommandSecret(("pass", "show", "acme"))


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ({}, "expected `{env: NAME}`, `{file: PATH}` or `{command: [PROGRAM, …]}`"),
        ({"evn": "X"}, "expected `{env: NAME}`"),
        ({"env": "X", "file": "y"}, "expected `{env: NAME}`"),
        ({"env": None}, "`env` takes the name of an environment variable"),
        ({"env": "A=B"}, "`env` takes the name"),
        ({"file": ""}, "`file` takes the path of a file"),
        ({"command": "pass show acme"}, "`command` takes a list: the program, then its arguments"),
        ({"command": []}, "`command` takes a list"),
        ({"env": KEY, "file": KEY}, "expected `{env: NAME}`"),
    ],
)
def test_others_are_refused_without_being_shown(value: dict[str, object], message: str) -> None:
    with pytest.raises(PydanticCustomError) as caught:
        parse_source(value)
    assert message in caught.value.message()
    assert KEY not in caught.value.message()


def test_a_source_says_how_its_key_is_renewed() -> None:
    assert "restart" in EnvironmentSecret("X").renewed
    assert "no restart" in FileSecret(Path("x")).renewed
    assert "no restart" in CommandSecret(("x",)).renewed
