"""The table of the examples names each of them."""

import re

from tests.examples.programs import EXAMPLES


def test_every_example_is_in_the_table_and_everything_in_it_is_there() -> None:
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    named = re.findall(r"\]\((?!\.\.)([^)]+)\)", text)
    assert len(set(named)) == len(named)
    there = {path for path in EXAMPLES.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    assert {EXAMPLES / name for name in named} == there - {EXAMPLES / "README.md"}
