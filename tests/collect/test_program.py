"""What a compiled metric set does with an answer as a whole."""

import asyncio
import threading
import time
from typing import Any

import pytest

from openai_monitor.collect.answer import Answer, AnswerLimits, Headers
from openai_monitor.collect.program import LARGE, compile_program
from openai_monitor.definition.model import MetricSet
from openai_monitor.definition.parts import read_part
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code, Row

ANSWER = Answer(200, Headers([]), b'{"a": 1, "b": 2}', 12, "http://127.0.0.1/")


async def ask(_url: str) -> Answer:
    raise AssertionError("a JSON answer is complete")


def rows_of(**keys: Any) -> list[Row]:
    the_set = {"name": "s", "protocol": "http", "http": {"parseType": "jsonPath", "parseScript": "$"}, **keys}
    program = compile_program(read_part(MetricSet, the_set), lambda: 0)
    return asyncio.run(program.rows(ANSWER, ask, frozenset(), print))


def test_an_alias_with_an_empty_name_is_an_alias() -> None:
    assert rows_of(fields=[{"field": "b"}, {"field": "zz"}], aliasFields=["", "b"]) == [("2", None)]


@pytest.mark.parametrize("keys", [{"fields": [{"field": "b"}], "aliasFields": [None, "b"]}, {"fields": [{"type": 1}]}])
def test_an_alias_without_a_name_fails_the_set(keys: dict[str, Any]) -> None:
    with pytest.raises(CollectionError, match="is null: give it a text") as caught:
        rows_of(**keys)
    assert caught.value.code is Code.FAIL


def under_limits(text: bytes, parse: dict[str, str], **limits: int) -> list[Row]:
    the_set = {"name": "s", "protocol": "http", "fields": [{"field": "a", "type": 0}, {"field": "b"}], "http": parse}
    program = compile_program(read_part(MetricSet, the_set), lambda: 0)
    answer = Answer(200, Headers([]), text, 12, "http://127.0.0.1/", limits=AnswerLimits(**limits))
    return asyncio.run(program.rows(answer, ask, frozenset(), print))


JSON_PATH = {"parseType": "jsonPath", "parseScript": "$[*]"}


@pytest.mark.parametrize(
    ("body", "parse"),
    [
        (b"[%b]", JSON_PATH),
        (b"[%b]", {"parseType": "default"}),
        (b"[%b]", {"parseType": "jsonPath", "parseScript": "$.*"}),
    ],
)
def test_a_set_may_have_so_many_rows_and_cells_and_no_more(body: bytes, parse: dict[str, str]) -> None:
    ten = body % b",".join([b'{"a":1}'] * 10)
    assert under_limits(ten, parse, rows=10, cells=20) == [(1, None)] * 10
    with pytest.raises(CollectionError, match="10 rows, and a metric set may have 9: ask for less"):
        under_limits(ten, parse, rows=9)
    with pytest.raises(CollectionError, match="10 rows of 2 fields, and a metric set may have 19 cells"):
        under_limits(ten, parse, cells=19)


@pytest.mark.parametrize(
    ("body", "parse"),
    [
        (b"s 1\n" * 10, {"parseType": "prometheus"}),
        (b'{"status":"success","data":{"resultType":"vector","result":[%b]}}'
         % b",".join([b'{"metric":{},"value":[1,"2"]}'] * 10), {"parseType": "PromQL"}),
        (b"<x>%b</x>" % (b"<a/>" * 10), {"parseType": "xmlPath", "parseScript": "/x/a"}),
        (b"".join(b"u[%d].a=1\n" % n for n in range(10)), {"parseType": "config", "parseScript": "u"}),
    ],
)  # fmt: skip
def test_every_parse_type_is_bounded(body: bytes, parse: dict[str, str]) -> None:
    assert len(under_limits(body, parse, rows=10)) == 10
    with pytest.raises(CollectionError, match="10 rows, and a metric set may have 9"):
        under_limits(body, parse, rows=9)


@pytest.mark.parametrize("smallest", [b"{},", b"0,", b"[],", b'"",', b'{"":0},', b"[[]],"])
def test_a_document_of_the_smallest_values_is_refused_before_they_are_made(smallest: bytes) -> None:
    size = 2**20
    body = b"[" + smallest * (size // len(smallest)) + b"0]"
    began = time.process_time()
    with pytest.raises(CollectionError, match="more than 87,381 values, objects and lists: ask for less"):
        under_limits(body, JSON_PATH, body=size)
    assert time.process_time() - began < 0.5


def test_commas_and_brackets_in_texts_are_not_values() -> None:
    body = b'[{"b":"%b"}]' % (b",[{" * 100_000)
    assert under_limits(body, JSON_PATH, body=len(body))[0][0] is None


def test_a_large_answer_is_read_beside_the_event_loop() -> None:
    where: list[str] = []

    class Told(list[str]):
        def append(self, text: str) -> None:
            where.append(threading.current_thread().name)

    the_set = {"name": "s", "protocol": "http", "fields": [{"field": "zz"}], "http": JSON_PATH}
    program = compile_program(read_part(MetricSet, the_set), lambda: 0)
    for body in (b'[{"b":1}]', b'[{"b":"%b"}]' % (b"x" * LARGE)):
        asyncio.run(program.rows(Answer(200, Headers([]), body, 0, ""), ask, frozenset(), Told().append))
    assert where[0] == threading.main_thread().name
    assert where[1] != threading.main_thread().name
