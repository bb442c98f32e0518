"""``define/openai_gateway.yml``: what a gateway's key may spend, has spent, may still spend."""

import pytest
from tests.define.collecting import answering, collect, collect_from, failures, only

from openai_monitor.sandbox import ACCOUNTS, Allowance, running
from openai_monitor.sandbox.account import Account

SUBSCRIPTION, USAGE = "/v1/dashboard/billing/subscription", "/v1/dashboard/billing/usage"


def said(limit: object, cents: object) -> dict[str, object]:
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
    }


def limit_row(limit: object, cents: object) -> list[object]:
    return list(only(collect_from("openai_gateway", said(limit, cents)), "limit").values())


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
        (1, 250, [1, 2.5, -1.5, "false"]),
        (0, 0, [0, 0.0, 0.0, "false"]),
        (100000000, 4250, [None, 42.5, None, "true"]),
        (100000000.0, 4250, [None, 42.5, None, "true"]),
        (99999999.99, 0, [99999999.99, 0.0, 99999999.99, "false"]),
        (10, None, [10, None, None, "false"]),
    ],
)
def test_use_comes_in_cents_and_a_hundred_million_is_no_limit(limit: object, cents: object, row: list[object]) -> None:
    assert limit_row(limit, cents) == row


def test_a_missing_figure_of_use_leaves_the_limit() -> None:
    collected = collect_from("openai_gateway", {**said(10, 0), USAGE: {"object": "list"}})
    assert list(only(collected, "limit").values()) == [10, None, None, "false"]


def test_a_limit_is_no_balance_and_there_are_no_daily_costs() -> None:
    collected = collect_from("openai_gateway", said(10, 500))
    assert [result.name for result in collected.results] == ["subscription", "limit"]


def test_what_the_gateway_sends_is_kept() -> None:
    collected = collect_from("openai_gateway", said(100000000, 0))
    assert only(collected, "subscription") == {"hard_limit_usd": 100000000, "access_until": 0}


def test_a_subscription_without_a_limit_says_so() -> None:
    answers = {**said(10, 500), SUBSCRIPTION: {"object": "billing_subscription"}}
    collected = collect_from("openai_gateway", answers)
    assert only(collected, "subscription") == {"hard_limit_usd": None, "access_until": None}
    assert "hard_limit_usd" in failures(collected)["limit"]


@pytest.mark.parametrize(
    "refusal",
    [
        {"error": {"message": "record not found", "type": "one_api_error"}},
        (401, {"error": {"message": "record not found"}}),
    ],
)
def test_an_error_is_a_failure_whatever_the_status(refusal: object) -> None:
    collected = collect_from("openai_gateway", {**said(10, 500), USAGE: refusal})
    assert only(collected, "subscription")["hard_limit_usd"] == 10
    assert "record not found" in failures(collected)["limit"]
    collected = collect_from("openai_gateway", {**said(10, 500), SUBSCRIPTION: refusal})
    assert "record not found" in failures(collected)["subscription"]
    assert [skipped.name for skipped in collected.skipped] == ["limit"]


def test_the_requests() -> None:
    with answering(said(10, 500)) as server:
        collect("openai_gateway", server, "sk-fake")
    assert server.targets == [SUBSCRIPTION, USAGE]
    assert {asked.header("Authorization") for asked in server.asked} == {"Bearer sk-fake"}
