"""What is an expression and what is not, and where it stops being one. The bounds that keep hostile ones harmless."""

import time

import pytest

from openai_monitor.definition.expression import compile_expression
from openai_monitor.errors import EvaluationError, ExpressionSyntaxError


@pytest.mark.parametrize(
    "text",
    [
        "cost",
        "$",
        "$.a.b",
        "$.a.b.1m",
        "$.a.size",
        "$.a.and.if",
        "$.a.'with blank'",
        r"with\ blank",
        "$.list[0]",
        "Content-Type",
        "a- b",
        " \u00a0\u3000a + 1\u2003",
        "1.m",
        "a.b.c + 1",
        "a?b:c?d:e",
        "a ? (b):c",
        "a ? b : size(c)",
        "a ?: b ?? c",
        "a == b and b == a",
        "a .. b",
        "a--b",
        "!!a",
        "empty a.b",
        "f()",
        "f(a, b)",
        "ns:f(a)",
        "json : apply(a)",
        "[]",
        "[1, ...]",
        "{}",
        "{:}",
        "{1, 2}",
        "{'a': b}['a']",
        "{'a': b}.a",
        "a /* c */",
        "a // c",
        "$.class",
        "json:apply(a).class",
        "NaN",
        "#NaN",
    ],
)
def test_these_compile(text: str) -> None:
    compile_expression(text)


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("", 0),
        ("  ", 0),
        ("// only a comment", 0),
        (".name", 0),
        ("a b", 2),
        ("$.", 2),
        ("$.l[*]", 4),
        ("$.st[?(@.t=='R')].v", 5),
        ("$..a.", 5),
        ("1m", 1),
        ("08", 1),
        ("1_000", 1),
        ("5.", 2),
        (".5", 0),
        ("$.load.5d", 6),
        ("a.5e3", 1),
        ("a.return", 2),
        ("a;b", 1),
        ("var q = 3", 0),
        ("if (a) {1} else {2}", 0),
        ("while(true){}", 0),
        ("return a", 0),
        ("new('java.lang.String')", 0),
        ("a -> a", 2),
        ("^o^id^o^", 0),
        ("a ** 2", 3),
        ("a >> 1", 3),
        ("a === 1", 4),
        ("a in [1]", 2),
        ("a #b", 2),
        ("@a", 0),
        ("ü", 0),
        ("empty", 5),
        ("size", 4),
        ("new", 0),
        ("empty ? 1 : 0", 6),
        ("1 < 2 < 3", 6),
        ("a == b == c", 7),
        ("a ? b", 5),
        ("a ?", 3),
        ("(a", 2),
        ("a)", 1),
        ("a +", 3),
        ("f(a,)", 4),
        ("[1,]", 3),
        ("{1,}", 3),
        ("'open", 0),
        ("'two\nlines'", 0),
        ("a + `open", 4),
        ("a /* open", 2),
        ("`${a`", 0),
        ("`${}`", 0),
        ("9223372036854775808L", 0),
    ],
)
def test_these_do_not_compile(text: str, offset: int) -> None:
    with pytest.raises(ExpressionSyntaxError) as caught:
        compile_expression(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("a = 5", 2, "assignment"),
        ("a += 5", 2, "assignment"),
        ("a == 1 ? b = 2 : 3", 11, "assignment"),
        ("a.length()", 8, "no methods"),
        ("a.b.c()", 5, "no methods"),
        ("'x'.length()", 10, "no methods"),
        ("(a)(b)", 3, "no methods"),
        ("now()()", 5, "no methods"),
        ("a.class", 0, "class"),
        ("obj.class.name", 0, "class"),
        ("1 + obj.class", 4, "class"),
        ("`${a.class}`", 0, "class"),
        ("while", 0, "statement"),
        ("a + for", 4, "statement"),
    ],
)
def test_what_reaches_beyond_values_is_refused_by_name(text: str, offset: int, message: str) -> None:
    with pytest.raises(ExpressionSyntaxError, match=message) as caught:
        compile_expression(text)
    assert caught.value.offset == offset


@pytest.mark.parametrize("name", ["__class__", "__globals__", "_node", "real", "0"])
@pytest.mark.parametrize("base", ["x", "'x'", "1", "1.5", "[1]", "json:apply(x)", "now()"])
def test_no_attribute_of_a_python_object_is_in_reach(base: str, name: str) -> None:
    expression = compile_expression(f"({base}).{name} ?? 'out of reach'")
    assert expression.bind(["x"])(["{}"]) in ("out of reach", 1)


@pytest.mark.parametrize(
    "text",
    [
        "(" * 10_000 + "a" + ")" * 10_000,
        "-" * 60_000 + "a",
        "a ? " * 10_000,
        "a ?: " * 10_000,
        "[" * 10_000,
        "f(" * 10_000,
        "{" * 10_000,
        "a[" * 10_000,
        "a * (b + " * 7_000,
        "a" * 70_000,
        "1" * 60_000,
        "/* " * 20_000,
        "~/" * 30_000,
        "`" + "${" * 30_000 + "`",
        "1e99999b",
    ],
    ids=lambda text: text[:8],
)
def test_what_is_too_deep_or_long_is_refused_quickly(text: str) -> None:
    started = time.process_time()
    with pytest.raises(ExpressionSyntaxError):
        compile_expression(text)
    assert time.process_time() - started < 2


def test_a_hundred_levels_are_enough_for_anyone() -> None:
    assert compile_expression("(" * 99 + "a" + ")" * 99).bind(["a"])([1]) == 1


@pytest.mark.parametrize(
    ("text", "expected"),
    [("+".join(["a"] * 10_000), 20_000), ("&&".join(["a"] * 10_000), True), ("-".join(["'1'"] * 5_000), -4_998)],
    ids=["sum", "and", "texts"],
)
def test_long_chains_do_not_nest(text: str, expected: object) -> None:
    assert compile_expression(text).bind(["a"])([2]) == expected


def test_a_long_chain_leaves_unread_what_a_short_one_would() -> None:
    chain = " || ".join(["no"] * 100 + ["yes"] + ["undefined"] * 100)
    assert compile_expression(chain).bind(["no", "yes"])([False, True]) is True
    with pytest.raises(EvaluationError):
        compile_expression(chain).bind(["no", "yes"])([False, False])


@pytest.mark.parametrize(
    "text",
    [
        "x" + "*x" * 5_000,
        "x" + "*9999999999" * 5_000,
        "9999999999" + "*9999999999" * 5_000,
        "9e9b" + "*9e99b" * 5_000,
        "long + long",
        "long" + "+long" * 1_000,
        "`${long}${long}`",
        "digits * 2",
        "digits * 2.5",
        "nines + 0.5",
        "json:apply(brackets)",
    ],
    ids=lambda text: text[:16],
)
def test_values_do_not_grow_without_end(text: str) -> None:
    variables = {
        "x": 10**300,
        "long": "x" * 1_000_000,
        "digits": "1" * 1_000_000,
        "nines": 10**4000,
        "brackets": "[" * 1_000_000,
    }
    started = time.process_time()
    with pytest.raises(EvaluationError):
        compile_expression(text).bind(list(variables))(list(variables.values()))
    assert time.process_time() - started < 2


def test_a_pattern_takes_linear_time() -> None:
    started = time.process_time()
    assert compile_expression("x =~ '(a+)+b'").bind(["x"])(["a" * 50_000]) is False
    assert time.process_time() - started < 2
