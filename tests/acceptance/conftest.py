import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from openai_monitor.cli import main
from openai_monitor.sandbox import running
from openai_monitor.sandbox.server import Server

UNWANTED = (
    "OPENAI",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "NO_PROXY",
    "SSL_CERT",
    "LC_",
    "LANG",
    "NO_COLOR",
    "TERM",
)


class Done(NamedTuple):
    """How a command ended and what it said."""

    code: int
    out: str
    err: str

    def document(self) -> dict[str, Any]:
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found

    def sets(self) -> dict[str, dict[str, Any]]:
        """The metric sets of a JSON document by name."""
        return {found["name"]: found for found in self.document()["metrics"]}

    def rows(self, name: str) -> list[dict[str, Any]]:
        found = self.sets()[name]
        assert found["code"] == "SUCCESS", found["message"]
        rows: list[dict[str, Any]] = found["rows"]
        return rows


Run = Callable[..., Done]
Ask = Callable[..., Done]
Write = Callable[..., Path]


def take_zone() -> None:
    """Take the environment's TZ, where a process can."""
    if sys.platform != "win32":
        time.tzset()


def plain_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.upper().startswith(UNWANTED)}
    return {**kept, "PYTHONUTF8": "1", **more}


def process(*arguments: str, **more: str) -> subprocess.Popen[str]:
    """Start the command in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "openai_monitor", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        encoding="utf-8",
        env=plain_environment(**more),
    )


@pytest.fixture(autouse=True)
def _surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    for name in list(os.environ):
        if name.upper().startswith(UNWANTED):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    yield
    monkeypatch.undo()
    take_zone()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run one command line in this process, in an empty folder."""

    def run_it(*arguments: str, stdin: str = "", **environment: str) -> Done:
        with monkeypatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            if "TZ" in environment:
                take_zone()
            patch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin.encode()), encoding="utf-8"))
            capsys.readouterr()
            code = main(list(arguments))
            out, err = capsys.readouterr()
        return Done(code, out, err)

    return run_it


@pytest.fixture
def ask(run: Run) -> Ask:
    """Run ``collect`` (or another command) with a server of this machine, over plain HTTP."""

    def ask_it(port: int, *arguments: str, command: str = "collect", key: str = "sess-sandbox", **more: str) -> Done:
        address = ["--param", "host=127.0.0.1", "--param", f"port={port}", "--param", "ssl=false"]
        form = [] if "--format" in arguments else ["--format", "json"]
        if key:
            more = {"OPENAI_MONITOR_TOKEN": key, **more}
        return run(command, *address, *form, *arguments, **more)

    return ask_it


Faulty = Callable[..., AbstractContextManager[Server]]


@pytest.fixture
def faulty() -> Faulty:
    """Give a sandbox that answers badly."""

    def start(*faults: str) -> AbstractContextManager[Server]:
        return running(faults=faults)

    return start


@pytest.fixture
def sandbox() -> Iterator[Server]:
    with running() as server:
        yield server


def parameter(name: str, kind: str = "text", **more: object) -> dict[str, object]:
    return {"field": name, "name": {"en-US": name}, "type": kind, **more}


@pytest.fixture
def definition(tmp_path: Path) -> Write:
    """Write a small definition: some metric sets over the same address."""

    def write(
        *metrics: Mapping[str, object],
        params: list[dict[str, object]] | None = None,
        app: str = "small",
        **more: object,
    ) -> Path:
        declared = [parameter("host", "host", required=True), parameter("port", "number"), parameter("ssl", "boolean")]
        document = {
            "category": "custom",
            "app": app,
            "name": {"en-US": "Small"},
            "params": [*declared, *([parameter("token", "password")] if params is None else params)],
            "metrics": list(metrics),
            **more,
        }
        path = tmp_path / f"{app}.yml"
        path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
        return path

    return write


def metric_set(name: str, fields: Mapping[str, int], http: Mapping[str, object], **more: object) -> dict[str, object]:
    """Make a metric set; ``fields`` are types by name."""
    return {
        "name": name,
        "priority": 0,
        "fields": [{"field": key, "type": kind} for key, kind in fields.items()],
        "protocol": "http",
        "http": {
            "host": "^_^host^_^",
            "port": "^_^port^_^",
            "ssl": "^_^ssl^_^",
            "url": "/x",
            "method": "GET",
            "parseType": "jsonPath",
            "parseScript": "$",
            **http,
        },
        **more,
    }
