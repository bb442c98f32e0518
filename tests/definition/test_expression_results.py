"""What comes out of an expression: plain values, their texts, failures that name their cause."""

import math
from collections.abc import Sequence

import pytest

from openai_monitor.definition.expression import compile_expression, java_text
from openai_monitor.errors import EvaluationError

VARIABLES: dict[str, object] = {
    "used": 25,
    "total": 200,
    "nothing": None,
    "ten": "10",
    "four": "4",
    "word": "abc",
    "obj": '{"o": {"z": 1.5}, "l": [1, 2]}',
}


def value(expression: str, names: Sequence[str] = (), row: Sequence[object] = ()) -> object:
    bound = compile_expression(expression).bind(names or list(VARIABLES))
    return bound(row or list(VARIABLES.values()))


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("used", 25),
        ("used + total", 225),
        ("used / 100", 0.25),
        ("1 / 2", 0),
        ("size(word)", 3),
        ("ten * four", 40),
        ("1.5b", 1.5),
        ("5b", 5),
        ("used > 1 ? 1 : 2", 1),
        ("nothing ?: 6", 6),
        ("[1, 2.5, 'x', null]", [1, 2.5, "x", None]),
        ("{1, 1, 2}", [1, 2]),
        ("{'k': 1}", {"k": 1}),
        ("json:apply(obj).o", {"z": 1.5}),
        ("json:apply(obj).l", [1, 2]),
        ("used > 1", True),
        ("word", "abc"),
        ("nothing", None),
    ],
)
def test_results_are_plain_python_values(expression: str, expected: object) -> None:
    result = value(expression)
    assert result == expected
    assert type(result) is type(expected)


def test_whole_doubles_stay_exact() -> None:
    big = 9_007_199_254_740_993
    assert value("big + 1", ["big"], [big]) == big + 1
    assert value("big * 3", ["big"], [big]) == big * 3
    assert value("big % 2", ["big"], [big]) == 1
    assert value("big", ["big"], [big]) == big


def test_not_a_number_is_left_to_whoever_asked_for_a_number() -> None:
    result = value("NaN")
    assert isinstance(result, float)
    assert math.isnan(result)


@pytest.mark.parametrize("expression", ["nothing + 1", "undefined"])
def test_a_failure_names_the_variable(expression: str) -> None:
    with pytest.raises(EvaluationError, match=r"`(nothing|undefined)` is"):
        value(expression)


def test_a_failure_shows_no_value() -> None:
    with pytest.raises(EvaluationError) as caught:
        value("key * 2", ["key"], ["sess-fake"])
    assert "sess-fake" not in str(caught.value)


def test_an_unknown_name_fails_when_it_runs_not_when_it_is_bound() -> None:
    run = compile_expression("price * 2").bind(["cost"])
    with pytest.raises(EvaluationError):
        run([1])


def test_names_and_patterns_are_known_before_binding() -> None:
    expression = compile_expression("$.a.b > limit and get('x-y') =~ 'a+' or matches(name, 'b')")
    assert expression.names == {"$.a.b", "limit", "x-y", "name"}
    assert sorted(expression.patterns) == [("a+", 32), ("b", 54)]


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (None, None),
        ("text", "text"),
        (True, "true"),
        (7, "7"),
        (10.0, "10.0"),
        (1e-5, "0.00001"),
        (1e20, "100000000000000000000.0"),
        (71.42857142857143, "71.42857142857143"),
        (-0.5, "-0.5"),
        (math.inf, "Infinity"),
        ({"a": [1, "ü"]}, '{"a":[1,"ü"]}'),
    ],
)
def test_java_text(given: object, expected: str | None) -> None:
    assert java_text(given) == expected
