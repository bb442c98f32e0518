"""Each rule has a broken definition and the exact words it is answered with."""

from pathlib import Path

import pytest
from tests.corpus import ROOT, shared

from openai_monitor.definition import lint
from openai_monitor.definition.lint import (
    hertzbeat_problems,
    oldest_release,
    validate,
    validate_for_hertzbeat,
)
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.rules import Rules
from openai_monitor.definition.rules.doubts import DOUBTS
from openai_monitor.definition.rules.extensions import EXTENSIONS
from openai_monitor.definition.rules.failures import FAILURES
from openai_monitor.definition.rules.manager import DEMANDS, REMARKS
from openai_monitor.definition.rules.refusals import REFUSALS
from openai_monitor.definition.schema import definition_schema
from openai_monitor.errors import Problem

BROKEN = ROOT / "tests" / "data" / "broken"
FILES = sorted(BROKEN.glob("*.yml"))

SET = "{name: usage, priority: 0, protocol: http, fields: [{field: used, type: 0}], http: {host: ^_^host^_^, port: 1, url: /, method: GET, ssl: true, parseType: jsonPath, parseScript: $}}"
GOOD = f"category: custom\napp: acme\nname: {{en-US: Acme}}\nparams: [{{field: host, type: host}}, {{field: token, type: password}}]\nmetrics: [{SET}]\n"


def rules_of(text: str) -> list[str]:
    return [problem.rule for problem in validate(text, "x.yml")]


def lines(problems: list[Problem]) -> str:
    return "".join(f"{problem}\n" for problem in problems)


@pytest.mark.parametrize("file", FILES, ids=lambda path: path.stem)
def test_a_broken_definition_is_answered_with_these_words(file: Path) -> None:
    expected = file.with_suffix(".txt").read_text(encoding="utf-8")
    assert lines(validate(file.read_bytes(), file.name)) == expected


@pytest.mark.parametrize("expected", sorted(BROKEN.glob("*.hertzbeat.txt")), ids=lambda path: path.stem)
def test_hertzbeats_manager_is_judged_by_its_own_rules(expected: Path) -> None:
    file = expected.with_name(expected.name.replace(".hertzbeat.txt", ".yml"))
    assert lines(validate_for_hertzbeat(file.read_bytes(), file.name)) == expected.read_text(encoding="utf-8")


@pytest.mark.parametrize("rules", [REFUSALS, FAILURES, DOUBTS, DEMANDS, REMARKS, EXTENSIONS])
def test_every_rule_has_a_broken_definition(rules: Rules) -> None:
    said = "".join(path.read_text(encoding="utf-8") for path in BROKEN.glob("*.txt"))
    assert [name for name in rules.by_name if f"{rules.severity}[{name}]" not in said] == []


def test_a_good_definition_has_no_problems() -> None:
    assert validate(GOOD, "x.yml") == []
    assert validate_for_hertzbeat(GOOD, "x.yml") == []


def test_lint_says_of_a_loaded_definition_what_validate_says_of_its_text() -> None:
    text = GOOD.replace("app: acme", "app: acme\napp: other").replace("parseScript: $", "parseScript: '$.['")
    assert lint.lint(parse_definition(text, "x.yml")) == validate(text, "x.yml")


def test_two_rules_of_one_name_are_refused() -> None:
    rules = Rules("error")
    rules(lambda _: ())
    with pytest.raises(ValueError, match="two rules"):
        rules(lambda _: ())


def test_a_broken_set_is_not_linted_and_the_others_are() -> None:
    broken = SET.replace("method: GET", "method: GET, colour: blue")
    fine = (
        SET.replace("name: usage", "name: more")
        .replace("field: used", "field: free")
        .replace("}], http", "}], aliasFields: [x], http")
    )
    text = GOOD.replace(SET, f"{broken}, {fine}")
    assert rules_of(text) == ["unknown-key", "unfilled-field", "unused-alias"]


def test_a_misspelt_key_hides_nothing() -> None:
    text = GOOD.replace("method: GET", "methd: GET").replace("}], http", "}], aliasField: [x], http")
    assert sorted(rules_of(text)) == ["unfilled-field", "unknown-key", "unknown-key", "unused-alias"]


def test_a_misspelt_key_whose_value_fits_the_meant_one_badly_is_told_once() -> None:
    assert rules_of(GOOD.replace("method: GET", "methd: {a: b}")) == ["unknown-key"]


@pytest.mark.parametrize(
    ("calculates", "aliases", "rules"),
    [
        ("used=a + b", "[a, b]", []),
        ("used=a + b", "[a]", ["unknown-name"]),
        ("used=$.x['y-z']", "[\"$.x['y-z']\"]", []),
        ("used=$.cpu.total * 2", "[$.cpu.total]", []),
        ("used=json:apply(a).key", "[a]", []),
        ("used=get('a b')", "[a b]", []),
        ("used=a.b", "[a]", []),
        ("used=a == null ? 0 : a", "[a]", []),
        ("used=a * ^_^host^_^ +", "[a]", []),
        ("used=a *", "[a]", ["calculate-syntax"]),
        ("used=200", "[used]", []),
    ],
)
def test_calculates_read_aliases(calculates: str, aliases: str, rules: list[str]) -> None:
    text = GOOD.replace("}], http", f'}}], aliasFields: {aliases}, calculates: ["{calculates}"], http')
    assert rules_of(text) == rules


@pytest.mark.parametrize(
    ("start", "end", "rules"),
    [
        ("${@date}", "${@date+1d}", []),
        ("${@date}", "${@date}", []),
        ("${@date+1d}", "${@date}", ["dates-out-of-order"]),
        ("${@timestamp10}", "${@timestamp10-1H}", ["dates-out-of-order"]),
        ("${@date-1M}", "${@timestamp}", []),
        ("^_^host^_^", "${@date}", []),
        ("2030-01-01", "2020-01-01", []),
        ("${@date+9999y}", "${@date}", []),
    ],
)
def test_a_span_ends_after_it_begins(start: str, end: str, rules: list[str]) -> None:
    text = GOOD.replace("parseType", f'params: {{startTime: "{start}", endTime: "{end}"}}, parseType')
    assert rules_of(text) == rules


@pytest.mark.parametrize(
    ("host", "ssl", "rules"),
    [
        ("^_^host^_^", "true", []),
        ("^_^host^_^", "False", ["plain-token"]),
        ("^_^host^_^", "~", ["plain-token"]),
        ("^_^host^_^", "^_^host^_^", []),
        ("https://x.example", "~", []),
        ("http://x.example", "true", ["plain-token"]),
        ("127.0.0.1", "~", []),
        ("localhost", "~", []),
    ],
)
def test_a_key_goes_over_tls_or_to_this_machine(host: str, ssl: str, rules: list[str]) -> None:
    text = GOOD.replace("host: ^_^host^_^", f'host: "{host}"').replace(
        "ssl: true", f"ssl: {ssl}, headers: {{X-Key: ^_^token^_^}}"
    )
    assert rules_of(text) == rules


def test_a_key_in_a_header_needs_a_password_parameter_too() -> None:
    text = GOOD.replace("ssl: true", "ssl: true, headers: {x-api-key: ^_^token^_^}").replace(
        "type: password", "type: text"
    )
    assert rules_of(text) == ["token-type"]


def test_a_row_placeholder_takes_fields_of_earlier_sets_only() -> None:
    second = SET.replace("name: usage", "name: more").replace("url: /", "url: /^o^used^o^")
    assert rules_of(GOOD.replace(SET, f"{SET}, {second}")) == ["row-placeholder"]
    assert rules_of(GOOD.replace(SET, f"{SET}, {second}".replace("more, priority: 0", "more, priority: 1"))) == []


def test_placeholders_hide_what_they_stand_for_from_the_compilers() -> None:
    text = GOOD.replace("parseScript: $", "parseScript: '$.^_^host^_^[', keyword: '(^_^host^_^'")
    assert rules_of(text) == []


def test_a_merged_fault_is_said_once() -> None:
    section = "{host: ^_^host^_^, port: 1, url: /, method: GTE, ssl: true, parseType: jsonPath, parseScript: $}"
    sets = "".join(
        f"- {{name: s{i}, priority: {i}, protocol: http, fields: [{{field: a}}], http: {{<<: *http}}}}\n"
        for i in range(3)
    )
    text = f"category: c\napp: a\nname: {{en: a}}\nannotations: {{}}\nparams: [{{field: host, type: host}}]\nmetrics:\n- {{name: s, priority: 0, protocol: http, fields: [{{field: a}}], http: &http {section}}}\n{sets}"
    assert rules_of(text) == ["method"]


@pytest.mark.parametrize(
    ("change", "release"),
    [
        (("app: acme", "app: acme"), "1.6.1"),
        (("app: acme", "app: acme\nannotations: {a: b}"), "1.7.0"),
        (("parseType", "enableUrlEncoding: false, parseType"), "1.7.0"),
        (("fields:", "filters: [a > 1], fields:"), "1.7.0"),
        (("fields:", "interval: 60, fields:"), "1.7.0"),
        (("app: acme", "app: acme\nprometheusProxyMode: false"), "1.7.2"),
        (("app: acme", "app: acme\nscheduleType: interval\nannotations: {a: b}"), "1.8.0"),
    ],
)
def test_the_oldest_release_that_loads_a_definition(change: tuple[str, str], release: str) -> None:
    assert oldest_release(parse_definition(GOOD.replace(*change), "x.yml")) == release


def test_the_manager_does_not_mind_what_only_we_refuse() -> None:
    text = GOOD.replace("parseType: jsonPath", "parseType: jsonpath")
    assert rules_of(text) == ["parse-type"]
    assert validate_for_hertzbeat(text, "x.yml") == []


def test_the_manager_holds_a_priority_in_a_byte() -> None:
    text = GOOD.replace("priority: 0", "priority: 256")
    assert validate_for_hertzbeat(text, "x.yml") == []


def test_every_key_of_the_language_is_explained_to_editors() -> None:
    schema = definition_schema()
    parts = {"Document": schema, **schema["$defs"]}
    for name, part in parts.items():
        assert part["description"], name
        assert [key for key, value in part["properties"].items() if "description" not in value] == []
    assert {"successCodes", "enableUrlEncoding"} <= set(parts["Http"]["properties"])
    assert "jdbc" in parts["MetricSet"]["properties"]


def test_hertzbeats_own_definitions_get_no_false_error() -> None:
    errors = {
        (file.stem, problem.rule)
        for file in sorted(shared("define").glob("*.yml"))
        for problem in validate(file.read_bytes(), file.name)
        if problem.severity == "error"
    }
    assert errors == {
        ("app-openai", "json-path"),
        ("app-clickhouse", "other-protocol"),
        ("app-tidb", "other-protocol"),
    }


def test_hertzbeats_manager_refuses_two_of_its_own() -> None:
    refused = {
        file.stem
        for file in sorted(shared("define").glob("*.yml"))
        if any(
            problem.severity == "error"
            for problem in hertzbeat_problems(parse_definition(file.read_bytes(), file.name))
        )
    }
    assert refused == {"app-deepseek", "app-openai"}
