"""Which files are checked, and what is said of them to people, programs and GitHub."""

import json
from pathlib import Path

import pytest
from tests.corpus import ROOT

from openai_monitor.authoring.check import Check, check, definition_files, files_in, summary, tally
from openai_monitor.authoring.report import FORMATS, render_github, render_json, render_text
from openai_monitor.cli.commands import validate
from openai_monitor.definition.shipped import shipped_folder
from openai_monitor.errors import Problem, SettingsError
from openai_monitor.outputs import PLAIN, Style

BROKEN = ROOT / "tests" / "data" / "broken"


def problem(line: int = 3, severity: str = "error", rule: str = "unknown-key", message: str = "no `x`") -> Problem:
    return Problem(
        "a.yml", line, 5, "warning" if severity == "warning" else "error", rule, message, "params[0]", "mend"
    )


def test_a_folder_stands_for_its_definitions_without_their_tests(tmp_path: Path) -> None:
    for name in ("b.yml", "a.yaml", "a.test.yml", "notes.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    (tmp_path / "folder.yml").mkdir()
    assert [path.name for path in definition_files(str(tmp_path))] == ["a.yaml", "b.yml"]
    assert [path.name for path in files_in(tmp_path, tests=True)] == ["a.test.yml"]


def test_a_shipped_name_stands_for_its_file() -> None:
    assert definition_files("openai") == [shipped_folder() / "openai.yml"]


def test_nothing_to_check_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="holds no definitions"):
        definition_files(str(tmp_path))
    with pytest.raises(SettingsError, match="no definition named"):
        definition_files("nothing")


def test_problems_come_in_the_order_of_the_file() -> None:
    found = check(BROKEN / "several.yml").problems
    assert len(found) > 2
    assert [(each.line, each.column) for each in found] == sorted((each.line, each.column) for each in found)


def test_hertzbeat_is_asked_only_when_wanted() -> None:
    assert check(BROKEN / "parse-type.yml").hertzbeat is None
    assert check(BROKEN / "parse-type.yml").count("error") == 1
    asked = check(BROKEN / "parse-type.yml", hertzbeat=True)
    assert asked.problems == ()
    assert str(asked.hertzbeat) == "HertzBeat 1.6.1 and newer load it"


@pytest.mark.parametrize(
    ("name", "verdict"),
    [
        ("needs-release", "HertzBeat 1.7.0 and newer load it"),
        ("filter-syntax", "HertzBeat 1.7.0 and newer load it"),
        ("field-word", "HertzBeat 1.8 refuses it"),
        ("yaml-tab", "HertzBeat 1.8 refuses it"),
    ],
)
def test_which_hertzbeat_loads_it(name: str, verdict: str) -> None:
    assert str(check(BROKEN / f"{name}.yml", hertzbeat=True).hertzbeat) == verdict


def test_a_file_that_is_not_there_is_unreadable(tmp_path: Path) -> None:
    assert check(tmp_path / "none.yml").unreadable
    assert not check(BROKEN / "parse-type.yml").unreadable


def test_rules_are_counted_with_their_files() -> None:
    one = Check("a.yml", (problem(), problem(4), problem(5, "warning", "units")))
    other = Check("b.yml", (problem(),))
    assert [(each.severity, each.rule, each.problems, each.files) for each in tally([one, other])] == [
        ("error", "unknown-key", 3, 2),
        ("warning", "units", 1, 1),
    ]


@pytest.mark.parametrize(
    ("counts", "sentence"),
    [
        ([(0, 0)], "1 file: no errors, no warnings"),
        ([(1, 2)], "1 file: 1 error, 2 warnings"),
        ([(2, 0), (0, 1), (1, 0)], "3 files: 3 errors in 2, 1 warning in 1"),
    ],
)
def test_the_summary(counts: list[tuple[int, int]], sentence: str) -> None:
    checks = [
        Check("a.yml", (*[problem()] * errors, *[problem(severity="warning")] * warnings))
        for errors, warnings in counts
    ]
    assert summary(checks) == sentence


# Reports

CHECK = Check("a.yml", (problem(), problem(7, "warning", "units", "50%: odd\nsecond")))


def test_text_is_a_line_a_problem() -> None:
    assert render_text([CHECK], PLAIN) == (
        "a.yml:3:5: error[unknown-key] no `x` (params[0]); mend\n"
        "a.yml:7:5: warning[units] 50%: odd\\nsecond (params[0]); mend\n"
    )
    assert "\x1b[31merror\x1b[0m[unknown-key]" in render_text([CHECK], Style(color=True))


def test_github_annotations_escape_what_would_end_them() -> None:
    assert render_github([CHECK], PLAIN) == (
        "::error file=a.yml,line=3,col=5,title=unknown-key::no `x`; mend\n"
        "::warning file=a.yml,line=7,col=5,title=units::50%25: odd%0Asecond; mend\n"
    )
    odd = Check("a,b:c.yml", (Problem("a,b:c.yml", 1, 1, "error", "x", "y"),))
    assert render_github([odd], PLAIN).startswith("::error file=a%2Cb%3Ac.yml,line=1,")


def test_json_holds_everything() -> None:
    report = json.loads(render_json([CHECK, check(BROKEN / "needs-release.yml", hertzbeat=True)], PLAIN))
    first, second = report["files"]
    assert {key: first[key] for key in ("file", "errors", "warnings", "hertzbeat")} == {
        "file": "a.yml",
        "errors": 1,
        "warnings": 1,
        "hertzbeat": None,
    }
    assert first["problems"][0] == {
        "line": 3,
        "column": 5,
        "severity": "error",
        "rule": "unknown-key",
        "message": "no `x`",
        "key": "params[0]",
        "hint": "mend",
    }
    assert second["hertzbeat"] == {"accepts": True, "oldest": "1.7.0"}
    assert {"severity": "error", "rule": "unknown-key", "problems": 1, "files": 1} in report["rules"]


def test_the_command_offers_the_formats_there_are() -> None:
    assert tuple(FORMATS) == validate.FORMATS
