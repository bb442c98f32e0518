"""What Telegraf's execd would start writes line protocol to standard output, and nothing else."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import yaml
from tests.examples.programs import EXAMPLES

from openai_monitor.sandbox import key_for, running
from openai_monitor.service.reading import read_setup

FOLDER = EXAMPLES / "telegraf"
LINE = re.compile(r"openai_\w+(,[\w=.\\, -]+)? .+ \d{19}")


def test_execd_is_told_what_to_start() -> None:
    (plugin,) = tomllib.loads((FOLDER / "telegraf.conf").read_text(encoding="utf-8"))["inputs"]["execd"]
    assert plugin["command"] == ["openai-monitor", "run", "--config", "/etc/telegraf/openai-monitors.yml"]
    assert (plugin["data_format"], plugin["signal"]) == ("influx", "none")


def test_its_monitors_file_is_good() -> None:
    setup = read_setup(FOLDER / "openai-monitors.yml")
    assert setup.warnings == ()
    assert set(setup.outputs) == {"influx"}


def test_it_writes_lines_and_the_log_stays_out_of_them(tmp_path: Path) -> None:
    content = yaml.safe_load((FOLDER / "openai-monitors.yml").read_text(encoding="utf-8"))
    (tmp_path / "key").write_text(key_for("openai"))
    with running() as server:
        content["monitors"][0]["params"] = {
            "host": server.host, "port": server.port, "ssl": False, "token": {"file": "key"},
        }  # fmt: skip
        path = tmp_path / "monitors.yml"
        path.write_text(yaml.safe_dump(content))
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
