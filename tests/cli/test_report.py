import argparse
import io
import json
import os
import sys
from pathlib import Path

import pytest
from tests.outputs.rounds import COST, CREDIT, FAILED, result, round_of

from openai_monitor.cli import terminal
from openai_monitor.cli.conditions import compile_conditions
from openai_monitor.cli.report import Report
from openai_monitor.errors import ParameterError, SettingsError
from openai_monitor.rows import Field, FieldType, Round, Skipped

SETS = ("credit_grants", "model_cost")
LOW = "credit_grants.total_available < 20"
FINE = "credit_grants.total_available < 1"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture(autouse=True)
def _fresh_terminal() -> None:
    terminal.start()


def give(
    collected: Round,
    *conditions: str,
    metrics: list[str] | None = None,
    output: Path | None = None,
    format: str | None = None,  # noqa: A002 - the option's name
) -> int:
    known = {"credit_grants": ["total_granted", "total_available"], "model_cost": ["model_name", "cost"]}
    arguments = argparse.Namespace(define="openai", metrics=metrics, output=output and str(output), format=format)
    return Report(arguments, compile_conditions(conditions, known), SETS).give(collected)


@pytest.mark.parametrize(
    ("collected", "conditions", "code"),
    [
        (round_of(CREDIT, COST), (), 0),
        (round_of(CREDIT, FAILED), (), 1),
        (round_of(CREDIT, skipped=(Skipped("model_cost", "no time"),)), (), 1),
        (round_of(CREDIT, COST), (FINE,), 0),
        (round_of(CREDIT, COST), (FINE, LOW), 3),
        (round_of(CREDIT, FAILED), (LOW,), 3),
        (round_of(FAILED, skipped=(Skipped("credit_grants", "x"),)), (LOW,), 1),
        (round_of(CREDIT, result("model_cost", COST.fields, ("x", None))), ("model_cost.cost > 5",), 1),
    ],
)
def test_exit_codes(collected: Round, conditions: tuple[str, ...], code: int) -> None:
    assert give(collected, *conditions) == code


def test_rows_go_to_standard_output_and_the_rest_to_standard_error(
    capsys: pytest.CaptureFixture[str],
) -> None:
    collected = round_of(CREDIT, FAILED, skipped=(Skipped("later", "no time"),), name="prod")
    give(collected, LOW)
    shown = capsys.readouterr()
    assert [json.loads(line)["metrics"] for line in shown.out.splitlines()] == ["credit_grants"]
    assert shown.err == (
        "openai-monitor: prod: model_cost failed (FAIL): HTTP 401: get a new key\n"
        "openai-monitor: prod: later was skipped: no time\n"
        "openai-monitor: prod: credit_grants.total_available < 20 holds: total_available is $12.75\n"
    )


def test_a_table_tells_of_failures_itself(capsys: pytest.CaptureFixture[str]) -> None:
    give(round_of(CREDIT, FAILED), format="table")
    shown = capsys.readouterr()
    assert "model_cost: FAIL\n  HTTP 401" in shown.out
    assert shown.err == ""


def test_remarks_of_a_set_are_told_but_not_all_of_many(capsys: pytest.CaptureFixture[str]) -> None:
    give(round_of(result("model_cost", COST.fields, warnings=tuple(f"cell {n}" for n in range(8)))))
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == "openai-monitor: model_cost: cell 0"
    assert lines[-1] == "openai-monitor: model_cost: and 3 more remarks"
    assert len(lines) == 6


def test_only_the_sets_asked_for_are_printed_though_a_condition_needs_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert give(round_of(CREDIT, COST), LOW, metrics=["model_cost"], format="json") == 3
    assert [each["name"] for each in json.loads(capsys.readouterr().out)["metrics"]] == ["model_cost"]


def test_a_failure_of_an_unprinted_set_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert give(round_of(CREDIT, FAILED), metrics=["credit_grants"], format="table") == 1
    assert "model_cost failed" in capsys.readouterr().err


def test_a_key_in_a_message_is_masked_in_every_output(capsys: pytest.CaptureFixture[str]) -> None:
    terminal.hide(["open-sesame"])
    bad = result("model_cost", COST.fields, message="you sent open-sesame", warnings=("open-sesame",))
    for name in ("table", "json", "ndjson"):
        give(round_of(bad), format=name)
    shown = capsys.readouterr()
    assert "open-sesame" not in shown.out + shown.err
    assert "***" in shown.out


def test_a_file_is_written_whole_and_replaces_the_old_one(tmp_path: Path) -> None:
    output = tmp_path / "out.json"
    output.write_text("old")
    output.chmod(0o640)
    assert give(round_of(CREDIT, COST), output=output, format="json") == 0
    assert json.loads(output.read_bytes())["app"] == "openai"
    assert names_in(tmp_path) == ["out.json"]
    if os.name == "posix":
        assert output.stat().st_mode & 0o777 == 0o640


def test_a_file_gets_ndjson_unless_told_otherwise(tmp_path: Path) -> None:
    give(round_of(CREDIT), output=tmp_path / "out")
    assert json.loads((tmp_path / "out").read_bytes())["row"] == {
        "total_granted": 18,
        "total_available": 12.75,
    }


@pytest.mark.skipif(os.name != "posix", reason="needs device files")
def test_what_is_no_plain_file_is_never_replaced() -> None:
    assert give(round_of(CREDIT), output=Path(os.devnull)) == 0
    assert Path(os.devnull).is_char_device()


def test_a_file_that_can_not_be_written(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--output .*: there is no folder .*, make it first"):
        give(round_of(CREDIT), output=tmp_path / "no" / "out")


def test_csv_of_one_set_goes_anywhere(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    give(round_of(CREDIT), metrics=["credit_grants"], format="csv")
    assert capsys.readouterr().out.splitlines()[1].endswith(",18,12.75")
    give(round_of(CREDIT), metrics=["credit_grants"], format="csv", output=tmp_path / "c.csv")
    give(round_of(CREDIT), metrics=["credit_grants"], format="csv", output=tmp_path)
    assert names_in(tmp_path) == ["c.csv", "credit_grants.csv"]


def test_csv_of_several_sets_goes_to_a_folder(tmp_path: Path) -> None:
    give(round_of(CREDIT, COST), format="csv", output=tmp_path / "new" / "folder")
    assert names_in(tmp_path / "new" / "folder") == ["credit_grants.csv", "model_cost.csv"]
    assert (tmp_path / "new" / "folder" / "model_cost.csv").read_bytes().startswith(b"monitor name,")


def test_csv_of_several_sets_says_that_it_needs_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="name one with --metrics, or give a folder with --output"):
        give(round_of(CREDIT), format="csv")
    (tmp_path / "file").write_text("x")
    with pytest.raises(SettingsError, match="need a folder, and this is none"):
        give(round_of(CREDIT), format="csv", output=tmp_path / "file")


def test_two_sets_of_one_name_are_two_files(tmp_path: Path) -> None:
    twice = round_of(CREDIT, CREDIT)
    arguments = argparse.Namespace(
        define="openai", metrics=["credit_grants"], output=str(tmp_path / "out"), format="csv"
    )
    assert Report(arguments, [], ["credit_grants", "credit_grants"]).give(twice) == 0
    assert names_in(tmp_path / "out") == ["credit_grants-2.csv", "credit_grants.csv"]


def test_a_stream_of_text_in_the_place_of_standard_output(monkeypatch: pytest.MonkeyPatch) -> None:
    own = io.StringIO()
    monkeypatch.setattr(sys, "stdout", own)
    assert give(round_of(CREDIT), format="json") == 0
    assert json.loads(own.getvalue())["app"] == "openai"


PRIVATE_SETS = {
    "billing": result("model_cost", (Field("billing_email", FieldType.STRING),), ("ann@example.com",)),
    "secret": result("model_cost", (Field("key", FieldType.SECRET),), ("sess-fake",)),
}


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
@pytest.mark.parametrize("private", PRIVATE_SETS)
def test_a_file_with_private_fields_is_its_owners_alone(private: str, tmp_path: Path) -> None:
    before = os.umask(0o022)
    try:
        for name in ("new.json", "old.json"):
            (tmp_path / "old.json").write_text("old")
            (tmp_path / "old.json").chmod(0o644)
            give(round_of(CREDIT, PRIVATE_SETS[private]), output=tmp_path / name, format="json")
            assert (tmp_path / name).stat().st_mode & 0o777 == 0o600
        give(round_of(CREDIT, COST), output=tmp_path / "open.json", format="json")
        assert (tmp_path / "open.json").stat().st_mode & 0o777 == 0o644
        give(round_of(CREDIT, PRIVATE_SETS[private]), output=tmp_path / "rows", format="csv")
        assert (tmp_path / "rows" / "model_cost.csv").stat().st_mode & 0o777 == 0o600
        assert (tmp_path / "rows" / "credit_grants.csv").stat().st_mode & 0o777 == 0o644
    finally:
        os.umask(before)


@pytest.mark.skipif(os.name != "posix", reason="links are POSIX's")
def test_a_link_under_the_name_of_the_draft_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "theirs").write_text("theirs")
    (tmp_path / f".out.json.{os.getpid()}.tmp").symlink_to("theirs")
    give(round_of(CREDIT, COST), output=tmp_path / "out.json", format="json")
    assert (tmp_path / "theirs").read_text() == "theirs"
