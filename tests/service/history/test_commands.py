import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.service.history.rounds import answered, costs, event, failed, monitor, write

from openai_monitor.cli import main
from openai_monitor.cli.commands.history import since


def now() -> datetime:
    """The moment; asked anew by each test, since others may have run for minutes."""
    return datetime.now(UTC)


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "200")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "history.sqlite"
    at = now() - timedelta(minutes=2)
    write(
        path,
        event(answered(at=at), costs([("o3", 1.5)], at), at=at),
        event(answered(at=at), at=at, who=monitor("beta")),
    )
    return path


def test_status_is_one_table_and_0_when_all_is_well(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status", "--path", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["monitor", "result", "age", "next", "what", "is", "wrong"]
    assert [line.split()[:3] for line in lines[2:]] == [["acme", "ok", "2m"], ["beta", "ok", "2m"]]


def test_status_is_1_when_anything_is_wrong(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(path, event(failed(message="401: renew the key", at=now()), at=now(), who=monitor("beta")))
    assert main(["status", "--path", str(path), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)[1]["failed"] == {"credit": "401: renew the key"}


def test_status_finds_the_history_by_the_monitors_file(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = path.with_name("monitors.yml")
    config.write_text(
        "history: {path: history.sqlite}\nmonitors:\n- {name: acme, nonsense: 1}\n- {name: new}\n- {name: off, enabled: false}\n"
    )
    assert main(["status", "--config", str(config)]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()[2:]] == ["acme", "new"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("history: {enabled: false}", "history.enabled is false"),
        ("history: {rows_days: none}", "history.rows_days: "),
        ("history: {paht: x}", "history.paht: "),
        ("history: [", "monitors.yml:2:1: error[yaml]"),
    ],
)
def test_a_monitors_file_without_a_history_is_bad_usage(
    text: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "monitors.yml"
    config.write_text(text)
    assert main(["status", "--config", str(config)]) == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("command", ["history", "status"])
def test_without_a_history_the_answer_says_where_it_was_looked_for(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.setattr("sys.platform", "linux")
    assert main([command]) == 1
    assert f"there is no history at {tmp_path}/openai-monitor/history.sqlite" in capsys.readouterr().err


def test_history_is_json_where_no_terminal_is(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "acme", "--path", str(path), "--metrics", "model_cost"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [each["row"] for each in found] == [{"model_name": "o3", "cost": 1.5}]


@pytest.mark.parametrize("shape", [(), ("--hourly",), ("--costs",)])
@pytest.mark.parametrize("form", ["table", "csv", "json"])
def test_every_shape_in_every_format(
    shape: tuple[str, ...], form: str, path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    metrics = () if shape == ("--costs",) else ("--metrics", "model_cost")
    assert main(["history", "--path", str(path), "--format", form, *shape, *metrics]) == 0
    taken = capsys.readouterr()
    assert "1.5" in taken.out
    assert taken.err == ""


def test_what_begins_before_the_rows_is_shown_by_the_hour(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tests.service.history.rounds import open_store

    from openai_monitor.service.history.retention import tidy

    old = now() - timedelta(days=9)
    earlier = path.with_name("earlier.sqlite")
    write(earlier, event(answered(at=old), at=old), event(answered(at=now()), at=now()))
    store = open_store(earlier)
    for _ in tidy(store.connection, now(), rows_days=7, hourly_days=400):
        pass
    store.connection.close()
    assert main(["history", "--path", str(earlier), "--since", "10d"]) == 0
    taken = capsys.readouterr()
    assert [each["samples"] for each in json.loads(taken.out)] == [1, 1]
    assert "by the hour" in taken.err
    assert main(["history", "--path", str(earlier), "--since", "8d"]) == 0
    assert "samples" not in capsys.readouterr().out


def test_a_csv_of_several_sets_is_refused(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--path", str(path), "--format", "csv"]) == 2
    assert "name one with --metrics" in capsys.readouterr().err


def test_nothing_in_that_time_is_said(path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", "--path", str(path), "--since", "1s", "--format", "table"]) == 0
    taken = capsys.readouterr()
    assert taken.out == ""
    assert "nothing was collected in that time" in taken.err


@pytest.mark.parametrize("text", ["3", "d7", "-1d", "7 d", "soon", "99999999d", ""])
def test_what_is_no_time_is_bad_usage(text: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["history", f"--since={text}"]) == 2
    assert "is no time: expected one such as 36h" in capsys.readouterr().err


def test_times_are_back_from_now_or_moments() -> None:
    assert now() - timedelta(minutes=91) < since("90m") < now() - timedelta(minutes=89)
    assert since("99999w").year < 200
    assert since("2026-01-31") == datetime(2026, 1, 31, tzinfo=UTC)
    assert since("2026-01-31T12:00:00+02:00") == datetime(2026, 1, 31, 10, tzinfo=UTC)
