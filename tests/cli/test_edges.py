"""What happens at the edges of a process: pipes, signals, full disks, odd locales, and errors nobody foresaw."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import MODULE, PYTHON, Command, clean_environment

from openai_monitor.cli import main, terminal
from openai_monitor.sandbox import running
from openai_monitor.sandbox.server import Server

posix = pytest.mark.skipif(os.name != "posix", reason="signals and pipes as POSIX has them")
KEY = "sess-sandbox"


@pytest.fixture
def slow_server() -> Iterator[Server]:
    with running(faults=["slow:30"]) as server:
        yield server


def start(*arguments: str, stdout: int = subprocess.PIPE, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*MODULE, *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=clean_environment(**environment),
    )


@posix
@pytest.mark.parametrize("arguments", [("collect", "--sandbox"), ("--help",), ("params",), ("completion", "bash")])
def test_a_closed_pipe_ends_quietly_and_changes_no_exit_code(arguments: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start(*arguments, stdout=writer)
    os.close(writer)
    _, errors = process.communicate(timeout=60)
    assert (process.returncode, errors) == (0, "")


@posix
def test_a_condition_speaks_even_when_nobody_reads_the_rows() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start("collect", "--sandbox", "--fail-if", "credit_grants.total_available < 20", stdout=writer)
    os.close(writer)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 3
    assert "holds" in errors


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("unbuffered", ["", "1"])
@pytest.mark.parametrize("arguments", [("collect", "--sandbox"), ("--version",), ("collect", "--help")])
def test_a_full_disk_is_told(arguments: tuple[str, ...], unbuffered: str) -> None:
    with Path("/dev/full").open("w") as full:
        process = start(*arguments, stdout=full.fileno(), PYTHONUNBUFFERED=unbuffered)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 1
    assert (
        errors
        == "openai-monitor: error: standard output can't be written (No space left on device): make room on the disk\n"
    )


@posix
def test_without_standard_streams_the_exit_code_still_speaks() -> None:
    code = f"exec {PYTHON} -m openai_monitor collect --sandbox --fail-if 'credit_grants.total_used > 1' >&- 2>&- <&-"
    assert subprocess.run(["/bin/sh", "-c", code], env=clean_environment(), timeout=60, check=False).returncode == 3


@posix
def test_ctrl_c_ends_a_collection_with_130_and_no_traceback(slow_server: Server) -> None:
    address = [f"host={slow_server.host}", f"port={slow_server.port}", "ssl=false"]
    options = [part for value in address for part in ("--param", value)]
    process = start("collect", *options, OPENAI_TOKEN=KEY)
    while not slow_server.requests and process.poll() is None:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (130, "", "openai-monitor: interrupted\n")


@posix
@pytest.mark.parametrize("seconds", [0.0, 0.01, 0.03, 0.06, 0.1, 0.15, 0.25])
def test_ctrl_c_is_never_lost_however_early_it_comes(seconds: float, slow_server: Server) -> None:
    code = "import os, sys; from openai_monitor.cli import main; os.write(1, b'!'); sys.exit(main())"
    address = [f"host={slow_server.host}", f"port={slow_server.port}", "ssl=false"]
    process = subprocess.Popen(
        [PYTHON, "-c", code, "collect", *(part for value in address for part in ("--param", value))],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(OPENAI_TOKEN=KEY),
    )
    assert process.stdout is not None
    assert process.stdout.read(1) == b"!"
    time.sleep(seconds)
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=10)
    assert (process.returncode, output) == (130, b"")
    assert errors in (b"", b"openai-monitor: interrupted\n")


@posix
def test_ctrl_c_ends_the_sandbox_with_130() -> None:
    process = start("sandbox", "--fault", "401")
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("Sandbox at http://127.0.0.1:")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=10)
    assert (process.returncode, errors) == (130, "openai-monitor: interrupted\n")


def run_with(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the command after some Python that breaks something."""
    program = f"import sys\n{code}\nfrom openai_monitor.cli import main\nsys.exit(main(sys.argv[1:]))"
    return subprocess.run(
        [PYTHON, "-c", program, *arguments],
        capture_output=True,
        encoding="utf-8",
        env=clean_environment(**environment),
        timeout=60,
        check=False,
    )


BROKEN = """
import openai_monitor.collect.plan as plan
def make_plan(definition, values, **more):
    try:
        raise LookupError(f"inner {values['token']}")
    except LookupError:
        raise TypeError(f"outer {values['token']}")
plan.make_plan = make_plan
"""


def test_an_error_nobody_foresaw_is_one_line() -> None:
    done = run_with(BROKEN, "collect", OPENAI_TOKEN="open-sesame")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr == (
        "openai-monitor: internal error (TypeError): please report it, "
        "with what OPENAI_MONITOR_DEBUG=1 adds to this message\n"
    )


def test_its_traceback_is_shown_on_demand_without_secrets() -> None:
    done = run_with(BROKEN, "collect", OPENAI_TOKEN="open-sesame", OPENAI_MONITOR_DEBUG="1")
    assert done.returncode == 1
    assert "LookupError: inner ***" in done.stderr
    assert "TypeError: outer ***" in done.stderr
    assert "open-sesame" not in done.stderr


def test_nothing_loads_before_ctrl_c_is_watched_for() -> None:
    code = "import sys; before = set(sys.modules); import openai_monitor.cli; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [PYTHON, "-c", code], capture_output=True, encoding="utf-8", env=clean_environment(), timeout=60, check=True
    )
    assert set(done.stdout.split()) == {"openai_monitor", "openai_monitor.cli"}


def test_ctrl_c_while_modules_load_shows_no_traceback() -> None:
    code = """
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "openai_monitor.cli.parser":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupting())
"""
    done = run_with(code, "collect")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "")


FULL = """
import os, resource
held = []
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        held.append(os.open("/dev/null", 0))
except OSError:
    for handle in held[:{left}]:
        os.close(handle)
"""


@posix
@pytest.mark.parametrize("left", range(5))
def test_too_few_file_handles_are_told_in_one_line_wherever_they_run_out(left: int) -> None:
    code = f"import sys\nfrom openai_monitor.cli import main\n{FULL.format(left=left)}"
    done = run_with(code, "collect", "--sandbox")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("openai-monitor: error: ")
    assert "Too many open files" in line


@pytest.mark.parametrize(
    "module", ["openai_monitor.cli.run", "openai_monitor.cli.parser", "asyncio", "openai_monitor.collect.rounds"]
)
def test_too_little_memory_is_told_in_one_line_wherever_it_runs_out(module: str) -> None:
    action = WHILE_LOADING.replace("openai_monitor.cli.parser", module).format(action="raise MemoryError")
    done = run_with(action, "collect", "--sandbox")
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = done.stderr.splitlines()
    assert line.startswith("openai-monitor: error: ")
    assert "emory" in line


SWALLOWED = """
import os, signal
def swallow():
    try:
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100): pass
    except BaseException:
        pass
class Dying:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
        for _ in range(100): pass
"""
WHILE_LOADING = """
class Interrupting:
    def find_spec(self, name, path=None, target=None):
        if name == "openai_monitor.cli.parser":
            {action}
sys.meta_path.insert(0, Interrupting())
"""
WHILE_PLANNING = """
import openai_monitor.collect.plan as plan
make_plan = plan.make_plan
def interrupting(*given, **named):
    {action}
    return make_plan(*given, **named)
plan.make_plan = interrupting
"""


@posix
@pytest.mark.parametrize(
    ("place", "action", "errors"),
    [
        (WHILE_LOADING, "swallow()", ""),
        (WHILE_LOADING, "Dying()", ""),
        (WHILE_PLANNING, "swallow()", "openai-monitor: interrupted\n"),
        (WHILE_PLANNING, "Dying()", "openai-monitor: interrupted\n"),
    ],
)
def test_ctrl_c_that_something_swallows_still_ends_it(place: str, action: str, errors: str) -> None:
    done = run_with(f"{SWALLOWED}{place.format(action=action)}", "collect", "--sandbox")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", errors)


def test_machine_formats_are_utf_8_whatever_the_locale(command: Command, tmp_path: Path) -> None:
    done = command(
        "collect", "--sandbox", "--name", "模型", "--format", "json", PYTHONUTF8="0", PYTHONIOENCODING="ascii"
    )
    assert done.returncode == 0
    assert '"name": "模型"' in done.stdout


def test_a_table_survives_a_locale_without_its_characters(command: Command) -> None:
    done = command(
        "collect",
        "--sandbox",
        "--name",
        "模型",
        "--format",
        "table",
        PYTHONUTF8="0",
        PYTHONIOENCODING="ascii",
    )
    assert done.returncode == 0
    assert "??" in done.stdout.splitlines()[0]


def test_data_may_hold_what_no_encoding_takes() -> None:
    assert terminal.as_data('"\ud800"') == b'"\\ud800"'


def test_messages_do_not_command_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", "--define", "\x1b[2Jnope"]) == 2
    assert "\x1b" not in capsys.readouterr().err


def test_what_looks_like_a_key_is_not_repeated(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["collect", "--param", "port=sess-abcdefghijklmnop", "--param", "token=x"]) == 2
    shown = capsys.readouterr().err
    assert "parameter port is 'sess-***'" in shown
    assert "abcdefgh" not in shown


def test_main_works_with_the_processs_own_arguments(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["openai-monitor", "--version"])
    assert main() == 0
    assert capsys.readouterr().out.startswith("openai-monitor ")
