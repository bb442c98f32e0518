"""What a person at a real terminal sees: the hidden prompt, colours, widths, the progress line."""

import contextlib
import json
import os
import re
import select
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import MODULE, clean_environment
from tests.collect.transport import web

from openai_monitor.sandbox import running
from openai_monitor.sandbox.server import Server

if sys.platform == "win32":
    pytest.skip("needs a pseudo-terminal", allow_module_level=True)

import fcntl
import pty
import termios

KEY = "sess-sandbox"
ODD = """\
category: custom
app: odd
name: {en-US: Odd}
params:
  - {field: host, name: {en-US: Host}, type: host, required: true}
  - {field: port, name: {en-US: Port}, type: number, required: true}
metrics:
  - name: said
    priority: 0
    protocol: http
    fields: [{field: text, type: 1}]
    http: {host: ^_^host^_^, port: ^_^port^_^, url: /, method: GET, parseType: jsonPath, parseScript: $}
"""
COLUMNS = 60


class Screen:
    """A process on a terminal, and all that it showed there."""

    def __init__(self, *arguments: str, environment: dict[str, str]) -> None:
        self._side, other = pty.openpty()
        fcntl.ioctl(other, termios.TIOCSWINSZ, struct.pack("HHHH", 24, COLUMNS, 0, 0))
        self.process = subprocess.Popen(
            [*MODULE, *arguments],
            stdin=other,
            stdout=other,
            stderr=other,
            env=clean_environment(**{"TERM": "xterm", **environment}),
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - makes it the own terminal
        )
        os.close(other)
        self.shown = ""

    def read_until(self, wanted: Callable[[str], bool], seconds: float = 30.0) -> str:
        ends = time.monotonic() + seconds
        while not wanted(self.shown) and time.monotonic() < ends:
            if select.select([self._side], [], [], 0.1)[0]:
                try:
                    piece = os.read(self._side, 65536)
                except OSError:  # the other side is closed: Linux says so with EIO
                    break
                if not piece:
                    break
                self.shown += piece.decode()
        return self.shown

    def type(self, text: str) -> None:
        os.write(self._side, text.encode())

    def end(self) -> int:
        self.read_until(lambda _shown: False)
        code = self.process.wait(timeout=10)
        os.close(self._side)
        return code


@contextlib.contextmanager
def screen(*arguments: str, **environment: str) -> Iterator[Screen]:
    found = Screen(*arguments, environment=environment)
    try:
        yield found
    finally:
        if found.process.poll() is None:
            found.process.send_signal(signal.SIGKILL)
            found.process.wait()


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as found:
        yield found


def at(server: Server, *more: str) -> list[str]:
    address = ["--param", f"host={server.host}", "--param", f"port={server.port}", "--param", "ssl=false"]
    return ["collect", *address, *more]


def test_a_missing_key_is_asked_for_and_not_shown(server: Server) -> None:
    with screen(*at(server)) as terminal:
        terminal.read_until(lambda shown: "not shown: " in shown)
        terminal.type(f"Bearer {KEY}\n")
        assert terminal.end() == 0
    assert "Session key (token of openai), not shown: " in terminal.shown
    assert KEY not in terminal.shown
    assert "$12.75" in terminal.shown
    assert server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_ctrl_c_at_the_prompt_is_130_without_a_traceback(server: Server) -> None:
    with screen(*at(server)) as terminal:
        terminal.read_until(lambda shown: "not shown: " in shown)
        terminal.type("\x03")
        assert terminal.end() == 130
    assert "Traceback" not in terminal.shown
    assert "interrupted" in terminal.shown


@pytest.mark.parametrize("typed", ["\n", "\x04"])
def test_no_answer_says_how_else_to_give_the_key(typed: str, server: Server) -> None:
    with screen(*at(server)) as terminal:
        terminal.read_until(lambda shown: "not shown: " in shown)
        terminal.type(typed)
        assert terminal.end() == 2
    assert "parameter token is missing" in terminal.shown
    assert "OPENAI_TOKEN" in terminal.shown


def test_a_terminal_gets_a_table_in_colours_and_within_its_width() -> None:
    with screen("collect", "--sandbox") as terminal:
        assert terminal.end() == 0
    assert "\x1b[1mcredit_grants\x1b[0m" in terminal.shown
    plain = re.sub(r"\x1b\[\d+m", "", terminal.shown)
    assert max(map(len, plain.splitlines())) <= COLUMNS
    assert '{"city":"Pune"' in plain


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_colours_can_be_refused(environment: dict[str, str]) -> None:
    with screen("collect", "--sandbox", **environment) as terminal:
        assert terminal.end() == 0
    assert "credit_grants" in terminal.shown
    assert "\x1b" not in terminal.shown


def test_a_line_shows_that_a_slow_run_is_alive_and_goes_away() -> None:
    with running(faults=["slow:1.7"]) as slow, screen(*at(slow), OPENAI_TOKEN=KEY) as terminal:
        assert terminal.end() == 0
    assert re.search(r"\r\x1b\[Kcollecting openai from 127.0.0.1 [12] s", terminal.shown)
    after = terminal.shown.rpartition("\r\x1b[K")[2]
    assert "credit_grants" in after
    assert "collecting" not in after


def test_a_quick_run_shows_no_such_line() -> None:
    with screen("collect", "--sandbox") as terminal:
        assert terminal.end() == 0
    assert "collecting" not in terminal.shown


@pytest.mark.parametrize("style", ["csv", "json", "ndjson", "table"])
def test_nothing_that_an_api_sends_commands_the_terminal(style: str, tmp_path: Path) -> None:
    evil = "\x1b]0;owned\x07\x9b2J\u202e\rgone\x7f"
    (tmp_path / "odd.yml").write_text(ODD)
    with web.Server(web.ok(json.dumps({"text": evil}).encode())) as served:
        address = ["--param", "host=127.0.0.1", "--param", f"port={served.port}"]
        with screen(
            "collect", "--define", str(tmp_path / "odd.yml"), *address, "--format", style, NO_COLOR="1"
        ) as terminal:
            assert terminal.end() == 0
    assert "owned" in terminal.shown
    assert not re.search(
        "[\x00-\x09\x0b\x0c\x0e-\x1f\x7f-\x9f\u202e]|\r(?!\n)", terminal.shown.replace("\r\r\n", "\r\n")
    )
