"""How an extra is installed, told from where the program came."""

import importlib.metadata
import json
import sys
from typing import Any

import pytest

from openai_monitor.installed import how_to_add


@pytest.mark.parametrize(
    ("url", "prefix", "installer", "command"),
    [
        (None, "/opt/venv", "pip", "pip install 'openai-monitor[service]'"),
        (None, "/opt/venv", "uv", "uv pip install 'openai-monitor[service]'"),
        (
            {"url": "file:///home/ann/my%20code", "dir_info": {"editable": True}},
            "/opt/venv",
            "pip",
            "pip install --editable '/home/ann/my code[service]'",
        ),
        ({"url": "file:///home/ann/code", "dir_info": {}}, "/opt/venv", "pip", "pip install '/home/ann/code[service]'"),
        (
            {"url": "file:///tmp/openai_monitor-0.1-py3-none-any.whl", "archive_info": {}},
            "/home/ann/.local/pipx/venvs/openai-monitor",
            "pip",
            "pipx install --force '/tmp/openai_monitor-0.1-py3-none-any.whl[service]'",
        ),
        (
            {"url": "https://git.test/it.git", "vcs_info": {"vcs": "git"}},
            "/opt/venv",
            "pip",
            "pip install 'openai-monitor[service] @ git+https://git.test/it.git'",
        ),
        (
            None,
            "/home/ann/.local/share/uv/tools/openai-monitor",
            "uv",
            "uv tool install --force 'openai-monitor[service]'",
        ),
        (None, "/home/ann/.cache/uv/archive-v0/x", "uv", "uvx --from 'openai-monitor[service]' openai-monitor"),
    ],
)
def test_the_command_follows_from_where_it_came(
    monkeypatch: pytest.MonkeyPatch, url: Any, prefix: str, installer: str, command: str
) -> None:
    files = {"INSTALLER": f"{installer}\n", "direct_url.json": json.dumps(url) if url else None}

    class Found:
        read_text = staticmethod(files.get)

    monkeypatch.setattr(importlib.metadata, "distribution", lambda _: Found)
    monkeypatch.setattr(sys, "prefix", prefix)
    assert how_to_add("service") == command


def test_without_an_installation_it_is_a_checkout(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert how_to_add("otlp") == "pip install '.[otlp]' in the checkout"
