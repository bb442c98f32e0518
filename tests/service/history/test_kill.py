"""Killed in mid-write, again and again: nothing that was finished is lost, no round is there in part."""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.corpus import ROOT
from tests.service.history.rounds import DAY, NOON, count, rows_of

from openai_monitor.service.history.queries import History

KILLS = int(os.environ.get("OPENAI_MONITOR_KILLS", "8"))


def write_and_kill(path: Path, first: int, seconds: float) -> int:
    """Run the writer and kill it some time after its first word; gives the last number it was sure of."""
    command = [sys.executable, str(Path(__file__).parent / "keep_writing.py"), str(path), str(first)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stdout is not None
        said = process.stdout.readline()
        time.sleep(seconds)
        process.send_signal(signal.SIGKILL)
        said = (process.stdout.read().splitlines() or [said])[-1]
    return int(said) if said.strip() else first


@pytest.mark.skipif(os.name != "posix", reason="there is no SIGKILL")
def test_being_killed_loses_at_most_what_was_not_finished(tmp_path: Path) -> None:
    path, chance = tmp_path / "history.sqlite", random.Random(4)  # noqa: S311 - when to kill
    sure = 0
    for _ in range(KILLS):
        before = count(path) if path.exists() else 0
        sure = write_and_kill(path, before, chance.uniform(0, 0.15))
        assert rows_of(path, "PRAGMA integrity_check") == [("ok",)]
        assert count(path) >= sure, "a round that was committed is gone"
        assert count(path, "result") == 3 * count(path), "a round is there in part"
    assert sure > KILLS
    _every_round_reads_back(path)


def _every_round_reads_back(path: Path) -> None:
    with History(path) as history:
        sets = history.metric_sets()
        credit = [answer.rows for answer in history.answers(1, sets["credit"], NOON, NOON + 9999 * DAY)]
        costs = [answer.rows for answer in history.answers(1, sets["model_cost"], NOON, NOON + 9999 * DAY)]
    assert credit == [((number, "pro"),) for number in range(len(credit))]
    assert [rows[10] for rows in costs] == [("model-10", number + 1.0) for number in range(len(costs))]
