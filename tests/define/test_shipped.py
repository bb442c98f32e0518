"""What holds for every definition that is shipped."""

import asyncio
import re
from collections.abc import Iterator

import pytest
from tests.define.collecting import collect, failures

from openai_monitor.authoring.casefile import read_case_file
from openai_monitor.authoring.caserun import run_case_file
from openai_monitor.definition.keys import KINDS, definitions_for, kind_of
from openai_monitor.definition.lint import hertzbeat_problems, lint, oldest_release
from openai_monitor.definition.model import I18n, ParamSpec
from openai_monitor.definition.shipped import (
    expected_prefix,
    find_path,
    load_definition,
    shipped_names,
)
from openai_monitor.sandbox import ACCOUNTS, key_for, running

OLDEST_HERTZBEAT = {
    "anthropic": "1.7.0",
    "deepseek": "1.6.1",
    "new_api": "1.6.1",
    "openai": "1.6.1",
    "openai_gateway": "1.6.1",
    "openai_organization": "1.7.0",
    "openai_spend": "1.6.1",
    "openrouter": "1.6.1",
}
OUR_OWN = {
    "anthropic": {"timezone", "`parent`.starting_at", "next_page"},
    "openai": {"timezone"},
    "openai_organization": {"timezone", "`parent`.start_time", "next_page"},
    "openai_spend": {"timezone", "`parent`.timestamp"},
}
HOSTS = {
    "anthropic": "api.anthropic.com",
    "deepseek": "api.deepseek.com",
    "new_api": None,
    "openai": "api.openai.com",
    "openai_gateway": None,
    "openai_organization": "api.openai.com",
    "openai_spend": "api.openai.com",
    "openrouter": "openrouter.ai",
}
LABELS = {
    "anthropic": {"daily_costs.item", "workspace_costs.workspace"},
    "deepseek": {"balance.currency"},
    "openai": {"model_cost.model_name"},
    "openai_organization": {"daily_costs.item", "project_costs.project", "completions.model"},
    "openai_spend": {"grants.id", "daily_costs.item"},
}
NO_MONEY = re.compile(r"day|\w+_at|\w+_until|\w+_tokens|num_model_requests|shown_\w+|quota_per_unit")
"""Numbers that count something else: seconds, tokens, requests, amounts in a gateway's own unit."""

EXTENSION = re.compile(r"timezone|`parent`\.\w+|next_page")

every = pytest.mark.parametrize("name", OLDEST_HERTZBEAT)


def secret(name: str) -> ParamSpec:
    (found,) = (spec for spec in load_definition(name).params if spec.type == "password")
    return found


def test_these_are_shipped() -> None:
    assert shipped_names() == sorted(OLDEST_HERTZBEAT)


@every
def test_it_loads_without_a_doubt_and_is_called_as_its_file(name: str) -> None:
    definition = load_definition(name)
    assert definition.app == name
    assert definition.warnings == ()
    assert lint(definition) == []


@every
def test_hertzbeat_takes_it_and_what_is_ours_is_flagged_there(name: str) -> None:
    definition = load_definition(name)
    problems = hertzbeat_problems(definition)
    assert oldest_release(definition) == OLDEST_HERTZBEAT[name]
    assert {problem.rule for problem in problems} <= {"extension", "needs-release"}
    flagged = "\n".join(f"{problem.message} {problem.key}" for problem in problems)
    assert set(EXTENSION.findall(flagged)) == OUR_OWN.get(name, set())


@every
def test_each_use_of_an_extension_is_explained_where_it_stands(name: str) -> None:
    lines = find_path(name).read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if "- '`parent`" in line or line == "annotations:":
            assert lines[number - 1].strip().startswith("# ")
            comment = " ".join(lines[max(0, number - 3) : number])
            assert "openai-monitor's own" in comment
            assert "HertzBeat" in comment


@every
def test_the_header_names_a_public_source(name: str) -> None:
    header = find_path(name).read_text(encoding="utf-8").partition("\ncategory:")[0]
    assert all(line.startswith("#") for line in header.splitlines())
    if name != "openai":
        assert re.search(r"Public sources?:\s", header)
        assert "https://" in header


@every
def test_its_parameters(name: str) -> None:
    specs = {spec.field: spec for spec in load_definition(name).params}
    assert list(specs)[:5] == ["host", "port", "ssl", "timeout", "token"]
    host = specs["host"]
    assert (host.type, host.required, host.default_value) == ("host", True, HOSTS[name])
    assert [specs[field].default_value for field in ("port", "ssl", "timeout")] == ["443", "true", "30000"]
    assert (specs["token"].type, specs["token"].required, specs["token"].default_value) == ("password", True, None)
    if "timezone" in specs:
        assert (specs["timezone"].default_value, specs["timezone"].hide) == ("UTC", True)
    assert ("timezone" in specs) == ("${@" in load_definition(name).text)


@every
def test_every_text_is_there_in_english_and_chinese(name: str) -> None:
    def texts() -> Iterator[I18n | None]:
        document = load_definition(name).document
        yield from (document.name, document.help, document.help_link)
        yield from (spec.name for spec in document.params or ())
        for metric_set in load_definition(name).sets:
            yield metric_set.i18n
            yield from (spec.i18n for spec in metric_set.fields)

    for text in texts():
        assert text is not None
        assert {"en-US", "zh-CN"} <= set(text)


@every
def test_money_has_its_currency_beside_it_or_is_in_dollars(name: str) -> None:
    for metric_set in load_definition(name).sets:
        beside = any(spec.field == "currency" for spec in metric_set.fields)
        numbers = [spec for spec in metric_set.fields if spec.type == 0 and spec.unit != "Times"]
        for spec in numbers:
            dollars = not beside and not NO_MONEY.fullmatch(spec.field or "")
            assert spec.unit == ("USD" if dollars else None), spec.field


@every
def test_its_labels(name: str) -> None:
    labels = {
        f"{metric_set.name}.{spec.field}"
        for metric_set in load_definition(name).sets
        for spec in metric_set.fields
        if spec.label
    }
    assert labels == LABELS.get(name, set())


@every
def test_it_asks_over_https_as_long_as_nobody_says_otherwise(name: str) -> None:
    for metric_set in load_definition(name).sets:
        assert metric_set.http is not None
        assert (metric_set.http.ssl, metric_set.http.method) == ("^_^ssl^_^", "GET")


@every
@pytest.mark.parametrize("account", ["demo", "no-usage"])
def test_the_sandbox_answers_it_without_a_complaint(name: str, account: str) -> None:
    key = key_for(name)
    with running(ACCOUNTS[account]()) as server:
        collected = collect(name, server, key)
    assert collected.ok
    assert [result.message for result in collected.results if result.message] == []
    assert [result.warnings for result in collected.results if result.warnings] == []
    assert all(key not in request.target for request in server.requests)


PARTS = {
    "openai_spend": {
        "credit_grants": {"balance", "grants"},
        "usage": {"daily_costs"},
        "subscription": {"limit", "status"},
    },
    "openai_organization": {
        "costs": {"daily_costs", "project_costs"},
        "completions": {"completions"},
        "spend_limit": {"limit"},
    },
    "openrouter": {"credits": {"balance"}, "key": {"limit"}},
}
"""What is missing when an endpoint refuses. The others ask one endpoint, or take a value of the set before."""


@pytest.mark.parametrize(("name", "endpoint"), [(name, endpoint) for name in PARTS for endpoint in PARTS[name]])
def test_a_part_that_may_not_be_read_is_missing_alone(name: str, endpoint: str) -> None:
    with running(faults=[f"{endpoint}=403"]) as server:
        collected = collect(name, server, key_for(name))
    assert set(failures(collected)) == PARTS[name][endpoint]
    assert len(collected.results) == len(load_definition(name).sets)
    assert collected.skipped == ()


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("sess-fake", ["openai", "openai_spend"]),
        ("sk-admin-fake", ["openai_organization"]),
        ("sk-ant-admin01-fake", ["anthropic"]),
        ("sk-or-v1-fake", ["openrouter"]),
        ("sk-fake", ["new_api", "openai_gateway"]),
        ("sk-proj-fake", []),
        ("sk-svcacct-fake", []),
        ("sk-ant-api03-fake", []),
        ("fake", []),
    ],
)
def test_a_key_finds_its_definitions_by_how_it_begins(key: str, names: list[str]) -> None:
    assert sorted(definitions_for(key)) == names


@every
def test_the_table_of_keys_and_the_placeholder_of_its_key_agree(name: str) -> None:
    prefix = expected_prefix(secret(name).placeholder)
    assert prefix is None or name in definitions_for(prefix + "x")


def test_the_table_of_keys_names_shipped_definitions_only() -> None:
    assert {name for kind in KINDS for name in kind.definitions} <= set(shipped_names())
    assert all(kind.definitions or kind.advice for kind in KINDS)
    assert len({kind.prefix for kind in KINDS}) == len(KINDS)


def test_the_longest_beginning_tells() -> None:
    assert [kind.vendor if (kind := kind_of(key)) else None for key in ("sk-ant-x", "sk-or-x", "sk-x", "x")] == [
        "Anthropic",
        "OpenRouter",
        None,
        None,
    ]


@every
def test_the_placeholder_of_its_key_tells_how_it_begins(name: str) -> None:
    expected = expected_prefix(secret(name).placeholder)
    if name == "deepseek":  # its keys look like those of many gateways, which are not to be sent there
        assert expected is None
        return
    assert expected
    assert key_for(name).startswith(expected)


@every
def test_the_tests_beside_it_pass_and_know_each_metric_set(name: str) -> None:
    tests, definition = read_case_file(find_path(name).with_suffix(".test.yml")), load_definition(name)
    outcomes = asyncio.run(run_case_file(tests, definition))
    assert [outcome for outcome in outcomes if outcome.complaints] == []
    assert {case.metrics for case in tests.cases} == {each.name for each in definition.sets}
