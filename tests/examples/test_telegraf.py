"""What Telegraf's execd starts writes line protocol to standard output, and nothing else; a real Telegraf takes it."""

import os
import re
import select
import signal
import subprocess
import sys
import time
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from tests.examples.programs import EXAMPLES, program

from openai_monitor.sandbox import Server, key_for, running
from openai_monitor.service.reading import read_setup

FOLDER = EXAMPLES / "telegraf"
LINE = re.compile(r"openai_\w+(,[\w=.\\, -]+)? .+ \d{19}")


def test_execd_is_told_what_to_start() -> None:
    (plugin,) = tomllib.loads((FOLDER / "telegraf.conf").read_text(encoding="utf-8"))["inputs"]["execd"]
    assert plugin["command"] == [
        "openai-monitor", "run", "--config", "/etc/telegraf/openai-monitors.yml",
        "--log-format", "telegraf", "--end-with-stdin",
    ]  # fmt: skip
    assert (plugin["data_format"], plugin["signal"]) == ("influx", "none")


def test_its_monitors_file_is_good() -> None:
    setup = read_setup(FOLDER / "openai-monitors.yml")
    assert setup.warnings == ()
    assert set(setup.outputs) == {"influx"}


def write_monitors(folder: Path, server: Server, **defaults: object) -> Path:
    """The example's monitors file; only the address and the key are the sandbox's."""
    content = yaml.safe_load((FOLDER / "openai-monitors.yml").read_text(encoding="utf-8"))
    (folder / "key").write_text(key_for("openai"))
    content["monitors"][0]["params"] = {
        "host": server.host, "port": server.port, "ssl": False, "token": {"file": "key"},
    }  # fmt: skip
    content["defaults"] |= defaults
    path = folder / "openai-monitors.yml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_it_writes_lines_and_the_log_stays_out_of_them(tmp_path: Path) -> None:
    with running() as server:
        path = write_monitors(tmp_path, server)
        done = subprocess.run(
            [sys.executable, "-m", "openai_monitor", "run", "--once", "--config", str(path)],
            capture_output=True, encoding="utf-8", timeout=60, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert [line for line in lines if not LINE.fullmatch(line)] == []
    measured = {re.split(r"[ ,]", line)[0] for line in lines}
    assert {"openai_credit_grants", "openai_model_cost", "openai_monitor_set"} <= measured
    assert done.stderr != ""


# With a real Telegraf

AROUND = """
[agent]
  interval = "1s"
  flush_interval = "1s"
  omit_hostname = true
  skip_processors_after_aggregators = true
[[outputs.file]]
  files = ["taken.influx"]
  data_format = "influx"
"""

SERVICE = """#!/bin/sh
exec 9>alive
echo $$ >pid
exec {python} -m openai_monitor "$@"
"""


class Telegraf:
    """One that runs the example in this folder; ``alive`` can be read to its end once no service of its is left."""

    def __init__(self, folder: Path, process: subprocess.Popen[bytes], alive: int) -> None:
        self._folder = folder
        self._alive = alive
        self.process = process

    @property
    def log(self) -> str:
        return (self._folder / "log").read_text(encoding="utf-8")

    @property
    def taken(self) -> list[str]:
        path = self._folder / "taken.influx"
        return path.read_text(encoding="utf-8").splitlines() if path.exists() else []

    def times_of(self, measurement: str) -> set[str]:
        return {line.split(" ")[-1] for line in self.taken if line.startswith(f"{measurement},")}

    def until(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + 60
        while not condition():
            assert self.process.poll() is None, self.log
            assert time.monotonic() < end, self.log
            time.sleep(0.1)

    def no_service_is_left(self, seconds: float) -> bool:
        readable, _, _ = select.select([self._alive], [], [], seconds)
        return bool(readable) and os.read(self._alive, 1) == b""


@contextmanager
def telegraf(folder: Path) -> Iterator[Telegraf]:
    """A Telegraf with the example's configuration; only the path of the monitors file is another."""
    path = program("telegraf")
    text = (FOLDER / "telegraf.conf").read_text(encoding="utf-8").replace("/etc/telegraf/", f"{folder}/")
    (folder / "telegraf.conf").write_text(text + AROUND, encoding="utf-8")
    service = folder / "bin" / "openai-monitor"
    service.parent.mkdir()
    service.write_text(SERVICE.format(python=sys.executable), encoding="utf-8")
    service.chmod(0o700)
    os.mkfifo(folder / "alive")
    alive = os.open(folder / "alive", os.O_RDONLY | os.O_NONBLOCK)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(
            [path, "--config", "telegraf.conf"], cwd=folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            env={**os.environ, "PATH": f"{service.parent}:{os.environ['PATH']}"},
        )  # fmt: skip
    started = Telegraf(folder, process, alive)
    try:
        yield started
    finally:
        process.kill()
        process.wait()
        if not started.no_service_is_left(10):
            os.kill(int((folder / "pid").read_text()), signal.SIGKILL)
        os.close(alive)


@pytest.fixture
def running_telegraf(tmp_path: Path) -> Iterator[Telegraf]:
    """A Telegraf that has taken two rounds."""
    with running() as server:
        write_monitors(tmp_path, server, period=1)
        with telegraf(tmp_path) as started:
            started.until(lambda: len(started.times_of("openai_billing_subscription")) >= 2)
            yield started


def test_a_real_telegraf_takes_every_row_and_ends_the_service(running_telegraf: Telegraf) -> None:
    began = time.monotonic()
    running_telegraf.process.send_signal(signal.SIGTERM)
    assert running_telegraf.process.wait(timeout=30) == 0
    assert time.monotonic() - began < 4.5  # it did not have to send a signal, which it does after 5 s
    assert running_telegraf.no_service_is_left(0)
    log, taken = running_telegraf.log, running_telegraf.taken
    own = [line.split(" ", 1)[1] for line in log.splitlines() if " [inputs.execd] " in line]
    assert [line for line in own if not line.startswith("I! [inputs.execd] ")] == []
    assert any(line.startswith("I! [inputs.execd] ended: ") for line in own)
    assert " E! " not in log
    rounds = len(running_telegraf.times_of("openai_credit_grants"))
    assert len(taken) == 9 * rounds  # credit, four models' costs, billing, and how each of three sets went
    told = {line.rsplit(" ", 1)[0] for line in taken}
    assert {
        "openai_credit_grants,monitor=acme total_granted=18,total_used=5.25,total_available=12.75,total_paid_available=10",
        r"openai_model_cost,model_name=Chat\ models,monitor=acme cost=1.06619",
    } <= told
    up = re.compile(r'openai_monitor_set,app=openai,metrics=\w+,monitor=acme up=1i,duration=[\d.e-]+,trouble=""')
    assert sum(bool(up.fullmatch(line)) for line in told) == 3 * rounds
    assert key_for("openai") not in log + "".join(taken)


def test_a_telegraf_that_is_reloaded_starts_the_service_anew(running_telegraf: Telegraf) -> None:
    before = len(running_telegraf.times_of("openai_credit_grants"))
    running_telegraf.process.send_signal(signal.SIGHUP)
    running_telegraf.until(lambda: running_telegraf.log.count(" I! [inputs.execd] started: ") == 2)
    running_telegraf.until(lambda: len(running_telegraf.times_of("openai_credit_grants")) > before + 1)
    assert running_telegraf.log.count(" I! [inputs.execd] ended: ") == 1
    assert " E! " not in running_telegraf.log


def test_a_telegraf_that_is_killed_leaves_no_service_behind(running_telegraf: Telegraf) -> None:
    assert not running_telegraf.no_service_is_left(0)
    running_telegraf.process.kill()
    assert running_telegraf.no_service_is_left(10)
