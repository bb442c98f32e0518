import argparse
import importlib
import subprocess

import pytest
from tests.cli.conftest import PYTHON, Command, clean_environment

from openai_monitor import __version__
from openai_monitor.cli.commands import COMMANDS
from openai_monitor.cli.parser import EXIT_CODES, make_parser

HEAVY = {
    "asyncio", "concurrent.futures", "csv", "dataclasses", "decimal", "httpcore", "httpx", "inspect", "json",
    "jsonpath_ng", "logging", "lxml", "pydantic", "re2", "rich", "shtab", "shutil", "sniffio", "socket", "ssl",
    "subprocess", "tempfile", "urllib.parse", "yaml",
}  # fmt: skip


def modules_after(*arguments: str) -> set[str]:
    code = (
        "import sys; from openai_monitor.cli import main; code = main(sys.argv[1:]); "
        "sys.stderr.write('\\n'.join(sys.modules)); sys.exit(code)"
    )
    done = subprocess.run(
        [PYTHON, "-S", "-c", f"import sys; sys.path[:0] = {PATHS!r}; {code}", *arguments],
        capture_output=True, encoding="utf-8", env=clean_environment(), timeout=60, check=True,
    )  # fmt: skip
    return set(done.stderr.splitlines())


def _paths() -> list[str]:
    import shtab

    import openai_monitor

    return [str(__import__("pathlib").Path(module.__file__).parents[1]) for module in (openai_monitor, shtab)]


PATHS = _paths()


@pytest.mark.parametrize("arguments", [("--version",), ("--help",)])
def test_the_first_words_wait_for_nothing(arguments: tuple[str, ...]) -> None:
    assert not modules_after(*arguments) & HEAVY


@pytest.mark.parametrize("command", COMMANDS)
def test_no_help_waits_for_an_http_client_or_a_parser(command: str) -> None:
    loaded = modules_after(command, "--help")
    assert not loaded & {
        "asyncio",
        "httpx",
        "httpcore",
        "pydantic",
        "yaml",
        "jsonpath_ng",
        "lxml",
        "shtab",
        "re2",
    }


def test_version(command: Command) -> None:
    done = command("--version")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"openai-monitor {__version__}\n", "")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_explains_itself_with_examples_and_exit_codes(name: str, command: Command) -> None:
    done = command(name, "--help")
    assert done.returncode == 0
    assert done.stderr == ""
    assert f"usage: openai-monitor {name} " in done.stdout
    assert "examples:" in done.stdout
    assert "exit codes:" in done.stdout


def test_the_first_help_is_complete(command: Command) -> None:
    text = command("--help").stdout
    assert EXIT_CODES in text
    assert all(f"\n  {name} " in text for name in COMMANDS)
    assert max(map(len, text.splitlines())) <= 100


def test_help_has_no_colours_whatever_python_it_is(command: Command) -> None:
    done = command("collect", "--help", FORCE_COLOR="1")
    assert "--define" in done.stdout
    assert "\x1b" not in done.stdout


def test_every_command_has_the_two_functions_and_its_arguments_a_help() -> None:
    for name in COMMANDS:
        module = importlib.import_module(f"openai_monitor.cli.commands.{name}")
        parser = argparse.ArgumentParser()
        module.add_arguments(parser)
        assert callable(module.run)
        assert all(
            action.help
            for action in parser._actions
            if not isinstance(action, argparse._SubParsersAction) and action.dest != "shell"
        )


def test_a_command_is_loaded_once() -> None:
    _, commands = make_parser()
    commands[0].load()
    commands[0].load()


def test_without_a_command_the_help_goes_to_standard_error(command: Command) -> None:
    done = command()
    assert done.returncode == 2
    assert done.stdout == ""
    assert "usage: openai-monitor COMMAND" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("colect",), "invalid choice: 'colect'"),
        (("collect", "--timeout", "0"), "argument --timeout: '0' is no number of seconds above 0"),
        (("collect", "--timeout", "nan"), "is no number of seconds above 0"),
        (("collect", "--form", "json"), "unrecognized arguments: --form json"),
        (("collect", "--format", "xml"), "invalid choice: 'xml'"),
        (("collect", "--token-file", "a", "--token-stdin"), "not allowed with argument --token-file"),
        (("collect", "--sandbx"), "--sandbx; did you mean --sandbox?\ntry: openai-monitor collect --help"),
        (
            ("hertzbeat", "push", "x", "--url", "y", "--usr=me"),
            "did you mean --user?\ntry: openai-monitor hertzbeat push --help",
        ),
        (("collect", "--tag", "a=1", "--tag", "a=2"), "--tag a is given twice"),
        (("test", "openai", "--response", "x", "--row", "7"), "--row takes NAME=VALUE, such as --row id=7"),
        (("collect", "sess-abcdefghijkl"), "unrecognized arguments: sess-***"),
        (("collect", "--tag", "oops"), "--tag takes NAME=VALUE, such as --tag team=search"),
        (("collect", "--define", "opnai"), "no definition named 'opnai': did you mean 'openai'?"),
        (("collect", "--define", "."), ". is a folder: name a definition in it"),
        (("test", "openai", "--response", "x", "--status", "99"), "'99' is no whole number from 100 to 999"),
        (("sandbox", "--port", "99999"), "argument --port: '99999' is no whole number from 0 to 65535"),
        (("sandbox", "--port", "x"), "argument --port: 'x' is no whole number from 0 to 65535"),
        (("collect", "--define", "no.yml"), "no definition file at no.yml"),
        (("collect", "--fail-if", "x < 1"), "x is no SET.FIELD here"),
        (("collect", "--metrics", "nope", "--sandbox"), "no metric set named nope"),
        (("collect", "--param", "tokn=x"), "parameter tokn is unknown; did you mean token?"),
        (("collect",), "token can come from OPENAI_TOKEN, --token-file, --token-stdin"),
        (("collect", "--ca-file", "no.pem", "--param", "token=sess-fake"), "no.pem"),
        (("completion", "elvish"), "invalid choice: 'elvish'"),
        (("sandbox", "--fault", "418"), "fault '418'"),
        (("sandbox", "--host", "256.1.1.1"), "the sandbox can't listen"),
    ],
)
def test_bad_usage_is_one_clear_message_and_exit_code_2(
    arguments: tuple[str, ...], message: str, command: Command
) -> None:
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert message in done.stderr
    assert "Traceback" not in done.stderr
