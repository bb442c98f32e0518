import contextlib
import os
import sqlite3
import stat
from pathlib import Path

import pytest
from tests.service.history.rounds import event, write

from openai_monitor.service.history.place import companions, default_path, make_private, set_aside
from openai_monitor.service.history.schema import HistoryError

HOME = Path.home()


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({}, "linux", HOME / ".local/state/openai-monitor/history.sqlite"),
        ({"XDG_STATE_HOME": "/state"}, "linux", Path("/state/openai-monitor/history.sqlite")),
        ({"XDG_STATE_HOME": "not/absolute"}, "linux", HOME / ".local/state/openai-monitor/history.sqlite"),
        ({"STATE_DIRECTORY": "/var/lib/monitor"}, "linux", Path("/var/lib/monitor/history.sqlite")),
        ({"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, "linux", Path("/var/lib/one/history.sqlite")),
        ({}, "darwin", HOME / "Library/Application Support/openai-monitor/history.sqlite"),
        ({"LOCALAPPDATA": "/Users/me/AppData"}, "win32", Path("/Users/me/AppData/openai-monitor/history.sqlite")),
        ({}, "win32", HOME / "AppData/Local/openai-monitor/history.sqlite"),
    ],
)
def test_the_file_is_in_the_folder_for_state(environ: dict[str, str], platform: str, expected: Path) -> None:
    assert default_path(environ, platform) == expected


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_only_its_owner_may_read_the_file_and_what_stands_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "state" / "history.sqlite"
    make_private(path)
    assert (mode(path.parent), mode(path)) == (0o700, 0o600)


def test_a_file_that_others_may_read_is_closed_to_them(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    for each in (path, *companions(path)):
        each.touch(mode=0o644)
    make_private(path)
    assert [mode(each) for each in (path, *companions(path))] == [0o600] * 3


def test_the_files_beside_a_history_in_use_are_private(tmp_path: Path) -> None:
    from tests.service.history.rounds import open_store

    path = tmp_path / "history.sqlite"
    write(path, event())
    store = open_store(path)
    store.connection.execute("CREATE TABLE extra (x)")
    assert [mode(each) for each in companions(path)] == [0o600] * 2
    store.connection.close()


def test_what_is_set_aside_keeps_its_content_and_replaces_nothing(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    kept = []
    for content in ("one", "two"):
        path.write_text(content)
        companions(path)[0].write_text(f"{content} wal")
        kept.append(set_aside(path, "now"))
    assert not path.exists()
    assert [each.read_text() for each in kept] == ["one", "two"]
    assert [companions(each)[0].read_text() for each in kept] == ["one wal", "two wal"]


@pytest.mark.parametrize("ending", ["", "-wal", "-shm"])
def test_a_link_is_refused_and_its_target_left_alone(ending: str, tmp_path: Path) -> None:
    target = tmp_path / "theirs"
    target.write_text("theirs")
    target.chmod(0o644)
    link = tmp_path / f"history.sqlite{ending}"
    link.symlink_to(target)
    with pytest.raises(HistoryError, match=f"{link} is a link, and those are not followed: give history.path the file"):
        make_private(tmp_path / "history.sqlite")
    with pytest.raises(OSError, match="it is a link"):
        set_aside(tmp_path / "history.sqlite", "now")
    assert (target.read_text(), mode(target)) == ("theirs", 0o644)
    assert link.is_symlink()
    assert len(list(tmp_path.iterdir())) == 2


def test_a_database_of_another_program_keeps_its_mode(tmp_path: Path) -> None:
    path = tmp_path / "theirs.sqlite"
    with contextlib.closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (x)")
    path.chmod(0o644)
    make_private(path)
    assert mode(path) == 0o644


def test_what_another_user_owns_keeps_mode_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.sqlite"
    path.write_text("damaged")
    path.chmod(0o666)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    make_private(path)
    with pytest.raises(OSError, match="belongs to another user"):
        set_aside(path, "now")
    assert (path.read_text(), mode(path)) == ("damaged", 0o666)
