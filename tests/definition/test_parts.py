"""A right document is read without pydantic, and always to what pydantic reads."""

import subprocess
import sys
from contextlib import suppress
from dataclasses import asdict, fields
from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from openai_monitor.definition.load import read
from openai_monitor.definition.model import (
    PROTOCOL_SECTIONS,
    Authorization,
    Document,
    FieldSpec,
    Http,
    MetricSet,
    Model,
    Option,
    ParamSpec,
    yaml_key,
)
from openai_monitor.definition.parts import read_part
from openai_monitor.definition.shipped import shipped_folder, shipped_names
from openai_monitor.definition.yaml.tree import plain, read_tree

NEEDED: dict[type[Model], dict[str, Any]] = {Document: {"metrics": []}}
PARTS = (Document, ParamSpec, Option, MetricSet, FieldSpec, Http, Authorization)
ADAPTERS: dict[type[Model], TypeAdapter[Any]] = {part: TypeAdapter(part) for part in PARTS}
KEYS = [(part, yaml_key(each.name)) for part in PARTS for each in fields(part)]
VALUES: list[Any] = [
    *(None, "", "~", "x", "1", "-1", "010", "0x1f", "1:30", "300", "1.0", "1e3", "9" * 41, "true", "No", "on", "y"),
    *([], ["x"], [None], ["1", None], [[]], [{}], [[None]], [{"name": "x"}], [{"label": ["x"]}], [{"value": None}]),
    *({}, {"a": "x"}, {"a": None}, {"a": []}, {"a": [None, {}]}, {"a": {}}, {1: "x"}, {None: "x"}, {"type": "1"}),
    *({"authorization": {"type": None}}, {"authorization": {"token": "x"}}, {"port": ["1"]}, {"parse_type": "x"}),
    *([{"icmp": [], "name": "x"}], [{"icmp": None, "http": {"ssl": {}}}], [{"fields": None}], [{"fields": [None]}]),
    *(1, 0, True, 1.5, b"x", ("x",), {"x"}),
]


def both(part: type[Model], data: Any) -> tuple[object, object]:
    """What we read and what pydantic reads; None where it is refused."""
    ours = theirs = None
    with suppress(ValueError):
        ours = asdict(read_part(part, data))
    with suppress(ValidationError):
        theirs = asdict(ADAPTERS[part].validate_python(data, by_alias=True, by_name=False))
    return ours, theirs


@pytest.mark.parametrize(("part", "key"), KEYS)
def test_what_is_read_is_what_pydantic_reads(part: type[Model], key: str) -> None:
    adapter_takes = 0
    for value in VALUES:
        ours, theirs = both(part, {**NEEDED.get(part, {}), key: value})
        if type(value) in (str, list, dict, type(None)):  # what a tree of YAML gives
            assert ours == theirs, value
        else:
            assert ours in (theirs, None), value
        adapter_takes += theirs is not None
    assert 0 < adapter_takes < len(VALUES), "some values have to be right and some wrong, or nothing was compared"


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("data", [None, "x", [], [{}], {"colour": "red"}, {"parse_type": "x"}, {1: "x"}, {}])
def test_parts_as_a_whole(part: type[Model], data: Any) -> None:
    ours, theirs = both(part, data)
    assert ours == theirs


@pytest.mark.parametrize("section", sorted(PROTOCOL_SECTIONS))
def test_other_protocols_sections_are_not_looked_at(section: str) -> None:
    data = {"metrics": [{"name": "x", section: {"anything": [1]}}]}
    ours, theirs = both(Document, data)
    assert ours == theirs is not None


@pytest.mark.parametrize("name", shipped_names())
def test_shipped_definitions_are_right(name: str) -> None:
    text = (shipped_folder() / f"{name}.yml").read_text(encoding="utf-8")
    ours, theirs = both(Document, plain(read_tree(text, name).root))
    assert ours == theirs is not None


def test_a_part_can_not_be_changed() -> None:
    with pytest.raises(AttributeError):
        read_part(Http, {}).port = "1"  # type: ignore[misc]


def test_a_right_document_is_read_without_pydantic() -> None:
    code = (
        "import sys; from openai_monitor import load_definition; load_definition('openai'); "
        "print({'pydantic', 'pydantic_core'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_what_only_pydantic_takes_is_read_by_pydantic() -> None:
    reading = read("app: x\nmetrics: [{name: s, i18n: {en: [a]}}]", "f")
    assert not reading.problems
    assert reading.definition.document.metrics[0].i18n == {"en": "a"}
