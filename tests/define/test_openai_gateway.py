"""``define/openai_gateway.yml``: what a gateway's key may spend, has spent, may still spend."""

import pytest
from tests.define.collecting import answering, collect, collect_from, failures, only

from openai_monitor.sandbox import ACCOUNTS, Allowance, running
from openai_monitor.sandbox.account import Account
from openai_monitor.spend import read

SUBSCRIPTION, USAGE = "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"
STATUS = "/api/status"


def said(limit: object, cents: object, **shown: object) -> dict[str, object]:
    return {
        SUBSCRIPTION: {
            "object": "billing_subscription",
            "has_payment_method": True,
            "soft_limit_usd": limit,
            "hard_limit_usd": limit,
            "system_hard_limit_usd": limit,
            "access_until": 0,
        },
        USAGE: {"object": "list", "total_usage": cents},
        STATUS: {"success": True, "message": "", "data": {"quota_per_unit": 500000, **(shown or DOLLARS)}},
    }


DOLLARS = {"display_in_currency": True}
CNY = {"quota_display_type": "CNY", "usd_exchange_rate": 7.3, "display_in_currency": True}
TOKENS = {"display_in_currency": False}


def limit_row(limit: object, cents: object, **shown: object) -> list[object]:
    return list(only(collect_from("openai_gateway", said(limit, cents, **shown)), "limit").values())


@pytest.mark.parametrize(
    ("account", "row"),
    [
        (Account(), [10, 5.0, 5.0, "false"]),
        (Account(allowance=Allowance(limit=2.5, used=2.5)), [2.5, 2.5, 0.0, "false"]),
        (ACCOUNTS["unlimited-gateway"](), [None, 42.5, None, "true"]),
    ],
)
def test_it_says_of_a_key_what_the_key_may_spend(account: Account, row: list[object]) -> None:
    with running(account) as server:
        collected = collect("openai_gateway", server, "sk-gateway-sandbox")
    assert list(only(collected, "limit")) == ["limit", "used", "remaining", "unlimited"]
    assert list(only(collected, "limit").values()) == row


@pytest.mark.parametrize(
    ("limit", "cents", "row"),
    [
        (10, 500, [10, 5.0, 5.0, "false"]),
        (10, 0, [10, 0.0, 10.0, "false"]),
        ("10.5", "1050", [10.5, 10.5, 0.0, "false"]),
        (0, 0, [0, 0.0, 0.0, "false"]),
        (100000000, 4250, [None, 42.5, None, "true"]),
        (100000000.0, 4250, [None, 42.5, None, "true"]),
        (99999957.5, 4250, [None, 42.5, None, "true"]),
        (1000000, 4250, [1000000, 42.5, 999957.5, "false"]),
        (10, None, [10, None, None, "false"]),
    ],
)
def test_use_comes_in_cents_and_a_hundred_million_is_no_limit(limit: object, cents: object, row: list[object]) -> None:
    assert limit_row(limit, cents) == row


def test_what_is_left_is_no_limit_where_more_was_used() -> None:
    assert limit_row(2, 600) == [8.0, 6.0, 2, "false"]
    assert limit_row(0, 600) == [6.0, 6.0, 0, "false"]


@pytest.mark.parametrize(
    ("limit", "cents", "shown", "row"),
    [
        (73, 1460, CNY, [10.0, 2.0, 8.0, "false"]),
        (5000000, 50000000, TOKENS, [10.0, 1.0, 9.0, "false"]),
        (5000000, 50000000, {"quota_display_type": "TOKENS"}, [10.0, 1.0, 9.0, "false"]),
        (150000000, 0, TOKENS, [300.0, 0.0, 300.0, "false"]),
        (10, 500, {"quota_display_type": "USD", "display_in_currency": False}, [10, 5.0, 5.0, "false"]),
        (100000000, 0, CNY, [None, 0.0, None, "true"]),
        # Either is shown so: no limit, or one of 200 dollars.
        (100000000, 4000000000, TOKENS, [None, 80.0, None, None]),
    ],
)
def test_what_the_gateway_shows_becomes_dollars(
    limit: object, cents: object, shown: dict[str, object], row: list[object]
) -> None:
    assert limit_row(limit, cents, **shown) == row


@pytest.mark.parametrize(
    "status",
    [
        {"success": True, "data": {"quota_display_type": "CUSTOM", "quota_per_unit": 500000}},
        {"success": True, "data": {"system_name": "a gateway of another kind"}},
        (404, {"error": {"message": "Not Found"}}),
    ],
)
def test_amounts_in_a_unit_that_is_not_known_are_no_money(status: object) -> None:
    collected = collect_from("openai_gateway", {**said(10, 500), STATUS: status})
    assert only(collected, "subscription")["shown_limit"] == 10
    told = {**failures(collected), **{skipped.name: skipped.reason for skipped in collected.skipped}}
    assert "shown_per_usd" in told["limit"] or "unit" in told["limit"]
    assert read(collected).accounts == ()


@pytest.mark.parametrize("path", [SUBSCRIPTION, USAGE])
def test_a_refused_key_may_be_used_up_and_that_is_said(path: str) -> None:
    refused = (401, {"error": {"message": "Invalid token (request id: 1)", "type": "new_api_error"}})
    collected = collect_from("openai_gateway", {**said(10, 500), path: refused})
    [message] = failures(collected).values()
    assert "used up" in message
    assert "--define new_api" in message


def test_a_missing_figure_of_use_leaves_the_limit() -> None:
    collected = collect_from("openai_gateway", {**said(10, 0), USAGE: {"object": "list"}})
    assert list(only(collected, "limit").values()) == [10, None, None, "false"]


def test_a_limit_is_no_balance_and_there_are_no_daily_costs() -> None:
    collected = collect_from("openai_gateway", said(10, 500))
    assert [result.name for result in collected.results] == ["subscription", "unit", "limit"]


def test_what_the_gateway_sends_is_kept() -> None:
    collected = collect_from("openai_gateway", said(100000000, 0))
    assert only(collected, "subscription") == {"shown_limit": 100000000, "access_until": 0}


def test_a_subscription_without_a_limit_says_so() -> None:
    answers = {**said(10, 500), SUBSCRIPTION: {"object": "billing_subscription"}}
    collected = collect_from("openai_gateway", answers)
    assert only(collected, "subscription") == {"shown_limit": None, "access_until": None}
    assert "shown_limit" in failures(collected)["limit"]


@pytest.mark.parametrize(
    "refusal",
    [
        {"error": {"message": "record not found", "type": "one_api_error"}},
        (401, {"error": {"message": "record not found"}}),
    ],
)
def test_an_error_is_a_failure_whatever_the_status(refusal: object) -> None:
    collected = collect_from("openai_gateway", {**said(10, 500), USAGE: refusal})
    assert only(collected, "subscription")["shown_limit"] == 10
    assert "record not found" in failures(collected)["limit"]
    collected = collect_from("openai_gateway", {**said(10, 500), SUBSCRIPTION: refusal})
    assert "record not found" in failures(collected)["subscription"]
    assert [skipped.name for skipped in collected.skipped] == ["unit", "limit"]


def test_the_requests() -> None:
    with answering(said(10, 500)) as server:
        collect("openai_gateway", server, "sk-fake")
    assert server.targets == [SUBSCRIPTION, STATUS, USAGE]
    assert {asked.header("Authorization") for asked in server.asked} == {"Bearer sk-fake"}
