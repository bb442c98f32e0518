import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.outputs.text import pad, visible, width, wrap


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("模型 é", "模型 é"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\nb\tc\r", "a\\nb\\tc\\r"),
        ("\x9b2J", "\\x9b2J"),
        ("gnp\u202e.exe", "gnp\\u202e.exe"),
        ("\ud800", "\\ud800"),
        ("\x7f", "\\x7f"),
    ],
)
def test_nothing_commands_the_terminal(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_an_emoji_of_several_characters_stays_whole() -> None:
    assert visible("👩\u200d💻") == "👩\u200d💻"


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("模型", 4), ("e\u0301", 1), ("ｱ", 1), ("Ａ", 2), ("", 0)])
def test_width_is_what_a_terminal_gives_it(text: str, columns: int) -> None:
    assert width(text) == columns


def test_padding_counts_columns_not_characters() -> None:
    assert pad("模型", 6) == "模型  "
    assert pad("7", 3, right=True) == "  7"


@pytest.mark.parametrize(
    ("text", "columns", "lines"),
    [
        ("", 5, [""]),
        ("short", 5, ["short"]),
        ("two words", 5, ["two", "words"]),
        ("abcdefgh", 3, ["abc", "def", "gh"]),
        ("模型模型", 5, ["模型", "模型"]),
        ("a bcdefgh", 4, ["a", "bcde", "fgh"]),
    ],
)
def test_wrapping_breaks_at_blanks_where_it_can(text: str, columns: int, lines: list[str]) -> None:
    assert wrap(text, columns) == lines


@given(st.text(alphabet="ab 模e\u0301", max_size=60), st.integers(2, 20))
def test_wrapping_keeps_every_letter_and_the_width(text: str, columns: int) -> None:
    lines = wrap(text, columns)
    assert "".join(lines).replace(" ", "") == text.replace(" ", "")
    assert all(width(line) <= columns for line in lines)
