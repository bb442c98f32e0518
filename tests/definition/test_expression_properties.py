"""Whatever the text and whatever the row: a value, or one of the two errors."""

import contextlib
import json
import math

from hypothesis import given, settings
from hypothesis import strategies as st

from openai_monitor.definition.expression import compile_expression
from openai_monitor.definition.expression.values import is_double, java_text, to_double
from openai_monitor.errors import EvaluationError, ExpressionSyntaxError

NAMES = ["a", "b", "s", "n", "$.x.y", "x-y"]
_OPERANDS = [
    "undef",
    "$",
    "1",
    "0",
    "2.5",
    "1e308",
    "010",
    "5b",
    "9223372036854775807",
    "'x'",
    '"4"',
    "`t${a}`",
    "null",
    "true",
    "NaN",
    "1m",
    ".5f",
    "é",
]
_OPERATORS = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    ">=",
    "==",
    "!=",
    "=~",
    "!~",
    "=^",
    "!$",
    "&&",
    "||",
    "!",
    "~",
    "&",
    "|",
    "^",
    "?",
    ":",
    "?:",
    "??",
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ".",
    "?.",
    "..",
    "...",
    "=",
]
_CALLS = ["now()", "get(", "has(", "equals(", "contains(", "exists(", "matches(", "json:apply(", "if", "new", ".class"]
_STRAY = ["'", '"', "`", "#", "//", "/*", "\\", " ", " or ", "not ", "empty ", "size "]
TOKENS = st.sampled_from([*NAMES, *_OPERANDS, *_OPERATORS, *_CALLS, *_STRAY])
VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.sampled_from(["10", "10.5", "-3", "NaN", "1e5", " 1 ", '{"k": [1, {"a": 2.5}]}', "\ud800", "1" * 500]),
)
ROWS = st.lists(VALUES, min_size=len(NAMES), max_size=len(NAMES))


def outcome(text: str, row: list[object]) -> object:
    expression = compile_expression(text)
    with contextlib.suppress(EvaluationError):
        expression.bind_text(NAMES)(row)
    return expression.bind(NAMES)(row)


def offset_of(text: str, row: list[object]) -> int:
    """Where the text stops being an expression; 0 when it is one."""
    try:
        outcome(text, row)
    except ExpressionSyntaxError as error:
        return error.offset
    return 0


@settings(max_examples=400, deadline=None)
@given(st.lists(TOKENS, max_size=12).map("".join), ROWS)
def test_token_soup_gives_a_value_or_one_of_two_errors(text: str, row: list[object]) -> None:
    with contextlib.suppress(EvaluationError):
        assert 0 <= offset_of(text, row) <= len(text)


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=30), ROWS)
def test_any_text_gives_a_value_or_one_of_two_errors(text: str, row: list[object]) -> None:
    with contextlib.suppress(EvaluationError):
        assert 0 <= offset_of(text, row) <= len(text)


OPERANDS = st.sampled_from([*NAMES[:-1], "1", "2.5", "'4'", "null", "json:apply(s).k", "[1, 'x']", "(a + 1)", "-b"])
OPERATORS = st.sampled_from(["+", "-", "*", "/", "%", "<", ">", "<=", ">=", "==", "!=", "&", "|", "^", "&&", "||"])


@settings(max_examples=300, deadline=None)
@given(OPERANDS, OPERATORS, OPERANDS, ROWS)
def test_results_are_json_and_kinds_agree(left: str, symbol: str, right: str, row: list[object]) -> None:
    try:
        result = outcome(f"{left} {symbol} {right}", row)
    except EvaluationError:
        return
    assert type(result) in (type(None), bool, int, float, str, list, dict)
    json.dumps(result)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(["+", "-", "*", "/", "<", ">", "==", "!=", "<=", ">="]), VALUES, VALUES)
def test_every_shape_of_an_operator_agrees(symbol: str, left: object, right: object) -> None:
    shapes = [f"a {symbol} b", f"(a) {symbol} (b)", f"(a) {symbol} b", f"(a) {symbol} (null ?? b)"]
    results = []
    for shape in shapes:
        try:
            results.append(repr(compile_expression(shape).bind_text(["a", "b"])([left, right])))
        except EvaluationError:
            results.append("fails")
    if left is not None and right is not None:
        assert len(set(results)) == 1


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_the_text_of_a_double_reads_back_and_has_no_exponent(number: float) -> None:
    text = java_text(number)
    assert text is not None
    assert float(text) == number
    assert "e" not in text
    assert "." in text


@given(st.floats(allow_nan=False))
def test_doubles_are_read_from_texts_as_python_reads_them(number: float) -> None:
    text = repr(number).replace("inf", "Infinity")
    assert is_double(to_double(text))
    assert math.isclose(to_double(text), number, rel_tol=0)
