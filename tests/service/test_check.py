"""What ``run --check`` looks at beside the file."""

import asyncio
import os
import re
from pathlib import Path

import pytest

from openai_monitor.errors import MonitorError
from openai_monitor.service.check import exposed_files, unusable_outputs, unusable_secrets
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
    sentences = asyncio.run(unusable_secrets(setup))
    reason = f"file {tmp_path / 'key'} can't be read: No such file or directory"
    assert sentences == [f"a: {reason}", f"b: {reason}"]
    assert not (tmp_path / "touched").exists()


def test_a_command_that_is_not_there_is_told(tmp_path: Path) -> None:
    text = "monitors: [{name: a, params: {token: {command: [no-such-program-here, x]}}}]"
    sentences = asyncio.run(unusable_secrets(setup_of(tmp_path, text)))
    assert sentences == ["a: command no-such-program-here can't be run: there is no such program on this machine"]


def test_an_output_whose_library_is_missing_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    setup = setup_of(tmp_path, "monitors: []\noutputs: {prometheus: , ndjson: {path: rows.ndjson}}\n")
    assert asyncio.run(unusable_outputs(setup)) == []
    monkeypatch.setattr("openai_monitor.sinks.prometheus.find_spec", lambda _: None)
    (sentence,) = asyncio.run(unusable_outputs(setup))
    assert sentence.startswith("output prometheus: ")
    assert "pip install" in sentence
    assert not (tmp_path / "rows.ndjson").exists()


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_files_with_secrets_that_others_can_read_are_told_with_their_modes(tmp_path: Path) -> None:
    text = """
    monitors:
      - {name: a, params: {token: {file: key}}}
      - {name: b, params: {token: {file: key}}}
      - {name: c, params: {token: {file: safe}}}
      - {name: off, enabled: false, params: {token: {file: other}}}
    outputs:
      webhook: {url: {file: hook}, headers: {Authorization: {file: header}}}
    web:
      authentication: {basic: {username: a, password: {file: word}}}
      tls: {certificate: cert.pem, key: key.pem}
    """
    for name in ("key", "safe", "other", "hook", "header", "word", "cert.pem", "key.pem"):
        (tmp_path / name).write_text("x-fake")
        (tmp_path / name).chmod(0o600 if name == "safe" else 0o644)
    setup = setup_of(tmp_path, text)
    ends = "can be read by other users (mode 0644): chmod 600 it"
    assert exposed_files(setup) == [
        *(f"the secret file {tmp_path / name} {ends}" for name in ("key", "hook", "header", "word")),
        f"the listener's key {tmp_path / 'key.pem'} {ends}",
    ]
    (tmp_path / "key").unlink()
    (tmp_path / "key").symlink_to("hook")
    assert any("key can be read" in sentence for sentence in exposed_files(setup))


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_of_many_open_files_only_the_first_are_told(tmp_path: Path) -> None:
    monitors = "".join(f"\n  - {{name: m{n}, params: {{token: {{file: key{n}}}}}}}" for n in range(30))
    for number in range(30):
        (tmp_path / f"key{number}").write_text("x-fake")
        (tmp_path / f"key{number}").chmod(0o644)
    sentences = exposed_files(setup_of(tmp_path, f"monitors:{monitors}\n"))
    assert len(sentences) == 6
    assert sentences[-1] == "… and 25 more such files"


def test_another_vendors_key_is_told_wherever_it_stands(tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sk-ant-admin01-fake\n")
    (tmp_path / "key").chmod(0o600)
    text = "monitors: [{name: a, params: {token: {file: key}}}]\nhistory: {enabled: false}\n"
    (sentence,) = asyncio.run(unusable_secrets(setup_of(tmp_path, text)))
    assert sentence.startswith(
        "a: parameter token begins with sk-ant-admin: it is an organization's admin key of Anthropic"
    )
    with pytest.raises(MonitorError) as caught:
        setup_of(tmp_path, text.replace("{file: key}", "sk-ant-admin01-fake"))
    assert re.search(
        r"monitors\.yml:1:\d+: error\[other-vendor\] parameter token begins with sk-ant-admin", str(caught.value)
    )
    assert "admin01-fake" not in str(caught.value)
