"""Running tests beside definitions: when they pass, and what a failed one says."""

import asyncio
from pathlib import Path

import pytest

from openai_monitor.authoring.casefile import read_case_file
from openai_monitor.authoring.caseresults import count, render_json, render_text, summary
from openai_monitor.authoring.caserun import Outcome, run_case_file
from openai_monitor.definition.load import parse_definition
from openai_monitor.outputs import PLAIN, Style

DEFINITION = parse_definition(
    """\
app: acme
params: [{field: host, type: host}, {field: token, type: password}]
metrics:
  - name: usage
    priority: 0
    protocol: http
    fields:
      - {field: name, type: 1}
      - {field: cost, type: 0}
      - {field: key, type: 2}
      - {field: at, type: 3}
    aliasFields: [name, cents, key, at]
    calculates: [cost=cents / 100]
    http: {host: ^_^host^_^, url: /, method: GET, parseType: jsonPath, parseScript: '$.rows[*]'}
""",
    "acme.yml",
)


def run(folder: Path, *tests: str) -> list[Outcome]:
    path = folder / "acme.test.yml"
    path.write_text("tests:\n" + "".join(f"- {{name: t, metrics: usage, {text}}}\n" for text in tests), "utf-8")
    return asyncio.run(run_case_file(read_case_file(path), DEFINITION))


def complaints(folder: Path, rows: str, expect: str) -> tuple[str, ...]:
    return run(folder, f"response: {{rows: [{rows}]}}, expect: {{{expect}}}")[0].complaints


@pytest.mark.parametrize(
    ("rows", "expect"),
    [
        ("{name: a, cents: 250}", "rows: [{name: a, cost: 2.5}]"),
        ("{name: a, cents: 250}", "rows: [{cost: '2.50'}]"),
        ("{name: a, cents: 106.619}", "rows: [{cost: 1.06619}]"),
        ("{cents: 300}", "rows: [{cost: 3}]"),
        ("{cents: 300}", "rows: [{cost: 3.0, name: null}]"),
        ("{name: 1.50}", "rows: [{name: 1.5}]"),
        ("{name: yes}, {name: b}", "rows: [{name: yes}, {}]"),
        ("{at: '08:30'}", "rows: [{at: '08:30'}]"),
        ("{at: '08:30'}", "rows: [{at: 08:30:00}]"),
        ("{at: '08:30'}", "rows: [{at: 30600}]"),
        ("{key: hunter22}", "rows: [{key: hunter22}]"),
        ("{key: hunter22}", "rows: [{key: '***'}]"),
        ("", "rows: []"),
    ],
)
def test_what_passes(tmp_path: Path, rows: str, expect: str) -> None:
    assert complaints(tmp_path, rows, expect) == ()


def test_a_difference_shows_what_was_expected_and_what_came(tmp_path: Path) -> None:
    rows = "{name: a, cents: 1}, {name: b, cents: 2}, {name: c}, {name: d}"
    expect = "rows: [{name: a, cost: 0.01}, {name: b, cost: 0.03}, {name: c, cost: 1}, {name: d}]"
    assert complaints(tmp_path, rows, expect) == (
        "  1 row as expected",
        "- name: b, cost: 0.03",
        "- name: c, cost: 1",
        "+ name: b, cost: 0.02",
        "+ name: c, cost: null",
        "  1 row as expected",
        "cost has no value in row 3: `cents / 100` fails: the row has no `cents`; it has `name`",
    )


def test_rows_too_many_and_too_few(tmp_path: Path) -> None:
    assert complaints(tmp_path, "{name: a}, {name: b}", "rows: [{name: b}]") == (
        "expected 1 row, got 2",
        "+ name: a",
        "  1 row as expected",
    )
    assert complaints(tmp_path, "", "rows: [{name: b}]") == ("expected 1 row, got 0", "- name: b")
    assert complaints(tmp_path, "{name: b}", "rows: []")[:1] == ("expected 0 rows, got 1",)


def test_the_order_of_rows_counts(tmp_path: Path) -> None:
    assert complaints(tmp_path, "{name: a}, {name: b}", "rows: [{name: b}, {name: a}]")


def test_a_secret_is_compared_and_never_shown(tmp_path: Path) -> None:
    found = complaints(tmp_path, "{key: hunter22}", "rows: [{key: hunter23}]")
    assert found == ("- key: ***", "+ key: ***")
    assert complaints(tmp_path, "{name: a}", "rows: [{key: '***'}]")[0] == "- key: ***"


@pytest.mark.parametrize(
    ("test", "complaint"),
    [
        ("response: x, expect: {rows: []}", "expected 0 rows, the set failed: the answer is not JSON"),
        ("response: {rows: []}, expect: {error: x}", "expected a failure with `x`, got 0 rows"),
        ("response: x, expect: {error: zz}", "expected a failure with `zz`, got: the answer is not JSON"),
        ("response: {rows: []}, expect: {rows: [], warning: w}", "expected a warning with `w`, got none"),
        ("response: {rows: [1]}, expect: {rows: [{nme: x}]}", "line 2: usage has no field `nme`; did you mean `name`?"),
        ("params: {tokn: x}, response: {rows: []}, expect: {rows: []}", "parameter tokn is unknown; did you mean `token`?"),
    ],
)  # fmt: skip
def test_what_fails(tmp_path: Path, test: str, complaint: str) -> None:
    (outcome,) = run(tmp_path, test)
    assert not outcome.passed
    assert outcome.complaints[0].startswith(complaint)


def test_what_fails_as_expected_passes(tmp_path: Path) -> None:
    assert run(tmp_path, "response: x, expect: {error: not JSON}")[0].passed
    assert run(tmp_path, "status: 429, headers: {Retry-After: 7}, response: {}, expect: {error: in 7 s}")[0].passed


def test_an_unknown_metric_set_fails_its_test(tmp_path: Path) -> None:
    path = tmp_path / "acme.test.yml"
    path.write_text("tests: [{name: t, metrics: usag, response: {}, expect: {rows: []}}]", "utf-8")
    (outcome,) = asyncio.run(run_case_file(read_case_file(path), DEFINITION))
    assert outcome.complaints == ("acme has no metric set 'usag': did you mean `usage`?",)


def test_outcomes_as_texts(tmp_path: Path) -> None:
    path = tmp_path / "acme.test.yml"
    outcomes = run(tmp_path, "response: {rows: []}, expect: {rows: []}", "response: x, expect: {rows: []}")
    results = [(read_case_file(path), outcomes)]
    assert count(results) == (1, 1)
    assert summary(results) == "2 tests: 1 passed, 1 failed"
    assert summary([(results[0][0], outcomes[:1])]) == "1 test: 1 passed"
    text = render_text(results, PLAIN).splitlines()
    assert text[:2] == [f"{path}: 1 passed, 1 failed", f"{path}:3:3: failed: t (usage)"]
    assert text[2].startswith("    expected 0 rows, the set failed:")
    assert "\x1b[31mfailed" in render_text(results, Style(color=True))
    assert '"passed": 1,\n  "failed": 1\n' in render_json(results)
