"""Issue 5, "The whole HTTP definition language, and the tools to write it": asked of the installed program."""

import datetime as dt
import hashlib
import json
import os
import re
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from tests.acceptance.conftest import Ask, Run, Write, metric_set, parameter, process
from tests.acceptance.servers import Answer, Asked, answer, origin, text

ROOT = Path(__file__).parents[2]
SHIPPED_THERE = ROOT.parent / "shared" / "hertzbeat" / "define"

CLEAN = """\
category: custom
app: queues
name:
  en-US: Queues
params:
  - field: host
    name: {en-US: Host}
    type: host
    required: true
  - field: token
    name: {en-US: Key}
    type: password
    required: true
metrics:
  - name: queues
    priority: 0
    protocol: http
    fields:
      - {field: queue, type: 1, label: true}
      - {field: disk, type: 0, unit: MB}
      - {field: oldest, type: 0, unit: s}
    aliasFields:
      - name
      - bytes
      - $.messages.oldest_ms
    calculates:
      - queue=name
      - disk=bytes
      - oldest=$.messages.oldest_ms / 1000
    units:
      - disk=B->MB
    http:
      host: ^_^host^_^
      port: 443
      ssl: true
      url: /v1/queues
      method: GET
      params:
        start: ${@date-7d}
        end: ${@date+1d}
      authorization:
        type: Bearer Token
        bearerTokenToken: ^_^token^_^
      parseType: jsonPath
      parseScript: $.queues[*]
"""
SAVED = """{"queues": [
  {"name": "mail", "bytes": 1572864, "messages": {"oldest_ms": 90500}},
  {"name": "push", "bytes": 0, "messages": null}]}"""

SECOND_SET = """\
  - name: queues
    priority: 1
    protocol: http
    fields: [{field: up, type: 0}]
    http: {host: ^_^host^_^, port: 443, ssl: true, url: /up, method: GET, parseType: jsonPath, parseScript: $}
"""


@pytest.fixture
def queues(tmp_path: Path) -> Callable[..., Path]:
    """Write the clean definition, changed in places."""

    def write(*changes: tuple[str, str]) -> Path:
        content = CLEAN
        for before, after in changes:
            assert content.count(before) == 1, before
            content = content.replace(before, after)
        path = tmp_path / "queues.yml"
        path.write_text(content, encoding="utf-8")
        return path

    return write


def problems(run: Run, path: Path, *more: str) -> list[dict[str, Any]]:
    [found] = run("validate", "--format", "json", *more, str(path)).document()["files"]
    listed: list[dict[str, Any]] = found["problems"]
    return listed


# validate


def test_a_clean_definition_has_no_problems(run: Run, queues: Callable[..., Path]) -> None:
    done = run("validate", str(queues()))
    assert done.code == 0
    assert "warning[" not in done.out + done.err


def test_all_problems_are_told_at_once_sorted_by_line(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(
        ("priority: 0", "priority: 200"),
        ("oldest=$.messages.oldest_ms / 1000", "oldest=$.messages.oldest_ms / "),
        ("parseType: jsonPath", "parseType: jsonPth"),
        ("method: GET", "methd: GET"),
        ("url: /v1/queues", "url: /v1/^_^team^_^"),
    )
    done = run("validate", str(path))
    assert done.code == 1
    lines = [line for line in (done.out + done.err).splitlines() if ": error[" in line or ": warning[" in line]
    places = []
    for line in lines:
        found = re.fullmatch(rf"{re.escape(str(path))}:(\d+):(\d+): (error|warning)\[[\w-]+\] (.+)", line)
        assert found, line
        places.append((int(found[1]), int(found[2])))
    assert places == sorted(places)
    content = path.read_text().splitlines()
    for planted in ("200", "oldest=$.messages.oldest_ms /", "jsonPth", "methd", "/v1/^_^team^_^"):
        assert any(
            planted in content[line - 1] and column <= content[line - 1].index(planted) + 1 for line, column in places
        ), planted


def test_the_column_is_where_the_culprit_begins(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(("parseType: jsonPath", "parseType: jsonPth"))
    [problem] = problems(run, path)
    line = path.read_text().splitlines()[problem["line"] - 1]
    assert line[problem["column"] - 1 :] == "jsonPth"


ERRORS = {
    "priority": ("priority: 0", "priority: 200"),
    "authorization type": ("type: Bearer Token", "type: Bearer Tokne"),
    "parse type": ("parseType: jsonPath", "parseType: jsonPth"),
    "successCodes without numbers": ("method: GET", "method: GET\n      successCodes: [ok]"),
    "placeholder of a calculate": ("disk=bytes", "disk=bytes * ^_^nobody^_^"),
    "placeholder of a unit": ("disk=B->MB", "disk=^_^nobody^_^->MB"),
    "null calculate": ("      - disk=bytes\n", "      - disk=bytes\n      -\n"),
    "unreadable unit": ("disk=B->MB", "disk:B to MB"),
    "no protocol": ("    protocol: http\n", ""),
    "path": ("parseScript: $.queues[*]", "parseScript: $.queues[name]"),
    "path in an alias": ("- bytes", "- $.bytes[name]"),
    "pattern": ("method: GET", "method: GET\n      keyword: '('"),
    "pattern with lookahead": ("method: GET", "method: GET\n      keyword: 'a(?=b)'"),
    "pattern in a path": ("$.queues[*]", "$.queues[?(@.name =~ /(/)]"),
    "unknown key": ("method: GET", "method: GET\n      parseScrpit: $"),
    "two fields of a name": ("{field: oldest", "{field: disk"),
    "field that begins with a digit": ("{field: oldest", "{field: 1oldest"),
    "field with a blank": ("{field: oldest", "{field: 'old est'"),
    "reserved field": ("{field: oldest", "{field: instance"),
    "field that is a word of the expressions": ("{field: oldest", "{field: size"),
    "no category": ("category: custom\n", ""),
    "no app": ("app: queues\n", ""),
    "no name": ("name:\n  en-US: Queues\n", ""),
    "blank i18n": ("    priority: 0", "    i18n: {en-US: ' '}\n    priority: 0"),
    "no set of priority 0": ("priority: 0", "priority: 1"),
    "a class tag": ("app: queues", "app: !!java.lang.String queues"),
    "a class-loading word": ("en-US: Queues", "en-US: ClassLoader"),
    "a second document": ("      parseScript: $.queues[*]\n", "      parseScript: $.queues[*]\n---\na: b\n"),
    "broken YAML": ("name: {en-US: Key}", "name: {en-US: Key"),
}


@pytest.mark.parametrize("change", ERRORS.values(), ids=ERRORS)
def test_what_fails_for_certain_is_an_error(run: Run, queues: Callable[..., Path], change: tuple[str, str]) -> None:
    path = queues(change)
    found = [problem for problem in problems(run, path) if problem["severity"] == "error"]
    assert found
    assert all(problem["line"] > 0 and problem["column"] > 0 and problem["message"] for problem in found)
    assert run("validate", str(path)).code == 1


def test_a_set_without_fields_is_an_error(run: Run, queues: Callable[..., Path]) -> None:
    fields = CLEAN[CLEAN.index("    fields:") : CLEAN.index("    aliasFields:")]
    assert any(found["severity"] == "error" for found in problems(run, queues((fields, ""))))


WARNINGS = {
    "duplicate set": (
        "      parseScript: $.queues[*]\n",
        f"      parseScript: $.queues[*]\n{SECOND_SET}",
        "name: queues",
    ),
    "undeclared placeholder": ("url: /v1/queues", "url: /v1/^_^team^_^", "^_^team^_^"),
    "calculate that does not compile": ("disk=bytes", "disk=bytes +", "disk=bytes +"),
    "calculate for no field": ("disk=bytes", "disc=bytes", "disc=bytes"),
    "field that nothing fills": ("      - disk=bytes\n", "", "field: disk"),
    "alias nobody uses": ("- name\n", "- name\n      - colour\n", "- colour"),
    "units that do not convert": ("disk=B->MB", "disk=B->MIN", "disk=B->MIN"),
    "token over plain HTTP": ("ssl: true", "ssl: false", "ssl: false"),
    "token of type text": ("type: password", "type: text", "type: text"),
    "dates out of order": ("start: ${@date-7d}", "start: ${@date+7d}", "${@date"),
}


@pytest.mark.parametrize(("before", "after", "culprit"), WARNINGS.values(), ids=WARNINGS)
def test_what_runs_and_is_not_meant_is_a_warning(
    run: Run, queues: Callable[..., Path], before: str, after: str, culprit: str
) -> None:
    path = queues((before, after))
    done = run("validate", str(path))
    assert done.code == 0
    content = path.read_text().splitlines()
    warned = [problem for problem in problems(run, path) if problem["severity"] == "warning"]
    near = {number for number, line in enumerate(content, 1) if culprit in line}
    near |= {number for number, line in enumerate(content, 1) if "bearerTokenToken" in line and "ssl" in culprit}
    assert [problem for problem in warned if problem["line"] in near], (warned, near)
    assert all(problem["hint"] for problem in warned), warned


def test_a_missing_host_parameter_is_warned_of(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(
        ("  - field: host\n    name: {en-US: Host}\n    type: host\n    required: true\n", ""),
        ("host: ^_^host^_^", "host: api.example.com"),
    )
    assert any("`host`" in problem["message"] for problem in problems(run, path))
    assert run("validate", "--hertzbeat", str(path)).code == 1


def test_the_root_over_a_list_is_warned_of(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(
        ("parseScript: $.queues[*]", "parseScript: $"),
        ("- $.messages.oldest_ms", "- $[0].messages"),
        ("oldest=$.messages.oldest_ms / 1000", "oldest=$[0].messages"),
    )
    assert [problem for problem in problems(run, path) if "list" in problem["message"] + (problem["hint"] or "")]


def test_annotations_for_github(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(("priority: 0", "priority: 200"), ("disk=B->MB", "disk=B->MIN"))
    done = run("validate", "--format", "github", str(path))
    assert done.code == 1
    lines = [line for line in done.out.splitlines() if line.startswith("::")]
    kinds = [re.match(r"::(error|warning) file=[^,]*queues\.yml,line=\d+,col=\d+.*::.+", line) for line in lines]
    assert {found[1] for found in kinds if found} == {"error", "warning"}


def test_a_file_that_is_not_there_is_bad_usage(run: Run) -> None:
    done = run("validate", "nothing.yml")
    assert done.code == 2
    assert "nothing.yml" in done.err
    assert "Traceback" not in done.err


def test_several_files_at_once(run: Run, queues: Callable[..., Path], tmp_path: Path) -> None:
    bad = tmp_path / "bad.yml"
    bad.write_text("app: [}")
    done = run("validate", str(queues()), str(bad))
    assert done.code == 1
    assert f"{bad}:1:" in done.out + done.err


# validate --hertzbeat


def test_hertzbeat_takes_the_clean_file_and_the_oldest_release_is_named(run: Run, queues: Callable[..., Path]) -> None:
    done = run("validate", "--hertzbeat", str(queues()))
    assert done.code == 0
    assert re.search(r"\b1\.\d\.\d\b", done.out + done.err)


def test_annotations_need_hertzbeat_1_7(run: Run, queues: Callable[..., Path]) -> None:
    done = run("validate", "--hertzbeat", str(queues(("app: queues", "app: queues\nannotations: {note: x}"))))
    assert done.code == 0
    assert "1.7.0" in done.out + done.err


def test_hertzbeat_takes_what_only_we_refuse(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(("type: Bearer Token", "type: Bearer Tokne"))
    assert run("validate", str(path)).code == 1
    assert run("validate", "--hertzbeat", str(path)).code == 0


@pytest.mark.parametrize(
    "kind", ["unknown key", "reserved field", "no set of priority 0", "no app", "a class-loading word"]
)
def test_what_the_manager_refuses_fails_the_hertzbeat_check(run: Run, queues: Callable[..., Path], kind: str) -> None:
    assert run("validate", "--hertzbeat", str(queues(ERRORS[kind]))).code == 1


def test_each_use_of_an_extension_is_flagged(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(
        ("app: queues", "app: queues\nannotations: {queues.next_page: $.next, queues.page_parameter: page}"),
        ("- bytes", "- '`parent`.bytes'"),
        ("disk=bytes", "disk=`parent`.bytes"),
        ("metrics:\n", "  - {field: timezone, name: {en-US: Zone}, type: text, defaultValue: UTC}\nmetrics:\n"),
    )
    content = path.read_text().splitlines()
    flagged = {problem["line"] for problem in problems(run, path, "--hertzbeat")}
    for use in ("queues.next_page", "- '`parent`.bytes'", "field: timezone"):
        assert next(number for number, line in enumerate(content, 1) if use in line) in flagged, use


@pytest.mark.skipif(not SHIPPED_THERE.is_dir(), reason="HertzBeat's definitions are not here")
def test_of_the_definitions_that_hertzbeat_ships_its_manager_refuses_two(run: Run) -> None:
    files = run("validate", "--hertzbeat", "--format", "json", str(SHIPPED_THERE)).document()["files"]
    assert len(files) == 53
    assert {Path(found["file"]).stem for found in files if found["errors"]} == {"app-openai", "app-deepseek"}


# schema


def test_the_schema_takes_our_definitions_and_refuses_a_typo(run: Run) -> None:
    schema = run("schema").document()
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema == json.loads((ROOT / "schema" / "definition.schema.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator(schema)
    definitions = [path for path in (ROOT / "define").glob("*.yml") if not path.name.endswith(".test.yml")]
    assert definitions
    for path in definitions:
        content = path.read_text(encoding="utf-8")
        assert content.splitlines()[0].startswith("# yaml-language-server: $schema="), path
        document = yaml.safe_load(content)
        assert not list(validator.iter_errors(document)), path
        document["metrics"][0]["http"]["parseScrpit"] = "$"
        assert list(validator.iter_errors(document)), path


def test_the_modeline_leads_to_the_schema() -> None:
    for path in (ROOT / "define").glob("*.yml"):
        first = path.read_text(encoding="utf-8").splitlines()[0]
        if not path.name.endswith(".test.yml"):
            assert (path.parent / first.rpartition("=")[2]).resolve() == ROOT / "schema" / "definition.schema.json"


def test_the_schema_explains_its_keys(run: Run) -> None:
    schema = run("schema").document()
    http = schema["$defs"]["Http"]["properties"]
    assert all(key.get("description") for key in http.values())


# test DEFINITION --response


def tried(run: Run, path: Path, saved: str, *more: str) -> Any:
    return run("test", str(path), "--metrics", "queues", "--response", "-", *more, stdin=saved)


def test_rows_of_a_saved_answer(run: Run, queues: Callable[..., Path], tmp_path: Path) -> None:
    saved = tmp_path / "answer.json"
    saved.write_text(SAVED)
    done = run("test", str(queues()), "--metrics", "queues", "--response", str(saved), "--format", "json")
    assert done.code == 0
    assert '"disk": 1.5' in done.out
    assert '"oldest": 90.5' in done.out


def test_each_empty_field_has_its_reason(run: Run, queues: Callable[..., Path]) -> None:
    done = tried(run, queues(), '{"queues": [{"name": "mail", "messages": {"oldest": 1}}]}')
    told = done.out + done.err
    assert re.search(r"disk.*`?bytes`?", told)
    assert re.search(r"oldest.*`\$\.messages` exists, `oldest_ms` does not; did you mean `oldest`\?", told)


def test_an_expression_that_fails_says_how(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(("disk=bytes", "disk=bytes / 0"))
    assert re.search(r"disk.*`bytes / 0` fails: .*zero", tried(run, path, SAVED).out)


def test_where_the_path_of_the_rows_broke(run: Run, queues: Callable[..., Path]) -> None:
    path = queues(("$.queues[*]", "$.daily_costs[*].line_item[*]"))
    done = tried(run, path, '{"daily_costs": [{"line_items": [{"name": "mail"}]}]}')
    told = done.out + done.err
    assert "`line_item` does not" in told
    assert "did you mean `line_items`?" in told


def test_a_saved_failure(run: Run, queues: Callable[..., Path]) -> None:
    done = tried(run, queues(), '{"error": {"message": "no such key"}}', "--status", "401")
    assert done.code == 1
    assert "401" in done.out + done.err
    assert "no such key" in done.out + done.err


def test_a_saved_header(run: Run, definition: Write) -> None:
    path = definition(metric_set("limits", {"X-Left": 0}, {"parseType": "header"}))
    done = run("test", str(path), "--response", "-", "--header", "X-Left: 58", "--format", "json", stdin="{}")
    assert done.code == 0
    assert '"X-Left": 58' in done.out


def test_the_way_of_one_value(run: Run, queues: Callable[..., Path]) -> None:
    done = tried(run, queues(), SAVED, "--explain", "disk")
    assert done.code == 0
    steps = [done.out.find(step) for step in ("$.queues[*]", "1572864", "B to MB", "1.5")]
    assert -1 not in steps
    assert "bytes" in done.out
    assert "oldest_ms" not in done.out.partition("the way of the first row")[2]


# tests beside definitions


def test_tests_beside_definitions(run: Run, queues: Callable[..., Path], tmp_path: Path) -> None:
    queues()
    case = {"name": "sizes", "metrics": "queues", "response": json.loads(SAVED)}
    rows: list[dict[str, object]] = [{"queue": "mail", "disk": 1.5}, {"queue": "push", "oldest": None}]
    beside = tmp_path / "queues.test.yml"
    beside.write_text(yaml.safe_dump({"tests": [{**case, "expect": {"rows": rows}}]}))
    assert run("test", str(tmp_path)).code == 0
    rows[0]["disk"] = 2
    beside.write_text(yaml.safe_dump({"tests": [{**case, "expect": {"rows": rows}}]}))
    done = run("test", str(tmp_path))
    told = done.out + done.err
    assert done.code == 1
    assert "sizes" in told
    assert "disk" in told
    assert "1.5" in told


def test_our_own_definitions_have_tests_that_pass(run: Run) -> None:
    assert run("test", str(ROOT / "define")).code == 0


def test_a_test_file_with_a_typo_is_refused_with_its_place(
    run: Run, queues: Callable[..., Path], tmp_path: Path
) -> None:
    queues()
    (tmp_path / "queues.test.yml").write_text("tests:\n  - name: x\n    metric: queues\n    response: {}\n")
    done = run("test", str(tmp_path))
    assert done.code == 2
    assert "queues.test.yml:3:5" in done.out + done.err


# new


def test_a_draft_validates_and_reads_its_own_sample(run: Run, tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    items = [{"model": f"m{number}", "cost-usd": number / 4, "calls": number} for number in range(3)]
    sample.write_text(json.dumps({"object": "list", "total": 3, "data": {"items": items}}))
    draft = tmp_path / "spend.yml"
    assert run("new", "spend", "--from", str(sample), "--output", str(draft)).code == 0
    checked = run("validate", str(draft))
    assert checked.code == 0
    assert "warning[" not in checked.out + checked.err
    document = yaml.safe_load(draft.read_text())
    first = document["metrics"][0]
    assert first["http"]["parseScript"].startswith("$.data.items")
    types = {found["field"]: str(found["type"]) for found in first["fields"]}
    assert sorted(types.values()) == ["0", "0", "1"]
    done = run("test", str(draft), "--metrics", first["name"], "--response", str(sample), "--format", "json")
    assert done.code == 0
    assert "0.25" in done.out
    assert "m2" in done.out


def test_a_draft_never_replaces_a_file(run: Run, tmp_path: Path) -> None:
    sample = tmp_path / "sample.json"
    sample.write_text('{"a": 1}')
    done = run("new", "spend", "--from", str(sample), "--output", str(sample))
    assert done.code == 2
    assert sample.read_text() == '{"a": 1}'


# the nine parse types, over HTTP


def collected(
    ask: Ask, definition: Write, found: Mapping[str, object], body: Answer | Callable[[Asked], Answer], *more: str
) -> list[dict[str, Any]]:
    path = definition(found)
    with origin({"/x": body}) as server:
        done = ask(server.port, "--define", str(path), *more)
        return done.rows(str(found["name"]))


def plain(body: str) -> Answer:
    return text(body, kind="text/plain")


PARSED: dict[str, tuple[dict[str, object], Answer, list[dict[str, Any]]]] = {
    "default": (
        metric_set("m", {"used": 0, "plan": 1}, {"parseType": "default"}),
        answer([{"used": 3, "plan": "free"}, {"used": 4, "plan": None}]),
        [{"used": 3, "plan": "free"}, {"used": 4, "plan": None}],
    ),
    "jsonPath": (
        metric_set("m", {"a": 0}, {"parseType": "jsonPath", "parseScript": "$.l[?(@.n =~ /^p.*/)]"}, aliasFields=["$.1m.x"],
                   calculates=["a=$.1m.x"]),
        answer({"l": [{"n": "push", "1m": {"x": 7}}, {"n": "mail", "1m": {"x": 8}}]}),
        [{"a": 7}],
    ),
    "prometheus": (
        metric_set("jobs", {"code": 1, "n": 0}, {"parseType": "prometheus"}, aliasFields=["code", "value"],
                   calculates=["n=value"]),
        plain('# TYPE jobs counter\njobs{code="200"} 3\njobs{code="500"} 1.5\nother 1\n'),
        [{"code": "200", "n": 3}, {"code": "500", "n": 1.5}],
    ),
    "PromQL": (
        metric_set("m", {"job": 1, "n": 0, "t": 0}, {"parseType": "PromQL"}, aliasFields=["job", "value", "timestamp"],
                   calculates=["n=value", "t=timestamp"]),
        answer({"status": "success", "data": {"resultType": "vector", "result": [
            {"metric": {"job": "api"}, "value": [1774996205, "2.5"]}]}}),
        [{"job": "api", "n": 2.5, "t": 1774996205000}],
    ),
    "xmlPath": (
        metric_set("m", {"name": 1, "free": 0}, {"parseType": "xmlPath", "parseScript": "//line"},
                   aliasFields=["@name", "free"], calculates=["name=@name"]),
        text('<s><line name="n"><free>12</free></line><line name="s"/></s>', kind="application/xml"),
        [{"name": "n", "free": 12}, {"name": "s", "free": None}],
    ),
    "website": (
        metric_set("m", {"statusCode": 0, "keyword": 0}, {"parseType": "website", "keyword": "[Ww]elcome"}),
        text("<p>Welcome, welcome</p>", kind="text/html"),
        [{"statusCode": 200, "keyword": 2}],
    ),
    "header": (
        metric_set("m", {"left": 0}, {"parseType": "header"}, aliasFields=["x-left"], calculates=["left=x-left"]),
        Answer(b"{}", headers={"X-Left": "58"}),
        [{"left": 58}],
    ),
    "config": (
        metric_set("m", {"name": 1, "quota": 0}, {"parseType": "config", "parseScript": "users"}),
        plain("# people\nusers[0].name = ann\nusers[0].quota: 10\nusers[1].name bob\n"),
        [{"name": "ann", "quota": 10}, {"name": "bob", "quota": None}],
    ),
}  # fmt: skip


@pytest.mark.parametrize(("found", "body", "rows"), PARSED.values(), ids=PARSED)
def test_parse_types_over_http(
    ask: Ask, definition: Write, found: dict[str, object], body: Answer, rows: list[dict[str, Any]]
) -> None:
    assert collected(ask, definition, found, body) == rows


def test_the_pages_of_a_sitemap(ask: Ask, definition: Write) -> None:
    path = definition(
        metric_set("m", {"url": 1, "statusCode": 0, "responseTime": 0, "errorMsg": 1}, {"parseType": "sitemap"})
    )

    def pages(asked: Asked) -> Answer:
        base = f"http://{asked.headers['host']}"
        urls = "".join(f"<url><loc>{base}/{page}</loc></url>" for page in ("a", "gone"))
        return text(f'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9">{urls}</urlset>', kind="text/xml")

    with origin({"/x": pages, "/a": text("<p>a</p>", kind="text/html")}) as server:
        first, second = ask(server.port, "--define", str(path)).rows("m")
        assert (first["url"], first["statusCode"]) == (f"http://127.0.0.1:{server.port}/a", 200)
        assert second["statusCode"] == 404
        assert first["responseTime"] >= 0
        assert all("authorization" not in asked.headers for asked in server.asked[1:])


def test_malformed_exposition_text_fails_and_says_where(ask: Ask, definition: Write) -> None:
    path = definition(metric_set("jobs", {"value": 0}, {"parseType": "prometheus"}))
    with origin({"/x": plain("jobs 1\njobs{ 2\n")}) as server:
        done = ask(server.port, "--define", str(path))
    assert done.sets()["jobs"]["code"] == "FAIL"
    assert "line 2" in done.sets()["jobs"]["message"]


# values


def test_units_by_declaration_and_from_the_data(ask: Ask, definition: Write) -> None:
    names = ["a", "b", "c", "d"]
    found = metric_set(
        "m", dict.fromkeys(names, 0), {"parseScript": "$[*]"}, units=["a=B->MB", "b=GB->MB", "c=ms->S", "d=H->MIN"]
    )
    for entry in found["fields"][:2]:  # type: ignore[index]
        entry["unit"] = "MB"
    sent = [{"a": 1572864, "b": 1.5, "c": 90500, "d": 2}, {"a": "2GB", "b": "3", "c": "1000", "d": None}]
    assert collected(ask, definition, found, answer(sent)) == [
        {"a": 1.5, "b": 1536, "c": 90.5, "d": 120},
        {"a": 2048, "b": 3072, "c": 1, "d": None},
    ]


def test_a_row_stays_when_any_filter_is_true(ask: Ask, definition: Write) -> None:
    found = metric_set(
        "m", {"name": 1, "n": 0}, {"parseScript": "$[*]"}, filters=["n > 2", "name =^ 'tmp' and n == null"]
    )
    sent = [{"name": "a", "n": 3}, {"name": "b", "n": 1}, {"name": "tmp1"}, {"name": "c"}]
    assert [row["name"] for row in collected(ask, definition, found, answer(sent))] == ["a", "tmp1"]


def test_field_types(ask: Ask, definition: Write) -> None:
    found = metric_set("m", {"n": 0, "t": 1, "s": 2, "at": 3}, {"parseType": "jsonPath"})
    [row] = collected(ask, definition, found, answer({"n": "12.50", "t": 7, "s": "geheim", "at": "08:30:15"}))
    assert row == {"n": 12.5, "t": "7", "s": "***", "at": 30615}


def test_a_failing_expression_costs_its_own_cell_only(ask: Ask, definition: Write) -> None:
    found = metric_set(
        "m",
        {"sum": 0, "bad": 0, "zero": 0, "word": 1, "cpu": 0},
        {},
        aliasFields=["a", "b", "t", "js"],
        calculates=[
            "sum=a + b", "bad=nothing + 1", "zero=a / 0", "word=a > 4 ? 'more' : 'less'", "cpu=json:apply(js).cpu * 100",
        ],
    )  # fmt: skip
    [row] = collected(ask, definition, found, answer({"a": 10, "b": 4, "js": '{"cpu": 0.25}'}))
    assert row == {"sum": 14, "bad": None, "zero": None, "word": "more", "cpu": 25}


@pytest.mark.parametrize(
    "expression",
    [
        "a.__class__",
        "a.class",
        "''.getClass()",
        "a = 5",
        "new('java.lang.String')",
        "().__class__.__bases__",
        "while(true){}",
    ],
)
def test_expressions_reach_nothing_but_the_row(ask: Ask, definition: Write, expression: str) -> None:
    found = metric_set("m", {"n": 1, "b": 0}, {}, aliasFields=["a", "b"], calculates=[f"n={expression}"])
    assert collected(ask, definition, found, answer({"a": 10, "b": 4})) == [{"n": None, "b": 4}]


def test_success_codes(ask: Ask, definition: Write) -> None:
    found = metric_set("m", {"n": 0}, {"successCodes": ["200", "404"]})
    assert collected(ask, definition, found, answer({"n": 1}, 404)) == [{"n": 1}]


@pytest.mark.parametrize("status", [201, 204, 404])
def test_only_200_is_success_otherwise(ask: Ask, definition: Write, status: int) -> None:
    path = definition(metric_set("m", {"n": 0}, {}))
    body = Answer(b"", status) if status == 204 else answer({"n": 1}, status)
    with origin({"/x": body}) as server:
        done = ask(server.port, "--define", str(path))
    assert done.code == 1
    assert str(status) in done.sets()["m"]["message"]


# fan-out


def fan(definition: Write) -> Path:
    return definition(
        metric_set("projects", {"id": 1}, {"url": "/projects", "parseScript": "$[*]"}),
        metric_set("costs", {"project": 1, "cost": 0}, {"url": "/cost/^o^id^o^"}, priority=1),
    )


def test_one_request_for_each_row_in_their_order(ask: Ask, definition: Write) -> None:
    ids = [f"p{number}" for number in range(5)]
    answers = {f"/cost/{name}": answer({"project": name, "cost": number}) for number, name in enumerate(ids)}
    del answers["/cost/p3"]
    with origin({"/projects": answer([{"id": name} for name in ids]), **answers}) as server:
        done = ask(server.port, "--define", str(fan(definition)))
    assert [row["project"] for row in done.rows("costs")] == ["p0", "p1", "p2", "p4"]
    assert "1 of 5" in done.sets()["costs"]["message"]
    assert "404" in done.sets()["costs"]["message"]


def test_at_most_fifty_requests_and_the_message_says_so(ask: Ask, definition: Write) -> None:
    answers = {f"/cost/{number}": answer({"project": str(number), "cost": 1}) for number in range(60)}
    with origin({"/projects": answer([{"id": str(number)} for number in range(60)]), **answers}) as server:
        done = ask(server.port, "--define", str(fan(definition)))
        assert len(server.asked) == 51
    assert len(done.rows("costs")) == 50
    assert "50 of 60" in done.sets()["costs"]["message"]


def test_what_an_answer_says_is_no_placeholder(ask: Ask, definition: Write) -> None:
    with origin({"/projects": answer([{"id": "^_^token^_^"}])}) as server:
        ask(server.port, "--define", str(fan(definition)))
        assert all("sess-sandbox" not in asked.everything for asked in server.asked)


# requests


def request_of(ask: Ask, definition: Write, http: Mapping[str, object], *more: str, **context: Any) -> Asked:
    path = definition(metric_set("m", {"n": 0}, http), **context)
    with origin({"/x": answer({"n": 1})}) as server:
        done = ask(server.port, "--define", str(path), *more)
        assert done.rows("m") == [{"n": 1}]
        return server.only()


def test_basic_authentication(ask: Ask, definition: Write) -> None:
    sent = request_of(
        ask, definition,
        {"authorization": {"type": "Basic Auth", "basicAuthUsername": "ann", "basicAuthPassword": "^_^token^_^"}},
        "--param", "token=s3cret",
    )  # fmt: skip
    assert sent.headers["authorization"] == "Basic YW5uOnMzY3JldA=="


def digest_protected(asked: Asked) -> Answer:
    """Answer 401 with a challenge, and 200 to the right answer of RFC 7616 (MD5, auth)."""
    challenge = 'Digest realm="r", nonce="abc123", qop="auth", algorithm=MD5, opaque="o"'
    refused = answer({"error": {"message": "no"}}, 401, **{"WWW-Authenticate": challenge})
    given = asked.headers.get("authorization", "")
    if not given.startswith("Digest "):
        return refused
    parts = {key: quoted or bare for key, quoted, bare in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', given)}

    def md5(*texts: str) -> str:
        return hashlib.md5(":".join(texts).encode(), usedforsecurity=False).hexdigest()

    right = md5(
        md5("ann", "r", "s3cret"), "abc123", parts["nc"], parts["cnonce"], "auth", md5(asked.method, asked.target)
    )
    return answer({"n": 1}) if parts["response"] == right else refused


def test_digest_authentication(ask: Ask, definition: Write) -> None:
    http = {"authorization": {"type": "Digest Auth", "digestAuthUsername": "ann", "digestAuthPassword": "^_^token^_^"}}
    path = definition(metric_set("m", {"n": 0}, http))
    with origin({"/x": digest_protected}) as server:
        assert ask(server.port, "--define", str(path), "--param", "token=s3cret").rows("m") == [{"n": 1}]
        assert len(server.asked) == 2
        assert all("s3cret" not in asked.everything for asked in server.asked)


def test_digest_settings_never_answer_a_basic_challenge(ask: Ask, definition: Write) -> None:
    http = {"authorization": {"type": "Digest Auth", "digestAuthUsername": "ann", "digestAuthPassword": "^_^token^_^"}}
    path = definition(metric_set("m", {"n": 0}, http))
    with origin({"/x": answer({}, 401, **{"WWW-Authenticate": 'Basic realm="r"'})}) as server:
        assert ask(server.port, "--define", str(path), "--param", "token=s3cret").code == 1
        assert all("authorization" not in asked.headers for asked in server.asked)


def test_a_payload_with_a_time_expression(ask: Ask, definition: Write) -> None:
    zone = [parameter("timezone", defaultValue="UTC"), parameter("token", "password")]
    today = dt.datetime.now(dt.UTC).date()
    sent = request_of(
        ask, definition, {"method": "POST", "payload": '{"day": "${@date-1d}", "at": ${@timestamp10}}'}, params=zone
    )
    body = json.loads(sent.body)
    assert sent.method == "POST"
    assert body["day"] in {
        str(today - dt.timedelta(days=1)),
        str(dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)),
    }
    assert 0 <= time.time() - body["at"] < 600


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "PATCH"])
def test_methods(ask: Ask, definition: Write, method: str) -> None:
    assert request_of(ask, definition, {"method": method}).method == method


def test_every_unit_of_a_time_expression(ask: Ask, definition: Write) -> None:
    offsets = {"y": 365, "M": 30, "w": 7, "d": 1}
    params = {unit: f"${{@timestamp10-1{unit}}}" for unit in (*offsets, "H", "m", "s")}
    sent = request_of(ask, definition, {"params": {"now": "${@timestamp10}", **params}})
    ago = {unit: int(sent.query["now"]) - int(sent.query[unit]) for unit in params}
    assert {unit: ago[unit] for unit in ("H", "m", "s")} == {"H": 3600, "m": 60, "s": 1}
    assert all(abs(ago[unit] / 86400 - days) <= 3 for unit, days in offsets.items())


def test_a_map_of_headers_and_a_list_of_fields(ask: Ask, definition: Write) -> None:
    declared = [parameter("headers", "key-value"), parameter("names", "array"), parameter("token", "password")]
    found = metric_set(
        "m",
        {"a": 0, "b": 0},
        {"headers": {"^_^headers^_^": "^_^headers^_^", "X-Own": "1"}},
        aliasFields=["^_^names^_^"],
    )
    path = definition(found, params=declared)
    given = ["--param", 'headers={"X-Team":"blue","X-Env":"test"}', "--param", "names=a,b"]
    with origin({"/x": answer({"a": 1, "b": 2})}) as server:
        assert ask(server.port, "--define", str(path), *given).rows("m") == [{"a": 1, "b": 2}]
        headers = server.only().headers
    assert (headers["x-team"], headers["x-env"], headers["x-own"]) == ("blue", "test", "1")
    with origin({"/x": answer({"a": 1, "b": 2})}) as server:
        ask(server.port, "--define", str(path), "--param", "names=a,b")
        assert "^_^" not in server.only().everything


def test_url_encoding_and_without(ask: Ask, definition: Write) -> None:
    sent = request_of(ask, definition, {"params": {"q": "a b&c", "bare": ""}})
    assert sent.target == "/x?q=a%20b%26c&bare"
    sent = request_of(ask, definition, {"url": "/x?q=a%2Fb", "enableUrlEncoding": False})
    assert sent.target == "/x?q=a%2Fb"


def test_a_host_with_a_scheme_overrides_ssl(ask: Ask, definition: Write) -> None:
    request_of(ask, definition, {"ssl": "true", "host": "http://^_^host^_^"})


def can_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as found:
            found.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not can_ipv6(), reason="no IPv6 here")
@pytest.mark.parametrize("host", ["::1", "[::1]", "http://[::1]"])
def test_an_ipv6_host(run: Run, definition: Write, host: str) -> None:
    path = definition(metric_set("m", {"n": 0}, {"ssl": "false"}))
    with origin({"/x": answer({"n": 1})}, address="::1") as server:
        given = ["--param", f"host={host}", "--param", f"port={server.port}"]
        done = run("collect", "--define", str(path), "--format", "json", *given)
        assert done.rows("m") == [{"n": 1}]
        assert server.only().headers["host"] == f"[::1]:{server.port}"


# hostile input


def hostile_definitions() -> dict[str, str]:
    bomb = "".join(f"b{level}: &b{level} [{', '.join([f'*b{level - 1}'] * 9)}]\n" for level in range(1, 10))
    return {
        "alias_bomb": f"b0: &b0 [x]\n{bomb}{CLEAN}",
        "huge_scalar": CLEAN.replace("en-US: Queues", f"en-US: {'x' * 10_000_000}"),
        "deep": CLEAN.replace("en-US: Queues", f"en-US: {'[' * 50_000}{']' * 50_000}"),
        "deep_blocks": CLEAN + "annotations:\n" + "".join(f"{' ' * level}a:\n" for level in range(1, 1000)),
        "parentheses": CLEAN.replace("disk=bytes", f"disk={'(' * 10_000}bytes{')' * 10_000}"),
        "brackets": CLEAN.replace("$.queues[*]", f"$.queues{'[?(@.a' * 5_000}{')]' * 5_000}"),
        "repetition": CLEAN.replace("disk=bytes", f"disk={' + '.join(['bytes'] * 50_000)}"),
        "placeholders": CLEAN.replace("url: /v1/queues", f"url: /{'^_^host^_^' * 10_000}"),
    }


@pytest.mark.parametrize("kind", hostile_definitions())
def test_hostile_definitions_are_answered_in_little_time(run: Run, tmp_path: Path, kind: str) -> None:
    path = tmp_path / f"{kind}.yml"
    path.write_text(hostile_definitions()[kind])
    began = time.process_time()
    done = run("validate", str(path))
    assert time.process_time() - began < 2
    assert done.code in {0, 1}
    assert "Traceback" not in done.out + done.err
    if done.code:
        assert re.search(rf"{kind}\.yml:\d+:\d+: error", done.out)


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="asks the system for a child's peak memory")
def test_hostile_definitions_are_answered_in_little_memory(tmp_path: Path) -> None:
    hostile = []
    for kind, content in hostile_definitions().items():
        hostile.append(tmp_path / f"{kind}.yml")
        hostile[-1].write_text(content)
    mild = tmp_path / "mild.yml"
    mild.write_text(CLEAN)
    peaks = []
    for files in ([mild], hostile):
        started = process("validate", *map(str, files))
        _, status, usage = os.wait4(started.pid, 0)
        assert os.waitstatus_to_exitcode(status) in {0, 1}
        started.returncode = 0
        for stream in (started.stdout, started.stderr):
            assert stream
            stream.close()
        peaks.append(usage.ru_maxrss / 1024)
    assert peaks[1] - peaks[0] < 100


REGEX = "(a+)+$"
SUFFERING = "a" * 20_000 + "!"
HOSTILE_ANSWERS: dict[str, tuple[dict[str, object], Answer]] = {
    "pattern in a keyword": (
        metric_set("m", {"keyword": 0}, {"parseType": "website", "keyword": REGEX}),
        text(SUFFERING, kind="text/plain"),
    ),
    "pattern in a filter": (
        metric_set("m", {"a": 1}, {}, filters=[f"a =~ '{REGEX}'"]),
        answer({"a": SUFFERING}),
    ),
    "pattern in a path": (
        metric_set("m", {"a": 1}, {"parseScript": f"$[?(@.a =~ /{REGEX}/)]"}),
        answer([{"a": SUFFERING}]),
    ),
    "billion laughs": (
        metric_set("m", {"a": 1}, {"parseType": "xmlPath", "parseScript": "//a"}),
        text(
            '<!DOCTYPE a [<!ENTITY b0 "ha">'
            + "".join(f'<!ENTITY b{n} "{f"&b{n - 1};" * 10}">' for n in range(1, 10))
            + "]><a>&b9;</a>",
            kind="text/xml",
        ),
    ),
    "external entity": (
        metric_set("m", {"a": 1}, {"parseType": "xmlPath", "parseScript": "//a"}, aliasFields=["."], calculates=["a=."]),
        text('<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>', kind="text/xml"),
    ),
    "deep JSON": (metric_set("m", {"a": 1}, {}), text("[" * 100_000 + "]" * 100_000)),
    "deep XML": (
        metric_set("m", {"a": 1}, {"parseType": "xmlPath", "parseScript": "//a"}),
        text("<a>" * 50_000 + "</a>" * 50_000, kind="text/xml"),
    ),
    "long number": (metric_set("m", {"a": 0}, {}), text('{"a": ' + "9" * 100_000 + "}")),
}  # fmt: skip


@pytest.mark.parametrize(("found", "body"), HOSTILE_ANSWERS.values(), ids=HOSTILE_ANSWERS)
def test_hostile_answers_are_answered_in_little_time(
    ask: Ask, definition: Write, found: dict[str, object], body: Answer
) -> None:
    path = definition(found)
    with origin({"/x": body}) as server:
        began = time.process_time()
        done = ask(server.port, "--define", str(path))
        assert time.process_time() - began < 2
    assert done.code in {0, 1}
    assert "root:" not in done.out
    assert "Traceback" not in done.out + done.err
