"""The text of an answer: its charset is one of the web's, and reading it takes a time that grows with its length."""

import random
import time

import pytest

from openai_monitor.collect.answer import Answer, Headers


def text_of(body: bytes, charset: str) -> str:
    return Answer(200, Headers([("Content-Type", f"text/plain; charset={charset}")]), body, 0, "").text


@pytest.mark.parametrize(
    ("charset", "text"),
    [
        ("utf-8", "é中"),
        ("UTF8", "é中"),
        ("iso-8859-1", "é"),
        ("ISO-8859-15", "€"),
        ("windows-1252", "€é"),
        ("windows-1251", "Привет"),
        ("koi8-r", "Привет"),
        ("macintosh", "é"),
        ("gbk", "中文"),
        ("gb18030", "中文€"),
        ("big5", "中文"),
        ("shift_jis", "日本"),
        ("euc-jp", "日本"),
        ("iso-2022-jp", "日本"),
        ("euc-kr", "한국"),
        ("utf-16", "é中"),
        ("utf-16le", "é中"),
    ],
)
def test_a_charset_of_the_web_is_read(charset: str, text: str) -> None:
    assert text_of(text.encode(charset), charset) == text


@pytest.mark.parametrize(
    "charset", ["punycode", "idna", "utf-7", "unicode_escape", "rot13", "zlib", "base64", "hz", "klingon", "\0", "mbcs"]
)
def test_any_other_charset_is_utf_8(charset: str) -> None:
    assert text_of("é-a".encode(), charset) == "é-a"


def test_bytes_without_a_character_are_replaced() -> None:
    assert text_of(b"a\x81b", "windows-1252") == "a\ufffdb"
    assert text_of(b"a\xffb", "utf-8") == "a\ufffdb"


@pytest.mark.parametrize(
    "charset",
    [
        *("utf-8", "ascii", "iso-8859-1", "iso-8859-8", "windows-1252", "windows-1253", "cp874", "koi8-r", "macintosh"),
        *("gbk", "gb18030", "big5", "euc-jp", "shift_jis", "iso-2022-jp", "euc-kr", "utf-16le", "utf-16", "punycode"),
    ],
)
def test_no_charset_takes_long_for_any_bytes(charset: str) -> None:
    size = 2**20
    noise = random.Random(1).randbytes(size)  # noqa: S311
    for pattern in (
        b"\x81",
        b"\xff",
        b"\x00\xd8",
        b"\x1b$B\xff",
        b"\x84\x30\x81\xff",
        noise,
    ):
        body = pattern * (size // len(pattern))
        began = time.process_time()
        text_of(body, charset)
        assert time.process_time() - began < 0.1
