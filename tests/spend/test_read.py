from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from tests.spend.rounds import (
    TODAY,
    Record,
    account_of,
    ago,
    balance,
    costs,
    failed,
    grants,
    limit,
    metric_set,
    round_of,
    seconds,
)

from openai_monitor.rows import Field, FieldType, MetricSetResult, Skipped, Value
from openai_monitor.spend import Cost, Grant, Limit, Missing, read


def test_every_part_is_read_by_its_names() -> None:
    account = account_of(
        balance(12.75, 18, "5.25"),
        grants((5, 0.03, 81), (10, None, None)),
        metric_set("daily_costs", [{"day": "2026-11-21", "item": "gpt-5.5, input", "cost": "1.5", "project": "p"}]),
        limit(120, None, "false", "Month"),
    )
    assert account.currency == "USD"
    assert (account.available, account.granted, account.used) == (Decimal("12.75"), Decimal(18), Decimal("5.25"))
    effective = datetime.fromtimestamp(seconds(-100), UTC)
    expires = datetime.fromtimestamp(seconds(81), UTC)
    assert account.grants == (
        Grant(Decimal(5), Decimal("0.03"), effective, expires),
        Grant(Decimal(10), None, effective, None),
    )
    assert account.costs == (Cost(ago(1), "gpt-5.5, input", "p", Decimal("1.5")),)
    assert account.limit == Limit(Decimal(120), None, unlimited=False, interval="month")


def test_the_costs_of_thirty_full_days_and_today_are_known_whether_or_not_there_are_any() -> None:
    account = account_of(costs((3, 1)))
    assert (account.first_day, account.last_day) == (ago(30), TODAY)


def test_costs_of_earlier_days_are_known_too_when_there_are_any() -> None:
    assert account_of(costs((3, 1), (60, 1))).first_day == ago(60)


def test_no_costs_is_not_the_same_as_costs_that_nobody_tells() -> None:
    assert account_of(balance(5), metric_set("daily_costs", [])).costs == ()
    assert account_of(balance(5)).costs is None
    assert account_of(balance(5), failed("daily_costs", "HTTP 403")).costs is None


def test_a_grant_that_expires_at_zero_never_expires() -> None:
    [grant] = account_of(metric_set("grants", [{"amount": 5, "used": 1, "expires_at": 0}])).grants
    assert grant.expires_at is None
    assert grant.unused == 4


def test_a_part_that_could_not_be_had_is_missing_with_its_reason() -> None:
    reading = read(
        round_of(
            balance(5),
            failed("daily_costs", "HTTP 403: the key may not read usage"),
            skipped=(Skipped("limit", "the round was over"), Skipped("tokens", "x")),
        )
    )
    assert reading.missing == (
        Missing("daily costs", "HTTP 403: the key may not read usage"),
        Missing("limit", "the round was over"),
        Missing("tokens", "x"),
    )


def test_without_any_part_there_is_no_account() -> None:
    assert read(round_of(failed("balance", "HTTP 401"))).accounts == ()


def test_each_currency_is_an_account_of_its_own() -> None:
    rows: list[Record] = [
        {"available": 110, "currency": "cny"},
        {"available": 5, "currency": "USD"},
        {"available": 1, "currency": ""},
    ]
    dollars, yuan = read(round_of(metric_set("balance", rows), costs((1, 2), currency="CNY"))).accounts
    assert (dollars.currency, dollars.available, dollars.costs) == ("USD", Decimal(6), ())
    assert (yuan.currency, yuan.available) == ("CNY", Decimal(110))
    assert [cost.amount for cost in yuan.costs or ()] == [2]


def test_parts_without_a_currency_are_in_the_only_one_that_is_named() -> None:
    account = account_of(costs((1, 2), currency="eur"), limit(100, interval="month"), grants((5, 0, None)))
    assert account.currency == "EUR"
    assert account.limit is not None
    assert len(account.grants) == 1


def test_of_several_limits_the_lowest_counts() -> None:
    rows: list[Record] = [{"limit": None, "unlimited": "true"}, {"limit": 100}, {"limit": 50, "used": 3}]
    for order in (rows, rows[::-1]):
        tightest = account_of(metric_set("limit", order)).limit
        assert tightest == Limit(Decimal(50), Decimal(3))


@pytest.mark.parametrize(("amount", "used"), [(100000000, 5), (100000000, None), (99999965.76, 34.24)])
def test_a_hundred_million_is_no_limit_nor_is_that_less_what_was_used(amount: Value, used: Value) -> None:
    told = account_of(limit(amount, used)).limit
    assert told == Limit(None, None if used is None else Decimal(str(used)), unlimited=True)
    assert account_of(limit(99999965.76, 5)).limit == Limit(Decimal("99999965.76"), Decimal(5))


def test_of_several_limits_the_one_of_which_least_is_left_counts() -> None:
    rows: list[Record] = [{"limit": 100, "used": 99}, {"limit": 50, "used": 3}]
    for order in (rows, rows[::-1]):
        assert account_of(metric_set("limit", order)).limit == Limit(Decimal(100), Decimal(99))


def test_rows_that_can_not_be_read_are_left_out_with_a_remark() -> None:
    reading = read(round_of(costs((1, None), (1, float("nan")), (2, 5), (-1, 5))))
    assert reading.remarks == (
        "daily costs: 2 rows without a day or a cost left out",
        "daily costs: 1 row of days to come left out",
    )


def test_what_a_set_remarks_on_is_passed_on() -> None:
    rows = [{"day": seconds(-1), "cost": 1}]
    reading = read(round_of(metric_set("daily_costs", rows, warnings=("stopped after 100 pages",))))
    assert reading.remarks == ("daily costs: stopped after 100 pages",)


def test_a_delinquent_account_is_remarked_on_and_no_secret_shown() -> None:
    row = {"delinquent": "true", "billing_mechanism": "advance", "secret": "s3", "po_number": None}
    assert read(round_of(metric_set("status", [row]))).remarks == (
        "the account is delinquent: a bill was not paid (billing_mechanism advance, secret ***)",
    )
    for fine in ("false", None):
        assert read(round_of(metric_set("status", [{**row, "delinquent": fine}]))).remarks == ()


@pytest.mark.parametrize(
    "told",
    [
        metric_set("daily_costs", [], warnings=("`$.daily_costs` is null",)),
        metric_set("daily_costs", [{"day": None, "cost": 5}, {"day": seconds(-1), "cost": None}]),
    ],
)
def test_an_answer_that_could_not_be_read_is_not_taken_for_no_costs(told: MetricSetResult) -> None:
    reading = read(round_of(balance(5), told))
    assert reading.accounts[0].costs is None
    assert reading.missing or reading.remarks


def test_the_unit_of_the_amounts_is_their_currency_where_no_cell_names_one() -> None:
    told = metric_set("limit", [{"limit": 100}])
    told = replace(told, fields=(Field("limit", FieldType.NUMBER, "CNY"),))
    assert account_of(told).currency == "CNY"
    assert account_of(replace(told, fields=(Field("limit", FieldType.NUMBER, "%"),))).currency == "USD"


def test_the_currency_that_holds_something_comes_first_in_any_order_of_rows() -> None:
    rows: list[Record] = [{"available": "0.00", "currency": "USD"}, {"available": "71.46", "currency": "CNY"}]
    for order in (rows, rows[::-1]):
        assert [each.currency for each in read(round_of(metric_set("balance", order))).accounts] == ["CNY", "USD"]


@pytest.mark.parametrize("shown", [{"used": 3.5}, {"used": 0, "usage": 3.5}, {"used": 0, "remaining": 30}])
def test_a_balance_of_zeros_is_unknown_where_the_key_s_own_limit_shows_money(shown: Record) -> None:
    reading = read(round_of(balance(0, 0, 0), metric_set("limit", [{"limit": 30, **shown}])))
    assert reading.accounts[0].available is None
    [missing] = reading.missing
    assert missing.part == "balance"
    assert "may not be allowed to see" in missing.reason


@pytest.mark.parametrize("told", [(0, 5, 5), (2, 2, 0), (None, None, None)])
def test_a_balance_that_is_not_of_zeros_is_believed(told: tuple[Value, Value, Value]) -> None:
    reading = read(round_of(balance(*told), limit(30, 3.5)))
    assert reading.missing == ()
    reading = read(round_of(balance(0, 0, 0), limit(120, interval="month")))
    assert reading.missing == ()
    assert reading.accounts[0].available == 0
