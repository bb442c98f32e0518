import subprocess
import sys
import time

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from openai_monitor.definition.pattern import compile_pattern
from openai_monitor.errors import PatternSyntaxError


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        (r"RpcActivityForPort80\d+", "RpcActivityForPort8020", True),
        ("a", "ab", False),
        ("(?i)ARIA.*", "aria-mini", True),
        (r"\x{41}\{{2}", "A{{", True),
        ("(?iu:A)b", "ab", True),
        ("(?s).+", "a\nb", True),
        (".+", "a\nb", False),
        ("x$", "x\n", False),  # a whole match leaves nothing over
        (r"x\Z", "x", True),
        (r"\Qa.b\E+", "a.b", True),
        (r"\Qa.b", "axb", False),
        (r"\u0416\x{416}", "ЖЖ", True),
        ("日本?", "日", True),
        (r"\p{IsHan}\p{Lower}\P{Alpha}", "本a1", True),
        (r"[\p{Digit}x]+", "1x2", True),
        (r"[^\v]", "\u2028", False),
        (r"\h\R", "\u00a0\r\n", True),
        (r"\é\/\-", "é/-", True),
        (r"\e", "\x1b", True),
        (r"[]a]+", "]a", True),
        ("(?<name>a)|b", "b", True),
        ("a{2,3}?", "aaa", True),
        ("", "", True),
    ],
)
def test_javas_spelling_is_understood(pattern: str, text: str, matches: bool) -> None:
    assert compile_pattern(pattern).fullmatch(text) is matches


@pytest.mark.parametrize(
    ("pattern", "text", "count"),
    [
        ("ello", "<html>Hello hello</html>", 2),
        ("aa", "aaaaa", 2),
        ("^a", "a\na\na", 1),
        ("(?m)^a", "a\na\na", 3),
        ("a$", "a\na\na", 1),
        ("a$", "a\na\r\n", 1),  # the end is also before a last line end
        ("(?m)a$", "a\na\n", 2),
        ("日本", "日本日本", 2),
        ("a|b", "abc", 2),
        ("a*", "baaac", 4),
        ("x*", "éé", 3),
        ("[$]", "$$", 2),
        ("x", "", 0),
        (".", "\ud800", 1),
    ],
)
def test_matches_are_counted_as_java_counts_them(pattern: str, text: str, count: int) -> None:
    assert compile_pattern(pattern).count(text) == count
    assert compile_pattern(pattern).search(text) is (count > 0)


@pytest.mark.parametrize(
    ("pattern", "offset", "message"),
    [
        ("ab(?=c)", 2, "lookahead (`(?=`)"),
        ("a{,2}", 1, "`{` without a count"),
        ("(?!c)", 0, "lookahead"),
        ("(?<=c)", 0, "lookbehind (`(?<=`)"),
        ("(?<!c)", 0, "lookbehind"),
        ("(?>c)", 0, "an atomic group"),
        (r"(a)\1", 3, r"a backreference (`\1`)"),
        (r"(?<n>a)\k<n>", 7, "a backreference"),
        ("a++", 1, "a possessive quantifier (`++`)"),
        ("a{2,3}+", 1, "a possessive quantifier"),
        ("[a-z&&[^b]]", 4, "an intersection of sets"),
        ("[a[b]]", 2, "a set within a set"),
        ("(?x) a", 0, "the flag `x`"),
        ("(?U)a", 0, "the flag `U`"),
        ("[abc", 0, "never closed"),
        ("x(a", 0, "missing )"),
        ("*a", 0, "no argument for repetition operator"),
        ("a\\", 1, "ends with a backslash"),
        (r"\u12", 0, "four hex digits"),
        ("a{2000}", 1, "at most 1,000 times"),
        (r"\p{Nonsense}", 0, "Nonsense"),
        (r"\p{L}" * 20, 0, "too large"),
        ("a" * 5001, 5000, "longer than 5,000"),
        ("\ud800", 0, "surrogate"),
    ],
)
def test_what_re2_lacks_is_named_with_its_place(pattern: str, offset: int, message: str) -> None:
    with pytest.raises(PatternSyntaxError) as caught:
        compile_pattern(pattern)
    assert message in str(caught.value)
    assert caught.value.offset == offset


def test_no_pattern_takes_more_than_linear_time(capfd: pytest.CaptureFixture[str]) -> None:
    started = time.process_time()
    for pattern in ["(a+)+b", "(a|aa)+b", "(.*)*x.*y", "((a{0,9}){0,9}){0,9}b", r"(\w+\s?)*!"]:
        assert not compile_pattern(pattern).search("a" * 50_000)
    with pytest.raises(PatternSyntaxError):
        compile_pattern("((a{0,99}){0,99}){0,99}b")
    assert time.process_time() - started < 2
    assert capfd.readouterr() == ("", ""), "RE2's own log must stay silent"


def test_importing_the_module_does_not_import_re2() -> None:
    code = "import sys, openai_monitor.definition.pattern; assert 're2' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@given(st.text(alphabet="ab[]()\\*+?{}1,|^$.&-:<=!QEpPuvnd\ud800é", max_size=12) | st.text(max_size=8))
@example("\\")
@settings(max_examples=500, deadline=None)
def test_any_text_is_a_pattern_or_a_syntax_error(text: str) -> None:
    try:
        pattern = compile_pattern(text)
    except PatternSyntaxError as error:
        offset = error.offset
    else:
        offset = 0
        assert pattern.search("aab\n") is (pattern.count("aab\n") > 0)
    assert 0 <= offset <= len(text)
