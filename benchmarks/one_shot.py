"""(b) The command once, from start to end, against importing the four libraries of the issue, and against a script.

The script is what a person would write instead: it asks the same three addresses and prints what they answer.
"""

import os
import subprocess
import sys
from collections.abc import Iterator

from benchmarks.local import local_account
from benchmarks.measure import Ratio, compare, wall_seconds

_IMPORTS = [sys.executable, "-c", "import httpx, yaml, pydantic, jsonpath_ng"]
_SCRIPT = """
import json, sys
import httpx, jsonpath_ng, pydantic, yaml

with open("define/openai.yml", encoding="utf-8") as file:
    definition = yaml.load(file, yaml.CSafeLoader)
with httpx.Client(base_url=sys.argv[1], headers={"Authorization": f"Bearer {sys.argv[2]}"}) as client:
    for metric_set in definition["metrics"]:
        query = {"start_date": "2026-01-01", "end_date": "2026-01-02"} if metric_set["http"].get("params") else None
        print(json.dumps(json.loads(client.get(metric_set["http"]["url"], params=query).raise_for_status().content)))
"""
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
            "collect once / a script with httpx, yaml and json that asks the same (wall)",
            lambda: _run(collect),
            lambda: _run([sys.executable, "-c", _SCRIPT, account.url, account.token]),
            goal=None,
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


# pip compiles what it installs, and so it did the floor's libraries: no run here may compile ours anew.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True, capture_output=True, env=_ENVIRONMENT)
