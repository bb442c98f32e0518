import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.outputs.numbers import align, clock, money, plain


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.0661900000000001, "$1.06619"),
        (12.75, "$12.75"),
        (18, "$18.00"),
        (0, "$0.00"),
        (0.0, "$0.00"),
        (-5.5, "-$5.50"),
        (1234567.891, "$1,234,567.891"),
        (2**60, "$1,152,921,504,606,846,976.00"),
        (0.00001, "$0.00001"),
        (1.23456789e-08, "$0.0000000123457"),
        (1e-300, "$1e-300"),
        (0.99999999, "$1.00"),
        (1 / 3, "$0.333333"),
        (5.00004, "$5.00004"),
    ],
)
def test_money_is_legible(value: float, text: str) -> None:
    assert money(value) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_money_is_zero_only_for_zero_and_close_to_the_value(value: float) -> None:
    shown = float(money(value).replace("$", "").replace(",", ""))
    assert (shown == 0) == (value == 0)
    assert math.isclose(shown, value, rel_tol=1e-5, abs_tol=0.0)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.1 + 0.2, "0.3"),
        (5.0, "5"),
        (83334, "83334"),
        (2**70, "1180591620717411303424"),
        (-0.5, "-0.5"),
        (123456789.123, "123456789.123"),
        (1e-12, "1e-12"),
        (1e300, "1e+300"),
        (1e-5, "0.00001"),
    ],
)
def test_other_numbers_lose_only_noise(value: float, text: str) -> None:
    assert plain(value) == text


@given(st.floats(-1e300, 1e300))
def test_other_numbers_keep_fifteen_digits(value: float) -> None:
    assert math.isclose(float(plain(value)), value, rel_tol=1e-14, abs_tol=0.0)


def test_amounts_of_a_column_get_their_points_under_each_other() -> None:
    assert align(["$1.06619", "$12.50", "-"]) == ["$1.06619", "$12.50000", "-"]


def test_a_tiny_amount_does_not_lengthen_the_others_beyond_six_decimals() -> None:
    assert align(["$0.0000000123457", "$12.50"]) == ["$0.0000000123457", "$12.500000"]


@pytest.mark.parametrize(
    ("seconds", "text"), [(5400, "01:30:00"), (59, "00:00:59"), (0, "00:00:00"), (-1, "-1"), (1.5, "1.5")]
)
def test_time_of_day(seconds: float, text: str) -> None:
    assert clock(seconds) == text
