"""``run`` as a process: checking, one round, signals."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.cli.conftest import MODULE, Command, clean_environment
from tests.service.running import KEY, write_file

from openai_monitor.cli.commands import run
from openai_monitor.sandbox import Server, running
from openai_monitor.schedule import logs

posix = pytest.mark.skipif(os.name == "nt", reason="signals are another thing on Windows")

Popen = subprocess.Popen[str]


def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


class Started:
    """A service in a process of its own; ``log`` is what it wrote so far."""

    def __init__(self, process: Popen, log: Path) -> None:
        self.process = process
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text()

    def says(self, text: str) -> None:
        until(lambda: text in self.log or self.process.poll() is not None)
        assert text in self.log

    def signal(self, number: int) -> None:
        self.process.send_signal(number)

    def write(self, text: str) -> None:
        assert self.process.stdin
        self.process.stdin.write(text)
        self.process.stdin.flush()

    def close_input(self) -> None:
        assert self.process.stdin
        self.process.stdin.close()
        self.process.stdin = None

    def end(self) -> int:
        return self.process.wait(timeout=15)


@contextmanager
def started(path: Path, *arguments: str) -> Iterator[Started]:
    log = path.parent / "log"
    with log.open("w") as stream:
        process = subprocess.Popen(
            [*MODULE, "run", "--config", str(path), *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=stream, env=clean_environment(), encoding="utf-8",
        )  # fmt: skip
    try:
        yield Started(process, log)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as server:
        yield server


def one(**more: object) -> list[dict[str, object]]:
    return [{"name": "acme", "period": 0.5, **more}]


@posix
def test_sigterm_ends_it_in_order(server: Server, tmp_path: Path) -> None:
    path = write_file(tmp_path, server, one(), outputs={"ndjson": {"path": "rows.ndjson"}})
    with started(path) as service:
        service.says("ready: every monitor had its first round")
        service.signal(signal.SIGTERM)
        assert service.end() == 0
        assert "ending (SIGTERM)" in service.log
        assert "INFO ended: " in service.log
        assert "Traceback" not in service.log
        assert KEY not in service.log
    assert all(json.loads(line)["name"] == "acme" for line in (tmp_path / "rows.ndjson").read_text().splitlines())


@posix
def test_ctrl_c_ends_it_in_order_with_its_own_exit_code(server: Server, tmp_path: Path) -> None:
    with started(write_file(tmp_path, server, one())) as service:
        service.says("ready")
        service.signal(signal.SIGINT)
        assert service.end() == 130
        assert "INFO ended: " in service.log


@posix
def test_a_second_signal_ends_it_at_once(server: Server, tmp_path: Path) -> None:
    server.switch("slow:60")
    path = write_file(tmp_path, server, one(), limits={"shutdown": 60})
    with started(path) as service:
        until(lambda: bool(server.requests))
        service.signal(signal.SIGTERM)
        service.says("1 round still running; a second signal ends at once")
        service.signal(signal.SIGTERM)
        began = time.monotonic()
        assert service.end() == 128 + signal.SIGTERM
        assert time.monotonic() - began < 30  # and not the 60 s of the round


def test_it_ends_with_its_input_if_it_is_told_to(server: Server, tmp_path: Path) -> None:
    with started(write_file(tmp_path, server, one()), "--end-with-stdin") as service:
        service.write("\n" * 10_000)  # as Telegraf asks programs that wait to be asked
        service.says("ready")
        assert service.process.poll() is None
        service.close_input()
        assert service.end() == 0
        assert "ending (end of standard input)" in service.log
        assert "INFO ended: " in service.log


def test_else_it_does_not(server: Server, tmp_path: Path) -> None:
    with started(write_file(tmp_path, server, one())) as service:
        service.close_input()
        service.says("ready")
        until(lambda: len(server.requests) > 5)
        assert service.process.poll() is None


@posix
def test_an_input_that_does_not_wait_ends_nothing(server: Server, tmp_path: Path) -> None:
    reader, writer = os.pipe()
    os.set_blocking(reader, False)
    try:
        done = subprocess.run(
            [*MODULE, "run", "--once", "--end-with-stdin", "--config", str(write_file(tmp_path, server, one()))],
            stdin=reader, stderr=subprocess.PIPE, env=clean_environment(), encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip
    finally:
        os.close(reader)
        os.close(writer)
    assert done.returncode == 0
    assert "end of standard input" not in done.stderr
    assert "1 collected" in done.stderr


@posix
def test_an_input_that_is_not_there_can_not_end_it(server: Server, tmp_path: Path) -> None:
    path = write_file(tmp_path, server, one())
    done = subprocess.run(
        ["/bin/sh", "-c", 'exec "$@" <&-', "sh", *MODULE, "run", "--end-with-stdin", "--config", str(path)],
        stderr=subprocess.PIPE, env=clean_environment(), encoding="utf-8", timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--end-with-stdin: there is no standard input" in done.stderr


@posix
def test_a_first_signal_while_it_ends_with_its_input_is_waited_for(server: Server, tmp_path: Path) -> None:
    """Telegraf sends one when it has waited for five seconds."""
    server.switch("slow:60")
    path = write_file(tmp_path, server, one(), limits={"shutdown": 2})
    with started(path, "--end-with-stdin") as service:
        until(lambda: bool(server.requests))
        service.close_input()
        service.says("ending (end of standard input)")
        service.signal(signal.SIGTERM)
        assert service.end() == 0
        assert "1 failed (1 of them cut)" in service.log


@posix
def test_running_rounds_are_cut_at_the_deadline(server: Server, tmp_path: Path) -> None:
    server.switch("slow:60")
    with started(write_file(tmp_path, server, one(), limits={"shutdown": 0.4})) as service:
        until(lambda: bool(server.requests))
        service.signal(signal.SIGTERM)
        assert service.end() == 0
        assert "1 failed (1 of them cut)" in service.log


@posix
def test_sighup_reads_the_file_again(server: Server, tmp_path: Path) -> None:
    path = write_file(tmp_path, server, one())
    with started(path) as service:
        service.says("ready")
        service.signal(signal.SIGHUP)
        service.says("was read again: nothing has changed")
        path.write_text("monitors: [")
        service.says("the configuration from before goes on")
        write_file(tmp_path, server, [*one(), {"name": "new", "period": 0.5}])
        service.says("1 monitors added, 0 changed, 0 removed, 1 go on as they were")
        service.signal(signal.SIGTERM)
        assert service.end() == 0


def test_once_with_lines_for_machines(server: Server, tmp_path: Path) -> None:
    path = write_file(tmp_path, server, one(), outputs={"ndjson": {"path": "rows.ndjson"}})
    with started(path, "--once", "--log-format", "json", "--log-level", "debug") as service:
        assert service.end() == 0
        lines = [json.loads(line) for line in service.log.splitlines()]
    assert {"info", "debug"} == {line["level"] for line in lines}
    asked = [line for line in lines if "subscription): 200" in line["message"]]
    assert asked[0]["monitor"] == "acme"
    assert asked[0]["round"]
    assert (tmp_path / "rows.ndjson").read_text().count("credit_grants") == 1


def test_once_tells_of_failures_by_its_exit_code(server: Server, tmp_path: Path) -> None:
    server.switch("401")
    with started(write_file(tmp_path, server, one()), "--once") as service:
        assert service.end() == 1
        assert "acme: the API refuses the key (127.0.0.1)" in service.log
        assert "Next try" not in service.log


def test_check_says_what_is_good(server: Server, tmp_path: Path, command: Command) -> None:
    path = write_file(tmp_path, server, [*one(), {"name": "off", "enabled": False}])
    done = command("run", "--config", str(path), "--check")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"{path}: good; 1 of 2 monitors enabled\n"
    assert server.requests == []


def test_check_says_everything_that_is_wrong(tmp_path: Path, command: Command) -> None:
    (tmp_path / "monitors.yml").write_text(
        "monitors:\n  - {name: a, perid: 3}\n  - {name: a, params: {token: x}, period: 3}\n"
    )
    done = command("run", "--check")
    assert (done.returncode, done.stdout) == (2, "")
    lines = done.stderr.splitlines()
    assert lines[0].endswith("monitors.yml can't be used")
    assert [line.split("monitors.yml:")[1].split(" ")[0] for line in lines[1:]] == ["2:15:", "3:12:", "3:43:"]


def test_check_warns_of_secrets_that_can_not_be_read(server: Server, tmp_path: Path, command: Command) -> None:
    path = write_file(tmp_path, server, one(params={"token": {"file": "none"}, "organization": {"env": "NONE"}}))
    done = command("run", "--config", str(path), "--check")
    assert done.returncode == 0
    assert done.stderr.count("openai-monitor: warning: acme: ") == 2
    assert "No such file or directory" in done.stderr
    assert "environment variable NONE is not set" in done.stderr


@pytest.mark.parametrize("arguments", [(), ("--check",)])
def test_without_a_file_there_is_nothing_to_run(arguments: tuple[str, ...], command: Command) -> None:
    done = command("run", *arguments)
    assert done.returncode == 2
    assert "monitors.yml:1:1: error[unreadable] the file can't be read: No such file or directory" in done.stderr
    assert "; check the path, and who may read it" in done.stderr


def test_assigned_only_needs_a_name(command: Command) -> None:
    done = command("run", "--assigned-only")
    assert done.returncode == 2
    assert "--assigned-only goes with --collector NAME" in done.stderr


def test_the_choices_of_the_command_line_are_those_of_the_service() -> None:
    assert run.LEVELS == logs.LEVELS
    assert run.FORMATS == logs.FORMATS


def test_a_listener_that_can_not_listen_is_a_reason_not_to_begin(server: Server, tmp_path: Path) -> None:
    path = write_file(tmp_path, server, one(), web={"listen": f"127.0.0.1:{server.port}"})
    with started(path) as service:
        assert service.end() == 2
        assert "can't listen on 127.0.0.1" in service.log
