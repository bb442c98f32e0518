"""docs/definitions.md is true: its examples run, its tables of the small languages hold row by row, no key is missing.

How the page is read:

- A ``yaml`` fence begins an example. A mapping with ``app`` is a whole file; one with ``params`` or ``metrics`` gets the
  keys it lacks; anything else is the inside of one metric set, completed likewise (``_completed``). Whatever it is, it
  has to pass ``validate``, with no warning.
- The fences after it, up to the next heading or ``yaml``, belong to it. ``json``, ``xml``, ``properties`` or
  ``prometheus`` is the body that every request gets. ``http`` holds requests and their answers as HTTP writes them; a
  request without an answer is compared only. ``text`` is what comes out: a row a line as JSON, ``FAIL: message`` for a
  failed set, ``warning:`` and ``message:``, ``skipped:``; with several sets each line begins with the set's name.
- A ``json`` fence that follows no ``yaml`` in its section is what the tables after it compute with.
- The first cell of a table's header says what the table is: see ``CHECKS``. ``–`` is no value, ``empty`` the empty text.
- A ``console`` fence is a session in a folder that holds the whole definition at the top, its answer, and a test file.
"""

import asyncio
import json
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from tests.corpus import ROOT
from tests.docs.reading import Example, Exchange, Fence, Table, exchanges, read_page, spans

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parameters import check_parameters, resolve_parameters
from openai_monitor.collect.parse import PARSE_TYPES
from openai_monitor.collect.plan import Plan, bind
from openai_monitor.collect.request import Request, build_request
from openai_monitor.collect.rounds import collect_round
from openai_monitor.definition.definition import Definition
from openai_monitor.definition.expression.functions import FUNCTIONS
from openai_monitor.definition.expression.lexer import WORD_OPERATORS
from openai_monitor.definition.expression.parser import _LEVELS
from openai_monitor.definition.lint import lint, validate_for_hertzbeat
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.model import (
    PARAMETER_TYPES,
    Authorization,
    Document,
    FieldSpec,
    Http,
    MetricSet,
    Model,
    ParamSpec,
    yaml_key,
)
from openai_monitor.definition.paging import WORDS
from openai_monitor.definition.parts import read_part
from openai_monitor.definition.path import PathNotFound, compile_path
from openai_monitor.definition.path.functions import FUNCTIONS as PATH_FUNCTIONS
from openai_monitor.definition.path.values import OPERATORS
from openai_monitor.definition.pattern import compile_pattern
from openai_monitor.definition.placeholder import Parameter, substitute_parameters
from openai_monitor.definition.timeexpr import _FORMS, expand_times
from openai_monitor.errors import PathSyntaxError, PatternSyntaxError
from openai_monitor.outputs.json_text import encode, row_encoder
from openai_monitor.rows import Code, MetricSetResult, Round
from openai_monitor.spend import PARTS

PAGE = (ROOT / "docs" / "definitions.md").read_text(encoding="utf-8")
NOW = datetime(2026, 3, 31, 22, 30, 5, 250_000, tzinfo=UTC)
VALUES = {"host": "api.example.com", "token": "sess-fake"}
NOTHING = "–"

READ = read_page(PAGE)

# Running an example


class _Texts(yaml.SafeLoader):
    """YAML with scalars as they are written."""


_Texts.yaml_implicit_resolvers = {
    first: [found for found in resolvers if found[0] in ("tag:yaml.org,2002:null", "tag:yaml.org,2002:merge")]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def definition_of(example: Example) -> Definition:
    return parse_definition(definition_text(example), "example.yml")


def definition_text(example: Example) -> str:
    given = yaml.load(example.source.text, _Texts)  # noqa: S506 - it is a SafeLoader
    if "app" in given:
        return example.source.text
    return yaml.safe_dump(_completed(given), sort_keys=False, allow_unicode=True)


def _completed(given: dict[str, Any]) -> dict[str, Any]:
    part = given if given.keys() & {"params", "metrics", "annotations"} else {"metrics": [given]}
    params = part.get("params", [])
    names = {param["field"] for param in params}
    if "host" not in names:
        params = [{"field": "host", "type": "host", "required": "true"}, *params]
    if "^_^token^_^" in str(part) and "token" not in names:
        params = [*params, {"field": "token", "type": "password", "required": "true"}]
    document = {"app": "example", "category": "custom", "name": {"en-US": "Example"}, **part, "params": params}
    document["metrics"] = [_completed_set(metric_set) for metric_set in part.get("metrics", [{}])]
    return document


def _completed_set(given: dict[str, Any]) -> dict[str, Any]:
    http = {
        "host": "^_^host^_^",
        "port": "443",
        "ssl": "true",
        "url": "/",
        "method": "GET",
        **given.get("http", {}),
    }
    fields = [{"field": "value", "type": "0"}]
    return {"name": "example", "priority": "0", "protocol": "http", "fields": fields, **given, "http": http}


def plan_of(definition: Definition) -> Plan:
    declared = {spec.field: spec.default_value for spec in definition.params}
    given = {name: text for name, text in VALUES.items() if name in declared}
    check_parameters(definition.params, given)
    unset = {spec.field or "": Parameter(None, spec.type or "text") for spec in definition.params}
    parameters = {**unset, **resolve_parameters(definition.params, given)}
    return bind(definition, parameters, now_ms=lambda: int(NOW.timestamp() * 1000))


class Script:
    """A Sender that answers as the page says, and complains of requests that it does not show."""

    def __init__(self, body: str | None, known: Sequence[Exchange]) -> None:
        self.body = body
        self.known = {exchange.line: exchange for exchange in known}
        self.asked: list[str] = []

    async def send(self, request: Request, session: object) -> Answer:
        line = f"{request.method} {request.target}"
        self.asked.append(line)
        if self.body is not None:
            return Answer(200, Headers([]), self.body.encode(), 42, "")
        assert line in self.known, f"the page does not show {line}"
        exchange = self.known[line]
        compare_request(exchange, request)
        return Answer(exchange.status, Headers(exchange.answer_headers), exchange.body.strip().encode(), 42, "")


def compare_request(exchange: Exchange, request: Request) -> None:
    """The whole of a request, where the page shows more than its first line."""
    assert exchange.line == f"{request.method} {request.target}"
    assert exchange.payload == (request.body or b"").decode()
    if exchange.headers:
        port = "" if request.port == {"http": 80, "https": 443}[request.scheme] else f":{request.port}"
        host = f"[{request.host}]" if ":" in request.host else request.host
        assert exchange.headers == [f"Host: {host}{port}", *(f"{name}: {value}" for name, value in request.headers)]


def outcome(definition: Definition, sender: Script) -> Round:
    return asyncio.run(collect_round(plan_of(definition), sender, clock=lambda: NOW))


def lines_of(round_: Round) -> list[str]:
    """What a round gives, as the page writes it."""
    several = len(round_.results) + len(round_.skipped) > 1
    lines = []
    for result in round_.results:
        lines += [f"{result.name}: {line}" if several else line for line in _result_lines(result)]
    return lines + [f"skipped: {skipped.name}: {skipped.reason}" for skipped in round_.skipped]


def _result_lines(result: MetricSetResult) -> Iterator[str]:
    write = row_encoder(result.fields)
    yield from map(write, result.public_rows())
    if not result.ok:
        yield f"{result.code.name}: {result.message}"
    elif result.message:
        yield f"message: {result.message}"
    yield from (f"warning: {warning}" for warning in result.warnings)


def _ids(found: Sequence[Example]) -> list[str]:
    return [f"line {example.source.line}" for example in found]


@pytest.mark.parametrize("example", READ.examples, ids=_ids(READ.examples))
def test_an_example_runs(example: Example) -> None:
    definition = definition_of(example)
    assert [str(problem) for problem in lint(definition)] == []
    bodies, transcript, expected = (
        example.of("json", "xml", "properties", "prometheus"),
        example.of("http"),
        example.of("text"),
    )
    known = [exchange for text in transcript for exchange in exchanges(text)]
    if expected:
        sender = Script(bodies[0] if bodies else None, known)
        assert lines_of(outcome(definition, sender)) == expected[0].splitlines()
        assert bodies or sorted(sender.asked) == sorted(exchange.line for exchange in known)
    elif known:
        plan = plan_of(definition)
        now = NOW.astimezone(plan.zone)
        for planned, exchange in zip(plan.sets, known, strict=True):
            compare_request(exchange, build_request(planned.metric_set, now=now, sensitive=planned.sensitive))
    else:
        assert example.source.language == "yaml"


def test_the_whole_definition_loads_in_hertzbeat() -> None:
    text = READ.examples[0].source.text
    assert [str(problem) for problem in validate_for_hertzbeat(text, "queues.yml")] == []


def test_each_extension_is_flagged_for_hertzbeat() -> None:
    ours = READ.headings[READ.headings.index("Extensions") + 1 :]
    examples = [example for example in READ.examples if example.section in ours]
    assert len(examples) >= 3
    for example in examples:
        rules = {problem.rule for problem in validate_for_hertzbeat(definition_text(example), "example.yml")}
        assert "extension" in rules or example.section == "The words of `balance`", example.source.line


# Tables of the small languages


def collected(document: object, metric_set: dict[str, Any]) -> list[dict[str, Any]]:
    definition = parse_definition(yaml.safe_dump(_completed(metric_set), sort_keys=False), "row.yml")
    result = outcome(definition, Script(json.dumps(document), [])).results[0]
    assert result.ok, result.message
    return list(result.records())


JSON_ROOT = {"http": {"parseType": "jsonPath", "parseScript": "$"}}


def shown(value: object) -> str:
    if value is None or value == "":
        return NOTHING if value is None else "empty"
    return value if isinstance(value, str) else encode(value)


def check_expression(table: Table, row: list[str]) -> None:
    assert table.data is not None
    variables = json.loads(table.data.text)
    metric_set = {
        "fields": [{"field": "number_", "type": 0}, {"field": "text_", "type": 1}],
        "aliasFields": list(variables),
        "calculates": [f"number_={row[0]}", f"text_={row[0]}"],
        **JSON_ROOT,
    }
    cells = collected(variables, metric_set)[0]
    assert [shown(cells["number_"]), shown(cells["text_"])] == row[1:3]


def check_value(_table: Table, row: list[str]) -> None:
    cells = [
        collected({"v": json.loads(row[0])}, {"fields": [{"field": "v", "type": kind}], **JSON_ROOT})[0]["v"]
        for kind in (0, 1, 3)
    ]
    assert [shown(cell) for cell in cells] == row[1:4]


def check_path(table: Table, row: list[str]) -> None:
    assert table.data is not None
    document = json.loads(table.data.text)
    if row[1] == "refused":
        with pytest.raises(PathSyntaxError):
            compile_path(row[0])
    elif row[1] == "fails the set":
        with pytest.raises(PathNotFound):
            compile_path(row[0]).select(document)
    else:
        assert compile_path(row[0]).select(document) == json.loads(row[1])


def check_condition(table: Table, row: list[str]) -> None:
    check_path(table, [f"$.queues[?({row[0]})].name", row[1]])


def check_time(table: Table, row: list[str]) -> None:
    zones = [re.sub(r"^in |`", "", cell) for cell in table.header[1:3]]
    assert [expand_times(row[0], NOW.astimezone(ZoneInfo(zone))) for zone in zones] == row[1:3]


def check_unit(_table: Table, row: list[str]) -> None:
    metric_set = {
        "fields": [{"field": "disk", "type": 0}],
        "units": [row[0]],
        **JSON_ROOT,
    }
    assert shown(collected({"disk": json.loads(row[1])}, metric_set)[0]["disk"]) == row[2]


def check_placeholder(_table: Table, row: list[str]) -> None:
    where, _, text = row[0].partition(": ")
    text = text.strip("`")
    found = re.fullmatch(r"(\w+) \(([\w-]+)\) is (.*)", row[1].replace("`", ""))
    assert found is not None
    name, kind, given = found.groups()
    part = {"http": {"payload": text}} if where == "a value" else {"aliasFields": [text]}
    parameters = {} if given == "not declared" else {name: Parameter(None if given == "null" else given, kind)}
    bound = substitute_parameters(read_part(MetricSet, _completed_set(part)), parameters)
    assert bound.http is not None
    assert shown(bound.http.payload if where == "a value" else bound.alias_fields) == row[2]


def check_pattern(_table: Table, row: list[str]) -> None:
    with pytest.raises(PatternSyntaxError):
        compile_pattern(row[0])


CHECKS: Mapping[str, Callable[[Table, list[str]], None]] = {
    "expression": check_expression,
    "value in the answer": check_value,
    "path": check_path,
    "condition": check_condition,
    "time expression": check_time,
    "entry of `units`": check_unit,
    "written in": check_placeholder,
    "refused pattern": check_pattern,
}

ROWS = [(table, line, row) for table in READ.tables if table.header[0] in CHECKS for line, row in table.rows]


@pytest.mark.parametrize(("table", "line", "row"), ROWS, ids=[f"line {line}" for _, line, _ in ROWS])
def test_a_row_of_a_small_language_holds(table: Table, line: int, row: list[str]) -> None:
    CHECKS[table.header[0]](table, row)


def test_the_moment_of_the_time_table_is_the_page_s() -> None:
    assert f"{NOW:%Y-%m-%d %H:%M:%S}.250 UTC" in PAGE


# Completeness


def listed(first: str, section: str | None = None) -> set[str]:
    """All that stands in the first column of the tables with this first heading."""
    tables = [table for table in READ.tables if table.header[0] == first and section in (None, table.section)]
    assert tables, first
    return {span for table in tables for _, row in table.rows for span in spans(row[0])}


@pytest.mark.parametrize(
    ("section", "model"),
    [
        ("The document", Document),
        ("Parameters", ParamSpec),
        ("Metric sets", MetricSet),
        ("Fields", FieldSpec),
        ("Requests", Http),
        ("Authorization", Authorization),
    ],
)
def test_every_key_is_listed(section: str, model: type[Model]) -> None:
    assert listed("key", section) == {yaml_key(each.name) for each in fields(model)}


def test_every_word_is_listed() -> None:
    assert listed("parameter type") == set(PARAMETER_TYPES)
    assert listed("parse type") == set(PARSE_TYPES)
    assert listed("form") == set(_FORMS)
    assert listed("code") == {f"{code.value} {code.name}" for code in Code}
    assert listed("annotation") == {f"SET.{word}" for word in WORDS}
    assert listed("metric set") == set(PARTS)


def test_every_operator_and_function_is_used_in_a_table() -> None:
    expressions = "\n".join(row[0] for table, _, row in ROWS if table.header[0] == "expression")
    symbols = {symbol for level in _LEVELS for symbol in level} | {"!", "?:", "??", "?"}
    functions = {f"{space}:{name}(" if space else f"{name}(" for space, name in FUNCTIONS}
    words = {f" {word} " for word in WORD_OPERATORS if word != "not"} | {"not "}
    calls = functions | {"now(", "get(", "has(", "size(", "empty("}
    assert [text for text in sorted(symbols | words | calls) if text not in expressions] == []


def test_every_sign_of_a_path_is_used_in_a_table() -> None:
    conditions = "\n".join(row[0] for table, _, row in ROWS if table.header[0] == "condition")
    useless = ("all", "type", "matches", "exists")
    operators = [f" {name} " if name.isalpha() else name for name in OPERATORS if name not in useless]
    functions = [f".{name}()" for name in PATH_FUNCTIONS]
    assert [text for text in (*operators, *functions, "&&", "||", "!") if text not in conditions] == []


def test_every_link_within_the_page_leads_somewhere() -> None:
    anchors = {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in READ.headings}
    assert "extensions" in anchors  # docs/hertzbeat.md points there
    assert sorted(set(re.findall(r"\]\(#([^)]+)\)", PAGE)) - anchors) == []


# Commands


@pytest.mark.parametrize("fence", READ.consoles, ids=[f"line {fence.line}" for fence in READ.consoles])
def test_a_console_session_is_what_the_commands_print(fence: Fence, tmp_path: Path) -> None:
    whole = READ.examples[0]
    (tmp_path / "queues.yml").write_text(whole.source.text, encoding="utf-8")
    (tmp_path / "queues.json").write_text(whole.of("json")[0], encoding="utf-8")
    (tmp_path / "queues.test.yml").write_text(READ.case_file, encoding="utf-8")
    for piece in re.split(r"^\$ ", fence.text, flags=re.MULTILINE)[1:]:
        command, _, printed = piece.partition("\n")
        program, *arguments = command.split()
        assert program == "openai-monitor"
        done = subprocess.run(
            [sys.executable, "-m", "openai_monitor", *arguments],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            check=False,
        )
        assert _timeless(done.stdout + done.stderr) == _timeless(printed), command


def _timeless(text: str) -> list[str]:
    return re.sub(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", "TIME", text).splitlines()
