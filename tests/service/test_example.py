"""``examples/monitors.yml``, as a user copies it: only the addresses and keys are changed to the sandbox's."""

import asyncio
import json
import re
import sys
from pathlib import Path

import pytest
import yaml
from tests.corpus import ROOT

from openai_monitor.sandbox import key_for, serve
from openai_monitor.service.fleet import Share
from openai_monitor.service.reading import Setup, read_setup
from openai_monitor.service.service import Options, Service

EXAMPLE = ROOT / "examples" / "monitors.yml"


def copied(folder: Path, **parameters: object) -> Path:
    content = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8"))
    content["defaults"]["params"] = parameters
    content["web"]["listen"] = "127.0.0.1:0"
    for monitor in content["monitors"]:
        monitor["params"].pop("organization", None)  # the sandbox's account has another one
        source = monitor["params"]["token"]
        if "command" in source:
            source["command"] = [sys.executable, "-S", "-c", f"print({key_for('openrouter')!r})"]
    (folder / "keys").mkdir()
    (folder / "keys" / "acme").write_text(key_for("openai"))
    path = folder / "monitors.yml"
    path.write_text(yaml.safe_dump(content))
    return path


def test_it_is_good_as_it_stands() -> None:
    setup: Setup = read_setup(EXAMPLE)
    assert [spec.name for spec in setup.monitors] == ["acme", "acme-research", "lab", "next-year"]
    assert setup.warnings == ()
    assert set(setup.outputs) == {"prometheus", "ndjson"}


def test_the_values_it_shows_are_the_defaults_where_it_says_nothing_else(tmp_path: Path) -> None:
    bare = tmp_path / "monitors.yml"
    bare.write_text("monitors: []\n")
    shown, default = read_setup(EXAMPLE), read_setup(bare)
    assert (shown.limits, shown.log) == (default.limits, default.log)
    assert shown.monitors[0].period == 300


def test_it_names_a_schema_that_is_there() -> None:
    (name,) = re.findall(r"\$schema=(\S+)", EXAMPLE.read_text(encoding="utf-8"))
    assert (EXAMPLE.parent / name).is_file()


def test_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> Service:
        async with serve() as server:
            path = copied(tmp_path, host=server.host, port=server.port, ssl=False)
            service = Service(path, Options(Share("lab"), once=True, log_level="warning"))
            assert await service.run() == 0
            return service

    monkeypatch.setenv("ACME_RESEARCH_KEY", key_for("openai"))
    service = asyncio.run(main())
    assert set(service.health.monitors) == {"acme", "acme-research", "lab"}
    rows = [json.loads(line) for line in (tmp_path / "rows.ndjson").read_text().splitlines()]
    sets = {(row["name"], row["metrics"]) for row in rows}
    assert ("acme", "billing_subscription") in sets
    assert ("acme-research", "billing_subscription") not in sets
    assert any(name == "lab" for name, _ in sets)
    assert (tmp_path / "history.sqlite").exists()
