"""``define/deepseek.yml``: what is left, in each currency."""

import pytest
from tests.define.collecting import answering, collect, collect_from, failures, only, records

from openai_monitor.sandbox import ACCOUNTS, running

BALANCE = "/user/balance"
CNY = {
    "currency": "CNY",
    "total_balance": "110.00",
    "granted_balance": "10.00",
    "topped_up_balance": "100.00",
}
USD = {"currency": "USD", "total_balance": "0.05", "granted_balance": "0.00", "topped_up_balance": "0.05"}


@pytest.mark.parametrize("name", ["demo", "steady", "expired-grant", "no-usage", "delinquent"])
def test_it_says_of_an_account_what_the_account_is(name: str) -> None:
    credit = ACCOUNTS[name]().credit
    with running(ACCOUNTS[name]()) as server:
        collected = collect("deepseek", server, "sk-deepseek-sandbox")
    paid = credit.paid_available or 0.0
    assert only(collected, "balance") == {
        "currency": "USD",
        "available": credit.available,
        "granted_balance": credit.available - paid,
        "topped_up_balance": paid,
    }
    assert only(collected, "availability") == {"is_available": "true" if credit.available > 0 else "false"}


def test_the_documented_body_with_two_currencies() -> None:
    collected = collect_from("deepseek", {BALANCE: {"is_available": True, "balance_infos": [CNY, USD]}})
    assert records(collected, "balance") == [
        {"currency": "CNY", "available": 110.0, "granted_balance": 10.0, "topped_up_balance": 100.0},
        {"currency": "USD", "available": 0.05, "granted_balance": 0.0, "topped_up_balance": 0.05},
    ]


def test_amounts_may_be_numbers_null_or_missing() -> None:
    body = {"balance_infos": [{"currency": "CNY", "total_balance": 110, "granted_balance": None}]}
    collected = collect_from("deepseek", {BALANCE: body})
    assert list(only(collected, "balance").values()) == ["CNY", 110, None, None]
    assert only(collected, "availability") == {"is_available": None}


def test_no_balances_are_no_rows() -> None:
    collected = collect_from("deepseek", {BALANCE: {"is_available": False, "balance_infos": []}})
    assert records(collected, "balance") == []
    assert only(collected, "availability") == {"is_available": "false"}


def test_missing_balances_fail_that_set_alone() -> None:
    collected = collect_from("deepseek", {BALANCE: {"is_available": True}})
    assert list(failures(collected)) == ["balance"]


def test_a_refused_key() -> None:
    refused = (401, {"error": {"message": "Authentication Fails", "type": "authentication_error"}})
    collected = collect_from("deepseek", {BALANCE: refused})
    assert all("Authentication Fails" in message for message in failures(collected).values())
    assert sorted(failures(collected)) == ["availability", "balance"]


def test_the_request() -> None:
    with answering({BALANCE: {"is_available": True, "balance_infos": [CNY]}}) as server:
        collect("deepseek", server, "sk-fake")
    assert set(server.targets) == {BALANCE}
    assert {asked.header("Authorization") for asked in server.asked} == {"Bearer sk-fake"}
