"""What a compiled metric set does with an answer as a whole."""

import asyncio
from typing import Any

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.program import compile_program
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
