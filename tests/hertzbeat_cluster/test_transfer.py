"""Definitions into a manager and out of it, as a person types it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.hertzbeat_cluster.pages import PASSWORD, TOKEN, Pages, pages

from openai_monitor.cli import main
from openai_monitor.definition.shipped import shipped_folder
from openai_monitor.errors import SettingsError
from openai_monitor.hertzbeat.manager_api import ManagerApi, ManagerError, Url

OPENAI = (shipped_folder() / "openai.yml").read_text(encoding="utf-8")


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Pages]:
    monkeypatch.setenv("HERTZBEAT_PASSWORD", PASSWORD)
    monkeypatch.chdir(tmp_path)
    with pages() as state:
        yield state


def changes(manager: Pages) -> list[str]:
    return [asked for asked in manager.asked if asked.endswith(" /api/apps/define/yml")]


def push(manager: Pages, *more: str, file: str = "openai") -> int:
    return main(["hertzbeat", "push", file, "--url", manager.url, *more])


def test_a_new_definition_is_created(manager: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(manager, "--yes") == 0
    assert manager.definitions == {"openai": OPENAI}
    assert changes(manager) == ["POST /api/apps/define/yml"]
    said = capsys.readouterr().err
    assert "openai is not in" in said
    assert "openai was created" in said


def test_a_definition_that_is_there_is_replaced_and_the_difference_shown(
    manager: Pages, capsys: pytest.CaptureFixture[str]
) -> None:
    manager.definitions["openai"] = OPENAI.replace("defaultValue: 443", "defaultValue: 80")
    assert push(manager, "--yes") == 0
    assert manager.definitions == {"openai": OPENAI}
    assert changes(manager) == ["PUT /api/apps/define/yml"]
    shown = capsys.readouterr().out.splitlines()
    assert [line for line in shown if line[:1] in "+-" and line[:3] not in ("+++", "---")] == [
        "-    defaultValue: 80",
        "+    defaultValue: 443",
    ]


def test_nothing_is_changed_without_a_yes(manager: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    manager.definitions["openai"] = "app: openai\n"
    assert push(manager) == 2
    assert manager.definitions == {"openai": "app: openai\n"}
    captured = capsys.readouterr()
    assert "-app: openai" in captured.out or "+category: llm" in captured.out
    assert "nothing was changed: add --yes to change it" in captured.err


@pytest.mark.parametrize(("typed", "code"), [("y", 0), ("YES", 0), ("", 2), ("n", 2), ("yellow", 2)])
def test_a_person_is_asked(manager: Pages, monkeypatch: pytest.MonkeyPatch, typed: str, code: int) -> None:
    import io

    monkeypatch.setattr("sys.stdin", io.StringIO(f"{typed}\n"))
    monkeypatch.setattr("openai_monitor.cli.terminal.can_prompt", lambda: True)
    assert push(manager) == code
    assert bool(manager.definitions) is (code == 0)


def test_what_is_the_same_is_left_alone(manager: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    manager.definitions["openai"] = OPENAI.replace("\n", "\r\n")
    assert push(manager) == 0
    assert changes(manager) == []
    assert "nothing to do" in capsys.readouterr().err


def test_what_hertzbeat_would_refuse_is_not_sent(
    manager: Pages, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    broken = tmp_path / "broken.yml"
    broken.write_text(OPENAI.replace("field: host", "field: address"), encoding="utf-8")
    assert push(manager, "--yes", file=str(broken)) == 2
    assert manager.asked == []
    assert "no-host-parameter" in capsys.readouterr().err


def test_a_refusal_of_the_manager_is_passed_on(manager: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    manager.refuses = f"app is reserved ({TOKEN})"
    assert push(manager, "--yes") == 1
    assert "refused (code 3): app is reserved (***)" in capsys.readouterr().err


def test_a_wrong_password_is_told_and_not_shown(
    manager: Pages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERTZBEAT_PASSWORD", "another-pw-fake")
    assert push(manager, "--yes") == 1
    said = capsys.readouterr().err
    assert "refused (code 6): wrong password ***" in said
    assert "another-pw-fake" not in said


@pytest.mark.parametrize("answer", [b"<html>", b"[]", b'{"code":"0"}', b"", b'{"code":0,"data":{}}'])
def test_what_is_no_manager_is_told(manager: Pages, capsys: pytest.CaptureFixture[str], answer: bytes) -> None:
    manager.answers = answer
    assert push(manager, "--yes") == 1
    assert "HertzBeat" in capsys.readouterr().err


def test_a_password_file(manager: Pages, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("HERTZBEAT_PASSWORD")
    (tmp_path / "pw").write_text(f"{PASSWORD}\n", encoding="utf-8")
    assert push(manager, "--yes", "--password-file", "pw") == 0
    assert push(manager, "--yes", "--password-file", "missing") == 2


def test_without_a_password_nothing_is_asked(
    manager: Pages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("HERTZBEAT_PASSWORD")
    assert push(manager, "--yes") == 2
    assert manager.asked == []
    assert "set HERTZBEAT_PASSWORD, name a file" in capsys.readouterr().err


def test_a_person_is_asked_for_the_password(
    manager: Pages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked: list[str] = []

    def getpass(question: str) -> str:
        asked.append(question)
        return PASSWORD

    monkeypatch.delenv("HERTZBEAT_PASSWORD")
    monkeypatch.setattr("openai_monitor.cli.terminal.can_prompt", lambda: True)
    monkeypatch.setattr("getpass.getpass", getpass)
    assert push(manager, "--yes") == 0
    assert asked == ["password of admin in HertzBeat, not shown: "]
    captured = capsys.readouterr()
    assert PASSWORD not in captured.out + captured.err


def test_no_password_goes_over_http_to_other_machines(
    manager: Pages, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    sent: list[str] = []

    async def log_in(api: ManagerApi, user: str, password: str) -> None:
        sent.append(password)
        raise ManagerError("the test ends here")

    monkeypatch.setattr(ManagerApi, "log_in", log_in)
    command = ["hertzbeat", "push", "openai", "--url", "http://hertzbeat.example.com", "--yes"]
    assert main(command) == 2
    assert sent == []
    assert "would show the password to everyone on the way" in capsys.readouterr().err
    assert main([*command, "--allow-plaintext"]) == 1
    assert sent == [PASSWORD]


def test_pull_writes_a_file(manager: Pages, tmp_path: Path) -> None:
    manager.definitions["openai"] = OPENAI
    command = ["hertzbeat", "pull", "openai", "--url", manager.url]
    assert main(command) == 0
    assert (tmp_path / "openai.yml").read_text(encoding="utf-8") == OPENAI
    assert main(command) == 2, "an existing file is not overwritten unasked"
    assert main([*command, "--output", "openai.yml"]) == 0


def test_pull_of_what_is_not_there(manager: Pages, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["hertzbeat", "pull", "nothing", "--url", manager.url]) == 1
    assert "has no definition 'nothing'" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("app", ["../openai", "a/b", "", "a b", "-x?"])
def test_a_name_that_can_be_none_is_refused(manager: Pages, app: str) -> None:
    assert main(["hertzbeat", "pull", "--url", manager.url, "--", app]) == 2
    assert manager.asked == []


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://localhost:1157", "http://localhost:1157"),
        ("https://h.example.com/", "https://h.example.com:443"),
        ("https://h.example.com/base/", "https://h.example.com:443/base"),
        ("http://[::1]:80", "http://[::1]:80"),
    ],
)
def test_addresses(text: str, shown: str) -> None:
    assert str(Url.parse(text)) == shown


@pytest.mark.parametrize(
    "text", ["", "localhost:1157", "ftp://h", "http://", "http://h:x", "https://me:pw-fake@h", "http://[::1"]
)
def test_what_is_no_address_is_refused_without_showing_a_password(text: str) -> None:
    with pytest.raises(SettingsError, match="is no address") as caught:
        Url.parse(text)
    assert "pw-fake" not in str(caught.value)


def test_a_refusal_of_many_lines_is_told_in_one(manager: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    manager.refuses = "Cannot create property=filters\n" + "\tat org.yaml.snakeyaml.Something\n" * 60
    assert push(manager, "--yes") == 1
    (line,) = [line for line in capsys.readouterr().err.splitlines() if "refused" in line]
    assert "refused (code 3): Cannot create property=filters at org.yaml" in line
    assert len(line) < 450


def test_a_port_that_says_nothing_is_told_with_what_can_be_done(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HERTZBEAT_PASSWORD", PASSWORD)
    monkeypatch.setattr("openai_monitor.hertzbeat.manager_api._SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        assert main(["hertzbeat", "push", "openai", "--url", url, "--yes"]) == 1
    said = capsys.readouterr().err
    assert f"{url} did not answer within 0.2 s: is it the address of the manager's pages" in said
    assert "parameter" not in said


def test_a_file_of_tests_is_not_pushed(manager: Pages, capsys: pytest.CaptureFixture[str]) -> None:
    assert push(manager, "--yes", file=str(shipped_folder() / "openai.test.yml")) == 2
    said = capsys.readouterr().err
    assert "openai.test.yml holds the tests of a definition, not the definition: name " in said
    assert said.rstrip().endswith("openai.yml")
    assert manager.asked == []
