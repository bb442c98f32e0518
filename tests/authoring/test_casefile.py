"""``NAME.test.yml``: what it says, and what of it is refused, with its place."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from openai_monitor.authoring.casefile import CaseFile, read_case_file
from openai_monitor.errors import DefinitionError

ONE = "- {name: a, metrics: s, response: {}, expect: {rows: []}}"


def write(folder: Path, text: str, name: str = "acme.test.yml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def read(folder: Path, text: str) -> CaseFile:
    return read_case_file(write(folder, text))


def refused(folder: Path, text: str) -> list[str]:
    with pytest.raises(DefinitionError) as caught:
        read(folder, text)
    return [str(problem).removeprefix(f"{folder}/") for problem in caught.value.problems]


def test_everything_that_a_file_can_say(tmp_path: Path) -> None:
    write(tmp_path, "<page>", "page.html")
    tests = read(
        tmp_path,
        """\
definition: other.yml
params: {host: a.example, token: sess-fake}
at: 2026-11-22T12:00:00Z
tests:
  - name: first
    metrics: usage
    status: 404
    headers: {Retry-After: 030, X: null}
    params: {token: other, empty: ~}
    row: {id: 010}
    response: |
      {"a": 1}
    expect:
      rows:
        - {name: yes, used: 1.50, left: ~, quoted: 'null'}
      warning: left out
  - name: second
    metrics: more
    at: 2020-01-01T00:00:00+02:00
    response_file: page.html
    expect: {error: page}
""",
    )
    first, second = tests.cases
    assert tests.definition == tmp_path / "other.yml"
    assert (first.name, first.metrics, first.status, first.line, first.column) == ("first", "usage", 404, 5, 5)
    assert first.headers == (("Retry-After", "030"),)
    assert first.params == {"host": "a.example", "token": "other", "empty": None}
    assert first.row == {"id": "010"}
    assert first.body == b'{"a": 1}\n'
    assert first.at == datetime(2026, 11, 22, 12, tzinfo=UTC)
    assert first.expect.rows is not None
    assert first.expect.rows[0].cells == {"name": "yes", "used": "1.50", "left": None, "quoted": "null"}
    assert first.expect.warning == "left out"
    assert second.body == b"<page>"
    assert second.expect.error == "page"
    assert second.expect.rows is None
    assert second.at != first.at


def test_the_definition_lies_beside_unless_it_is_named(tmp_path: Path) -> None:
    assert read(tmp_path, f"tests: [{ONE[2:]}]").definition == tmp_path / "acme.yml"


@pytest.mark.parametrize(
    ("response", "body"),
    [
        ("{a: 1, b: [x, 'y', null, ~, true]}", '{"a":1,"b":["x","y",null,null,true]}'),
        ("{a: 1.50, b: 1e-5, c: 99999999999999999999999, d: -0}", '{"a":1.50,"b":1e-5,"c":99999999999999999999999,"d":-0}'),
        ("{a: 010, b: '1', c: yes, d: 0x1f, e: 2026-01-01, f: True}", '{"a":"010","b":"1","c":"yes","d":"0x1f","e":"2026-01-01","f":"True"}'),
        ("{a: {}, b: [], c: ''}", '{"a":{},"b":[],"c":""}'),
        ("[]", "[]"),
        ("just a text", "just a text"),
        ("'{\"a\": 1}'", '{"a": 1}'),
        ("42", "42"),
        ("''", ""),
        ("~", ""),
        ("{ü: é}", '{"ü":"é"}'),
    ],
)  # fmt: skip
def test_what_has_structure_is_sent_as_json_and_a_text_as_it_is(tmp_path: Path, response: str, body: str) -> None:
    tests = read(tmp_path, f"tests: [{{name: a, metrics: s, response: {response}, expect: {{rows: []}}}}]")
    assert tests.cases[0].body == body.encode()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("tets: []", "1:1: error[unknown-key] unknown key `tets` in a test file; did you mean `tests`?"),
        ("tests: []", "1:1: error[empty] no tests; begin one with `- name: …`"),
        ("tests: {}", "1:8: error[wrong-type] expected a list; begin every item with `- `"),
        ("- a", "1:1: error[wrong-type] a test file is a mapping with the keys definition, params, at, tests"),
        ("definition: a.yml", "1:1: error[missing-key] no `tests` here"),
        (f"at: noon\ntests:\n{ONE}", "1:5: error[wrong-type] `noon` is no moment; write 2026-11-22T12:00:00Z"),
        (f"at: 2026-11-22\ntests:\n{ONE}", "1:5: error[wrong-type] `2026-11-22` is no moment; write 2026-11-22T12:00:00Z"),
        (f"params: {{a: [1]}}\ntests:\n{ONE}", "1:13: error[wrong-type] `a`: expected a text; quote it: '{…}'"),
        (f"params: a\ntests:\n{ONE}", "1:9: error[wrong-type] expected a mapping of texts"),
        (f"tests:\n{ONE}\ntests:\n{ONE}", "3:1: error[repeated-key] `tests` stands at 1:1 too"),
        ("tests:\n- 7", "2:3: error[wrong-type] a test is a mapping with the keys name, metrics"),
        ("tests:\n- {metrics: s, response: {}, expect: {rows: []}}", "2:3: error[missing-key] no `name` here"),
        ("tests:\n- {name: a, metrics: [s], response: {}, expect: {rows: []}}", "2:22: error[wrong-type] expected a text"),
        ("tests:\n- {name: a, metrics: s, expect: {rows: []}}", "2:3: error[response] expected either `response` or `response_file`"),
        ("tests:\n- {name: a, metrics: s, response: 1, response_file: x, expect: {rows: []}}", "2:3: error[response] expected either"),
        ("tests:\n- {name: a, metrics: s, response_file: none.json, expect: {rows: []}}", "2:40: error[response] the answer "),
        ("tests:\n- {name: a, metrics: s, response: {}}", "2:3: error[missing-key] no `expect` here"),
        ("tests:\n- {name: a, metrics: s, response: {}, expect: {}}", "2:47: error[expect] expected either `rows` or `error`"),
        ("tests:\n- {name: a, metrics: s, response: {}, expect: {rows: [], error: x}}", "2:47: error[expect] expected either"),
        ("tests:\n- {name: a, metrics: s, response: {}, expect: {row: []}}", "2:48: error[unknown-key] unknown key `row` in `expect`; did you mean `rows`?"),
        ("tests:\n- {name: a, metrics: s, response: {}, expect: {rows: [1]}}", "2:55: error[wrong-type] expected a mapping of texts"),
        ("tests:\n- {name: a, metrics: s, status: 42, response: {}, expect: {rows: []}}", "2:33: error[wrong-type] `42` is no HTTP status"),
        ("tests: [", "error[yaml]"),
        ("", "1:1: error[empty] the file holds no definition"),
    ],
)  # fmt: skip
def test_what_is_refused_has_a_place(tmp_path: Path, text: str, problem: str) -> None:
    assert any(problem in found for found in refused(tmp_path, text)), refused(tmp_path, text)


def test_all_problems_are_told_at_once_in_their_order(tmp_path: Path) -> None:
    text = f"at: x\ntests:\n- {{nme: a, metrics: s, response: {{}}, expect: {{rows: []}}}}\n{ONE}\nmore: 1"
    rules = [line.split(" ")[1] for line in refused(tmp_path, text)]
    assert rules == ["error[wrong-type]", "error[missing-key]", "error[unknown-key]", "error[unknown-key]"]


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match="unreadable"):
        read_case_file(tmp_path / "none.test.yml")


def test_an_alias_bomb_does_not_grow_into_a_large_body(tmp_path: Path) -> None:
    text = f"tests: [{{name: a, metrics: s, response: {{a: &a {'x' * 99}, b: [{', '.join(['*a'] * 40_000)}]}}, expect: {{rows: []}}}}]"
    assert any("[too-large] more than 3 MiB of JSON" in line for line in refused(tmp_path, text))
