import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse.json_body import has_no_content, read_json
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code


def answer(body: bytes, content_type: str = "application/json", status: int = 200) -> Answer:
    return Answer(status, Headers([("Content-Type", content_type)]), body, 12, "http://127.0.0.1/")


@pytest.mark.parametrize(
    ("body", "content_type", "expected"),
    [
        (b'{"a":1}', "application/json", {"a": 1}),
        (b'\xef\xbb\xbf{"a":1}', "application/json", {"a": 1}),
        (b"  [1, 2]\r\n", "text/plain", [1, 2]),
        (b'{"a":"\xc3\xa9"}', "application/json; charset=klingon", {"a": "é"}),
        (b'{"a":"\xe9"}', "application/json; charset=ISO-8859-1", {"a": "é"}),
        (b'{"a":"\xe9"}', "application/json", {"a": "\ufffd"}),
        ('{"a":"中文"}'.encode("gbk"), "application/json; charset=GBK", {"a": "中文"}),
        ('{"a":"é"}'.encode("utf-16"), "application/json; charset=UTF-16", {"a": "é"}),
        (b'{"a":"x\ty\x01"}', "application/json", {"a": "x\ty\x01"}),
        (b'{"a":1,"a":2}', "application/json", {"a": 2}),
        (b"[1E3, 1e-7, -0.0, 1E400, 0.1]", "application/json", [1000.0, 1e-07, -0.0, float("inf"), 0.1]),
        (
            b"[9223372036854775808, 123456789012345678901234567890]",
            "application/json",
            [2**63, 123456789012345678901234567890],
        ),
        (b'{"a": Infinity}', "application/json", {"a": float("inf")}),
        (b'"text"', "application/json", "text"),
        (b"null", "application/json", None),
    ],
)
def test_what_a_body_holds(body: bytes, content_type: str, expected: object) -> None:
    assert read_json(answer(body, content_type)) == expected


def test_nan_is_a_number_and_whole_numbers_are_ints() -> None:
    found: Any = read_json(answer(b'{"a": NaN, "b": 10000000000000000000001, "c": 1.0}'))
    assert found["a"] != found["a"]
    assert (type(found["b"]), type(found["c"])) == (int, float)
    assert found["b"] == 10000000000000000000001


@pytest.mark.parametrize(
    ("escaped", "expected"),
    [
        (r"\ud83d\ude00", "😀"),
        (r"\ud83d", "\ufffd"),
        (r"\ude00\ud83d", "\ufffd\ufffd"),
        (r"\\ud83d", r"\ud83d"),
        (r"\\\ud83dx", "\\\ufffdx"),
        (r"\uD83D\uDE00\uDBFF", "😀\ufffd"),
    ],
)
def test_half_a_character_is_replaced_so_that_the_text_can_be_written_out(escaped: str, expected: str) -> None:
    assert read_json(answer(f'["{escaped}"]'.encode())) == [expected]


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "the answer is empty where JSON was expected"),
        (b" \r\n ", "the answer is empty where JSON was expected"),
        (b"<!doctype html><html><body>Bad gateway</body></html>", "the answer is an HTML page where JSON was expected"),
        (b"\n <html>", "the answer is an HTML page where JSON was expected"),
        (b"<?xml version='1.0'?><a/>", "the answer is XML where JSON was expected; use parseType xmlPath"),
        (b'{"a":1,"b":[', r"the answer is JSON that breaks off \(at line 1, column 13\)"),
        (b'{"a":1,\n"b":"x', r"the answer is JSON that breaks off \(at line 2, column 5\)"),
        (b'{"a":1} x', r"the answer is JSON with something after its end \(at line 1, column 9\)"),
        (b"{'a':1}", r"the answer is not JSON \(at line 1, column 2: "),
        (b'{"a":1,}', "the answer is not JSON"),
        (b'{"a":True}', "the answer is not JSON"),
        (b'{"a":.5}', "the answer is not JSON"),
        (b'{"a":"\\q"}', "the answer is not JSON"),
        (b"hello world", r"the answer is not JSON \(at line 1, column 1: expecting value\)"),
        (b"[" * 200_000, "the answer is nested too deep|the answer's lists and objects are nested too deep"),
        (b"[" + b"1" * 5_000 + b"]", "the answer holds a number of thousands of digits"),
    ],
)
def test_whatever_is_no_json_fails_with_its_own_sentence(body: bytes, message: str) -> None:
    with pytest.raises(CollectionError, match=f"^{message}") as caught:
        read_json(answer(body))
    assert caught.value.code is Code.FAIL
    assert caught.value.__suppress_context__


def test_an_accepted_answer_without_a_body_is_not_read() -> None:
    assert has_no_content(answer(b"", status=204))
    assert has_no_content(answer(b"", status=205))
    assert not has_no_content(answer(b"", status=200))
    assert not has_no_content(answer(b"{}", status=204))


@given(
    st.binary(max_size=60)
    | st.text(max_size=40).map(str.encode)
    | st.from_regex(r"[\[{\"a:,\]}1\\u]{0,20}").map(str.encode)
)
def test_any_body_is_json_or_a_failure(body: bytes) -> None:
    with contextlib.suppress(CollectionError):
        json.dumps(read_json(answer(body)), ensure_ascii=False).encode()
