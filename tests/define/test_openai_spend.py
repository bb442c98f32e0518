"""``define/openai_spend.yml``: credit, grants, the costs of the last days, limits."""

import time
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.define.collecting import DAY, answering, collect, collect_from, failures, only, records

from openai_monitor.sandbox import ACCOUNTS, Account, Ledger, running

CREDIT, USAGE, SUBSCRIPTION = (f"/dashboard/billing/{name}" for name in ("credit_grants", "usage", "subscription"))
NOW = datetime(2026, 7, 31, 15, 30, tzinfo=UTC)
KEY = "sess-sandbox"

CREDIT_BODY: Mapping[str, Any] = {
    "object": "credit_summary",
    "total_granted": 18.0,
    "total_used": 0.6284545,
    "total_available": 17.3715455,
    "grants": {
        "object": "list",
        "data": [
            {
                "object": "credit_grant",
                "id": "g1",
                "grant_amount": 18.0,
                "used_amount": 0.6284545,
                "effective_at": 1673740800.0,
                "expires_at": 1682899200.0,
            },
            {
                "object": "credit_grant",
                "id": "g2",
                "grant_amount": 5,
                "used_amount": 0,
                "effective_at": 1673740800,
                "expires_at": None,
            },
        ],
    },
}
USAGE_BODY = {"object": "list", "daily_costs": [], "total_usage": 0}
SUBSCRIPTION_BODY: Mapping[str, Any] = {
    "object": "billing_subscription",
    "has_payment_method": True,
    "canceled": False,
    "delinquent": None,
    "soft_limit_usd": 100.0,
    "hard_limit_usd": 120.0,
    "system_hard_limit_usd": 150.0,
    "plan": {"title": "Pay-as-you-go", "id": "payg"},
    "billing_mechanism": "advance",
    "max_balance": 500.0,
}
BODIES = {CREDIT: CREDIT_BODY, USAGE: USAGE_BODY, SUBSCRIPTION: SUBSCRIPTION_BODY}
LIMIT = {
    "limit": 120.0,
    "interval": "month",
    "soft_limit": 100.0,
    "system_hard_limit": 150.0,
    "max_balance": 500.0,
}
STATUS = {
    "delinquent": None,
    "billing_mechanism": "advance",
    "has_payment_method": "true",
    "canceled": "false",
    "plan": "Pay-as-you-go",
}


def without(body: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {key: value for key, value in body.items() if key not in names}


def moment(account: Account) -> datetime:
    return NOW if account.day_zero is None else datetime.combine(account.day_zero, NOW.timetz())


@pytest.mark.parametrize("name", ACCOUNTS)
def test_it_says_of_an_account_what_the_account_is(name: str) -> None:
    account = ACCOUNTS[name]()
    now = moment(account)
    with running(account, now=lambda: now) as server:
        collected = collect("openai_spend", server, KEY, now)
    ledger, credit = Ledger(account, now.date()), account.credit
    assert only(collected, "balance") == {
        "available": credit.available,
        "granted": credit.granted,
        "used": credit.used,
        "paid_available": credit.paid_available,
    }
    assert records(collected, "grants") == [
        {
            "id": grant.id,
            "amount": grant.amount,
            "used": grant.used,
            "effective_at": ledger.seconds(grant.effective),
            "expires_at": None if grant.expires is None else ledger.seconds(grant.expires),
        }
        for grant in account.grants
    ]
    assert records(collected, "daily_costs") == [
        {
            "day": ledger.seconds(number),
            "item": model.name,
            "cost": cents / 100,
            "project": model.project.name if model.project else None,
        }
        for number in range(-30, 1)
        for model, cents in ledger.items(now.date() + timedelta(days=number))
    ]
    assert only(collected, "limit") == {**LIMIT, "system_hard_limit": 120.0}
    assert only(collected, "status") == {
        **STATUS,
        "delinquent": "true" if account.subscription["delinquent"] else None,
        "billing_mechanism": account.subscription["billing_mechanism"],
    }


def test_the_grants_of_a_recorded_body() -> None:
    collected = collect_from("openai_spend", BODIES)
    assert only(collected, "balance") == {
        "available": 17.3715455,
        "granted": 18.0,
        "used": 0.6284545,
        "paid_available": None,
    }
    assert records(collected, "grants") == [
        {
            "id": "g1",
            "amount": 18.0,
            "used": 0.6284545,
            "effective_at": 1673740800.0,
            "expires_at": 1682899200.0,
        },
        {"id": "g2", "amount": 5, "used": 0, "effective_at": 1673740800, "expires_at": None},
    ]


def test_amounts_may_be_text_null_or_missing() -> None:
    body = {
        "total_available": "12.75",
        "total_used": None,
        "grants": {"data": [{"id": "g1", "grant_amount": "5.00", "used_amount": None}]},
    }
    collected = collect_from("openai_spend", {**BODIES, CREDIT: body})
    assert list(only(collected, "balance").values()) == [12.75, None, None, None]
    assert list(only(collected, "grants").values()) == ["g1", 5.0, None, None, None]


def test_no_grants_are_no_rows() -> None:
    body = {**CREDIT_BODY, "grants": {"object": "list", "data": []}}
    assert records(collect_from("openai_spend", {**BODIES, CREDIT: body}), "grants") == []


@pytest.mark.parametrize("body", [without(CREDIT_BODY, "grants"), {**CREDIT_BODY, "grants": None}])
def test_missing_grants_break_nothing(body: dict[str, Any]) -> None:
    collected = collect_from("openai_spend", {**BODIES, CREDIT: body})
    assert collected.ok
    assert collected["grants"].rows == ()
    assert collected["grants"].warnings


def test_a_line_item_has_the_day_it_stands_in() -> None:
    items = [{"name": "gpt-5.5, input", "cost": 150}, {"name": "gpt-5.5, output", "cost": "0.001"}]
    daily = [{"timestamp": day * DAY * 1.0, "line_items": items} for day in (19458, 19459)]
    collected = collect_from("openai_spend", {**BODIES, USAGE: {"daily_costs": daily}})
    assert records(collected, "daily_costs") == [
        {"day": day, "item": item, "cost": cost, "project": None}
        for day in (1681171200, 1681257600)
        for item, cost in (("gpt-5.5, input", 1.5), ("gpt-5.5, output", 0.00001))
    ]


def test_an_item_without_cost_name_or_day_is_a_row_of_what_there_is() -> None:
    daily = [
        {"line_items": [{"name": "a", "cost": 100}]},
        {"timestamp": None, "line_items": [{"name": None, "cost": None}]},
    ]
    collected = collect_from("openai_spend", {**BODIES, USAGE: {"daily_costs": daily}})
    assert records(collected, "daily_costs") == [
        {"day": None, "item": "a", "cost": 1.0, "project": None},
        {"day": None, "item": None, "cost": None, "project": None},
    ]


def test_a_project_is_its_name_or_else_its_id() -> None:
    items = [
        {"name": "a", "cost": 1, "project_id": "proj_1", "project_name": "One"},
        {"name": "a", "cost": 1, "project_id": "proj_2"},
        {"name": "a", "cost": 1, "project_id": "proj_3", "project_name": None},
    ]
    daily = [{"timestamp": 0.0, "line_items": items}]
    collected = collect_from("openai_spend", {**BODIES, USAGE: {"daily_costs": daily}})
    assert [row["project"] for row in records(collected, "daily_costs")] == ["One", "proj_2", "proj_3"]


def test_missing_daily_costs_are_a_failure_and_never_no_spending() -> None:
    collected = collect_from("openai_spend", {**BODIES, USAGE: {"object": "list", "total_usage": 500}})
    assert list(failures(collected)) == ["daily_costs"]
    assert "daily_costs" in failures(collected)["daily_costs"]


@pytest.mark.parametrize("name", ["hard_limit_usd", "delinquent", "plan", "billing_mechanism", "max_balance"])
def test_any_key_of_the_subscription_may_be_missing_or_null(name: str) -> None:
    field = {"hard_limit_usd": "limit"}.get(name, name)
    for body in (without(SUBSCRIPTION_BODY, name), {**SUBSCRIPTION_BODY, name: None}):
        collected = collect_from("openai_spend", {**BODIES, SUBSCRIPTION: body})
        assert only(collected, "limit") == {**LIMIT, **({field: None} if field in LIMIT else {})}
        assert only(collected, "status") == {**STATUS, **({field: None} if field in STATUS else {})}


def test_delinquent_reads_true() -> None:
    body = {**SUBSCRIPTION_BODY, "delinquent": True}
    assert only(collect_from("openai_spend", {**BODIES, SUBSCRIPTION: body}), "status")["delinquent"] == "true"


@pytest.mark.parametrize(
    ("path", "missing"),
    [
        (CREDIT, {"balance", "grants"}),
        (USAGE, {"daily_costs"}),
        (SUBSCRIPTION, {"limit", "status"}),
    ],
)
@pytest.mark.parametrize(
    "said",
    [
        (403, {"error": {"message": "not for you", "type": "server_error"}}),
        {"error": {"message": "not for you", "type": "one_api_error"}},
    ],
)
def test_a_part_that_is_refused_leaves_the_others(path: str, missing: set[str], said: object) -> None:
    collected = collect_from("openai_spend", {**BODIES, path: said})
    assert set(failures(collected)) == missing
    assert all("not for you" in message for message in failures(collected).values())
    assert (len(collected.results), collected.skipped) == (5, ())


@pytest.mark.parametrize("zone", ["UTC", "Asia/Shanghai"])
@pytest.mark.parametrize(
    ("now", "query"),
    [
        (datetime(2026, 3, 1, 23, 59, tzinfo=UTC), "start_date=2026-01-30&end_date=2026-03-02"),
        (datetime(2026, 7, 31, 0, 0, tzinfo=UTC), "start_date=2026-07-01&end_date=2026-08-01"),
        (datetime(2028, 2, 29, 17, 0, tzinfo=UTC), "start_date=2028-01-30&end_date=2028-03-01"),
    ],
)
def test_it_asks_for_31_utc_days_so_that_a_month_is_whole_on_its_last(
    now: datetime, query: str, zone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch, answering(BODIES) as server:
        patch.setenv("TZ", zone)
        time.tzset()
        collect("openai_spend", server, "sess-fake", now)
    time.tzset()
    assert sorted(server.targets) == sorted([CREDIT, CREDIT, f"{USAGE}?{query}", SUBSCRIPTION, SUBSCRIPTION])
    assert {asked.header("Authorization") for asked in server.asked} == {"Bearer sess-fake"}


def test_the_organization_is_named_when_there_is_one() -> None:
    for given, sent in (({"organization": "org-fake"}, {"org-fake"}), ({}, {None})):
        with answering(BODIES) as server:
            collect("openai_spend", server, "sess-fake", NOW, **given)
        assert {asked.header("OpenAI-Organization") for asked in server.asked} == sent
