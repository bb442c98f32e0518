"""``define/openrouter.yml``: credits bought and used, and the limit of the key."""

from datetime import UTC, datetime

import pytest
from tests.define.collecting import answering, collect, collect_from, failures, only

from openai_monitor.sandbox import ACCOUNTS, Account, running

CREDITS, KEY = "/api/v1/credits", "/api/v1/key"
TOKEN = "sk-or-v1-sandbox"
KEY_DATA = {
    "label": "sk-or-v1-au7...890",
    "limit": 100,
    "limit_remaining": 74.5,
    "limit_reset": "monthly",
    "usage": 125.5,
    "usage_daily": 1.5,
    "usage_weekly": 5,
    "usage_monthly": 25.5,
    "is_free_tier": False,
    "expires_at": "2027-12-31T23:59:59Z",
}
BODIES = {CREDITS: {"data": {"total_credits": 100.5, "total_usage": 25.75}}, KEY: {"data": KEY_DATA}}
LIMIT_ROW = {
    "limit": 100,
    "used": 25.5,
    "remaining": 74.5,
    "unlimited": "false",
    "interval": "month",
    "scope": "key",
    "usage": 125.5,
    "usage_daily": 1.5,
    "usage_weekly": 5,
    "usage_monthly": 25.5,
    "is_free_tier": "false",
    "expires_at": "2027-12-31T23:59:59Z",
}


@pytest.mark.parametrize("name", ["demo", "steady", "top-up", "no-usage", "delinquent", "unlimited-gateway"])
def test_it_says_of_an_account_what_the_account_is(name: str) -> None:
    account = ACCOUNTS[name]()
    with running(account) as server:
        collected = collect("openrouter", server, TOKEN)
    credit, allowance = account.credit, account.allowance
    assert only(collected, "balance") == {
        "available": pytest.approx(credit.available) if credit.used else None,
        "granted": credit.available + credit.used,
        "used": credit.used,
    }
    limit = only(collected, "limit")
    assert limit["limit"] == allowance.limit
    assert limit["used"] == allowance.used
    assert limit["unlimited"] == ("true" if allowance.limit is None else "false")
    assert limit["remaining"] == (None if allowance.limit is None else allowance.limit - allowance.used)


def test_what_the_key_spent() -> None:
    wednesday = datetime(2026, 7, 8, 9, tzinfo=UTC)
    with running(ACCOUNTS["steady"](), now=lambda: wednesday) as server:
        row = only(collect("openrouter", server, TOKEN, wednesday), "limit")
    assert [row[f"usage_{span}"] for span in ("daily", "weekly", "monthly")] == [2.0, 6.0, 16.0]


def test_the_documented_bodies() -> None:
    collected = collect_from("openrouter", BODIES)
    assert only(collected, "balance") == {"available": 74.75, "granted": 100.5, "used": 25.75}
    assert only(collected, "limit") == LIMIT_ROW


def limit_row(**changes: object) -> dict[str, object]:
    data = {key: value for key, value in {**KEY_DATA, **changes}.items() if value is not ...}
    return dict(only(collect_from("openrouter", {**BODIES, KEY: {"data": data}}), "limit"))


def test_a_key_without_a_limit_has_used_what_it_ever_used() -> None:
    expected = {
        **LIMIT_ROW,
        "limit": None,
        "used": 125.5,
        "remaining": None,
        "unlimited": "true",
        "interval": None,
    }
    assert limit_row(limit=None, limit_remaining=None, limit_reset=None) == expected
    assert limit_row(limit=..., limit_remaining=..., limit_reset=...) == expected


def test_a_limit_that_never_starts_anew_is_in_all() -> None:
    assert limit_row(limit_reset=None) == {**LIMIT_ROW, "interval": None}


def test_what_remains_may_be_missing() -> None:
    assert limit_row(limit_remaining=None) == {**LIMIT_ROW, "used": 125.5, "remaining": None}


@pytest.mark.parametrize(
    ("reset", "interval"), [("daily", "day"), ("weekly", "week"), ("monthly", "month"), ("yearly", "yearly")]
)
def test_the_interval_is_in_our_words(reset: str, interval: str) -> None:
    assert limit_row(limit_reset=reset)["interval"] == interval


def budget(limit: object, spent: object, interval: str | None = "monthly") -> dict[str, object]:
    return {"limit_usd": limit, "spend_usd": spent, "reset_interval": interval, "scope": "workspace", "budget_id": "b"}


@pytest.mark.parametrize("own", [{"limit": None, "limit_remaining": None, "limit_reset": None}, {"limit_remaining": 9}])
@pytest.mark.parametrize(("limit", "spent"), [(5.0, 5.0), ("5.0", "5.0")])
def test_a_budget_that_is_used_up_is_the_limit(own: dict[str, object], limit: object, spent: object) -> None:
    row = limit_row(**own, effective_budget=budget(limit, spent))
    shown = {key: row[key] for key in ("limit", "used", "remaining", "unlimited", "interval", "scope")}
    assert shown == {
        "limit": 5,
        "used": 5,
        "remaining": 0,
        "unlimited": "false",
        "interval": "month",
        "scope": "workspace",
    }


@pytest.mark.parametrize("told", [None, {}, budget(None, 3), budget(1000, 10), budget("1000", "10")])
def test_the_key_s_own_limit_stands_beside_a_budget_with_more_left(told: object) -> None:
    assert limit_row(effective_budget=told, budgets=[]) == LIMIT_ROW


def test_amounts_may_be_text_null_or_missing() -> None:
    assert limit_row(limit="100.0", limit_remaining="74.5") == LIMIT_ROW
    assert limit_row(usage_daily=None, usage_weekly=...) == {
        **LIMIT_ROW,
        "usage_daily": None,
        "usage_weekly": None,
    }
    body = {"data": {"total_credits": 100.5, "total_usage": None}}
    balance = only(collect_from("openrouter", {**BODIES, CREDITS: body}), "balance")
    assert balance == {"available": None, "granted": 100.5, "used": None}


def test_an_ordinary_key_tells_its_limit_and_not_the_credits() -> None:
    refused = (403, {"error": {"code": 403, "message": "Only management keys can perform this operation"}})
    collected = collect_from("openrouter", {**BODIES, CREDITS: refused})
    assert list(failures(collected)) == ["balance"]
    assert "Only management keys" in failures(collected)["balance"]
    assert only(collected, "limit") == LIMIT_ROW


def test_an_error_object_is_a_failure_whatever_the_status() -> None:
    collected = collect_from("openrouter", {**BODIES, KEY: {"error": {"code": 500, "message": "no luck"}}})
    assert "no luck" in failures(collected)["limit"]
    assert only(collected, "balance")["available"] == 74.75


def test_the_requests() -> None:
    with answering(BODIES) as server:
        collect("openrouter", server, "sk-or-v1-fake")
    assert sorted(server.targets) == [CREDITS, KEY]
    assert {asked.header("Authorization") for asked in server.asked} == {"Bearer sk-or-v1-fake"}


def test_an_unknown_key_is_refused_by_the_sandbox() -> None:
    with running(Account()) as server:
        collected = collect("openrouter", server, "sk-fake")
    assert sorted(failures(collected)) == ["balance", "limit"]
