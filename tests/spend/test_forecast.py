from datetime import timedelta
from decimal import Decimal

import pytest
from tests.spend.rounds import NOW, TODAY

from openai_monitor.spend import Grant
from openai_monitor.spend.forecast import NO_END, forecast, how_sure


def days(number: float) -> timedelta:
    return timedelta(days=number)


def grant(amount: int, until: float | None, used: int = 0) -> Grant:
    return Grant(Decimal(amount), Decimal(used), None, None if until is None else NOW + days(until))


def left_of(left: int, burn: int, *grants: Grant) -> Decimal:
    return forecast(Decimal(left), Decimal(burn), grants, "good", NOW).days_left


def test_credit_lasts_as_many_days_as_the_burn_goes_into_it() -> None:
    made = forecast(Decimal(40), Decimal(2), (), "good", NOW)
    assert made.days_left == 20
    assert made.gone_on == TODAY + days(20)
    assert made.sure == "good"


def test_the_day_it_is_gone_is_the_one_in_which_the_hours_end() -> None:
    # 19:50, and 1.2 days later it is past midnight twice
    assert forecast(Decimal(12), Decimal(10), (), "low", NOW).gone_on == TODAY + days(2)
    assert forecast(Decimal(1), Decimal(10), (), "low", NOW).gone_on == TODAY


@pytest.mark.parametrize("left", [0, -5])
def test_credit_that_is_gone_has_no_days_left_and_no_day(left: int) -> None:
    made = forecast(Decimal(left), Decimal(2), (grant(5, 3),), "good", NOW)
    assert made.days_left == 0
    assert made.gone_on is None


@pytest.mark.parametrize("burn", [0, -3])
def test_without_a_burn_there_is_no_end(burn: int) -> None:
    made = forecast(Decimal(40), Decimal(burn), (), "low", NOW)
    assert made.burn == 0
    assert made.days_left == NO_END
    assert made.gone_on is None


def test_a_forecast_over_a_century_names_no_day() -> None:
    made = forecast(Decimal(10) ** 14, Decimal("0.01"), (), "good", NOW)
    assert made.days_left == Decimal(10) ** 16
    assert made.gone_on is None


def test_what_expires_before_it_is_used_is_lost() -> None:
    assert left_of(40, 2, grant(40, 5)) == 5  # all of it
    assert left_of(40, 2, grant(10, 2)) == 2 + 15  # 6 of the 10 are lost
    assert left_of(40, 2, grant(10, 20)) == 20  # used up in time
    assert left_of(40, 0, grant(40, 5)) == 5  # even where nobody spends
    assert left_of(40, 0, grant(39, 5)) == NO_END


def test_what_expires_first_is_used_first() -> None:
    assert left_of(20, 1, grant(10, 12), grant(10, 5)) == 12  # 5 days of the one, 7 of the other
    assert left_of(20, 1, grant(10, 5), grant(10, 12)) == 12


def test_grants_that_are_over_or_used_up_do_not_count() -> None:
    assert left_of(40, 2, grant(40, -1), grant(30, 3, used=30), grant(9, None)) == 20


def test_no_more_can_expire_than_is_left() -> None:
    assert left_of(4, 2, grant(100, 1), grant(100, 2)) == 1


@pytest.mark.parametrize(
    ("daily", "sure"),
    [
        ([2] * 30, "good"),
        ([2] * 14, "good"),
        ([2] * 13, "fair"),
        ([2] * 7, "fair"),
        ([2] * 6, "low"),
        ([1, 3] * 7, "good"),  # a deviation of half the mean
        ([1, 4] * 7, "fair"),
        ([0, 2] * 15, "fair"),  # as much as the mean
        ([0, 0, 2] * 10, "low"),
        ([0] * 30, "low"),
        ([], "low"),
    ],
)
def test_how_sure_it_is_depends_on_the_days_and_on_how_they_vary(daily: list[int], sure: str) -> None:
    assert how_sure(list(map(Decimal, daily)), Decimal(2), Decimal(0)) == sure


def test_a_day_that_already_cost_more_than_usual_makes_it_less_sure() -> None:
    daily = [Decimal(2)] * 30
    assert how_sure(daily, Decimal(2), Decimal(2)) == "good"
    assert how_sure(daily, Decimal(2), Decimal(9)) == "fair"
    assert how_sure(daily, Decimal(2), Decimal(20)) == "low"
