"""What ``run --check`` looks at beside the file."""

import asyncio
from pathlib import Path

import pytest

from openai_monitor.service.check import unreadable_secrets, unusable_outputs
from openai_monitor.service.reading import Setup, read_setup


def setup_of(folder: Path, text: str) -> Setup:
    path = folder / "monitors.yml"
    path.write_text(text)
    return read_setup(path)


def test_a_secret_is_told_for_each_enabled_monitor_and_no_command_is_run(tmp_path: Path) -> None:
    setup = setup_of(
        tmp_path,
        f"""
        defaults: {{params: {{token: {{file: key}}}}}}
        monitors:
          - name: a
          - name: b
          - {{name: off, enabled: false}}
          - {{name: c, params: {{token: {{command: [touch, {tmp_path}/touched]}}}}}}
        """,
    )
    sentences = asyncio.run(unreadable_secrets(setup))
    reason = f"file {tmp_path / 'key'} can't be read: No such file or directory"
    assert sentences == [f"a: {reason}", f"b: {reason}"]
    assert not (tmp_path / "touched").exists()


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    text = "monitors: [{name: a, params: {token: {command: [no-such-program-here, x]}}}]"
    sentences = asyncio.run(unreadable_secrets(setup_of(tmp_path, text)))
    assert sentences == ["a: command no-such-program-here can't be run: there is no such program on this machine"]


def test_an_output_whose_library_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = setup_of(tmp_path, "monitors: []\noutputs: {prometheus: , ndjson: {path: rows.ndjson}}\n")
    assert asyncio.run(unusable_outputs(setup)) == []
    monkeypatch.setattr("openai_monitor.sinks.prometheus.find_spec", lambda _: None)
    (sentence,) = asyncio.run(unusable_outputs(setup))
    assert sentence.startswith("output prometheus: ")
    assert "pip install" in sentence
    assert not (tmp_path / "rows.ndjson").exists()
