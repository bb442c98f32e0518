"""Files that are ours, and what is left alone."""

import errno
import os
import stat
from pathlib import Path

import pytest

from openai_monitor import owned
from openai_monitor.owned import exposure, is_ours, open_own, refuse_others

pytestmark = pytest.mark.skipif(os.name != "posix", reason="modes and owners are POSIX's")

FLAGS = os.O_WRONLY | os.O_CREAT | os.O_APPEND


def append(path: Path, data: bytes) -> None:
    handle = open_own(path, FLAGS)
    os.write(handle, data)
    os.close(handle)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


def test_a_new_file_is_its_owners_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        append(tmp_path / "rows", b"x")
    finally:
        os.umask(before)
    assert mode(tmp_path / "rows") == 0o600


def test_one_of_ours_that_others_may_read_is_closed_and_that_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "rows"
    path.write_text("old")
    path.chmod(0o644)
    append(path, b" new")
    append(path, b" newer")
    assert (path.read_text(), mode(path)) == ("old new newer", 0o600)
    assert caplog.messages == [f"{path} was open to other users (mode 0644): now it is its owner's alone"]


@pytest.mark.parametrize("says_so", [True, False])
def test_a_file_system_without_modes_stops_nothing_and_nothing_is_told(
    says_so: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fchmod(handle: int, mode: int) -> None:
        if says_so:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    path = tmp_path / "rows"
    path.write_text("old")
    path.chmod(0o755)
    monkeypatch.setattr(os, "fchmod", fchmod)
    append(path, b" new")
    assert (path.read_text(), caplog.messages) == ("old new", [])


def test_another_users_file_keeps_its_mode_and_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows"
    path.write_text("old")
    path.chmod(0o666)
    monkeypatch.setattr(os, "geteuid", lambda: path.stat().st_uid + 1)
    append(path, b" new")
    assert (path.read_text(), mode(path)) == ("old new", 0o666)
    with pytest.raises(OSError, match="belongs to another user") as caught:
        refuse_others(path)
    assert caught.value.errno == errno.EPERM
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    assert is_ours(path.stat())


@pytest.mark.parametrize("there", [True, False])
def test_a_link_is_not_followed_and_its_target_not_touched(there: bool, tmp_path: Path) -> None:
    target, link = tmp_path / "target", tmp_path / "rows"
    if there:
        target.write_text("theirs")
        target.chmod(0o644)
    link.symlink_to(target)
    with pytest.raises(OSError, match="it is a link, and links are not followed"):
        open_own(link, FLAGS)
    assert target.exists() is there
    if there:
        assert (target.read_text(), mode(target)) == ("theirs", 0o644)


def test_a_link_that_appears_in_the_last_moment_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "target").write_text("theirs")
    link = tmp_path / "rows"

    def put_it_there(path: Path) -> None:
        if not path.is_symlink():
            path.symlink_to("target")

    monkeypatch.setattr(owned, "refuse_link", put_it_there)
    with pytest.raises(OSError, match="symbolic links") as caught:
        open_own(link, FLAGS)
    assert caught.value.errno == errno.ELOOP
    assert (tmp_path / "target").read_text() == "theirs"


def test_a_device_is_written_to_as_it_is(tmp_path: Path) -> None:
    append(Path(os.devnull), b"x")
    (tmp_path / "null").symlink_to(os.devnull)
    append(tmp_path / "null", b"x")


@pytest.mark.parametrize(
    ("bits", "theirs", "roots"),
    [(0o600, False, False), (0o640, True, False), (0o440, True, False), (0o644, True, True)],
)
def test_who_else_can_read_a_secret(
    bits: int, theirs: bool, roots: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "key"
    path.write_text("x")
    path.chmod(bits)
    found = path.stat()
    for user, told in ((1000, theirs), (0, roots)):
        shown = os.stat_result((*found[:4], user, *found[5:10]))
        monkeypatch.setattr(Path, "stat", lambda _, shown=shown, **__: shown)
        said = exposure(path, "the file")
        assert said == (f"the file {path} can be read by other users (mode {bits:04o}): chmod 600 it" if told else "")


def test_of_a_file_that_is_not_there_nothing_is_told(tmp_path: Path) -> None:
    assert exposure(tmp_path / "none", "the file") == ""
    assert exposure(tmp_path, "the file") == ""
