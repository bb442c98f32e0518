"""The monitors file's JSON Schema: published as the models say, and of one opinion with what reads the file."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.corpus import ROOT

from openai_monitor.service.reading import MonitorsFileError, read_setup
from openai_monitor.service.schema import monitors_schema

PUBLISHED = ROOT / "schema" / "monitors.schema.json"


def accepts(text: str) -> bool:
    validator = jsonschema.Draft202012Validator(monitors_schema())
    return validator.is_valid(yaml.safe_load(text))


def test_what_is_published_is_what_the_models_say() -> None:
    wanted = json.dumps(monitors_schema(), ensure_ascii=False, indent=2) + "\n"
    assert PUBLISHED.read_text(encoding="utf-8") == wanted, "write service.schema.monitors_schema() there"


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(monitors_schema())


def test_every_key_is_explained() -> None:
    schema = monitors_schema()
    parts: dict[str, Any] = {"": schema, **schema["$defs"]}
    own = {"", "Defaults", "Limits", "Log", "Metrics", "MonitorEntry", "Network"}
    bare = [
        f"{name}.{key}"
        for name in own
        for key, value in parts[name]["properties"].items()
        if "description" not in value and key not in {"outputs", "history", "web", "hertzbeat"}
    ]
    assert bare == []


def test_the_example_is_valid() -> None:
    assert accepts((ROOT / "examples" / "monitors.yml").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    "text",
    [
        "monitors: []",
        "monitors: [{name: a, params: {token: {env: X}}}]",
        "monitors: [{name: a, params: {token: {file: x}, port: 1, ssl: true, organization: null}, period: 60}]",
        "monitors: []\noutputs: {prometheus: null, ndjson: {path: x}}",
        "monitors: []\nhistory: {enabled: false}\nweb: {listen: '127.0.0.1:0'}",
        # what both refuse
        "{}",
        "monitors: {}",
        "monitors: [{}]",
        "monitors: []\nmonitor: []",
        "monitors: [{name: a, params: {token: {evn: X}}}]",
        "monitors: [{name: a, params: {token: {env: X}}, period: 0}]",
        "monitors: [{name: a, params: {token: {env: X}}, perid: 60}]",
        "monitors: []\noutputs: {promethus: {}}",
        "monitors: []\noutputs: {ndjson: {}}",
        "monitors: []\nlog: {level: loud}",
        "monitors: []\nlimits: {in_flight: 0}",
    ],
)
def test_it_agrees_with_what_reads_the_file(text: str, tmp_path: Path) -> None:
    path = tmp_path / "monitors.yml"
    path.write_text(text)
    try:
        read_setup(path)
    except MonitorsFileError:
        read = False
    else:
        read = True
    assert accepts(text) is read
