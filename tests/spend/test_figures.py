from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from tests.spend.rounds import (
    NOW,
    TODAY,
    account_of,
    balance,
    costs,
    every_day,
    failed,
    figures_of,
    grants,
    limit,
    metric_set,
    round_of,
    seconds,
)

from openai_monitor.rows import Value
from openai_monitor.spend import Expiry, Mean, Share, read, work_out
from openai_monitor.spend.figures import model_of
from openai_monitor.spend.forecast import NO_END


def test_spent_is_by_utc_days_and_months() -> None:
    told = figures_of(costs((0, 1), (1, 2), (21, 4), (22, 8), (29, 16), (30, 32)))
    assert told.spent_today == 1
    assert told.spent_yesterday == 2
    assert told.spent_month == 7  # since 1 November, 21 days ago
    assert told.spent_30_days == 31


def test_the_utc_day_counts_wherever_the_clock_stands() -> None:
    evening_in_new_york = NOW.replace(hour=1).astimezone(tz=None)
    assert work_out(account_of(costs((0, 1))), evening_in_new_york).spent_today == 1


def test_means_are_over_full_days_only() -> None:
    told = figures_of(costs((0, 999), *every_day(2, range(1, 8)), *every_day(5, range(8, 31))))
    assert told.mean_7_days == Mean(Decimal(2), 7)
    assert told.mean_30_days == Mean(Decimal("4.3"), 30)  # (7 * 2 + 23 * 5) / 30
    assert told.burn == 2


def test_a_day_without_an_item_cost_nothing() -> None:
    assert figures_of(costs((6, 12), (0, 1))).mean_7_days == Mean(Decimal(2), 6)
    assert figures_of(costs((30, 7), (1, 7))).mean_7_days == Mean(Decimal(1), 7)


def test_days_before_the_first_cost_are_not_counted() -> None:
    told = figures_of(costs(*every_day(0, range(5, 31)), *every_day(2, range(5))))
    assert told.mean_7_days == Mean(Decimal(2), 4)
    assert told.mean_30_days == Mean(Decimal(2), 4)


def test_after_a_week_without_costs_the_burn_is_that_of_thirty_days() -> None:
    told = figures_of(balance(10), costs(*every_day(3, range(10, 31))))
    assert told.mean_7_days == Mean(Decimal(0), 7)
    assert told.burn == Decimal(63) / 30


def test_amounts_are_added_up_without_binary_noise() -> None:
    told = figures_of(costs(*[(0, 0.1)] * 3))
    assert told.spent_today == Decimal("0.3")


@pytest.mark.parametrize(
    ("rows", "reason"),
    [
        ([(0, 5)], "too little data, 0 full days since the first cost and 3 are needed"),
        ([(1, 5)], "too little data, 1 full day since the first cost and 3 are needed"),
        ([(2, 5)], "too little data, 2 full days since the first cost and 3 are needed"),
        ([(3, 5)], ""),
    ],
)
def test_too_few_full_days_forecast_nothing_and_say_so(rows: list[tuple[int, Value]], reason: str) -> None:
    told = figures_of(balance(100), costs(*rows))
    assert told.no_forecast == reason
    assert (told.forecast is None) == bool(reason)


def test_without_any_cost_no_end_is_in_sight() -> None:
    told = figures_of(balance(100), costs())
    assert told.forecast is not None
    assert told.forecast.days_left == NO_END
    assert told.no_forecast == ""


@pytest.mark.parametrize("parts", [(), (failed("daily_costs", "HTTP 403"),)])
def test_without_daily_costs_nothing_is_forecast_nor_spent(parts: tuple[()]) -> None:
    told = figures_of(balance(100), *parts)
    assert told.no_forecast == "the daily costs are not known"
    assert (told.spent_today, told.spent_month, told.mean_7_days, told.burn, told.shares) == (None,) * 4 + ((),)


def test_costs_of_another_day_say_nothing_of_today() -> None:
    account = account_of(balance(100), costs(*every_day(2, range(31))))
    told = work_out(account, NOW + timedelta(days=1))
    assert told.spent_today is None
    assert told.forecast is None


def test_available_is_what_the_service_says() -> None:
    told = figures_of(balance(0.0, 18.0, 0.0), grants((18, 0, -10)), costs())
    assert told.left == 0
    assert told.granted == 18
    assert told.used == 0
    assert told.lapsed == 18
    assert told.forecast is not None
    assert told.forecast.days_left == 0


def test_arrears_are_negative_and_nothing_is_left() -> None:
    told = figures_of(balance(-5.5, 0, 5.5), costs(*every_day(1, range(31))))
    assert told.left == Decimal("-5.5")
    assert told.forecast is not None
    assert told.forecast.days_left == 0
    assert told.forecast.gone_on is None


def test_nothing_granted_used_or_left_is_no_credit() -> None:
    told = figures_of(balance(0, 0, 0), costs(*every_day(1, range(31))))
    assert not told.has_credit
    assert told.left == 0
    assert told.no_forecast == "there is no credit"
    assert told.burn == 1


def test_a_balance_nobody_tells_is_no_zero() -> None:
    told = figures_of(balance(None, 18, 5), costs(*every_day(1, range(31))))
    assert told.left is None
    assert told.no_forecast == "what is left is not known"


def test_the_next_expiry_is_of_the_soonest_grants_and_at_most_what_is_left() -> None:
    parts = (grants((5, 1, 10), (3, 0, 10), (50, 0, 11), (9, 9, 2), (9, 0, -2), (9, 0, None)), costs())
    at = datetime(TODAY.year, TODAY.month, TODAY.day, tzinfo=UTC) + timedelta(days=10)
    assert figures_of(balance(100), *parts).next_expiry == Expiry(at, Decimal(7))
    assert figures_of(balance(6), *parts).next_expiry == Expiry(at, Decimal(6))
    assert figures_of(balance(0), *parts).next_expiry is None


def test_a_top_up_is_no_negative_burn() -> None:
    before = figures_of(balance(4, 116, 112), costs(*every_day(2, range(31))))
    after = figures_of(balance(54, 166, 112), costs(*every_day(2, range(31))))
    assert before.burn == after.burn == 2


@pytest.mark.parametrize(
    ("told", "used", "percent"),
    [
        (limit(200, 50), 50, 25),
        (limit(200, 50, interval="month"), 50, 25),  # what the service says counts
        (limit(200, interval="month"), 44, 22),
        (limit(200, interval="day"), 2, 1),
        (limit(200, interval="week"), None, None),
        (limit(200), None, None),
        (limit(None, 50), 50, None),
        (limit(0, 50), 50, None),
        (limit(None, 42.5, "true"), Decimal("42.5"), None),
        (limit(100000000, 42.5, "true"), Decimal("42.5"), None),
    ],
)
def test_the_use_of_a_limit(told: object, used: object, percent: object) -> None:
    figures = figures_of(told, costs(*every_day(2, range(31))))  # type: ignore[arg-type]
    assert (figures.limit_used, figures.limit_used_percent) == (used, percent)


def test_a_limit_is_no_balance() -> None:
    told = figures_of(limit(200, 50))
    assert told.left is None
    assert told.forecast is None


def test_the_items_of_a_model_are_one_share_of_the_last_thirty_days() -> None:
    told = figures_of(
        costs(
            (0, 1, "gpt-5.5, input"),
            (1, 2, "gpt-5.5, output"),
            (29, 3, "gpt-5.5, cached input"),
            (30, 99, "gpt-5.5, input"),
            (2, 2, "Image models"),
            (2, 0, "GPT-4"),
        )
    )
    assert told.shares == (
        Share("gpt-5.5", Decimal(6), Decimal(75)),
        Share("Image models", Decimal(2), Decimal(25)),
        Share("GPT-4", Decimal(0), Decimal(0)),
    )


def test_shares_of_nothing_have_no_percent() -> None:
    assert figures_of(costs((1, 0, "GPT-4"))).shares == (Share("GPT-4", Decimal(0), None),)


@pytest.mark.parametrize(
    ("item", "model"),
    [
        ("gpt-5.5, cached input", "gpt-5.5"),
        ("Image models", "Image models"),
        ("a, b, c", "a"),
        (None, "unnamed"),
        ("  ", "unnamed"),
        (", x", ", x"),
    ],
)
def test_the_model_is_what_stands_before_the_comma(item: str | None, model: str) -> None:
    assert model_of(item) == model


# The turns of the calendar


def at(day: int, month: int, year: int = 2026) -> datetime:
    return datetime(year, month, day, 0, 0, 1, tzinfo=UTC)


def spent_until(now: datetime, days: int = 31) -> list[dict[str, Value]]:
    """One dollar on each of the last days, today included."""
    return [{"day": str(now.date() - timedelta(days=number)), "item": "m", "cost": 1} for number in range(days)]


@pytest.mark.parametrize(
    ("now", "month"),
    [
        (at(1, 3), 1),
        (at(31, 1), 31),
        (at(31, 12), 31),
        (at(1, 1), 1),
        (at(29, 2, 2028), 29),
        (at(1, 3, 2028), 1),
    ],
)
def test_the_month_to_date_at_every_turn(now: datetime, month: int) -> None:
    told = figures_of(metric_set("daily_costs", spent_until(now)), time=now)
    assert told.spent_today == 1
    assert told.spent_yesterday == 1
    assert told.spent_month == month
    assert told.spent_30_days == 30
    assert told.mean_30_days == Mean(Decimal(1), 30)


def test_costs_in_another_currency_say_nothing_of_a_limit() -> None:
    limited = metric_set("limit", [{"limit": 100, "interval": "month", "currency": "USD"}])
    reading = read(round_of(limited, costs(*every_day(2, range(31)), currency="EUR")))
    euros, dollars = sorted((work_out(each, NOW) for each in reading.accounts), key=lambda each: each.currency)
    assert euros.spent_month == 44
    assert (dollars.limit_used, dollars.limit_used_percent, dollars.spent_month) == (None, None, None)


def test_costs_in_several_currencies_are_no_use_of_a_limit_in_one() -> None:
    limited = metric_set("limit", [{"limit": 100, "interval": "month", "currency": "USD"}])
    both = [{"day": seconds(0), "item": "m", "cost": 3, "currency": currency} for currency in ("EUR", "USD")]
    reading = read(round_of(limited, metric_set("daily_costs", both)))
    [dollars] = [work_out(each, NOW) for each in reading.accounts if each.currency == "USD"]
    assert dollars.spent_month == 3
    assert dollars.limit_used is None


def test_credit_beside_costs_in_another_currency_has_no_forecast() -> None:
    reading = read(round_of(balance(40, 50, 10, "USD"), costs(*every_day(2, range(31)), currency="EUR")))
    [dollars] = [work_out(each, NOW) for each in reading.accounts if each.currency == "USD"]
    assert (dollars.forecast, dollars.no_forecast) == (None, "the daily costs are in EUR")
