"""The key shows nowhere: every way to fail, and everything that is written when it happens."""

import base64
import json
import logging
import os
import subprocess
import sys
import traceback
from pathlib import Path
from urllib.parse import quote

import pytest

from openai_monitor import MonitorError, collect_once, load_definition, make_plan
from openai_monitor.sandbox import FAULTS, running

KEYS = ("sess-fake+key/1=x", "sess-fake\x07key", "sess-fakekéy", " 'Bearer sess-fake-key'\n")


def spellings(key: str) -> set[str]:
    bare = key.strip().strip("'").removeprefix("Bearer ").strip()
    texts = {
        bare,
        quote(bare, safe=""),
        quote(bare),
        json.dumps(bare)[1:-1],
        repr(bare)[1:-1],
        base64.b64encode(bare.encode()).decode().rstrip("="),
        bare.removeprefix("sess-"),
    }
    return {text for text in texts if len(text) > 4}


def check(text: str, key: str) -> None:
    assert not {spelling for spelling in spellings(key) if spelling in text}


def faults() -> list[str]:
    slow = {"slow", "drip", "huge", "endless-pages"}
    return [name for name in FAULTS if name not in slow] + ["slow:30", "huge:40000000"]


@pytest.mark.parametrize("key", [KEYS[0], KEYS[3]])
@pytest.mark.parametrize("fault", faults())
def test_in_no_result_of_a_failing_collection(fault: str, key: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    with running(faults=[fault]) as server:
        values = {"host": server.host, "port": str(server.port), "ssl": "false", "token": key}
        outcome = collect_once(load_definition("openai"), values, deadline=1.5)
    check(repr(outcome) + str(outcome) + "".join(result.message for result in outcome.results), key)
    check("".join(str(result.warnings) for result in outcome.results), key)
    check(repr([result.rows for result in outcome.results]), key)
    check(caplog.text, key)


@pytest.mark.parametrize("key", KEYS)
def test_in_no_repr_of_what_is_prepared(key: str) -> None:
    try:
        plan = make_plan(load_definition("openai"), {"token": key, "host": "127.0.0.1"})
    except MonitorError as refusal:  # a key that can't be one
        check("".join(traceback.format_exception(refusal)), key)
        return
    check(repr(plan) + str(plan.sets) + repr(plan.redactor) + str(plan.notes), key)


PLAINTEXT = {"host": "203.0.113.7", "port": "80", "ssl": "false"}
ELSEWHERE = [
    PLAINTEXT,
    {"host": "no-such-host.invalid"},
    {"host": "127.0.0.1", "port": "1", "ssl": "false"},
    {"host": "bad host", "ssl": "false"},
    {"host": "127.0.0.1", "timezone": "Nowhere/Land"},
    {"host": "127.0.0.1", "port": "none"},
    {"host": "127.0.0.1", "unknown": "x"},
]


@pytest.mark.parametrize("key", KEYS)
@pytest.mark.parametrize("values", ELSEWHERE, ids=str)
def test_in_no_error_and_no_cause_behind_it(values: dict[str, str], key: str) -> None:
    try:
        outcome = collect_once(load_definition("openai"), {**values, "token": key}, deadline=3)
    except MonitorError as error:
        check("".join(traceback.format_exception(error)), key)
    else:
        assert not outcome.ok
        check(repr(outcome), key)


def command(arguments: list[str], key: str, tmp_path: Path, **environment: str) -> str:
    """Everything a run of the command writes: streams, and files in its folder."""
    done = subprocess.run(
        [sys.executable, "-m", "openai_monitor", *arguments],
        capture_output=True,
        check=False,
        cwd=tmp_path,
        timeout=60,
        env={**os.environ, "OPENAI_TOKEN": key, **environment},
    )
    files = "".join(path.read_text(errors="replace") for path in tmp_path.rglob("*") if path.is_file())
    written = (done.stdout + done.stderr).decode(errors="replace")
    assert "Traceback" not in written
    return written + files


@pytest.mark.parametrize("fault", [None, "401", "403", "html-200", "error-200", "reset", "garbage", "truncated"])
@pytest.mark.parametrize(
    "style",
    [
        ["collect", "-v"],
        ["collect", "--format", "csv", "--output", "rows"],
        ["collect", "--format", "json"],
        ["check"],
        ["check", "--format", "json"],
    ],
)
def test_in_nothing_the_command_writes(fault: str | None, style: list[str], tmp_path: Path) -> None:
    key = "sess-sandbox"
    with running(faults=[fault] if fault else []) as server:
        given = ["--param", f"host={server.host}", "--param", f"port={server.port}", "--param", "ssl=false"]
        check(command([*style, *given], key, tmp_path, OPENAI_MONITOR_DEBUG="1"), key)


@pytest.mark.parametrize("name", ["collect", "check"])
@pytest.mark.parametrize("key", KEYS[:2])
def test_in_no_refusal_of_the_command(key: str, name: str, tmp_path: Path) -> None:
    for arguments in (["--param", "host="], ["--define", "nothing"], ["--param", "port=x"], ["--format", "odd"]):
        check(command([name, *arguments], key, tmp_path), key)


def test_an_echo_of_the_key_is_masked(tmp_path: Path) -> None:
    """A server that repeats the key in its error does not bring it into ours."""
    key = "sess-fake-echo"
    with running(faults=["401"]) as server:
        values = {"host": server.host, "port": str(server.port), "ssl": "false", "token": key}
        outcome = collect_once(load_definition("openai"), values)
    assert outcome.results[0].status == 401
    check(outcome.results[0].message, key)
