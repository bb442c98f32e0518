"""Five hundred broken definitions: whatever is wrong with a file, its author gets a place and never a traceback."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.corpus import ROOT

from openai_monitor.cli import main

COUNT = 500
SOURCES = [
    (ROOT / name).read_text(encoding="utf-8")
    for name in (
        "examples/any_json_api.yml",
        "examples/github_rate_limit.yml",
        "tests/data/broken/extension-paging.yml",
    )
]
NASTY = (
    "[", "]", "{", "}", ":", "- ", "'", '"', "&a ", "*a ", "!!python/object:os.system ", "!x ", "|", ">", "%YAML 9.9\n", "---\n",
    "\t", "\0", "\ufeff", "\ud7ff", "\U0010ffff", "<<: *a\n", "? ", "~", "null", "0x1f", "1e999", "-1", "99999999999999999999",
    "^_^", "^_^host^_^", "^o^x^o^", "${@date+99999999y}", "$[", "$..[?(@.a", "$.['", "`parent`", "`key`", "((((((", "a = 5",
    "x.class.y", "matches(a, '(a+)+$')", "=~ '(?=x)'", "B->XX", "=->", "jsonPath", "xmlPath", "prometheus", "PromQL", "icmp",
    "annotations: {s.next_page: ']'}\n", "metrics: []\n", "params: ~\n", "fields: {}\n", "priority: 300\n", "http: [1]\n",
)  # fmt: skip

Mutation = Callable[[random.Random, str], str]


def delete_line(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    del lines[dice.randrange(len(lines))]
    return "".join(lines)


def repeat_line(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    lines.insert(dice.randrange(len(lines)), dice.choice(lines))
    return "".join(lines)


def shift_line(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = dice.randrange(len(lines))
    lines[at] = " " * dice.randrange(1, 5) + lines[at] if dice.random() < 0.5 else lines[at].lstrip()
    return "".join(lines)


def insert(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text))
    return text[:at] + dice.choice(NASTY) + text[at:]


def replace_value(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = dice.choice([number for number, line in enumerate(lines) if ":" in line] or [0])
    key, colon, _ = lines[at].partition(":")
    lines[at] = f"{key}{colon} {dice.choice(NASTY)}\n"
    return "".join(lines)


def misspell(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def cut(dice: random.Random, text: str) -> str:
    return text[: dice.randrange(len(text))]


def flip(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text))
    return text[:at] + chr(dice.randrange(0x3000)) + text[at + 1 :]


MUTATIONS: tuple[Mutation, ...] = (delete_line, repeat_line, shift_line, insert, replace_value, misspell, cut, flip)


def mutant(number: int) -> bytes:
    dice = random.Random(number)  # noqa: S311 - the same mutants in every run
    text = dice.choice(SOURCES)
    for _ in range(dice.randrange(1, 5)):
        text = dice.choice(MUTATIONS)(dice, text or " ")
        if len(text) < 3:
            text = "app: a\n"
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if dice.random() < 0.05:
        data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data)


@pytest.mark.parametrize("options", [(), ("--hertzbeat",)], ids=["ours", "hertzbeat"])
def test_no_mutant_gets_a_traceback_and_every_problem_a_place(
    tmp_path: Path, options: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    for number in range(COUNT):
        (tmp_path / f"{number:03}.yml").write_bytes(mutant(number))
    assert main(["validate", "--format", "json", *options, str(tmp_path)]) == 1
    shown = capsys.readouterr()
    assert "internal error" not in shown.err
    files = json.loads(shown.out)["files"]
    assert len(files) == COUNT
    misplaced = [
        (each["file"], problem)
        for each in files
        for problem in each["problems"]
        if not 1 <= problem["line"] <= _lines(tmp_path, each["file"]) or problem["column"] < 1
    ]
    assert misplaced == []
    refused = [each for each in files if each["errors"]]
    assert len(refused) > COUNT // 3
    assert all(problem["message"] for each in files for problem in each["problems"])


def _lines(folder: Path, name: str) -> int:
    """How many lines a file can have for YAML, which breaks them at more characters than \\n."""
    text = (folder / name).read_bytes().decode("utf-8", "replace")
    return sum(text.count(end) for end in "\n\r\x85\u2028\u2029") + 2
