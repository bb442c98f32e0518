import getpass
import io
import os
import sys
from pathlib import Path

import pytest
from tests.cli.definitions import DEFINITION, TEXT, arguments

from openai_monitor.cli import terminal
from openai_monitor.cli.parameters import (
    LONGEST_KEY,
    environment_names,
    gather,
    how_to_give_key,
    key_parameter,
)
from openai_monitor.definition.load import Definition, parse_definition
from openai_monitor.errors import ParameterError, SettingsError


class Keyboard(io.StringIO):
    def isatty(self) -> bool:
        return True


def no_prompt(_question: str) -> str:
    raise AssertionError("nothing was to be asked")


@pytest.fixture(autouse=True)
def _no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.setattr(getpass, "getpass", no_prompt)
    terminal.start()


def type_at(monkeypatch: pytest.MonkeyPatch, answer: str) -> list[str]:
    questions: list[str] = []

    def ask(question: str) -> str:
        questions.append(question)
        return answer

    monkeypatch.setattr(sys, "stdin", Keyboard())
    monkeypatch.setattr(getpass, "getpass", ask)
    return questions


def with_params(*lines: str) -> Definition:
    head, _, tail = TEXT.partition("params:\n")
    metrics = tail[tail.index("metrics:") :]
    return parse_definition(head + "params:\n" + "".join(f"  - {line}\n" for line in lines) + metrics, "t.yml")


def test_the_strongest_source_wins(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPENAI_MONITOR_TOKEN", "own-variable")
    assert gather(DEFINITION, arguments())["token"] == "own-variable"
    monkeypatch.setenv("LITTLE_API_TOKEN", "app-variable")
    assert gather(DEFINITION, arguments())["token"] == "app-variable"
    key_file = tmp_path / "key"
    key_file.write_text("key-file\n")
    assert gather(DEFINITION, arguments(token_file=key_file))["token"] == "key-file"
    params = tmp_path / "params.yml"
    params.write_text("token: params-file\n")
    assert gather(DEFINITION, arguments(token_file=key_file, params=params))["token"] == "params-file"
    typed = arguments(token_file=key_file, params=params, param=["token=typed"])
    assert gather(DEFINITION, typed)["token"] == "typed"


def test_defaults_are_left_to_the_plan() -> None:
    assert gather(DEFINITION, arguments()) == {}


def test_every_parameter_can_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_MONITOR_REGION_NAME", "eu")
    monkeypatch.setenv("OPENAI_MONITOR_HOST", "")
    assert gather(DEFINITION, arguments()) == {"region-name": "eu"}


def test_variables_that_kubernetes_sets_are_no_parameters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTLE_API_PORT", "tcp://10.0.0.1:80")
    monkeypatch.setenv("OPENAI_MONITOR_PORT", "tcp://10.0.0.1:80")
    assert gather(DEFINITION, arguments()) == {}


def test_a_null_and_an_empty_text_in_a_file_are_given(tmp_path: Path) -> None:
    params = tmp_path / "params.yml"
    params.write_text("region-name: ~\nhost: ''\n")
    assert gather(DEFINITION, arguments(params=params)) == {"region-name": None, "host": ""}


def test_a_value_may_hold_equals_signs_and_be_empty() -> None:
    assert gather(DEFINITION, arguments(param=["host=a=b=", "region-name="])) == {
        "host": "a=b=",
        "region-name": "",
    }


@pytest.mark.parametrize("text", ["sess-fake-fake", "=x", " =x", ""])
def test_a_parameter_without_a_name_is_refused_unrepeated(text: str) -> None:
    with pytest.raises(ParameterError) as caught:
        gather(DEFINITION, arguments(param=[text]))
    assert str(caught.value) == "--param takes NAME=VALUE, such as --param host=api.openai.com"


def test_a_parameter_that_is_given_twice_is_refused() -> None:
    with pytest.raises(ParameterError, match=r"^--param host is given twice: leave one of the two out$"):
        gather(DEFINITION, arguments(param=["host=sess-fake", " host =b"]))


def test_a_key_on_the_command_line_works_and_warns(capsys: pytest.CaptureFixture[str]) -> None:
    assert gather(DEFINITION, arguments(param=["token=sess-fake"])) == {"token": "sess-fake"}
    message = capsys.readouterr().err
    assert "a key on the command line can be read" in message
    assert "LITTLE_API_TOKEN" in message
    assert "sess-fake" not in message


def test_what_was_given_as_a_key_is_never_shown(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("open-sesame\n")
    key_file.chmod(0o600)
    gather(DEFINITION, arguments(token_file=key_file))
    terminal.say("it was open-sesame")
    assert capsys.readouterr().err == "openai-monitor: it was ***\n"


@pytest.mark.skipif(os.name != "posix", reason="modes are POSIX's")
def test_a_key_file_that_others_can_read_is_used_with_a_warning(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text("open-sesame\n")
    key_file.chmod(0o644)
    assert gather(DEFINITION, arguments(token_file=key_file))["token"] == "open-sesame"
    said = capsys.readouterr().err
    assert (
        said
        == f"openai-monitor: warning: the key's file {key_file} can be read by other users (mode 0644): chmod 600 it\n"
    )


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b" \n", "is empty"),
        (b"\xff\xfe", "is not text"),
        (b"k" * (LONGEST_KEY + 1), "too long for a key"),
    ],
)
def test_a_key_file_must_hold_a_key(content: bytes, message: str, tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_bytes(content)
    with pytest.raises(SettingsError, match=message):
        gather(DEFINITION, arguments(token_file=key_file))


def test_a_key_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"--token-file .*nowhere: No such file"):
        gather(DEFINITION, arguments(token_file=tmp_path / "nowhere"))


def test_a_byte_order_mark_is_no_part_of_a_key(tmp_path: Path) -> None:
    key_file = tmp_path / "key"
    key_file.write_bytes(b"\xef\xbb\xbfsess-fake\r\n")
    assert gather(DEFINITION, arguments(token_file=key_file)) == {"token": "sess-fake"}


def test_a_key_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("sess-fake\n"))
    assert gather(DEFINITION, arguments(token_stdin=True)) == {"token": "sess-fake"}


@pytest.mark.parametrize(
    ("sent", "locale"), [(b"\xef\xbb\xbfsess-fake\r\n", "utf-8"), (b"\xef\xbb\xbfsess-fake", "latin-1")]
)
def test_a_byte_order_mark_on_standard_input_is_no_part_of_a_key(
    monkeypatch: pytest.MonkeyPatch, sent: bytes, locale: str
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(sent), encoding=locale))
    assert gather(DEFINITION, arguments(token_stdin=True)) == {"token": "sess-fake"}


def test_standard_input_that_is_no_text_is_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    stream = io.TextIOWrapper(io.BytesIO("sess-fake".encode("utf-16")), encoding="utf-8", errors="surrogateescape")
    monkeypatch.setattr(sys, "stdin", stream)
    with pytest.raises(SettingsError, match=r"^standard input is not text: expected a key and nothing else$"):
        gather(DEFINITION, arguments(token_stdin=True))


def test_a_key_from_standard_input_is_not_echoed_by_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    type_at(monkeypatch, "sess-fake")
    assert gather(DEFINITION, arguments(token_stdin=True)) == {"token": "sess-fake"}


def test_a_missing_key_is_asked_for_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    questions = type_at(monkeypatch, "sess-fake")
    assert gather(DEFINITION, arguments()) == {"token": "sess-fake"}
    assert questions == ["Key (token of little.api), not shown: "]


def test_the_question_is_in_the_persons_language(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    questions = type_at(monkeypatch, "sess-fake")
    gather(DEFINITION, arguments())
    assert questions == ["密钥 (token of little.api), not shown: "]


def test_nothing_is_asked_while_something_else_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard())
    assert gather(DEFINITION, arguments(param=["hots=x"])) == {"hots": "x"}
    assert gather(DEFINITION, arguments(param=["port=x"])) == {"port": "x"}


def test_nothing_is_asked_when_the_key_was_given_even_as_null(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "stdin", Keyboard())
    params = tmp_path / "params.json"
    params.write_text('{"token": null}')
    assert gather(DEFINITION, arguments(params=params)) == {"token": None}


@pytest.mark.parametrize("answer", ["", "  "])
def test_no_answer_is_no_key(answer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    type_at(monkeypatch, answer)
    values = gather(DEFINITION, arguments())
    assert values == {}
    assert "LITTLE_API_TOKEN, --token-file, --token-stdin" in how_to_give_key(DEFINITION, values)


@pytest.mark.parametrize(
    ("lines", "key"),
    [
        (["{field: secret, name: {en-US: S}, type: password}"], "secret"),
        (
            [
                "{field: a, name: {en-US: S}, type: password}",
                "{field: token, name: {en-US: S}, type: password}",
            ],
            "token",
        ),
        (
            ["{field: a, name: {en-US: S}, type: password}", "{field: b, name: {en-US: S}, type: password}"],
            None,
        ),
        (["{field: token, name: {en-US: S}, type: text}"], "token"),
        (["{field: host, name: {en-US: S}, type: host}"], None),
    ],
)
def test_which_parameter_is_the_key(lines: list[str], key: str | None) -> None:
    filler = "{field: %s, name: {en-US: x}, type: text}"
    used = [
        filler % name for name in ("host", "port", "ssl", "token") if not any(f"field: {name}," in x for x in lines)
    ]
    definition = with_params(*lines, *(line for line in used if "token" not in line or key == "token"))
    found = key_parameter(definition)
    assert (found and found.field) == key


def test_a_key_file_for_a_definition_without_a_key(tmp_path: Path) -> None:
    definition = with_params("{field: host, name: {en-US: S}, type: host}")
    with pytest.raises(ParameterError, match="has no key parameter"):
        gather(definition, arguments(token_file=tmp_path))


def test_names_of_variables() -> None:
    names = {spec.field: environment_names(DEFINITION, spec) for spec in DEFINITION.params}
    assert names["token"] == ("LITTLE_API_TOKEN", "OPENAI_MONITOR_TOKEN")
    assert names["region-name"] == ("OPENAI_MONITOR_REGION_NAME",)


def test_the_sandbox_takes_no_address_and_no_key_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LITTLE_API_TOKEN", "sess-real")
    fixed = {"host": "127.0.0.1", "port": "1", "ssl": "false", "token": "sess-sandbox"}
    assert gather(DEFINITION, arguments(), fixed) == fixed
    assert gather(DEFINITION, arguments(param=["token=sess-wrong"]), fixed)["token"] == "sess-wrong"
    with pytest.raises(ParameterError, match="--sandbox brings its own host"):
        gather(DEFINITION, arguments(param=["host=api.openai.com"]), fixed)
    with pytest.raises(ParameterError, match="--sandbox brings its own key"):
        gather(DEFINITION, arguments(token_stdin=True), fixed)
