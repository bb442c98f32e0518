"""From raw alias values to typed cells."""

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.corpus import shared

from openai_monitor.collect.fields import alias_names, compile_cells, compile_filters, declared_fields
from openai_monitor.collect.values import number_and_unit, number_text, parse_number, seconds_of_day, text_of
from openai_monitor.definition.model import MetricSet
from openai_monitor.definition.parts import read_part
from openai_monitor.rows import FieldType, Row

NUMBER, STRING, SECRET, TIME = 0, 1, 2, 3


def metric_set(fields: list[dict[str, Any]], **keys: Any) -> MetricSet:
    return read_part(MetricSet, {"name": "s", "protocol": "http", "fields": fields, **keys})


def row_of(the_set: MetricSet, *raw: object, warnings: list[str] | None = None) -> Row:
    cells = compile_cells(the_set, alias_names(the_set), now=lambda: 1_700_000_000_000)
    warn = (warnings if warnings is not None else list[str]()).append
    return tuple(cell(raw, warn) for cell in cells)


def value_of(kind: int, raw: object, unit: str | None = None) -> object:
    return row_of(metric_set([{"field": "v", "type": kind, "unit": unit}]), raw)[0]


@pytest.mark.parametrize(
    ("raw", "number"),
    [
        (5, 5),
        (106.619, 106.619),
        ("12.50", 12.5),
        (" 12 ", 12),
        ("1e3", 1000.0),
        ("99999999999999999999", 99999999999999999999),
        (2**63, 2**63),
        ("10MB", 10),
        ("45%", 45),
        ("+10MB", 10),
        ("1.5GiB", 1.5),
        ("1M2K", 1),
        ("2K1M", None),  # the unit begins with the M, and `2K1` is no number
        ("15ms", None),  # letters that no unit of size has
        ("10Mbit", None),
        ("10 MB", None),
        ("1e3MB", None),
        (None, None),
        (True, None),
        ("abc", None),
        ("-5%", None),
        ("MB", None),
        ("1_000", None),
        ("１２", None),
        ({"a": 1}, None),
        ([1], None),
    ],
)
def test_number_field(raw: object, number: object) -> None:
    value = value_of(NUMBER, raw)
    assert value == number
    assert type(value) is type(number)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        ("as sent", "as sent"),
        (True, "true"),
        (False, "false"),
        (None, None),
        (100.0, "100.0"),
        (1e-5, "0.00001"),
        (2**70, str(2**70)),
        (10**400, str(10**400)),
        ({"city": "Köln", "line2": None}, '{"city":"Köln","line2":null}'),
        ([], "[]"),
    ],
)
def test_text_field(raw: object, text: object) -> None:
    assert value_of(STRING, raw) == text
    assert value_of(SECRET, raw) == text


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [("10:20", 37200), ("10:20:30", 37230), ("24:00", None), ("1:02", None), (5, None), (None, None)],
)
def test_time_field(raw: object, seconds: int | None) -> None:
    assert value_of(TIME, raw) == seconds
    assert seconds_of_day(raw) == seconds


@pytest.mark.parametrize("raw", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_none_is_null_with_a_warning(raw: float) -> None:
    warnings: list[str] = []
    row = row_of(metric_set([{"field": "v", "type": 0}, {"field": "w", "type": 0}]), raw, 1, warnings=warnings)
    assert row == (None, 1)
    assert len(warnings) == 1


def test_negative_zero_is_zero() -> None:
    assert str(value_of(NUMBER, -0.0)) == "0.0"


def test_money_keeps_full_precision() -> None:
    the_set = metric_set([{"field": "cost", "type": 0}], aliasFields=["cost"], calculates=["cost=cost / 100"])
    assert row_of(the_set, 0.001) == (0.00001,)
    assert row_of(the_set, 106.619) == (106.619 / 100,)


@pytest.mark.parametrize("nothing", ["", " ", None])
def test_a_cost_of_nothing_is_no_cost_of_0(nothing: object) -> None:
    the_set = metric_set([{"field": "cost", "type": 0}], aliasFields=["cost"], calculates=["cost=cost / 100"])
    assert row_of(the_set, nothing) == (None,)


@pytest.mark.parametrize(("state", "number"), [("", 0), (" ", 1), ("up", 1), (None, 1)])
def test_a_blank_text_still_equals_one_in_a_number_field(state: object, number: object) -> None:
    the_set = metric_set([{"field": "up", "type": 0}], aliasFields=["state"], calculates=["up=state == '' ? 0 : 1"])
    assert row_of(the_set, state) == (number,)


@pytest.mark.parametrize("alias", ["Content-Type", "$.l[0]", "$.l[0].cost", "users[0].Name"])
@pytest.mark.parametrize("kind", [NUMBER, STRING])
def test_an_expression_without_a_value_is_the_alias_of_its_text(alias: str, kind: int) -> None:
    the_set = metric_set([{"field": "v", "type": kind}], aliasFields=[alias], calculates=[f"v={alias}"])
    assert row_of(the_set, "0123") == (123 if kind == NUMBER else "0123",)


def test_a_time_of_day_in_another_unit() -> None:
    the_set = metric_set([{"field": "at", "type": 3}], units=["at=S->MIN"])
    assert row_of(the_set, "10:20") == (620,)
    assert row_of(the_set, "soon") == (None,)


def test_cents_of_whole_numbers_are_not_cut() -> None:
    the_set = metric_set([{"field": "cost", "type": 0}], aliasFields=["cost"], calculates=["cost=cost / 100"])
    assert row_of(the_set, 2) == (0.02,)
    assert row_of(the_set, "250") == (2.5,)


def test_a_text_field_calculates_with_texts() -> None:
    the_set = metric_set([{"field": "v", "type": 1}], aliasFields=["a", "b"], calculates=["v=a + b"])
    assert row_of(the_set, 25, 200) == ("25200",)


def test_a_failing_calculation_is_null_and_the_row_stands() -> None:
    the_set = metric_set(
        [{"field": "a", "type": 0}, {"field": "v", "type": 0}], aliasFields=["a", "b"], calculates=["v=a / b"]
    )
    assert row_of(the_set, 1, 0) == (1, None)
    assert row_of(the_set, 1, None) == (1, None)


def test_what_is_no_expression_maps_an_alias() -> None:
    the_set = metric_set(
        [{"field": "v", "type": 1}, {"field": "w", "type": 0}],
        aliasFields=["Database pages", "Content-Length"],
        calculates=["v=Database pages", "w=Content-Length"],
    )
    assert row_of(the_set, "many", 7) == ("many", 7)


@pytest.mark.parametrize(
    ("calculates", "value"),
    [
        (["v=a", "v=b"], "2"),
        (["v=a", "v=$.b["], "1"),  # what is no expression does not push one out
        (["v=$.b[", "v=a"], "1"),
        (["v=a", "v="], None),  # but nothing at all does: it compiles, and has no value
        (["v=", "v=a"], "1"),
        (["v=a", "v"], "1"),
    ],
)
def test_the_last_expression_for_a_field_counts(calculates: list[str], value: object) -> None:
    the_set = metric_set([{"field": "v"}], aliasFields=["a", "b"], calculates=calculates)
    assert row_of(the_set, 1, 2) == (value,)


def test_without_aliases_the_fields_are_read_by_name() -> None:
    the_set = metric_set([{"field": "a", "type": 0}, {"field": "b", "type": 1}])
    assert alias_names(the_set) == ("a", "b")


def test_a_field_nobody_fills_is_null() -> None:
    the_set = metric_set([{"field": "v", "type": 0}], aliasFields=["other"])
    assert row_of(the_set, 1) == (None,)


@pytest.mark.parametrize(
    ("raw", "unit", "units", "expected"),
    [
        (1048576, None, ["v=B->MB"], 1),
        ("2Gi", "MB", ["v=B->MB"], 2048),
        ("2048Ki", "MB", None, 2),
        ("10MB", "MB", ["v=KB->MB"], 10),
        ("12%", "%", ["v=B->MB"], 12),
        (5, None, ["v=B->S"], 5),
        (1048576, None, ["v=B->MB", "v=B->KB"], 1024),
    ],
)
def test_units(raw: object, unit: str | None, units: list[str] | None, expected: float) -> None:
    the_set = metric_set([{"field": "v", "type": 0, "unit": unit}], units=units)
    assert row_of(the_set, raw) == (expected,)


@pytest.mark.parametrize(
    ("unit", "text"),
    [("B->KB", "2"), ("KB->KB", "02048.0"), ("K->Ki", "02048.0"), ("B->credits", "02048.0"), ("B->S", "02048.0")],
)
def test_a_text_field_changes_only_where_its_unit_does(unit: str, text: str) -> None:
    the_set = metric_set([{"field": "v", "type": 1}], units=[f"v={unit}"])
    assert row_of(the_set, "02048.0") == (text,)


def test_a_unit_in_the_data_holds_for_its_row_only() -> None:
    the_set = metric_set([{"field": "v", "type": 0, "unit": "MB"}], units=["v=KB->MB"])
    cells = compile_cells(the_set, ("v",), now=lambda: 0)
    assert [cells[0]((raw,), list[str]().append) for raw in ("1Gi", 2048)] == [1024, 2]


def test_a_unit_of_the_data_counts_in_a_calculation() -> None:
    the_set = metric_set([{"field": "v", "type": 0, "unit": "MB"}], aliasFields=["x"], calculates=["v=x * 2"])
    assert row_of(the_set, "2048KB") == (4,)


def test_an_unknown_unit_of_the_data_is_told() -> None:
    warnings: list[str] = []
    the_set = metric_set([{"field": "v", "type": 0, "unit": "MB"}])
    assert row_of(the_set, "1.5GiB", warnings=warnings) == (1.5,)
    assert warnings == ["a value came in 'GiB', which is not convertible to 'MB': it was left as it is"]


def kept(filters: list[str], *rows: Row) -> list[Row]:
    fields = [{"field": "name", "type": 1}, {"field": "cost", "type": 0}]
    the_set = metric_set(fields, filters=filters)
    keep = compile_filters(the_set, declared_fields(the_set), now=lambda: 1)
    assert keep is not None
    return [row for row in rows if keep(row)]


def test_a_row_stays_when_any_filter_is_true() -> None:
    rows: list[Row] = [("a", 10), ("b", 2.5), ("c", None)]
    assert kept(["cost > 5"], *rows) == [("a", 10)]
    assert kept(["cost > 5", 'name == "b"'], *rows) == [("a", 10), ("b", 2.5)]
    assert kept(["cost == null"], *rows) == [("c", None)]


def test_what_is_not_boolean_is_false() -> None:
    assert kept(["name"], ("true", 1)) == []
    assert kept(["1"], ("a", 1)) == []
    assert kept(["("], ("a", 1)) == []


def test_numbers_compare_as_numbers_in_a_filter() -> None:
    assert kept(["cost > 10"], ("a", 9), ("b", 100)) == [("b", 100)]


def test_no_filters_keep_all() -> None:
    the_set = metric_set([{"field": "v"}], filters=[])
    assert compile_filters(the_set, declared_fields(the_set), now=lambda: 1) is None


def test_an_unknown_field_type_is_text() -> None:
    assert declared_fields(metric_set([{"field": "v", "type": 4}]))[0].type is FieldType.STRING


@given(st.text())
def test_reading_a_number_never_fails(text: str) -> None:
    number, unit = number_and_unit(text)
    assert number is None or math.isfinite(number) or unit is None
    parse_number(text)


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_number_text_has_no_exponent_and_keeps_the_value(value: float) -> None:
    text = number_text(value)
    assert "e" not in text.lower()
    assert float(text) == value


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists))
def test_every_json_value_has_a_text(value: object) -> None:
    assert (text_of(value) is None) == (value is None)


def test_javas_own_reading_of_numbers_and_times() -> None:
    for line in shared("oracle", "numbers.txt").read_text().splitlines():
        kind, text, answer = re.fullmatch(r"(parseDouble |LocalTime |)(.*) -> (.*)|.*", line).groups()  # type: ignore[union-attr]
        if kind == "LocalTime ":
            assert seconds_of_day(text) == (None if answer == "-1" else int(answer)), line
        elif kind == "parseDouble " and text not in ("NaN", "Infinity", "0x1p3"):  # no decimals, so texts
            assert parse_number(text) == (None if answer == "EXC" else float(answer)), line
