"""The language as a JSON Schema (2020-12), for editors that complete, explain and underline.

It comes out of the models, so that it can't say anything else than what loads. What it adds is for editors: a sentence
for each parse type and field type, and no titles, which only repeat the keys.
"""

from typing import Any

from pydantic import TypeAdapter

from openai_monitor.definition.model import Document

DIALECT = "https://json-schema.org/draft/2020-12/schema"

Schema = dict[str, Any]

FIELD_TYPES = {
    0: "A number.",
    1: "A text.",
    2: "A secret text: masked in every output.",
    3: "A time of day such as `08:30` or `08:30:15`, kept as seconds.",
}
PARSE_TYPES = {
    "default": "The object at the root of a JSON answer, or each object of a list there; aliases are its keys.",
    "jsonPath": "The rows that the JSONPath in `parseScript` selects; aliases are keys, or paths beginning with `$.`.",
    "prometheus": "The samples named like the metric set in an exposition text; aliases are labels or `value`.",
    "PromQL": "The samples of a Prometheus query's answer; aliases are labels, `value` or `timestamp`.",
    "xmlPath": "The elements that the XPath in `parseScript` selects; aliases are XPaths inside them.",
    "website": "One row about the answer itself: `statusCode`, `responseTime`, `keyword`.",
    "sitemap": "A row for each page of a sitemap: `url`, `statusCode`, `responseTime`, `errorMsg`.",
    "header": "One row of response headers; aliases are their names.",
    "config": "Java properties text, such as lines `key=value`; aliases are the keys.",
}


def definition_schema() -> Schema:
    """The schema of a definition, as an object that ``json.dumps`` takes."""
    schema = TypeAdapter(Document).json_schema(by_alias=True)
    parts = schema["$defs"]
    for part in (schema, *parts.values()):
        _polish(part)
    _explain(parts["FieldSpec"]["properties"]["type"], FIELD_TYPES)
    _explain(parts["Http"]["properties"]["parseType"]["anyOf"][0], PARSE_TYPES)
    return {"$schema": DIALECT, "title": "Definition of openai-monitor and HertzBeat", **schema}


def _polish(part: Schema) -> None:
    """Leave out titles, and types that stand beside the choice which replaces them."""
    part.pop("title", None)
    for value in part["properties"].values():
        value.pop("title", None)
        if "anyOf" in value:
            value.pop("type", None)


def _explain(value: Schema, meanings: dict[Any, str]) -> None:
    """Put a sentence to each choice of an ``enum``. Raises KeyError when one has none."""
    choices = value.pop("enum")
    value.pop("type", None)
    value["oneOf"] = [{"const": choice, "description": meanings[choice]} for choice in choices]
