"""Each account's figures agree with each other, so that a test can work out the answer by hand."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import httpx
import pytest

from openai_monitor.sandbox import ACCOUNTS, Account, Credit, Ledger, key_for, running
from openai_monitor.sandbox.account import spent_more
from openai_monitor.sandbox.accounts import always, demo

PREPAID = ["demo", "steady", "drifting", "top-up", "month-turn", "leap-day", "no-usage", "one-day-old", "delinquent"]


def ledger(account: Account) -> Ledger:
    return Ledger(account, account.day_zero or date(2026, 5, 20))


def spent(account: Account, first: int, end: int) -> float:
    zero = ledger(account).day_zero
    return ledger(account).cents(zero + timedelta(days=first), zero + timedelta(days=end)) / 100


@pytest.mark.parametrize("name", PREPAID)
def test_credit_used_is_what_all_days_cost(name: str) -> None:
    account = ACCOUNTS[name]()
    assert spent(account, -200, 1) == pytest.approx(account.credit.used)


@pytest.mark.parametrize("name", PREPAID)
def test_credit_left_is_what_was_granted_less_what_was_used(name: str) -> None:
    credit = ACCOUNTS[name]().credit
    assert credit.available == pytest.approx(credit.granted - credit.used)


@pytest.mark.parametrize("name", ["steady", "drifting", "top-up", "one-day-old"])
def test_grants_add_up_to_the_totals(name: str) -> None:
    account = ACCOUNTS[name]()
    assert sum(grant.amount for grant in account.grants) == account.credit.granted
    assert sum(grant.used for grant in account.grants) == account.credit.used


def test_the_top_up_came_when_four_dollars_were_left() -> None:
    account = ACCOUNTS["top-up"]()
    assert account.grants[0].amount - spent(account, -59, account.grants[1].effective) == 4


def test_an_expired_grant_leaves_nothing_though_nothing_was_used() -> None:
    account = ACCOUNTS["expired-grant"]()
    assert account.credit == Credit(18.0, 0.0, 0.0, 0.0)
    assert all(grant.expires is not None and grant.expires < 0 for grant in account.grants)


def test_the_month_turns_today() -> None:
    account = ACCOUNTS["month-turn"]()
    assert account.day_zero == date(2026, 3, 1)
    assert (spent(account, 0, 1), spent(account, -28, 0)) == (1.0, 140.0)


def test_the_leap_day_is_the_29th_of_its_month() -> None:
    assert spent(ACCOUNTS["leap-day"](), -28, 1) == 58.0


def test_before_an_account_was_opened_there_is_nothing() -> None:
    account = ACCOUNTS["one-day-old"]()
    assert list(ledger(account).items(ledger(account).day_zero - timedelta(days=2))) == []


def test_an_account_in_arrears_has_a_limit_and_no_credit() -> None:
    account = ACCOUNTS["arrears"]()
    assert (account.credit, account.spend_limit) == (Credit(), 120.0)
    assert account.subscription["hard_limit_usd"] == 120.0
    assert account.subscription["is_arrears_eligible"] is True


def test_a_delinquent_account_says_so() -> None:
    assert ACCOUNTS["delinquent"]().subscription["delinquent"] is True


def test_the_demo_is_the_same_each_time_and_never_ends() -> None:
    first, second = demo(), ACCOUNTS["demo"]()
    assert [spent(first, day, day + 1) for day in range(-59, 200)] == [
        spent(second, day, day + 1) for day in range(-59, 200)
    ]
    assert all(spent(first, day, day + 1) > 0 for day in range(-59, 200))


def test_the_demo_spends_more_of_late() -> None:
    account = demo()
    assert spent(account, -30, 0) > 2 * spent(account, -60, -30) > 0


@pytest.mark.parametrize("make", ACCOUNTS.values(), ids=ACCOUNTS.keys())
def test_a_grant_takes_effect_before_it_expires(make: Callable[[], Account]) -> None:
    assert all(grant.expires is None or grant.effective < grant.expires for grant in make().grants)


def test_always_is_always() -> None:
    assert {always(3.0)(day) for day in range(-5, 5)} == {3.0}


@pytest.mark.parametrize(
    ("app", "key"),
    [
        ("openai", "sess-sandbox"),
        ("openai_spend", "sess-sandbox"),
        ("openai_organization", "sk-admin-sandbox"),
        ("openai_gateway", "sk-gateway-sandbox"),
        ("deepseek", "sk-deepseek-sandbox"),
        ("openrouter", "sk-or-v1-sandbox"),
        ("anthropic_cost", "sk-ant-admin-sandbox"),
        ("mine", "sess-sandbox"),
    ],
)
def test_each_definition_has_its_key(app: str, key: str) -> None:
    assert key_for(app) == key


@pytest.mark.parametrize("name", ["steady", "top-up"])
def test_what_is_spent_more_is_spent_in_all_figures(name: str) -> None:
    before, after = ACCOUNTS[name](), spent_more(ACCOUNTS[name](), 1.5)
    assert after.credit.available == before.credit.available - 1.5
    assert after.credit.used == pytest.approx(spent(after, -200, 1))
    assert spent(after, 0, 1) == pytest.approx(spent(before, 0, 1) + 1.5)
    assert spent(after, -9, 0) == spent(before, -9, 0)


def test_no_more_is_left_than_nothing() -> None:
    assert spent_more(ACCOUNTS["steady"](), 1e6).credit.available == 0


def test_the_drifting_account_spends_while_it_is_served() -> None:
    moment = datetime(2026, 5, 20, 12, tzinfo=UTC)
    with running(ACCOUNTS["drifting"](), now=lambda: moment) as server, httpx.Client(trust_env=False) as client:

        def left() -> object:
            headers = {"Authorization": "Bearer sess-sandbox"}
            return client.get(f"{server.url}/dashboard/billing/credit_grants", headers=headers).json()[
                "total_available"
            ]

        assert left() == 40
        moment += timedelta(seconds=30)
        assert left() == 37
