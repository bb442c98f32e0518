import asyncio
import json
from collections.abc import Awaitable

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.parse import Extracted, compile_parse
from openai_monitor.definition.model import Http
from openai_monitor.errors import CollectionError


async def ask(_url: str) -> Answer:
    raise AssertionError("a JSON answer is complete")


async def finish(parsed: Awaitable[Extracted]) -> Extracted:
    return await parsed


def extract(aliases: tuple[str, ...], document: object, *, keyword: str | None = None, status: int = 200) -> Extracted:
    body = document if isinstance(document, bytes) else json.dumps(document).encode()
    parse = compile_parse(Http(parse_type="default", keyword=keyword), aliases, "usage")
    return asyncio.run(finish(parse(Answer(status, Headers([]), body, 12, "http://127.0.0.1/"), ask)))


@pytest.mark.parametrize(
    ("document", "expected"),
    [
        ({"name": "n", "cost": 1.5}, [("n", 1.5)]),
        ([{"name": "a", "cost": 1}, {"name": "b"}, {"cost": 3}], [("a", 1), ("b", None), (None, 3)]),
        ([{"name": "a", "cost": 0}, 5, "x", None, True, [{"name": "z"}]], [("a", 0)]),
        ({"name": {"deep": 1}, "cost": None}, [({"deep": 1}, None)]),  # no value fails the whole set
        ({"name": [], "cost": ["one"]}, [([], ["one"])]),  # and a list stays one
        ({}, [(None, None)]),
        ([], []),
    ],
)
def test_one_row_for_each_object(document: object, expected: list[tuple[object, ...]]) -> None:
    extracted = extract(("name", "cost"), document)
    assert list(map(tuple, extracted.rows)) == expected
    assert extracted.warnings == []


def test_aliases_are_keys_and_never_paths() -> None:
    assert list(extract(("$.a", "$", "a"), {"a": 1, "$": 2}).rows[0]) == [None, 2, 1]


def test_response_time_and_keyword_unless_the_object_has_them() -> None:
    assert list(extract(("a", "responseTime", "keyword"), {"a": "k k"}, keyword="k").rows[0]) == ["k k", 12, 2]
    assert list(extract(("responsetime", "keyword"), {"keyword": "x"}).rows[0]) == [12, "x"]


@pytest.mark.parametrize(
    ("document", "warning"),
    [
        ("hi", "no rows: the answer is a text, not an object or a list of objects"),
        (None, "no rows: the answer is null, not an object or a list of objects"),
        (42, "no rows: the answer is a number, not an object or a list of objects"),
        (True, "no rows: the answer is true, not an object or a list of objects"),
        ([[{"a": 1}], 2], "no rows: the answer is a list without any object; parseType jsonPath selects other rows"),
    ],
)
def test_readable_data_of_another_shape_gives_no_rows_and_a_warning(document: object, warning: str) -> None:
    assert extract(("a",), document) == Extracted([], [warning])


@pytest.mark.parametrize("body", [b"", b"  \n ", b"<html>", b'{"a":', b"{'a':1}", b'{"a"=1}', b"oops here"])
def test_whatever_is_no_json_fails_the_set(body: bytes) -> None:
    with pytest.raises(CollectionError, match=r"^the answer is "):
        extract(("a",), body)


def test_an_accepted_204_has_no_rows() -> None:
    assert extract(("a",), b"", status=204) == Extracted([])
