"""The JSON Schema says what loads, and what is published is what the models say."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError
from tests.corpus import ROOT, shared

from openai_monitor.definition.model import PARSE_TYPES, FieldSpec, MetricSet
from openai_monitor.definition.schema import DIALECT, definition_schema

PUBLISHED = ROOT / "schema" / "definition.schema.json"
OURS = sorted(
    path for folder in ("define", "examples") for path in (ROOT / folder).glob("*.yml") if path.name != "monitors.yml"
)
DEFINITIONS = [path for path in OURS if not path.stem.endswith(".test")]
VALIDATOR = Draft202012Validator(definition_schema())


class EditorLoader(yaml.SafeLoader):
    """YAML as editors read it: a date is a text."""


EditorLoader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if not tag.endswith(":timestamp")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def complaints(text: str) -> list[str]:
    found = VALIDATOR.iter_errors(yaml.load(text, EditorLoader))  # noqa: S506 - a SafeLoader
    return [f"{'/'.join(map(str, error.absolute_path))}: {error.message}" for error in _with_causes(found)]


def _with_causes(errors: Iterable[ValidationError]) -> Iterator[ValidationError]:
    for error in errors:
        yield error
        yield from _with_causes(error.context)


def definition(more: str = "", http: str = "", field: str = "field: a, type: 0") -> str:
    return (
        f"app: a\n{more}\nmetrics: [{{name: s, priority: 0, protocol: http, fields: [{{{field}}}], "
        f"http: {{host: ^_^host^_^, port: 443, url: /, method: GET, ssl: true, parseType: jsonPath, "
        f"parseScript: $, {http}}}}}]\n"
    )


def test_the_published_schema_is_what_the_models_say() -> None:
    published = json.loads(PUBLISHED.read_text(encoding="utf-8"))
    assert published == definition_schema(), "run: openai-monitor schema --output schema/definition.schema.json"


def test_it_is_a_schema_of_the_dialect_it_names() -> None:
    schema = definition_schema()
    assert schema["$schema"] == DIALECT == Draft202012Validator.META_SCHEMA["$id"]
    Draft202012Validator.check_schema(schema)


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.name)
def test_our_definitions_fit(path: Path) -> None:
    assert complaints(path.read_text(encoding="utf-8")) == []


def test_hertzbeats_shipped_definitions_fit() -> None:
    files = sorted(shared("define").glob("*.yml"))
    assert len(files) == 53
    assert {path.name: found for path in files if (found := complaints(path.read_text(encoding="utf-8")))} == {}


@pytest.mark.parametrize(
    "text",
    [
        definition(),
        definition(http="timeout: 010, keyword: yes, successCodes: [200, '404']"),
        definition(http="headers: {X-A: 1.5, ^_^headers^_^: ^_^headers^_^}, params: {a: ~}"),
        definition(http="authorization: {type: ^_^authType^_^, bearerTokenToken: ^_^token^_^}"),
        definition(http="enableUrlEncoding: false, authorization: {type: Basic Auth}"),
        definition(more="annotations: {a: 1}"),
        definition(field="field: a, type: 3, label: yes"),
    ],
)
def test_what_loads_fits(text: str) -> None:
    assert complaints(text) == []


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (definition(http="parseTyp: x"), "'parseTyp'"),
        (definition(http="authorization: {type: Bearer}"), "metrics/0/http/authorization/type"),
        (definition(http="payload: [a]"), "metrics/0/http/payload"),
        (definition(field="field: a, type: 7"), "metrics/0/fields/0/type"),
        (definition(field="field: a, unit: {}"), "metrics/0/fields/0/unit"),
        (definition(more="params: [{field: a, type: nubmer}]"), "params/0/type"),
        (definition(more="name: acme"), "name"),
        (definition().replace("GET", "get it"), "metrics/0/http/method"),
        (definition().replace("jsonPath", "jsonpath"), "metrics/0/http/parseType"),
        (definition().replace("priority: 0", "priority: 300"), "metrics/0/priority"),
        ("app: a", "'metrics' is a required property"),
    ],
)
def test_what_is_refused_does_not_fit(text: str, complaint: str) -> None:
    assert any(complaint in found for found in complaints(text)), complaints(text)


def _texts(schema: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    for name, part in {"Document": schema, **schema["$defs"]}.items():
        for key, value in part["properties"].items():
            yield f"{name}.{key}", value


def test_every_key_and_every_choice_is_explained() -> None:
    schema = definition_schema()
    assert [name for name, value in _texts(schema) if not value.get("description")] == []
    fields = schema["$defs"][FieldSpec.__name__]["properties"]["type"]["oneOf"]
    assert [choice["const"] for choice in fields] == [0, 1, 2, 3]
    parse = schema["$defs"]["Http"]["properties"]["parseType"]["anyOf"][0]["oneOf"]
    assert tuple(choice["const"] for choice in parse) == PARSE_TYPES
    assert all(choice["description"] for choice in (*fields, *parse))
    assert MetricSet.__name__ in schema["$defs"]


def test_our_definitions_name_the_schema_in_their_first_line() -> None:
    line = "# yaml-language-server: $schema=../schema/definition.schema.json\n"
    ours = (path for path in DEFINITIONS if path.parent.name == "define")
    assert [path.name for path in ours if not path.read_text(encoding="utf-8").startswith(line)] == []
