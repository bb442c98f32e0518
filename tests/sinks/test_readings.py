"""Rows as series: what is a label, what a value, and what becomes of rows that have equal labels."""

import math

import pytest
from tests.sinks.events import BILLING_FIELDS, COST_FIELDS, number, text

from openai_monitor.rows import Field, FieldType, Row
from openai_monitor.sinks.readings import MOST_SERIES, finite, label_text, readings, shape_of
from openai_monitor.spend.currency import currency_of

USAGE_FIELDS = (text("model", label=True), number("cost", "USD"), number("requests"), text("state"))


def merged(*rows: Row) -> dict[tuple[str, ...], Row]:
    return readings(shape_of(USAGE_FIELDS), rows).rows


def test_labels_are_the_fields_that_say_so() -> None:
    shape = shape_of(COST_FIELDS)
    assert (shape.labels, shape.values) == ((0,), (1,))


def test_private_fields_and_secrets_are_neither() -> None:
    shape = shape_of(BILLING_FIELDS)
    names = {BILLING_FIELDS[index].name for index in (*shape.labels, *shape.values)}
    assert names == {"canceled", "plan", "trust_tier", "billing_mechanism", "account_name", "hard_limit_usd"}


def test_a_private_field_is_one_where_it_is_named_and_a_secret_never() -> None:
    shape = shape_of(BILLING_FIELDS, include=("billing_email", "token"), leave_out=("plan",))
    names = {BILLING_FIELDS[index].name for index in shape.values}
    assert "billing_email" in names
    assert not names & {"token", "plan"}


def test_costs_of_rows_with_equal_labels_are_added_up_and_of_others_the_last_stands() -> None:
    rows = merged(("o1", 0.1, 5, "a"), ("gpt", 1, 1, "b"), ("o1", 0.2, 7, "c"))
    assert rows == {("o1",): ("o1", 0.3, 7, "c"), ("gpt",): ("gpt", 1, 1, "b")}


def test_an_empty_cell_takes_nothing_away() -> None:
    assert merged(("o1", 0.1, 5, "a"), ("o1", None, None, None)) == {("o1",): ("o1", 0.1, 5, "a")}


def test_rows_that_met_another_are_counted() -> None:
    assert readings(shape_of(USAGE_FIELDS), [("o1", 1, 1, "a")] * 3).merged == 2


def test_there_is_a_bound_on_the_series_of_a_set_and_what_is_over_it_is_counted() -> None:
    found = readings(shape_of(COST_FIELDS), ((str(index), 1) for index in range(MOST_SERIES + 7)))
    assert (len(found.rows), found.left_out) == (MOST_SERIES, 7)


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(None, ""), (3, "3"), (0.5, "0.5"), (5.0, "5"), ("x", "x"), ("\ud800", "?"), ("é", "é")],
)
def test_labels_are_texts(cell: str | float | None, expected: str) -> None:
    assert label_text(cell) == expected


def test_a_label_has_a_bound() -> None:
    assert len(label_text("x" * 100_000)) == 1024


@pytest.mark.parametrize(
    ("cell", "expected"), [(1, 1.0), (math.inf, math.inf), (math.nan, None), (10**400, None), ("1", None), (None, None)]
)
def test_only_what_a_float_holds_is_a_number(cell: str | float | None, expected: float | None) -> None:
    assert finite(cell) == expected


@pytest.mark.parametrize(
    ("unit", "expected"), [("USD", "USD"), ("usd", "USD"), ("$", "USD"), ("MB", None), (None, None)]
)
def test_currencies(unit: str | None, expected: str | None) -> None:
    assert currency_of(unit) == expected


def test_money_that_is_text_is_not_added_up() -> None:
    fields = (Field("item", FieldType.STRING, None, label=True), Field("cost", FieldType.STRING, "USD"))
    assert readings(shape_of(fields), [("a", "1"), ("a", "2")]).rows == {("a",): ("a", "2")}


def test_a_cost_without_a_unit_is_added_up_but_never_across_currencies() -> None:
    fields = (text("item", label=True), number("cost"), text("currency"))
    rows = [("a", 1, "USD"), ("a", 2, "EUR"), ("a", 3, "USD")]
    assert readings(shape_of(fields), rows).rows == {("a", "USD"): ("a", 4, "USD"), ("a", "EUR"): ("a", 2, "EUR")}
