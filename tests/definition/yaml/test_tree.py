"""YAML text becomes a tree with raw texts and positions, or one problem; whatever the text is."""

import time

import pytest
import yaml

from openai_monitor.definition.yaml import tree as yamltree
from openai_monitor.definition.yaml.scalars import java_double, read_boolean, read_integer
from openai_monitor.definition.yaml.tree import MAX_SIZE, Mapping, Scalar, Tree, follow, plain, read_tree
from openai_monitor.errors import DefinitionError, Problem


def read(text: str) -> object:
    return plain(read_tree(text, "x.yml").root)


def problem_of(text: str) -> Problem:
    with pytest.raises(DefinitionError) as raised:
        read_tree(text, "x.yml")
    (problem,) = raised.value.problems
    return problem


@pytest.fixture(params=["libyaml", "python"])
def parser(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both of PyYAML's parsers, since some installations have one only."""
    if request.param == "python":
        monkeypatch.delattr(yaml, "CSafeLoader")


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "text",
    [
        "010",
        "0x10",
        "1.0",
        "1e3",
        "1_000",
        "yes",
        "off",
        "TRUE",
        ".nan",
        "12:30:45",
        "2024-01-01",
        "^x",
        "=",
        "a#c",
        "-x",
    ],
)
def test_a_scalar_keeps_the_text_it_is_written_with(text: str) -> None:
    assert read(f"a: {text}") == {"a": text}


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize("text", ["~", "null", "Null", "NULL", ""])
def test_a_plain_null_is_none_and_a_quoted_one_a_text(text: str) -> None:
    assert read(f"a: {text}\nb: '{text}'") == {"a": None, "b": text}


def test_blocks_and_escapes_are_read() -> None:
    assert read("a: \"\\u0041\\n\"\nb: >\n  folded\n  text\nc: 'it''s'") == {
        "a": "A\n",
        "b": "folded text\n",
        "c": "it's",
    }


def test_keys_are_texts_too() -> None:
    assert read("{1: a, true: b, null: c, 010: d, '~': e}") == {
        "1": "a",
        "true": "b",
        "null": "c",
        "010": "d",
        "~": "e",
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("!!str 5", "5"),
        ("! 5", "5"),
        ("!!int 0x10", "16"),
        ("!!int 010", "8"),
        ("!!float 1", "1.0"),
        ("!!float 1e-5", "1.0E-5"),
        ("!!float -.inf", "-Infinity"),
        ("!!bool yes", "true"),
        ("!!null x", None),
        ("!<tag:yaml.org,2002:str> y", "y"),
    ],
)
def test_standard_tags_convert(text: str, value: str | None) -> None:
    assert read(f"a: {text}") == {"a": value}


def test_standard_tags_of_collections_are_taken() -> None:
    assert read("!!map {a: !!seq [b]}") == {"a": ["b"]}


@pytest.mark.parametrize(
    "text",
    ["!!python/object:os.system x", "!mine x", "!!binary aGk=", "!!set {a}", "!!omap [a: b]", "!!str [a]"],
)
def test_other_tags_are_refused(text: str) -> None:
    problem = problem_of(f"a: {text}")
    assert (problem.rule, problem.line, problem.column) == ("tag", 1, 4)


# Merge keys


def test_merged_entries_stand_where_the_merge_stands() -> None:
    root = read_tree("{a: 1, <<: {b: 2, c: 3}, c: 4, d: 5}", "x.yml").root
    assert isinstance(root, Mapping)
    assert [(key, plain(entry.value)) for key, entry in root.entries.items()] == [
        ("a", "1"),
        ("b", "2"),
        ("c", "4"),
        ("d", "5"),
    ]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("{a: 0, <<: {a: 1}}", {"a": "0"}),
        ("{<<: {a: 1}, a: 0}", {"a": "0"}),
        ("{<<: [{a: 1}, {a: 2, b: 3}]}", {"a": "1", "b": "3"}),
        ("{<<: {a: 1}, <<: {a: 2, b: 3}}", {"a": "1", "b": "3"}),
        ("{<<: {<<: {q: 1}, r: 2}}", {"q": "1", "r": "2"}),
        ("{<<: []}", {}),
        ('{"<<": x}', {"<<": "x"}),
        ("[<<]", ["<<"]),
    ],
)
def test_own_keys_win_over_merged_ones_and_earlier_merges_over_later(text: str, value: object) -> None:
    assert read(text) == value


def test_a_merged_key_knows_both_its_places() -> None:
    tree = read_tree("base: &b\n  x: 1\nother:\n  <<: *b\n", "x.yml")
    *_, (entry, _) = follow(tree.root, ("other", "x"))
    assert entry is not None
    assert entry.merge is not None
    assert ((entry.key.line, entry.key.column), (entry.merge.line, entry.merge.column)) == ((2, 3), (4, 3))


@pytest.mark.parametrize("value", ["x", "", "[x]", "[[a]]"])
def test_only_mappings_merge(value: str) -> None:
    assert problem_of(f"a: {{<<: {value}}}").rule == "merge"


# Aliases, repeated keys, positions


def test_an_alias_repeats_and_an_anchor_may_be_given_anew() -> None:
    assert read("a: &x 1\nb: &x 2\nc: *x\nd: &m {k: v}\ne: *m") == {
        "a": "1",
        "b": "2",
        "c": "2",
        "d": {"k": "v"},
        "e": {"k": "v"},
    }


@pytest.mark.parametrize("text", ["a: *no", "a: &a {b: *a}", "a: &a [*a]", "a: &a {<<: *a}"])
def test_an_alias_needs_a_finished_anchor_before_it(text: str) -> None:
    assert problem_of(text).rule == "alias"


def test_the_last_of_equal_keys_wins_and_the_earlier_is_remembered() -> None:
    tree = read_tree("a: 1\nb: 2\na: 3\n", "x.yml")
    assert plain(tree.root) == {"a": "3", "b": "2"}
    assert [(key.line, earlier.line) for key, earlier in tree.repeated] == [(3, 1)]


def test_a_merged_key_is_not_repeated_by_its_own() -> None:
    assert read_tree("<<: {a: 1}\na: 2", "x.yml").repeated == []


def test_keys_and_values_have_their_positions() -> None:
    tree = read_tree("a:\r\n  - b: [1, é, x]\r\n", "x.yml")
    places = [
        (entry and (entry.key.line, entry.key.column), node.line, node.column)
        for entry, node in follow(tree.root, ("a", 0, "b", 2))
    ]
    assert places == [(None, 1, 1), ((1, 1), 2, 3), (None, 2, 5), ((2, 5), 2, 8), (None, 2, 15)]


def test_a_scalar_tells_how_it_was_written() -> None:
    root = read_tree("[a, 'b', !!str c]", "x.yml").root
    assert isinstance(root, yamltree.Sequence)
    scalars = [item for item in root.items if isinstance(item, Scalar)]
    assert [(scalar.plain, scalar.tag) for scalar in scalars] == [
        (True, None),
        (False, None),
        (True, "tag:yaml.org,2002:str"),
    ]


def test_a_byte_order_mark_and_directives_are_passed_over() -> None:
    assert read("\ufeff%YAML 1.2\n---\na: b\n...\n") == {"a": "b"}


# Problems


def test_a_character_that_yaml_does_not_take_has_its_place() -> None:
    problem = problem_of("a: b\nc: \x07")
    assert (problem.line, problem.column, problem.message) == (
        2,
        4,
        "the character U+0007 can't stand in YAML",
    )


def test_a_lone_surrogate_is_such_a_character() -> None:
    assert problem_of("a: '\ud800'").column == 5


@pytest.mark.usefixtures("parser")
@pytest.mark.parametrize(
    "text",
    [
        "a: b: c",
        "a: [b",
        'a: "b',
        "a: @b",
        "a:\n  b: c\n d: e",
        "%YAML 2.0\n---\na: b",
        "&",
        "*",
        "a: \x00",
        "- a\nb: c",
        "? [",
        "{a: b",
        "!<",
        "%TAG",
    ],
)
def test_what_is_no_yaml_has_a_position_and_a_hint(text: str) -> None:
    problem = problem_of(text)
    assert problem.rule == "yaml"
    assert problem.hint


@pytest.mark.parametrize("text", ["", "   ", "# nothing\n", "%YAML 1.1\n"])
def test_a_text_without_a_document_is_refused(text: str) -> None:
    assert problem_of(text).rule in ("empty", "yaml")


def test_a_second_document_is_refused() -> None:
    problem = problem_of("a: b\n---\nc: d\n")
    assert (problem.rule, problem.line) == ("second-document", 2)


# Hostile texts

DEEP = 50_000
BOMB = "a0: &a0 [x]\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}, *a{i}]\n" for i in range(40))
MERGE_BOMB = "a0: &a0 {x: y}\n" + "".join(f"a{i + 1}: &a{i + 1} {{<<: [*a{i}, *a{i}]}}\n" for i in range(40))
DEEP_BY_ALIAS = f"a0: &a0 {'[' * 40}{']' * 40}\n" + "".join(f"a{i + 1}: &a{i + 1} [*a{i}]\n" for i in range(100))


@pytest.mark.parametrize(
    ("rule", "text"),
    [
        ("too-deep", "a: " + "[" * DEEP),
        ("too-deep", "a: " + "[" * DEEP + "]" * DEEP),
        ("too-deep", "{a: " * DEEP),
        ("too-deep", "- " * DEEP),
        ("too-deep", "? " * DEEP),
        ("too-deep", "\n".join(" " * i + "a:" for i in range(2000))),
        ("too-deep", DEEP_BY_ALIAS),
        ("too-large", "a: " + "x" * 10**7),
        ("too-large", BOMB),
        ("too-large", MERGE_BOMB),
        ("too-large", "a: [" + "a," * 10**6 + "]"),
        ("too-large", "\n".join(f"k{i}: x" for i in range(200_000))),
        ("too-large", "".join(f"%TAG !a{i}! x\n" for i in range(50_000)) + "---\na: b"),
        ("tag", "a: !!int " + "9" * 10**6),
        ("tag", "!" * 10**6),
        ("yaml", "k" * 10**6 + ": x"),
        ("yaml", "\t" * 10**6),
        ("empty", "\n" * MAX_SIZE),
        ("empty", "#" * MAX_SIZE),
    ],
    ids=lambda value: value[:20] if len(value) < 20 else f"{value[:12]}…",
)
def test_hostile_text_is_refused_quickly(rule: str, text: str) -> None:
    started = time.process_time()
    assert problem_of(text).rule == rule
    assert time.process_time() - started < 2


def test_a_long_scalar_is_read() -> None:
    text = "x" * (MAX_SIZE - 10)
    assert read(f"a: {text}") == {"a": text}


def test_as_many_levels_as_hertzbeat_takes() -> None:
    assert read("{a: {b: {c: " + "[" * 48 + "]" * 48 + "}}}")
    assert problem_of("{a: {b: {c: " + "[" * 49 + "]" * 49 + "}}}").rule == "too-deep"


# Numbers and booleans


@pytest.mark.parametrize(
    ("text", "number"),
    [
        *(("0", 0), ("-0", 0), ("00", 0), ("12", 12), ("+1", 1), ("-5", -5), ("1_000", 1000), ("0_7", 7)),
        *(
            ("010", 8),
            ("-010", -8),
            ("0x1F", 31),
            ("-0x1f", -31),
            ("0b11", 3),
            ("1:30", 90),
            ("1:2:3", 3723),
            ("-1:30", -90),
        ),
    ],
)
def test_whole_numbers_as_yaml_1_1_has_them(text: str, number: int) -> None:
    assert read_integer(text) == number


@pytest.mark.parametrize("text", ["", "_", "-", "1.0", "1e3", "08", "0x", "0X1", " 5", "abc", "1:", "9" * 5000])
def test_other_texts_are_no_whole_numbers(text: str) -> None:
    with pytest.raises(ValueError, match="not a whole number"):
        read_integer(text)


@pytest.mark.parametrize(
    ("text", "value"),
    [("true", True), ("Yes", True), ("ON", True), ("fALSE", False), ("no", False), ("off", False)],
)
def test_booleans(text: str, value: bool) -> None:
    assert read_boolean(text) is value


@pytest.mark.parametrize("text", ["1", "0", "y", "", "maybe"])
def test_other_texts_are_no_booleans(text: str) -> None:
    with pytest.raises(ValueError, match="not a boolean"):
        read_boolean(text)


@pytest.mark.parametrize(
    ("number", "text"),
    [
        *(
            (1.0, "1.0"),
            (0.001, "0.001"),
            (9999999.0, "9999999.0"),
            (1e7, "1.0E7"),
            (12345678.9, "1.23456789E7"),
        ),
        *((1e-5, "1.0E-5"), (0.0, "0.0"), (-0.0, "-0.0"), (-1e16, "-1.0E16"), (float("nan"), "NaN")),
    ],
)
def test_doubles_print_as_in_java(number: float, text: str) -> None:
    assert java_double(number) == text


def test_both_parsers_give_the_same_tree(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a: &x {b: [1, 'two', !!int 3]}\nc: {<<: *x, d: e}\nf: |\n  block\n"
    first = read_tree(text, "x.yml")
    monkeypatch.delattr(yaml, "CSafeLoader")
    second = read_tree(text, "x.yml")
    assert _dump(first) == _dump(second)


def _dump(tree: Tree) -> list[object]:
    assert isinstance(tree.root, Mapping)
    return [(name, entry.key.line, entry.key.column, plain(entry.value)) for name, entry in tree.root.entries.items()]


def test_a_long_text_counts_for_more_each_time_it_is_repeated() -> None:
    def repeated(length: int) -> str:
        return f"[&a {'x' * length}, [{', '.join(['*a'] * 2_000)}], &b [*a, *a], *b]"

    assert read(repeated(100)) == ["x" * 100, ["x" * 100] * 2_000, ["x" * 100] * 2, ["x" * 100] * 2]
    assert problem_of(repeated(10_000)).rule == "too-large"
