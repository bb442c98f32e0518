from pathlib import Path
from textwrap import dedent

import pytest
from tests.cli.conftest import Command
from tests.cli.definitions import TEXT, write

from openai_monitor.cli import main
from openai_monitor.cli.commands.completion import SHELLS
from openai_monitor.cli.commands.definitions import about
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.shipped import shipped_names


def test_definitions_are_listed_with_a_line_about_each(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["definitions"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[2:]] == shipped_names()
    assert all(len(line.split()) > 3 for line in lines[2:])


@pytest.mark.parametrize(
    ("help_text", "sentence"),
    [
        ("Reads api.example.com. It is small.", "Reads api.example.com."),
        ("One line<br>and <b>another</b>", "One line and another"),
        ("读取接口。很小。", "读取接口。"),
        ("\\x1b[2J", "\\x1b[2J"),
    ],
)
def test_about_is_the_first_sentence_in_plain_text(help_text: str, sentence: str) -> None:
    first, _, rest = TEXT.partition("help:")
    definition = parse_definition(f'{first}help: {{en-US: "{help_text}"}}{rest[rest.index(chr(10)) :]}', "x.yml")
    assert about(definition) == sentence


def test_about_falls_back_to_the_name() -> None:
    first, _, rest = TEXT.partition("help:")
    assert about(parse_definition(first + rest[rest.index("\n") + 1 :], "x.yml")) == "Little API"


def test_params_shows_all_there_is_to_know(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["params", "--define", write(tmp_path)]) == 0
    assert capsys.readouterr().out == dedent("""\
        Reads the little API at api.example.com. It is small.

        parameter    type      required  default          accepts      what it is
        -----------  --------  --------  ---------------  -----------  ----------
        host         host      yes       api.example.com               Host
        port         number    yes       443              [0,65535]    Port
        ssl          boolean   no        true             true, false  TLS
        token        password  yes                                     Key
        region-name  text      no                                      Region
        labels       array     no                                      Labels

        parameter    environment variable
        -----------  --------------------------------------
        host         OPENAI_MONITOR_HOST
        port         OPENAI_MONITOR_PORT
        ssl          OPENAI_MONITOR_SSL
        token        LITTLE_API_TOKEN, OPENAI_MONITOR_TOKEN
        region-name  OPENAI_MONITOR_REGION_NAME
        labels       OPENAI_MONITOR_LABELS
        """)


def test_params_are_explained_in_the_persons_language(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert main(["params", "--define", write(tmp_path)]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("读取小接口。很小。\n")
    assert " 密钥\n" in shown


def test_the_default_of_a_password_is_not_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = TEXT.replace("type: password, required: true", "type: password, required: true, defaultValue: sess-fake")
    assert main(["params", "--define", write(tmp_path, text)]) == 0
    shown = capsys.readouterr().out
    assert "sess-fake" not in shown
    assert "***" in shown


def test_a_broken_definition_is_pointed_at(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(tmp_path, TEXT.replace("priority: 0", "priority: 300"))
    assert main(["params", "--define", path]) == 2
    head, problem = capsys.readouterr().err.splitlines()
    assert head == "openai-monitor: error: the definition can't be used"
    assert problem.startswith(f"{path}:14:")
    assert "error[" in problem


@pytest.mark.parametrize("shell", SHELLS)
def test_completion_knows_every_command_and_option(shell: str, command: Command) -> None:
    done = command("completion", shell)
    assert done.returncode == 0
    assert all(word in done.stdout for word in ("definitions", "fail-if", "token-file", "ndjson"))
    assert done.stderr == ""
