"""A definition loads, or everything wrong with it is said at once, each thing with its place."""

import random
from pathlib import Path

import pytest
from tests.corpus import ROOT, shared

from openai_monitor.definition.lint import lint, validate, validate_for_hertzbeat
from openai_monitor.definition.load import Definition, parse_definition, read_definition
from openai_monitor.definition.model import MetricSet, ParamSpec
from openai_monitor.definition.parts import read_part
from openai_monitor.errors import DefinitionError, Problem

GOOD = """\
category: custom
app: acme
name: {en-US: Acme}
params:
  - field: host
    name: {en-US: Host}
    type: host
    required: yes
  - {field: port, name: {en-US: Port}, type: number, range: '[0,65535]', defaultValue: 0443, limit: 0x10}
metrics:
  - name: usage
    i18n: {en-US: Usage, ja-JP: 使用量}
    priority: 0
    protocol: http
    fields:
      - {field: used, type: 0, unit: MB, label: off}
      - field: 010
        type: "1"
    aliasFields: [used, on]
    calculates:
      - 010=on
    units: [used=B->MB]
    http: &http
      host: ^_^host^_^
      port: ^_^port^_^
      url: /usage
      method: GET
      ssl: yes
      timeout: 6_000
      headers: {X-Version: 1.0, X-None: ~}
      params: {day: "${@date}", 1: 2}
      successCodes: [200, 0404]
      parseType: jsonPath
      parseScript: $
  - name: more
    protocol: http
    priority: 1:0
    fields:
      - {field: used, type: 0}
    http:
      <<: *http
      url: /more
"""


def load(text: str) -> Definition:
    return parse_definition(text, "good.yml")


def problems_of(text: str | bytes) -> list[Problem]:
    with pytest.raises(DefinitionError) as raised:
        parse_definition(text, "bad.yml")
    return list(raised.value.problems)


def test_a_definition_loads_with_its_sets_and_parameters_in_order() -> None:
    definition = load(GOOD)
    assert definition.app == "acme"
    assert [metric_set.name for metric_set in definition.sets] == ["usage", "more"]
    assert [spec.field for spec in definition.params] == ["host", "port"]
    assert definition.warnings == ()


def test_texts_keep_what_is_written_and_numbers_are_read_as_yaml_1_1_has_them() -> None:
    usage, more = load(GOOD).sets
    assert usage.http is not None
    assert (usage.http.ssl, usage.http.timeout) == ("yes", "6_000")
    assert usage.http.headers == {"X-Version": "1.0", "X-None": None}
    assert usage.http.params == {"day": "${@date}", "1": "2"}
    assert usage.http.success_codes == ["200", "0404"]
    assert [(spec.field, spec.type, spec.label) for spec in usage.fields] == [
        ("used", 0, False),
        ("010", 1, False),
    ]
    assert usage.alias_fields == ["used", "on"]
    assert more.priority == 60


def test_parameters_are_read_the_same_way() -> None:
    host, port = load(GOOD).params
    assert host.required is True
    assert (port.default_value, port.range, port.limit, port.required) == ("0443", "[0,65535]", 16, False)


def test_merged_keys_count_and_own_ones_win() -> None:
    usage, more = load(GOOD).sets
    assert more.http is not None
    assert usage.http is not None
    assert more.http.url == "/more"
    assert more.http.headers == usage.http.headers


def test_a_set_left_alone_has_hertzbeats_defaults() -> None:
    (metric_set,) = load("metrics: [{protocol: http, fields: [{field: a}]}]").sets
    assert (metric_set.priority, metric_set.visible, metric_set.interval, metric_set.fields[0].type) == (
        127,
        True,
        0,
        1,
    )
    assert load("metrics: []\nparams:\n").params == ()


def test_null_takes_the_default_where_hertzbeat_does() -> None:
    text = "metrics: [{protocol: http, fields: [{field: a}], priority: ~, aliasFields: null, http: null}]"
    (metric_set,) = load(text).sets
    assert (metric_set.priority, metric_set.alias_fields, metric_set.http) == (127, None, None)


@pytest.mark.parametrize("key", ["type: ~", "label: "])
def test_null_is_no_number_and_no_boolean(key: str) -> None:
    (problem,) = problems_of(f"metrics: [{{protocol: http, fields: [{{field: a, {key}}}]}}]")
    assert problem.message.endswith("found nothing")


@pytest.mark.parametrize(
    "key",
    [
        *(
            "id: 5",
            "annotations: {a: 5}",
            "configmap: []",
            'cronExpression: "0 0 * * *"',
            "cyclic: true",
            "sd: false",
        ),
        *(
            "defaultInterval: 30",
            "prometheusProxyMode: off",
            "scheduleType: cron",
            "hide: no",
            "helpLink: {en-US: x}",
        ),
        *("labels: {a: b}", "metadata: {a: b}", "intervals: [1, 2]", "help: {xx-YY: x}"),
    ],
)
def test_keys_of_hertzbeats_own_load(key: str) -> None:
    load(GOOD + key)


@pytest.mark.parametrize(
    "key",
    ["hide: maybe", "id: abc", "cyclic: 1", "annotations: {a: {b: c}}", "creator: me", "isCyclic: true"],
)
def test_what_hertzbeat_does_not_take_there_is_refused(key: str) -> None:
    (problem,) = problems_of(GOOD + key)
    assert problem.rule in ("wrong-type", "unknown-key")


@pytest.mark.parametrize("section", ["jdbc: {url: x, anything: [goes]}", "ssh: text", "nebulaGraph: ~", "http_sd: {}"])
def test_a_set_of_another_protocol_loads_and_its_section_is_not_looked_at(section: str) -> None:
    (metric_set,) = load(f"metrics:\n- protocol: other\n  fields: [{{field: a}}]\n  {section}\n").sets
    assert metric_set.protocol == "other"


@pytest.mark.parametrize(("written", "read"), [("[a]", "a"), ("['010']", "010")])
def test_a_text_written_as_a_list_of_one_text_is_that_text(written: str, read: str) -> None:
    (metric_set,) = load(
        f"metrics: [{{protocol: http, fields: [{{field: {written}, i18n: {{en-US: {written}}}}}]}}]"
    ).sets
    assert metric_set.fields[0].field == read
    assert metric_set.fields[0].i18n == {"en-US": read}


def test_a_null_in_such_a_list_and_a_list_of_two_are_no_text() -> None:
    (problem,) = problems_of("app: [a, b]\nmetrics: []")
    assert problem.message == "expected text, found a list"


def test_attribute_names_of_the_models_are_no_keys() -> None:
    (problem,) = problems_of("metrics: [{protocol: http, fields: [{field: a}], alias_fields: [a]}]")
    assert problem.hint == "did you mean `aliasFields`?"


def test_models_take_hertzbeats_keys_and_their_own_names() -> None:
    assert read_part(MetricSet, {"name": "x", "aliasFields": ["a"], "priority": "010"}).priority == 8
    assert ParamSpec(field="x", default_value="5", required=True).default_value == "5"


@pytest.mark.parametrize("priority", ["-1", "128", "200", "256", "40000"])
def test_a_priority_that_a_signed_byte_would_turn_round_is_refused(priority: str) -> None:
    (problem,) = problems_of(GOOD.replace("priority: 1:0", f"priority: {priority}"))
    assert problem.rule == "priority"


@pytest.mark.parametrize(
    "kind", ["bearer token", "BEARER TOKEN", "Basic Auth", "Digest Auth", "^_^kind^_^", "^o^kind^o^", "~"]
)
def test_authorization_types_that_load(kind: str) -> None:
    load(GOOD.replace("ssl: yes", f"authorization: {{type: {kind}}}"))


@pytest.mark.parametrize("kind", ["bearer", "basic auth", "digest auth", "OAuth2", "''"])
def test_authorization_types_that_would_send_nothing_are_refused(kind: str) -> None:
    (problem,) = problems_of(GOOD.replace("ssl: yes", f"authorization: {{type: {kind}}}"))
    assert problem.rule == "authorization-type"


@pytest.mark.parametrize("codes", ["[200]", "[ok, 404]", "[^_^codes^_^]", "[^o^code^o^]", "~", "[+200]", "[0200]"])
def test_success_codes_that_load(codes: str) -> None:
    load(GOOD.replace("[200, 0404]", codes))


@pytest.mark.parametrize("codes", ["[]", "[ok]", "['']", "[2xx]", "[200.0]", "[2e2]", "[~]"])
def test_success_codes_without_a_number_are_refused(codes: str) -> None:
    (problem,) = problems_of(GOOD.replace("[200, 0404]", codes))
    assert problem.rule == "success-codes"


@pytest.mark.parametrize(
    "entry", ["used=B->MB", "' used = B -> MB '", "used=B->^_^port^_^", "^_^port^_^", "used=USD->EUR"]
)
def test_units_that_load(entry: str) -> None:
    load(GOOD.replace("[used=B->MB]", f"[{entry}]"))


@pytest.mark.parametrize(
    "entry", ["used=MB", "B->MB", "used=B->MB->GB", "->used=B", "''", "used=->MB", "'" + " " * 10**5 + "'"]
)
def test_units_that_say_nothing_are_refused(entry: str) -> None:
    (problem,) = problems_of(GOOD.replace("[used=B->MB]", f"[{entry}]"))
    assert problem.rule == "units"


def test_what_fails_one_set_only_loads() -> None:
    load(GOOD.replace("parseScript: $", "parseScript: $.data[").replace("010=on", "010=("))


# Positions


@pytest.mark.parametrize(
    ("key", "position"),
    [
        ("app", (2, 6)),
        ("name", (3, 1)),
        ("name.en-US", (3, 15)),
        ("params[0]", (5, 5)),
        ("params[0].type", (7, 11)),
        ("metrics[0].fields[1].field", (17, 16)),
        ("metrics[0].http", (23, 5)),
        ("metrics[0].http.headers.X-Version", (30, 28)),
        ("metrics[1].http.port", (25, 13)),
        ("metrics[1].http.url", (42, 12)),
        ("metrics[1].http.payload", (40, 5)),
        ("metrics[7].http", (10, 1)),
        ("", (1, 1)),
    ],
)
def test_a_key_path_has_a_position(key: str, position: tuple[int, int]) -> None:
    assert load(GOOD).position(key) == position


def test_a_key_with_dots_is_quoted_in_a_path() -> None:
    definition = load(GOOD.replace("X-Version:", "x.y:"))
    assert definition.position("metrics[0].http.headers['x.y']") == definition.position(
        ("metrics", 0, "http", "headers", "x.y")
    )
    assert definition.position("metrics[0].http.headers['x.y']") == (30, 22)


def test_a_problem_shows_the_path_it_can_be_found_by() -> None:
    definition = load(GOOD.replace("X-Version:", "x.y:"))
    problem = definition.problem("warning", "some-rule", ("metrics", 0, "http", "headers", "x.y"), "message", "hint")
    assert str(problem) == "good.yml:30:22: warning[some-rule] message (metrics[0].http.headers['x.y']); hint"


def test_repr_shows_neither_text_nor_tree() -> None:
    assert "Acme" not in repr(load(GOOD)).replace(repr(load(GOOD).document), "")


# Everything at once


def test_all_problems_are_said_at_once_in_the_order_of_the_file() -> None:
    text = (
        GOOD.replace("required: yes", "required: maybe")
        .replace("method: GET", "methods: GET")
        .replace("priority: 1:0", "priority: 500")
    )
    assert [(problem.line, problem.rule) for problem in problems_of(text)] == [
        (8, "wrong-type"),
        (27, "unknown-key"),
        (37, "priority"),
    ]


def test_a_broken_part_leads_to_no_second_problem() -> None:
    text = "metrics:\n- protocol: [a, b]\n  fields: none\n  calculates: [a: b]\n"
    assert {problem.rule for problem in problems_of(text)} == {"wrong-type"}


def test_many_problems_are_cut() -> None:
    assert len(problems_of("metrics: []\n" + "\n".join(f"k{i}: x" for i in range(5000)))) == 100


# Files and bytes


def test_a_file_is_read_and_named_as_it_was_given(tmp_path: Path) -> None:
    path = tmp_path / "acme.yml"
    path.write_bytes(GOOD.replace("\n", "\r\n").encode())
    definition = read_definition(path)
    assert definition.file == str(path)
    assert definition.position("app") == (2, 6)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_a_byte_order_mark_tells_the_encoding(encoding: str) -> None:
    assert parse_definition(GOOD.encode(encoding), "x.yml").sets[0].i18n == {
        "en-US": "Usage",
        "ja-JP": "使用量",
    }


@pytest.mark.parametrize("data", [b"app: caf\xe9\nmetrics: []", b"\xff\xfea", b"app: \xed\xa0\x80"])
def test_other_bytes_are_refused_with_their_place(data: bytes) -> None:
    (problem,) = problems_of(data)
    assert problem.rule in ("encoding", "wrong-type")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yml", tmp_path):
        with pytest.raises(DefinitionError, match="can't be read"):
            read_definition(path)


def test_a_huge_file_is_not_read_whole(tmp_path: Path) -> None:
    path = tmp_path / "huge.yml"
    with path.open("wb") as stream:
        stream.truncate(2**33)
    with pytest.raises(DefinitionError, match="larger than 3 MiB"):
        read_definition(path)


def test_hertzbeats_own_definitions_load() -> None:
    files = sorted(shared("define").glob("*.yml"))
    assert files
    for file in files:
        read_definition(file)


# Mutations

_PIECES = (
    *":-#[]{},&*!|>'\"%@`?<~ \t=.0a\x00\x7fé",
    "<<: ",
    "null",
    "yes",
    "&a ",
    "*a",
    "!!int ",
    "- ",
    "^_^x^_^",
    "^o^x^o^",
)


def _mutate(text: str, chance: random.Random) -> str:
    lines = text.split("\n")
    for _ in range(chance.choice((1, 1, 2, 5))):
        index = chance.randrange(len(lines))
        line, other = lines[index], lines[chance.randrange(len(lines))]
        place = chance.randrange(len(line) + 1)
        changed = chance.choice(
            (
                [],
                [line, other],
                [other],
                [" " + line],
                [line[1:]],
                [line[:place] + chance.choice(_PIECES) + line[place:]],
                [line[:place] + line[place + 1 :]],
                [line[:place] + chance.choice(_PIECES) + line[place + 1 :]],
            )
        )
        lines[index : index + 1] = changed
        lines = lines or [""]
    return "\n".join(lines)


def _load_problems(text: str) -> tuple[Problem, ...]:
    try:
        lint(parse_definition(text, "mutant.yml"))
    except DefinitionError as error:
        return error.problems or (Problem("mutant.yml", 0, 0, "error", "none", "refused for no reason"),)
    return ()


def _bases() -> list[str]:
    return [GOOD, *(path.read_text(encoding="utf-8") for path in sorted((ROOT / "define").glob("*.yml")))]


@pytest.mark.parametrize("seed", range(5))
def test_a_mutated_definition_loads_or_has_problems_with_places(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a repeatable choice
    loaded = 0
    for _ in range(100):
        text = _mutate(chance.choice(_bases()), chance)
        problems = _load_problems(text)
        loaded += not problems
        found = [*problems, *validate(text, "mutant.yml"), *validate_for_hertzbeat(text, "mutant.yml")]
        lines = text.count("\n") + 2
        assert all(0 < problem.line <= lines and problem.column > 0 and problem.message for problem in found)
    assert 5 < loaded < 95
