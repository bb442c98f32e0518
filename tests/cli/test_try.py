"""``openai-monitor test``: a saved answer tried, and the tests beside definitions."""

import json
from pathlib import Path

import pytest
from tests.cli.conftest import Command
from tests.cli.definitions import TEXT, write
from tests.corpus import ROOT

from openai_monitor.cli import main

SECOND_SET = TEXT[TEXT.index("  - name: credit") :].replace("name: credit", "name: more").replace("&http", "")
TESTS = """\
tests:
  - name: what is left
    metrics: credit
    response: {left: 5}
    expect:
      rows:
        - {left: LEFT}
"""


@pytest.fixture
def little(tmp_path: Path) -> str:
    return write(tmp_path)


def save(folder: Path, text: str, name: str = "answer.json") -> str:
    (folder / name).write_text(text, encoding="utf-8")
    return name


# A saved answer


def test_the_rows_of_a_saved_answer(tmp_path: Path, little: str, command: Command) -> None:
    done = command("test", little, "--metrics", "credit", "--response", save(tmp_path, '{"left": 5}'))
    assert (done.returncode, done.stderr) == (0, "")
    head, *rest = done.stdout.splitlines()
    assert head.startswith("little.api, ")
    assert rest == ["", "credit", "  left (USD)  $5.00"]


def test_the_answer_can_come_from_standard_input_and_the_only_set_needs_no_name(little: str, command: Command) -> None:
    done = command("test", little, "--response", "-", stdin='{"lft": 5}')
    assert done.returncode == 0
    assert done.stdout.splitlines()[-2:] == ["no value", "  left: the row has no `left`; did you mean `lft`?"]


def test_a_failing_set_exits_with_1(little: str, command: Command) -> None:
    done = command("test", little, "--response", "-", "--status", "429", "--header", "Retry-After: 30", stdin="{}")
    assert done.returncode == 1
    assert "credit: FAIL\n  HTTP 429: asked too often" in done.stdout
    assert "(it may be asked again in 30 s)" in done.stdout


def test_explain_shows_the_way_of_each_value_or_of_one(little: str, command: Command) -> None:
    lines = command("test", little, "--response", "-", "--explain", stdin='{"left": 5}').stdout.splitlines()
    assert lines[5:] == [
        "the way of the first row",
        "  body        HTTP 200, 11 bytes: an object with `left`",
        "  rows        parseType jsonPath with `$` gives 1 row; the first is an object with `left`",
        "",
        "left",
        "  alias       `left` is 5",
        "  unit        USD, nothing to convert",
        "  field       `left` (number, USD) is 5",
    ]
    one = command("test", little, "--response", "-", "--explain", "left", stdin='{"left": 5}').stdout.splitlines()
    assert one[5:] == lines[5:]


def test_the_rows_as_json(little: str, command: Command) -> None:
    arguments = ("test", little, "--response", "-", "--format", "json")
    report = json.loads(command(*arguments, stdin='{"lft": 5}').stdout)
    assert report == {
        "metrics": "credit",
        "code": "SUCCESS",
        "message": "",
        "warnings": [
            "no field found a value in this answer: is it the right url, and does the API still answer like this?"
        ],
        "fields": [{"name": "left", "type": "number", "unit": "USD", "label": False}],
        "rows": [{"left": None}],
        "no_value": [{"field": "left", "rows": [1], "reason": "the row has no `left`; did you mean `lft`?"}],
        "explain": [],
    }
    explained = json.loads(command(*arguments, "--explain", stdin='{"left": 5}').stdout)
    assert [step["stage"] for step in explained["explain"][0]["steps"]] == ["body", "rows", "alias", "unit", "field"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("{}", "--response", "none.json"), "the answer none.json can't be read: No such file"),
        (("{}", "--response", "-", "--metrics", "credt"), "no metric set 'credt': did you mean `credit`?"),
        (("{}", "--response", "-", "--param", "hst=a"), "parameter hst is unknown; did you mean `host`?"),
        (("{}", "--response", "-", "--header", "x"), "--header takes 'NAME: VALUE'"),
        (("{}", "--response", "-", "--explain", "lft"), "credit has no field 'lft': did you mean `left`?"),
        (("{}", "--response", "-", "--status", "ok"), "'ok' is no whole number from 100 to 999"),
        (("{}", "{}", "--response", "-"), "--response tries one definition"),
        (("{}", "--metrics", "credit"), "--metrics goes with --response FILE"),
        (("{}", "--explain"), "has no tests beside it (little.test.yml); --response FILE tries a saved answer"),
        (("nope", "--response", "-"), "no definition named 'nope'"),
        ((".",), "the folder . holds no tests (*.test.yml)"),
        ((), "the following arguments are required: FILE"),
    ],
)
def test_bad_usage_exits_with_2(little: str, arguments: tuple[str, ...], message: str, command: Command) -> None:
    done = command("test", *(argument.format(little) for argument in arguments), stdin="{}")
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stdout == ""


def test_of_several_sets_one_has_to_be_named(tmp_path: Path, command: Command) -> None:
    done = command("test", write(tmp_path, TEXT + SECOND_SET), "--response", "-", stdin="{}")
    assert done.returncode == 2
    assert "name the metric set with --metrics: little.api has credit, more" in done.stderr


def test_no_key_shows_whatever_the_answer_echoes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    secret = "hunter22-fake"
    path = write(tmp_path, TEXT.replace("field: left, type: 0, unit: USD", "field: left, type: 1"))
    answer = tmp_path / "answer.json"
    for body in ({"left": secret}, {"error": {"message": f"bad key {secret}"}}):
        answer.write_text(json.dumps(body), encoding="utf-8")
        for form in ("table", "json"):
            main(["test", path, "--response", str(answer), "--param", f"token={secret}", "--format", form, "--explain"])
            shown = capsys.readouterr()
            assert secret not in shown.out + shown.err
            assert "***" in shown.out


def test_secret_cells_are_masked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, TEXT.replace("field: left, type: 0, unit: USD", "field: left, type: 2"))
    (tmp_path / "answer.json").write_text('{"left": "hunter22"}', encoding="utf-8")
    assert main(["test", path, "--response", str(tmp_path / "answer.json"), "--explain"]) == 0
    shown = capsys.readouterr().out
    assert "hunter22" not in shown
    assert "`left` is ***" in shown


# Tests beside definitions


def test_tests_that_pass(tmp_path: Path, little: str, command: Command) -> None:
    save(tmp_path, TESTS.replace("LEFT", "5"), "little.test.yml")
    for what in (little, "little.test.yml", "."):
        done = command("test", what)
        assert (done.returncode, done.stdout) == (0, done.stdout)
        assert done.stdout.endswith("little.test.yml: 1 passed\n")
        assert done.stderr == "openai-monitor: 1 test: 1 passed\n"


def test_a_test_that_fails_shows_the_difference(tmp_path: Path, little: str, command: Command) -> None:
    save(tmp_path, TESTS.replace("LEFT", "6"), "little.test.yml")
    done = command("test", "little.test.yml")
    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "little.test.yml: 0 passed, 1 failed",
        "little.test.yml:2:5: failed: what is left (credit)",
        "    - left: 6",
        "    + left: 5",
    ]
    report = json.loads(command("test", "little.test.yml", "--format", "json").stdout)
    assert (report["passed"], report["failed"]) == (0, 1)
    assert report["files"][0]["tests"][0]["complaints"] == ["- left: 6", "+ left: 5"]
    assert Path(little).is_file()


def test_files_that_cannot_be_used_are_all_told_with_their_places(tmp_path: Path, command: Command) -> None:
    save(tmp_path, "test: []", "a.test.yml")
    save(tmp_path, TESTS.replace("metrics:", "metric:"), "b.test.yml")
    done = command("test", ".")
    assert done.returncode == 2
    assert done.stdout == ""
    assert "a.test.yml:1:1: error[unknown-key] unknown key `test` in a test file; did you mean `tests`?" in done.stderr
    assert "b.test.yml:3:5: error[unknown-key] unknown key `metric` in a test; did you mean `metrics`?" in done.stderr


def test_a_definition_that_cannot_be_used_is_told(tmp_path: Path, command: Command) -> None:
    save(tmp_path, TESTS, "little.test.yml")
    assert "little.yml:1:1: error[unreadable]" in command("test", "little.test.yml").stderr
    write(tmp_path, TEXT.replace("priority: 0", "priority: 300"))
    done = command("test", "little.test.yml")
    assert done.returncode == 2
    assert "error[priority]" in done.stderr


def test_our_own_definitions_pass_their_tests(command: Command) -> None:
    done = command("test", str(ROOT / "define"), str(ROOT / "examples"))
    assert done.returncode == 0, done.stdout
    assert "openai.test.yml: " in done.stdout


def test_the_tests_of_the_help_are_readable(tmp_path: Path, command: Command) -> None:
    """What --help shows of a test file can be copied."""
    from openai_monitor.authoring.casefile import read_case_file
    from openai_monitor.cli.commands.test import EPILOG

    begin, end = EPILOG.index("  params: {host"), EPILOG.index("`definition: FILE` at the top")
    save(tmp_path, EPILOG[begin:end], "my-api.test.yml")
    save(tmp_path, "{}", "unauthorized.json")
    assert [case.name for case in read_case_file(tmp_path / "my-api.test.yml").cases] == [
        "sizes are megabytes",
        "a wrong key fails",
    ]
