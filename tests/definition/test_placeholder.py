"""Placeholders: where they are replaced, by what, and what stays as written."""

import gc
import re
import time
import weakref
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from openai_monitor.definition.model import MetricSet
from openai_monitor.definition.parts import read_part
from openai_monitor.definition.placeholder import (
    Parameter,
    parameter_names,
    parameters_used,
    row_fields,
    substitute_parameters,
    substitute_row,
)
from openai_monitor.errors import ParameterError

Given = dict[str, Parameter]


def text(value: str | None) -> Parameter:
    return Parameter(value, "text")


def array(value: str | None) -> Parameter:
    return Parameter(value, "array")


def key_value(value: str | None) -> Parameter:
    return Parameter(value, "key-value")


def metric_set(**http: object) -> MetricSet:
    return read_part(MetricSet, {"name": "usage", "protocol": "http", "http": http})


def listed(*items: str | None) -> MetricSet:
    return read_part(MetricSet, {"aliasFields": list(items)})


def url(written: str, parameters: Given) -> str | None:
    replaced = substitute_parameters(metric_set(url=written), parameters)
    assert replaced.http is not None
    return replaced.http.url


def headers(written: dict[str, str], parameters: Given) -> dict[str, str | None]:
    replaced = substitute_parameters(metric_set(headers=written), parameters)
    assert replaced.http is not None
    return replaced.http.headers or {}


def aliases(written: list[str], parameters: Given) -> list[str | None]:
    return substitute_parameters(listed(*written), parameters).alias_fields or []


# A parameter in a text


@pytest.mark.parametrize("name", ["x", "org_id", "org-id", "org.id", "1a", "-", "."])
def test_names_are_letters_digits_and_three_signs(name: str) -> None:
    assert url(f"/a/^_^{name}^_^/b", {name: text("v")}) == "/a/v/b"


@pytest.mark.parametrize("name", ["", "a b", "a$b", "орг"])
def test_other_names_stay_as_written(name: str) -> None:
    assert url(f"/^_^{name}^_^", {name: text("v")}) == f"/^_^{name}^_^"


def test_an_unknown_name_stays_as_written() -> None:
    assert url("/^_^x^_^/^_^y^_^", {"x": text("v")}) == "/v/^_^y^_^"


def test_null_makes_a_whole_text_null_and_a_piece_empty() -> None:
    assert url("^_^x^_^", {"x": text(None)}) is None
    assert url("/a/^_^x^_^/b", {"x": text(None)}) == "/a//b"
    assert url("^_^x^_^", {"x": text("")}) == ""


@pytest.mark.parametrize(("kind", "inserted"), [("text", "v"), ("number", "v"), ("password", " \tv\n")])
def test_values_are_trimmed_but_not_passwords(kind: str, inserted: str) -> None:
    assert url("^_^x^_^", {"x": Parameter(" \tv\n", kind)}) == inserted


def test_every_kind_of_text_is_looked_at() -> None:
    mark = "^_^x^_^"
    written = {
        "name": mark,
        "protocol": mark,
        "i18n": {"en-US": mark},
        "fields": [{"field": mark, "unit": mark, "i18n": {"en-US": mark}}],
        **{key: [mark] for key in ("aliasFields", "calculates", "filters", "units")},
        "http": {
            **dict.fromkeys(("host", "port", "url", "timeout", "ssl", "method", "payload", "parseType"), mark),
            **dict.fromkeys(("parseScript", "keyword", "enableUrlEncoding"), mark),
            "headers": {"X-A": mark},
            "params": {"a": mark},
            "successCodes": [mark],
            "authorization": {"type": mark, "bearerTokenToken": mark, "digestAuthPassword": mark},
        },
    }
    replaced = substitute_parameters(read_part(MetricSet, written), {"x": text("v")})
    assert str(replaced).count(mark) == 2, "only the two texts for people keep it"


def test_names_in_a_map_key_stay_unless_they_are_the_whole_key() -> None:
    assert headers({"X-^_^x^_^": "v"}, {"x": text("1")}) == {"X-^_^x^_^": "v"}


# Values that bring in placeholders


def test_a_value_may_bring_in_what_follows_in_the_text() -> None:
    parameters = {"x": text("^_^y^_^"), "y": text("Y")}
    assert url("^_^x^_^|^_^y^_^", parameters) == "Y|Y"
    assert url("^_^y^_^|^_^x^_^", parameters) == "Y|^_^y^_^"
    assert url("^_^x^_^", parameters) == "^_^y^_^"


def test_values_that_name_each_other_end() -> None:
    assert url("^_^x^_^^_^y^_^", {"x": text("^_^y^_^"), "y": text("^_^x^_^")}) == "^_^x^_^^_^x^_^"


def test_values_that_double_each_other_are_refused() -> None:
    parameters = {f"x{n}": text(f"^_^x{n + 1}^_^" * 10) for n in range(40)}
    with pytest.raises(ParameterError, match="shorter value"):
        url("".join(f"^_^x{n}^_^" for n in range(40)), parameters)


@given(
    st.lists(st.sampled_from(["^_^", "a", "b", "^_^a^_^", "^_^b^_^", "^o^a^o^", "/"]), max_size=8).map("".join),
    st.dictionaries(
        st.sampled_from(["a", "b"]), st.one_of(st.none(), st.sampled_from(["^_^a^_^", "^_^b^_^^_^", "v", ""]))
    ),
)
def test_substitution_ends_and_leaves_only_unknown_or_brought_in_names(
    written: str, values: dict[str, str | None]
) -> None:
    parameters = {name: text(value) for name, value in values.items()}
    assert isinstance(url(written, parameters), str | None)
    plain = all(value is None or "^" not in value for value in values.values())
    if plain and "^_^^_^" not in written:
        assert not set(parameter_names(url(written, parameters) or "")) & set(values)


# Lists


@example("^_^a^_^^_^b^_^a^_^a^_^", {"a": "1", "b": "2"})
@example("^_^a^_^^_^x^_^^_^a^_^^_^b^_^", {"a": "a", "b": "2"})
@given(
    st.lists(st.sampled_from(["^_^a^_^", "^_^b^_^", "^_^x^_^", "^_^", "^", "_", "a", "/"]), max_size=8).map("".join),
    st.fixed_dictionaries(
        {"a": st.sampled_from(["", "1", "^_^b^_^", "^", "a", None]), "b": st.sampled_from(["", "2", None, "_"])}
    ),
)
def test_replacing_all_at_once_is_replacing_one_by_one(written: str, values: dict[str, str | None]) -> None:
    expected: str | None = written
    for marker in re.finditer(r"\^_\^([\w.-]+)\^_\^", written):
        if marker[1] not in values or expected is None:
            continue
        value = values[marker[1]]
        expected = None if value is None and expected == marker[0] else expected.replace(marker[0], value or "")
    given_values = {name: text(value) for name, value in values.items()}
    found = substitute_parameters(metric_set(url=written), given_values).http
    assert found is not None
    assert found.url == expected


@pytest.mark.parametrize("make", [lambda n: "^_^a^_^/" * n, lambda n: "".join(f"^_^p{i}^_^" for i in range(n))])
def test_a_hundred_thousand_placeholders_take_no_time(make: Callable[[int], str]) -> None:
    written = make(100_000)
    values = {name: text("x") for name in parameter_names(written)}
    began = time.process_time()
    substitute_parameters(metric_set(url=written), values)
    assert time.process_time() - began < 2


def test_so_many_placeholders_with_values_that_bring_in_others_are_refused() -> None:
    with pytest.raises(ParameterError, match="100,000 placeholders, and values that bring in others"):
        substitute_parameters(metric_set(url="^_^a^_^/" * 100_000), {"a": text("^_^b^_^")})


def test_an_unknown_name_makes_a_list_item_null() -> None:
    assert aliases(["a", "b^_^x^_^"], {}) == ["a", None]


def test_a_null_parameter_in_a_list() -> None:
    assert aliases(["^_^x^_^", "b^_^x^_^"], {"x": text(None)}) == [None, "b"]
    assert aliases(["^_^x^_^"], {"x": array(None)}) == [None]


@pytest.mark.parametrize(
    ("value", "items"),
    [("a,b", ["a", "b"]), ("a", ["a"]), ("a,b,,", ["a", "b"]), (",a", ["", "a"]), (",", []), ("", [""])],
)
def test_an_array_becomes_several_items(value: str, items: list[str]) -> None:
    assert aliases(["first", "^_^x^_^", "last"], {"x": array(value)}) == ["first", *items, "last"]


def test_an_array_drops_what_stands_around_it_in_a_list_only() -> None:
    assert aliases(["x^_^x^_^y"], {"x": array("a,b")}) == ["a", "b"]
    assert url("/^_^x^_^", {"x": array("a,b")}) == "/a,b"


# Key-value maps


def test_entries_take_the_place_of_their_key_at_the_end() -> None:
    found = headers({"^_^kv^_^": "^_^kv^_^", "X-B": "b"}, {"kv": key_value('{"X-A": "1", "X-C": "2"}')})
    assert list(found.items()) == [("X-B", "b"), ("X-A", "1"), ("X-C", "2")]


def test_entries_beat_fixed_ones() -> None:
    assert headers({"X-A": "a", "^_^kv^_^": ""}, {"kv": key_value('{"X-A": "1"}')}) == {"X-A": "1"}


def test_scalars_are_texts_as_written() -> None:
    value = key_value('{"n": 5, "d": 1.50, "t": true, "z": null, "": "nameless"}')
    assert headers({"^_^kv^_^": ""}, {"kv": value}) == {"n": "5", "d": "1.50", "t": "true", "z": None}


def test_entries_are_not_looked_through() -> None:
    parameters = {"kv": key_value('{"X-A": "^_^x^_^"}'), "x": text("v")}
    assert headers({"^_^kv^_^": "", "X-B": "^_^x^_^"}, parameters) == {"X-B": "v", "X-A": "^_^x^_^"}


@pytest.mark.parametrize("value", [None, "", "X-A: 1", '["a"]', "5", '{"a": {"b": 1}}', '{"a": [1]}', "[" * 5000])
def test_what_is_no_flat_map_has_no_entries(value: str | None) -> None:
    assert headers({"^_^kv^_^": "", "X-B": "b"}, {"kv": key_value(value)}) == {"X-B": "b"}


def test_a_key_of_another_type_or_unknown_is_removed() -> None:
    assert headers({"^_^kv^_^": "x"}, {}) == {}
    assert headers({"^_^kv^_^": "x"}, {"kv": text('{"X-A": "1"}')}) == {}


def test_a_map_value_that_becomes_null_is_empty_but_a_written_null_stays() -> None:
    replaced = substitute_parameters(metric_set(params={"a": "^_^x^_^", "b": None}), {"x": text(None)})
    assert replaced.http is not None
    assert replaced.http.params == {"a": "", "b": None}


# Fields of an earlier set


def test_a_row_fills_its_names_everywhere_but_in_keys() -> None:
    written = read_part(
        MetricSet,
        {
            "aliasFields": ["$.^o^id^o^.v"],
            "calculates": ["v=$.^o^id^o^.v", "who='^o^id^o^'"],
            "http": {"url": "/u/^o^id^o^/^o^other^o^", "headers": {"^o^id^o^": "x", "X-B": "org ^o^id^o^"}},
        },
    )
    replaced = substitute_row(written, {"id": "p 1"})
    assert replaced.alias_fields == ["$.p 1.v"]
    assert replaced.calculates == ["v=$.p 1.v", "who='p 1'"]
    assert replaced.http is not None
    assert replaced.http.url == "/u/p 1/^o^other^o^"
    assert replaced.http.headers == {"^o^id^o^": "x", "X-B": "org p 1"}


def test_what_comes_from_a_response_is_never_looked_through() -> None:
    replaced = substitute_row(metric_set(url="/^o^a^o^/^o^b^o^"), {"a": "^o^b^o^^_^token^_^", "b": r"\1"})
    assert replaced.http is not None
    assert replaced.http.url == r"/^o^b^o^^_^token^_^/\1"


def test_names_are_told() -> None:
    written = metric_set(
        url="/^_^a^_^/^o^id^o^",
        headers={"^_^kv^_^": "", "X-^_^no^_^": "^o^tok^o^", "^o^never^o^": ""},
        successCodes=["^_^codes^_^"],
    )
    assert parameters_used(written) == {"a", "kv", "codes"}
    assert row_fields(written) == {"id", "tok"}


# The same object where nothing is to do


def test_nothing_to_do_is_the_same_object() -> None:
    plain = metric_set(url="/a", headers={"X-A": "1"})
    assert substitute_parameters(plain, {"x": text("v")}) is plain
    assert substitute_row(plain, {"x": "v"}) is plain
    unknown = metric_set(url="/^_^x^_^/^o^y^o^")
    assert substitute_parameters(unknown, {}) is unknown
    assert substitute_row(unknown, {}) is unknown


def test_unchanged_parts_are_the_same_objects() -> None:
    written = read_part(
        MetricSet,
        {
            "aliasFields": ["a"],
            "fields": [{"field": "a"}],
            "http": {"url": "/^_^x^_^", "headers": {"X-A": "1"}},
        },
    )
    replaced = substitute_parameters(written, {"x": text("v")})
    assert replaced.alias_fields is written.alias_fields
    assert replaced.fields is written.fields
    assert written.http is not None
    assert replaced.http is not None
    assert replaced.http.headers is written.http.headers
    assert written.http.url == "/^_^x^_^", "the definition itself never changes"


def test_what_is_remembered_of_a_set_does_not_keep_it_alive() -> None:
    written = metric_set(url="/^_^x^_^")
    substitute_parameters(written, {"x": text("v")})
    watch = weakref.ref(written)
    del written
    gc.collect()
    assert watch() is None


def test_a_parameter_never_shows_its_value() -> None:
    assert "sess-fake" not in repr(Parameter("sess-fake", "password"))
    assert "password" in repr(Parameter("sess-fake", "password"))
