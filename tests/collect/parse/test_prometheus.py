"""Exposition text: which samples are rows, what an alias reads, and what is malformed."""

import asyncio
import contextlib
import math
import time
from collections.abc import Awaitable
from typing import Any, NoReturn

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Extracted, compile_parse
from openai_monitor.collect.parse.prometheus import MAX_LABELS
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

NAME = "api_requests_total"


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


async def no_more(url: str) -> NoReturn:
    raise AssertionError(url)


def extract(body: str | bytes, *aliases: str, name: str = NAME, status: int = 200) -> Extracted:
    content = body.encode() if isinstance(body, str) else body
    parse = compile_parse(Http(parse_type="prometheus"), aliases, name)
    return asyncio.run(finish(parse(Answer(status, Headers([]), content, 3, "http://host/metrics"), no_more)))


def rows(body: str | bytes, *aliases: str, name: str = NAME) -> list[tuple[Any, ...]]:
    return [tuple(row) for row in extract(body, *aliases, name=name).rows]


def message(body: str | bytes, *, status: int = 200) -> str:
    with pytest.raises(CollectionError) as failed:
        extract(body, "value", status=status)
    assert failed.value.code is Code.FAIL
    return str(failed.value)


def test_each_sample_with_the_name_of_the_set_is_a_row() -> None:
    body = """# HELP api_requests_total Requests.
# TYPE api_requests_total counter
api_requests_total{method="get",code="200"} 1027 1395066363000
other 5
api_requests_total{method="post"} 3
"""
    assert rows(body, "method", "code", "value") == [("get", "200", 1027.0), ("post", None, 3.0)]


@pytest.mark.parametrize(
    "other", ["api_requests 1", "api_requests_total_x 1", "API_REQUESTS_TOTAL 1", "x:api_requests_total 1"]
)
def test_names_compare_whole_and_with_their_case(other: str) -> None:
    extracted = extract(other + "\n", "value")
    assert extracted.rows == []
    assert extracted.warnings == ["no sample is named api_requests_total"]


@pytest.mark.parametrize(
    ("name", "expected"), [("lat_bucket", [("0.1", 1.0), ("+Inf", 3.0)]), ("lat_sum", [(None, 0.7)]), ("lat", [])]
)
def test_parts_of_a_histogram_are_asked_for_by_their_own_names(name: str, expected: list[Any]) -> None:
    body = '# TYPE lat histogram\nlat_bucket{le="0.1"} 1\nlat_bucket{le="+Inf"} 3\nlat_sum 0.7\nlat_count 3\n'
    assert rows(body, "le", "value", name=name) == expected


def test_value_and_metric_value_are_the_value_of_the_sample() -> None:
    assert rows(f"{NAME} 7", "value", "metric_value") == [(7.0, 7.0)]


@pytest.mark.parametrize("label", ["value", "metric_value"])
def test_a_label_called_value_comes_before_the_value(label: str) -> None:
    row = rows(f'{NAME}{{{label}="lab"}} 7', "value", "metric_value")[0]
    assert row == (("lab", 7.0) if label == "value" else (7.0, "lab"))


def test_response_time_is_no_label() -> None:
    assert rows(f"{NAME} 1", "responseTime", "value") == [(None, 1.0)]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("12.47", 12.47),
        ("-1", -1.0),
        ("+5", 5.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("1e3", 1000.0),
        ("1E-7", 1e-7),
        ("007", 7.0),
        ("1e400", math.inf),
        ("+Inf", math.inf),
        ("-Inf", -math.inf),
        ("inf", math.inf),
    ],
)
def test_values_are_doubles_in_the_spelling_of_go(text: str, value: float) -> None:
    assert rows(f"{NAME} {text}", "value") == [(value,)]


def test_nan_is_a_value() -> None:
    (row,) = rows(f"{NAME} NaN", "value")
    assert math.isnan(row[0])


@pytest.mark.parametrize("text", ["0x10", "1_000", "1,5", "abc", "1d", "true", "", "--1", "1e", "nano"])
def test_what_is_no_number_fails_the_set(text: str) -> None:
    assert message(f"ok 1\n{NAME} {text}\n").startswith("line 2 of the answer is no exposition text")


@pytest.mark.parametrize(
    "line",
    [
        f'{NAME}{{code="1"}} 1 # {{trace="a"}} 0.5',
        f'{NAME}{{code="1"}} 1 1395066363.5 # {{trace="a",span="b"}} 0.5 1395066363.1',
        f'{NAME}{{code="1"}} 1 -1',
        f'{NAME}{{code="1"}}\t1\t1395066363',
        f'  {NAME}{{code="1"}} 1  ',
        f'{NAME} {{code="1"}} 1',
        f'{NAME}{{code = "1" , }} 1',
        f'{NAME}{{code="1"}}1',
        f'{NAME}{{code="1"}} 1\r',
    ],
    ids=[
        "exemplar",
        "times",
        "negative time",
        "tabs",
        "blanks around",
        "blank before",
        "blanks inside",
        "no blank",
        "CR",
    ],
)
def test_what_the_format_allows_is_read(line: str) -> None:
    assert rows(f"# HELP x C:\\dir\n\n{line}\n# EOF", "code", "value") == [("1", 1.0)]


@pytest.mark.parametrize(
    "line",
    [
        "other-name 1",
        "1name 1",
        'a{code="1} 1',
        'a{code="1"',
        "a{code=1} 1",
        'a{code="1" b="2"} 1',
        "a{,} 1",
        'a{c:d="1"} 1',
        'a{code="\\d"} 1',
        "a 1 1395066363 x",
        "a 1 12 13",
        "a",
        '{"a":1}',
        "a 1 # {x} 1",
    ],
)
def test_one_malformed_line_anywhere_fails_the_set_with_its_number(line: str) -> None:
    assert message(f"{NAME} 1\n# HELP\n{line}\n").startswith("line 3 of the answer is no exposition text")


def test_escapes_in_label_values() -> None:
    body = f'{NAME}{{a="C:\\\\new",b="say \\"hi\\"",c="1\\n2",d="{{é}},x=\\"y\\""}} 1'
    assert rows(body, "a", "b", "c", "d") == [("C:\\new", 'say "hi"', "1\n2", '{é},x="y"')]


@given(st.text())
def test_any_label_value_survives_escaping(value: str) -> None:
    escaped = value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    body = f'{NAME}{{a="{escaped}"}} 1'.encode("utf-8", "replace")
    assert rows(body, "a") == [(value.encode("utf-8", "replace").decode(),)]


def test_a_label_given_twice_fails_the_set() -> None:
    assert "same label twice" in message(f'{NAME}{{a="1",a="2",value="3"}} 1')


def test_an_empty_body_fails_unless_its_status_says_so() -> None:
    assert "empty" in message(" \n")
    assert extract("", "value", status=204) == Extracted([])


def test_a_web_page_is_named_as_such() -> None:
    assert "HTML page" in message("<!doctype html><html><body>Bad gateway</body></html>")


def test_a_byte_order_mark_is_no_part_of_the_text() -> None:
    assert rows(b"\xef\xbb\xbf" + NAME.encode() + b" 1", "value") == [(1.0,)]


@pytest.mark.parametrize(
    "body",
    [
        'm{a="' + "x" * 3_000_000,
        "m" + " " * 3_000_000 + "x",
        "m " + "1" * 3_000_000 + "x",
        'm{a="x",' * 300_000,
        "m{" + ",".join(f'l{n}="v"' for n in range(300_000)) + "} 1 x",
        NAME + "{" + ",".join(f'l{n}="value"' for n in range(300_000)) + "} 1",
        "#\n" * 500_000 + "x",
    ],
    ids=["open quote", "blanks", "digits", "braces", "labels", "labels of a row", "comments"],
)
def test_hostile_text_is_refused_in_linear_time(body: str) -> None:
    start = time.process_time()
    message(body)
    assert time.process_time() - start < 3


def test_too_many_samples_and_labels_are_refused() -> None:
    assert message(f"{NAME} 1\n" * 1_000_001).startswith("1,000,001 rows, and a metric set may have 1,000,000")
    assert f"at most {MAX_LABELS} are read" in message(f'{NAME}{{value="{"x" * MAX_LABELS}"}} 1')


@given(st.text(alphabet=NAME[:4] + ' {}=",\\\n\t#1.eN+-', max_size=60))
def test_only_a_collection_error_escapes(body: str) -> None:
    with contextlib.suppress(CollectionError):
        extract(body, "a", "value", name="api")
