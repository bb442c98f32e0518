from pathlib import Path

import pytest
from tests.cli.conftest import Command

SAMPLE = '{"queues": [{"name": "mail", "depth": 3}, {"name": "logs", "depth": 0}], "total": 2}'


@pytest.fixture
def sample(tmp_path: Path) -> str:
    path = tmp_path / "answer.json"
    path.write_text(SAMPLE, encoding="utf-8")
    return path.name


def test_from_an_answer_to_rows_in_three_commands(sample: str, command: Command) -> None:
    done = command("new", "queues", "--from", sample, "--url", "https://api.example.com/v1/q?n=5", "--output", "q.yml")
    assert (done.returncode, done.stdout) == (0, "")
    assert "wrote q.yml; try it: openai-monitor test q.yml --metrics queues --response answer.json" in done.stderr
    for options in ((), ("--hertzbeat",)):
        checked = command("validate", *options, "q.yml")
        assert (checked.returncode, checked.stderr) == (0, "openai-monitor: 1 file: no errors, no warnings\n")
    tried = command("test", "q.yml", "--metrics", "queues", "--response", sample)
    assert tried.returncode == 0
    assert tried.stdout.splitlines()[-2:] == ["  mail      3", "  logs      0"]
    params = command("params", "--define", "q.yml").stdout
    assert "api.example.com" in params


def test_without_output_it_is_printed(sample: str, command: Command) -> None:
    done = command("new", "queues", "--from", "-", stdin=SAMPLE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "app: queues\n" in done.stdout
    assert command("new", "queues", "--from", sample).stdout == done.stdout


def test_nothing_is_overwritten_unless_asked(tmp_path: Path, sample: str, command: Command) -> None:
    (tmp_path / "q.yml").write_text("mine", encoding="utf-8")
    done = command("new", "queues", "--from", sample, "--output", "q.yml")
    assert done.returncode == 2
    assert "q.yml is there already" in done.stderr
    assert (tmp_path / "q.yml").read_text(encoding="utf-8") == "mine"
    assert command("new", "queues", "--from", sample, "--output", "q.yml", "--force").returncode == 0
    assert "app: queues" in (tmp_path / "q.yml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("queues",), "the following arguments are required: --from"),
        (("queues", "--from", "none.json"), "the answer none.json can't be read"),
        (("two words", "--from", "-"), "'two words' can't be the name of a definition"),
        (("queues", "--from", "-", "--url", "api.example.com"), "--url takes a web address"),
        (("queues", "--from", "-", "--url", "https://me:hunter22@a.example/"), "--url holds a user"),
        (("queues", "--from", "-"), "no definition can be drafted: the answer is not JSON"),
        (("queues", "--from", "answer.json", "--output", "no/q.yml"), "--output no/q.yml: No such file"),
    ],
)
def test_bad_usage_exits_with_2(sample: str, arguments: tuple[str, ...], message: str, command: Command) -> None:
    done = command("new", *arguments, stdin="no json")
    assert done.returncode == 2
    assert message in done.stderr
    assert "hunter22" not in done.stderr
    assert done.stdout == ""
    assert sample
