import json
import shutil
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Command
from tests.cli.definitions import TEXT, write
from tests.corpus import ROOT, shared

from openai_monitor.cli import main

BROKEN = ROOT / "tests" / "data" / "broken"


def copy(folder: Path, *names: str) -> None:
    for name in names:
        shutil.copy(BROKEN / f"{name}.yml", folder)


def test_a_good_definition_exits_with_0_and_says_so(tmp_path: Path, command: Command) -> None:
    done = command("validate", write(tmp_path))
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "openai-monitor: 1 file: no errors, no warnings\n"


def test_warnings_are_no_errors(tmp_path: Path, command: Command) -> None:
    copy(tmp_path, "units", "unit-pair")
    done = command("validate", "unit-pair.yml")
    assert done.returncode == 0
    assert done.stdout.startswith("unit-pair.yml:")
    assert ": warning[unit-pair] " in done.stdout
    assert command("validate", "units.yml").returncode == 1


def test_all_problems_of_all_files_stand_on_standard_output(tmp_path: Path, command: Command) -> None:
    copy(tmp_path, "several", "yaml-tab")
    (tmp_path / "several.test.yml").write_text("no definition", encoding="utf-8")
    done = command("validate", ".")
    assert done.returncode == 1
    assert {line.partition(":")[0] for line in done.stdout.splitlines()} == {"several.yml", "yaml-tab.yml"}
    assert done.stderr.startswith("openai-monitor: 2 files: ")


def test_hertzbeat_refuses_by_its_own_rules_and_extensions_are_flagged(tmp_path: Path, command: Command) -> None:
    copy(tmp_path, "host-parameter", "parse-type", "extension-paging")
    assert command("validate", "host-parameter.yml").returncode == 0
    refused = command("validate", "--hertzbeat", "host-parameter.yml")
    assert refused.returncode == 1
    assert "host-parameter.yml:1:1: note[hertzbeat] HertzBeat 1.8 refuses it\n" in refused.stdout
    assert command("validate", "parse-type.yml").returncode == 1
    assert command("validate", "--hertzbeat", "parse-type.yml").returncode == 0
    flagged = command("validate", "--hertzbeat", "extension-paging.yml")
    assert flagged.returncode == 0
    assert "warning[extension] all pages of metric set `usage`" in flagged.stdout
    assert "note[hertzbeat] HertzBeat 1.7.0 and newer load it" in flagged.stdout


DEFINITIONS = ("any_json_api.yml", "github_rate_limit.yml")


def test_shipped_definitions_and_examples_are_without_errors(command: Command) -> None:
    examples = [str(path) for path in (ROOT / "examples").glob("*.yml") if path.name in DEFINITIONS]
    assert len(examples) == len(DEFINITIONS)
    for options in ((), ("--hertzbeat",)):
        done = command("validate", *options, str(ROOT / "define"), *examples)
        assert done.returncode == 0, done.stdout
    assert command("validate", "openai").returncode == 0


def test_machine_formats(tmp_path: Path, command: Command) -> None:
    copy(tmp_path, "unit-pair", "units")
    report = json.loads(command("validate", "--format", "json", ".").stdout)
    assert [(each["file"], each["errors"] > 0) for each in report["files"]] == [
        ("unit-pair.yml", False),
        ("units.yml", True),
    ]
    lines = command("validate", "--format", "github", ".").stdout.splitlines()
    assert lines[0].startswith("::warning file=unit-pair.yml,line=")
    assert any(line.startswith("::error file=units.yml,line=") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("none.yml",), "no definition file at none.yml"),
        (("opnai",), "did you mean 'openai'?"),
        (("empty",), "the folder empty holds no definitions (*.yml)"),
        ((), "the following arguments are required: FILE"),
        (("--format", "xml", "openai"), "invalid choice: 'xml'"),
    ],
)
def test_bad_usage_exits_with_2(tmp_path: Path, arguments: tuple[str, ...], message: str, command: Command) -> None:
    (tmp_path / "empty").mkdir()
    done = command("validate", *arguments)
    assert done.returncode == 2
    assert message in done.stderr


def test_an_unreadable_file_exits_with_2_after_the_others(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write(tmp_path)
    (tmp_path / "locked.yml").write_text("x", encoding="utf-8")
    opened = Path.open

    def refuse(path: Path, *arguments: Any) -> object:
        if path.name == "locked.yml":
            raise PermissionError(13, "Permission denied")
        return opened(path, *arguments)

    monkeypatch.setattr(Path, "open", refuse)
    assert main(["validate", good, str(tmp_path / "locked.yml")]) == 2
    assert "locked.yml:1:1: error[unreadable] the file can't be read: Permission denied" in capsys.readouterr().out


def test_a_key_in_a_definition_is_not_repeated(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, TEXT.replace("type: Bearer Token", "type: sess-abcdefghijkl"))
    for form in ("text", "json", "github"):
        assert main(["validate", "--format", form, path]) == 1
        shown = capsys.readouterr()
        assert "sess-abcdefghijkl" not in shown.out + shown.err
        assert "sess-***" in shown.out


def test_what_hertzbeats_own_definitions_are_told(command: Command) -> None:
    """The counts that docs/hertzbeat.md reports."""
    folder = str(shared("define"))
    ours = json.loads(command("validate", "--format", "json", folder).stdout)
    theirs = json.loads(command("validate", "--hertzbeat", "--format", "json", folder).stdout)
    assert len(ours["files"]) == len(theirs["files"]) == 53
    assert [each["file"].rpartition("/")[2] for each in theirs["files"] if not each["hertzbeat"]["accepts"]] == [
        "app-deepseek.yml",
        "app-openai.yml",
    ]
    assert [(each["rule"], each["files"]) for each in ours["rules"] if each["severity"] == "error"] == [
        ("json-path", 1),
        ("other-protocol", 2),
    ]
