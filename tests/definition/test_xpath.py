"""XPath tokens and weights: what compiles, and how an estimate grows with a document."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.definition.xpath import MAX_LENGTH, compile_xpath, read_tokens
from openai_monitor.errors import PathSyntaxError


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("a * b", "step operator step"),
        ("* * *", "step operator step"),
        ("@* * 2", "@ step operator operand"),
        ("div div div", "step operator step"),
        ("a-b", "step"),
        ("a - b", "step operator step"),
        ("text()", "step"),
        ("and (b)", "function ( step )"),
        ("a and (b)", "step operator ( step )"),
        ("child::*[1]", "axis step [ operand ]"),
        ("../x:y//.", "step / step // step"),
        ("'a]' = .5", "operand operator operand"),
    ],
)
def test_names_stars_and_operators_are_told_apart(text: str, kinds: str) -> None:
    if text.startswith("and"):
        with pytest.raises(PathSyntaxError, match="no function and"):
            read_tokens(text)
    else:
        assert " ".join(token.kind for token in read_tokens(text)) == kinds


@pytest.mark.parametrize(
    ("text", "offset"),
    [("lower-case(a)", 0), ("a[foo:bar()]", 2), ("a/$x", 2), ("a/namespace::b", 2), ("a = 'b", 4), ("a # b", 2)],
)
def test_what_is_beyond_xpath_is_refused_with_its_place(text: str, offset: int) -> None:
    with pytest.raises(PathSyntaxError) as refused:
        compile_xpath(text)
    assert refused.value.offset == offset


@pytest.mark.parametrize(
    "text", ["", "//", "a[", "a b", "a/", "(" * 900 + "1" + ")" * 900, "a" * (MAX_LENGTH + 1), "a\0"]
)
def test_what_does_not_compile_is_refused(text: str) -> None:
    with pytest.raises(PathSyntaxError):
        compile_xpath(text)


@pytest.mark.parametrize("text", ["/a/@b", "sum(//a)", "count(/a[b = ../c])", "'x'", "string(/a)", "1 + 2", "true()"])
def test_a_value_of_the_document_is_known(text: str) -> None:
    assert compile_xpath(text).of_document


@pytest.mark.parametrize(
    "text", ["a", "@a", "/a | b", "string()", "concat(/a, @b)", "lang('en')", ".", "child::a", "/a[1] = b"]
)
def test_a_value_of_a_row_is_known(text: str) -> None:
    assert not compile_xpath(text).of_document


@pytest.mark.parametrize(
    ("text", "power"),
    [
        ("//a[@b = '1' or c]", 1),
        ("/r/a/b", 1),
        ("//a[.//b]", 1),
        ("//a[last()]", 1),
        ("//a | //b", 2),
        ("//a[count(//b) > 1]", 2),
        ("//a[../b = 'x']", 2),
        ("//a//b", 2),
        ("//a/following::b", 3),
        ("//a[count(//b[count(//c) > 0]) > 0]", 3),
        ("//a[//b = //c]", 3),
    ],
)
def test_the_weight_grows_with_the_document_as_libxml2_does(text: str, power: int) -> None:
    path = compile_xpath(text)
    assert path.weigh(100_000, 4, 1) / path.weigh(10_000, 4, 1) == pytest.approx(10**power, rel=0.3)


def test_an_alias_inside_its_row_costs_no_more_for_more_rows() -> None:
    inside, whole = compile_xpath("a/b"), compile_xpath("count(//a)")
    assert inside.weigh(10_000, 4, 1000) == inside.weigh(10_000, 4, 1)
    assert whole.weigh(10_000, 4, 1000) == pytest.approx(1000 * whole.weigh(10_000, 4, 1))


def test_a_long_table_of_translate_weighs_more() -> None:
    short, long = compile_xpath("translate(., 'ab', '')"), compile_xpath(f"translate(., '{'ab' * 200}', '')")
    assert long.weigh(10_000, 4, 1) > 50 * short.weigh(10_000, 4, 1)


@given(st.text(alphabet="ab/.*@[]()|=<>'\"1 $:-,", max_size=25))
def test_only_a_syntax_error_escapes(text: str) -> None:
    with contextlib.suppress(PathSyntaxError):
        assert compile_xpath(text).weigh(1000, 4, 10) >= 0
