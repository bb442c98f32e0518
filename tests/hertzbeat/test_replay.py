"""Recorded answers of a real HertzBeat, replayed: the same, or different for a reason that is written down."""

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.corpus import OWN, ROOT, own_files, shared
from tests.hertzbeat.differences import DIFFERENCES
from tests.hertzbeat.replay import Case, read_cases, replay_all

REASONS = {case: difference.rule for difference in DIFFERENCES for case in difference.cases}


async def verdicts_of(cases: list[Case], definitions: Path | None) -> dict[str, str]:
    return {name: verdict async for name, verdict in replay_all(cases, definitions)}


def check(files: list[Path], definitions: Path | None) -> None:
    verdicts = asyncio.run(verdicts_of([case for path in files for case in read_cases(path)], definitions))
    unlisted = {name: verdict for name, verdict in verdicts.items() if verdict != "same" and name not in REASONS}
    no_longer = [name for name, verdict in verdicts.items() if verdict == "same" and name in REASONS]
    assert not unlisted
    assert not no_longer


@pytest.mark.parametrize("path", own_files(), ids=lambda path: path.stem)
def test_own_cases(path: Path) -> None:
    check([path], None)


def test_cases_on_hertzbeats_own_definitions() -> None:
    check(sorted(shared("golden", "shipped").glob("*.json")), shared("define"))


def test_every_listed_case_is_one_that_is_recorded() -> None:
    recorded = {case["id"] for path in own_files() for case in json.loads(path.read_text(encoding="utf-8"))}
    listed = {name for name in REASONS if not name.startswith("shipped/")}
    assert listed <= recorded


def test_no_case_has_two_reasons() -> None:
    assert len(REASONS) == sum(len(difference.cases) for difference in DIFFERENCES)


def test_the_runner_works_alone(tmp_path: Path) -> None:
    cases = json.loads((OWN / "billing.json").read_text(encoding="utf-8"))
    chosen = [case for case in cases if case["id"] in ("billing/costs-cents", "billing/csv-answer")]
    broken = {**chosen[0], "id": "billing/broken", "routes": None}
    path = tmp_path / "cases.json"
    path.write_text(json.dumps([*chosen, broken]), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "tests/hertzbeat/replay.py", str(path)], capture_output=True, text=True, cwd=ROOT, check=False
    )
    lines = done.stdout.splitlines()
    assert lines[0] == "billing/costs-cents: same"
    assert lines[1].startswith("billing/csv-answer: differs: ")
    assert lines[2].startswith("billing/broken: differs: ")
    assert lines[3] == "1 same, 2 differ, 3 cases"
    assert "Traceback" not in done.stdout + done.stderr
    assert done.returncode == 1


@pytest.mark.parametrize(
    ("text", "told"),
    [(None, "can't be read"), ("{", "can't be read"), ('[{"yaml": ""}]', "each an object with an `id`")],
)
def test_a_file_without_cases_is_told_in_a_sentence(tmp_path: Path, text: str | None, told: str) -> None:
    path = tmp_path / "cases.json"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(SystemExit, match=told):
        read_cases(path)
