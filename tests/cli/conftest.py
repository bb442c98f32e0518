import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

Command = Callable[..., subprocess.CompletedProcess[str]]

PYTHON = sys.executable
MODULE = (PYTHON, "-m", "openai_monitor")


def clean_environment(**more: str) -> dict[str, str]:
    """This process's environment without what would change the tests."""
    unwanted = (
        "OPENAI",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "LC_",
        "LANG",
        "COLUMNS",
        "NO_COLOR",
        "TERM",
    )
    kept = {key: value for key, value in os.environ.items() if not key.upper().startswith(unwanted)}
    return {**kept, "PYTHONUTF8": "1", "PYTHONFAULTHANDLER": "1", **more}


@pytest.fixture(autouse=True)
def _quiet_surroundings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in set(os.environ) - set(clean_environment()):
        monkeypatch.delenv(name)


@pytest.fixture
def command(tmp_path: Path) -> Command:
    """Run the real command in a process of its own, in an empty folder."""

    def run(*arguments: str, stdin: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*MODULE, *arguments],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env=clean_environment(**environment),
            cwd=tmp_path,
            timeout=60,
            check=False,
        )

    return run
