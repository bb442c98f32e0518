"""(b) The command once, from start to end, against importing the four libraries it stands on."""

import subprocess
import sys
from collections.abc import Iterator

from benchmarks.local import local_account
from benchmarks.measure import Ratio, compare, wall_seconds

_IMPORTS = [sys.executable, "-c", "import httpx, yaml, pydantic, jsonpath_ng"]
_NOTHING = [sys.executable, "-c", "pass"]
_COMMAND = [sys.executable, "-m", "openai_monitor"]


def run() -> Iterator[Ratio]:
    """Wall time; the server is another process on loopback, without TLS."""
    with local_account() as account:
        given = [part for name, value in account.parameters.items() for part in ("--param", f"{name}={value}")]
        collect = [*_COMMAND, "collect", "--define", "define/openai.yml", *given]
        yield compare(
            "collect once / importing httpx, yaml, pydantic, jsonpath_ng (wall)",
            lambda: _run(collect),
            lambda: _run(_IMPORTS),
            goal=1.2,
            rounds=15,
            clock=wall_seconds,
        )
    yield compare(
        "--help / python -c pass (wall)",
        lambda: _run([*_COMMAND, "--help"]),
        lambda: _run(_NOTHING),
        goal=None,
        rounds=11,
        clock=wall_seconds,
    )


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)
