"""``define/openai.yml``: credit, the cost of each model today, and how the account is billed."""

import json
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.collect.transport.web import Asked
from tests.define.collecting import answering, collect, collect_from, failures, only, records

from openai_monitor.definition.shipped import load_definition
from openai_monitor.rows import Code
from openai_monitor.sandbox import ACCOUNTS, Ledger, running

CREDIT, USAGE, SUBSCRIPTION = (f"/dashboard/billing/{name}" for name in ("credit_grants", "usage", "subscription"))
NOW = datetime(2023, 4, 11, 15, 30, tzinfo=UTC)

CREDIT_BODY = {
    "object": "credit_summary",
    "total_granted": 18.0,
    "total_used": 5.25,
    "total_available": 12.75,
    "total_paid_available": 10.0,
    "grants": {"object": "list", "data": []},
}
USAGE_BODY = {
    "object": "list",
    "daily_costs": [
        {
            "timestamp": 1681171200.0,
            "line_items": [
                {"name": "Instruct models", "cost": 0.0},
                {"name": "Chat models", "cost": 106.619},
                {"name": "GPT-4", "cost": 0.0},
                {"name": "Image models", "cost": 2},
            ],
        }
    ],
    "total_usage": 106.619,
}
ADDRESS = {"city": "Pune", "line1": "1 Street", "line2": None, "country": "IN", "postal_code": "111111"}
SUBSCRIPTION_BODY: Mapping[str, object] = {
    "object": "billing_subscription",
    "has_payment_method": True,
    "canceled": False,
    "canceled_at": None,
    "delinquent": None,
    "access_until": 1685249945,
    "soft_limit": 1000000,
    "hard_limit": 2000000,
    "system_hard_limit": 2000000,
    "soft_limit_usd": 100.0,
    "hard_limit_usd": 120.0,
    "system_hard_limit_usd": 120.0,
    "plan": {"title": "Pay-as-you-go", "id": "payg"},
    "primary": True,
    "billing_mechanism": "advance",
    "is_arrears_eligible": False,
    "max_balance": 500.0,
    "auto_recharge_eligible": True,
    "auto_recharge_enabled": True,
    "auto_recharge_threshold": 5.0,
    "auto_recharge_to_balance": 20.0,
    "trust_tier": "tier_3",
    "account_name": "Acme",
    "po_number": None,
    "billing_email": None,
    "tax_ids": None,
    "billing_address": ADDRESS,
    "business_address": None,
}
SUBSCRIPTION_ROW: Mapping[str, object] = {
    "has_payment_method": "true",
    "canceled": "false",
    "canceled_at": None,
    "delinquent": None,
    "soft_limit": 1000000,
    "hard_limit": 2000000,
    "system_hard_limit": 2000000,
    "soft_limit_usd": 100.0,
    "hard_limit_usd": 120.0,
    "system_hard_limit_usd": 120.0,
    "plan": "Pay-as-you-go",
    "primary": "true",
    "billing_mechanism": "advance",
    "is_arrears_eligible": "false",
    "max_balance": 500.0,
    "auto_recharge_eligible": "true",
    "auto_recharge_enabled": "true",
    "auto_recharge_threshold": 5.0,
    "auto_recharge_to_balance": 20.0,
    "trust_tier": "tier_3",
    "account_name": "Acme",
    "po_number": None,
    "billing_email": None,
    "tax_ids": None,
    "billing_address": '{"city":"Pune","line1":"1 Street","line2":null,"country":"IN","postal_code":"111111"}',
    "business_address": None,
}
BODIES = {CREDIT: CREDIT_BODY, USAGE: USAGE_BODY, SUBSCRIPTION: SUBSCRIPTION_BODY}

UNITS = {
    "has_payment_method": None,
    "canceled": None,
    "canceled_at": None,
    "delinquent": None,
    "soft_limit": "Times",
    "hard_limit": "Times",
    "system_hard_limit": "Times",
    "soft_limit_usd": "USD",
    "hard_limit_usd": "USD",
    "system_hard_limit_usd": "USD",
    "plan": None,
    "primary": None,
    "billing_mechanism": None,
    "is_arrears_eligible": None,
    "max_balance": "USD",
    "auto_recharge_eligible": None,
    "auto_recharge_enabled": None,
    "auto_recharge_threshold": "USD",
    "auto_recharge_to_balance": "USD",
    "trust_tier": None,
    "account_name": None,
    "po_number": None,
    "billing_email": None,
    "tax_ids": None,
    "billing_address": None,
    "business_address": None,
}


def subscription(**changes: object) -> dict[str, Any]:
    """The billing row of an answer with these changes; a value of ``...`` leaves the key out."""
    body = {key: value for key, value in {**SUBSCRIPTION_BODY, **changes}.items() if value is not ...}
    return only(collect_from("openai", {**BODIES, SUBSCRIPTION: body}), "billing_subscription")


# What the definition says


def test_there_are_three_metric_sets_and_the_credit_comes_first() -> None:
    sets = load_definition("openai").sets
    assert [(item.name, item.priority) for item in sets] == [
        ("credit_grants", 0),
        ("model_cost", 1),
        ("billing_subscription", 1),
    ]


def test_credit_and_costs_are_dollars() -> None:
    credit, cost, _ = load_definition("openai").sets
    assert [(spec.field, spec.type, spec.unit, spec.label) for spec in credit.fields] == [
        (name, 0, "USD", False) for name in ("total_granted", "total_used", "total_available", "total_paid_available")
    ]
    assert [(spec.field, spec.type, spec.unit, spec.label) for spec in cost.fields] == [
        ("model_name", 1, None, True),
        ("cost", 0, "USD", False),
    ]


def test_billing_has_26_fields_and_those_with_a_unit_are_numbers() -> None:
    fields = load_definition("openai").sets[2].fields
    assert len(fields) == 26
    assert {spec.field: spec.unit for spec in fields} == UNITS
    assert [spec.field for spec in fields] == list(UNITS)
    assert [spec.type for spec in fields] == [1 if unit is None else 0 for unit in UNITS.values()]


def test_parameters() -> None:
    declared = {
        spec.field: (spec.type, spec.default_value, spec.required, spec.hide)
        for spec in load_definition("openai").params
    }
    assert declared == {
        "host": ("host", "api.openai.com", True, False),
        "port": ("number", "443", True, False),
        "ssl": ("boolean", "true", False, False),
        "timeout": ("number", "30000", False, True),
        "token": ("password", None, True, False),
        "organization": ("text", None, False, False),
        "timezone": ("text", "UTC", False, True),
    }


# What answers become


def test_every_field_of_the_recorded_bodies() -> None:
    collected = collect_from("openai", BODIES)
    assert only(collected, "credit_grants") == {
        "total_granted": 18.0,
        "total_used": 5.25,
        "total_available": 12.75,
        "total_paid_available": 10.0,
    }
    assert records(collected, "model_cost") == [
        {"model_name": "Instruct models", "cost": 0.0},
        {"model_name": "Chat models", "cost": 1.06619},
        {"model_name": "GPT-4", "cost": 0.0},
        {"model_name": "Image models", "cost": 0.02},
    ]
    assert only(collected, "billing_subscription") == SUBSCRIPTION_ROW


@pytest.mark.parametrize("name", ACCOUNTS)
def test_it_says_of_an_account_what_the_account_is(name: str) -> None:
    account = ACCOUNTS[name]()
    now = NOW if account.day_zero is None else datetime.combine(account.day_zero, NOW.timetz())
    with running(account, now=lambda: now) as server:
        collected = collect("openai", server, "sess-sandbox", now)
    credit = account.credit
    assert only(collected, "credit_grants") == {
        "total_granted": credit.granted,
        "total_used": credit.used,
        "total_available": credit.available,
        "total_paid_available": credit.paid_available,
    }
    assert records(collected, "model_cost") == [
        {"model_name": model.name, "cost": cents / 100}
        for model, cents in Ledger(account, now.date()).items(now.date())
    ]
    said = account.subscription
    expected = {**SUBSCRIPTION_ROW, "billing_address": json.dumps(said["billing_address"], separators=(",", ":"))}
    for flag in ("delinquent", "is_arrears_eligible", "auto_recharge_eligible", "auto_recharge_enabled"):
        expected[flag] = None if said[flag] is None else json.dumps(said[flag])
    expected["billing_mechanism"] = said["billing_mechanism"]
    assert only(collected, "billing_subscription") == expected


def test_a_body_older_than_2024_has_no_paid_credit() -> None:
    body = {key: value for key, value in CREDIT_BODY.items() if key != "total_paid_available"}
    assert only(collect_from("openai", {**BODIES, CREDIT: body}), "credit_grants") == {
        "total_granted": 18.0,
        "total_used": 5.25,
        "total_available": 12.75,
        "total_paid_available": None,
    }


def test_a_number_may_be_a_text_or_null() -> None:
    credit = {"total_granted": "18.0", "total_used": None, "total_available": "12.75"}
    usage = {"daily_costs": [{"line_items": [{"name": "a", "cost": "106.619"}, {"name": "b", "cost": None}]}]}
    collected = collect_from("openai", {**BODIES, CREDIT: credit, USAGE: usage})
    assert list(only(collected, "credit_grants").values()) == [18.0, None, 12.75, None]
    assert [row["cost"] for row in records(collected, "model_cost")] == [1.06619, None]


def test_every_line_item_of_every_day_counts() -> None:
    days = [
        {"timestamp": 1.0, "line_items": [{"name": "gpt-5.5, input", "cost": 1, "project_id": "proj_abc"}]},
        {"timestamp": 2.0, "line_items": []},
        {"timestamp": 3.0, "line_items": [{"name": "gpt-5.5, input", "cost": 0.001}]},
    ]
    collected = collect_from("openai", {**BODIES, USAGE: {"daily_costs": days, "total_usage": 1.001}})
    assert records(collected, "model_cost") == [
        {"model_name": "gpt-5.5, input", "cost": 0.01},
        {"model_name": "gpt-5.5, input", "cost": 0.00001},
    ]


def test_no_usage_is_no_rows() -> None:
    assert records(collect_from("openai", {**BODIES, USAGE: {"daily_costs": []}}), "model_cost") == []


@pytest.mark.parametrize(
    ("plan", "title"),
    [
        ({"title": "Pay-as-you-go", "id": "payg"}, "Pay-as-you-go"),
        ({"id": "free"}, None),
        ({"title": None}, None),
        ({}, None),
        (None, None),
        (..., None),
        ("payg", None),
        ([], None),
    ],
)
def test_the_plan_is_its_title_whatever_else_it_is(plan: object, title: str | None) -> None:
    assert subscription(plan=plan) == {**SUBSCRIPTION_ROW, "plan": title}


@pytest.mark.parametrize("name", UNITS)
def test_any_key_of_the_subscription_may_be_missing_or_null(name: str) -> None:
    expected = {**SUBSCRIPTION_ROW, name: None}
    assert subscription(**{name: ...}) == expected
    assert subscription(**{name: None}) == expected


def test_lists_and_objects_are_json_and_times_are_text() -> None:
    tax = [{"type": "eu_vat", "value": "DE1"}]
    row = subscription(tax_ids=tax, business_address=ADDRESS, canceled=True, canceled_at=1685249945)
    assert json.loads(str(row["tax_ids"])) == tax
    assert json.loads(str(row["business_address"])) == ADDRESS
    assert (row["canceled"], row["canceled_at"]) == ("true", "1685249945")


def test_a_free_plan() -> None:
    row = subscription(plan={"title": "Free", "id": "free"}, hard_limit=83334, hard_limit_usd=5.00004)
    assert (row["plan"], row["hard_limit"], row["hard_limit_usd"]) == ("Free", 83334, 5.00004)


def test_an_empty_subscription_is_a_row_of_nothing() -> None:
    collected = collect_from("openai", {**BODIES, SUBSCRIPTION: {}})
    assert only(collected, "billing_subscription") == dict.fromkeys(UNITS)


# Failures


def test_a_refused_key_ends_the_round() -> None:
    refused = (401, {"error": {"message": "Incorrect API key provided: sess-0f", "code": "invalid_api_key"}})
    collected = collect_from("openai", {**BODIES, CREDIT: refused})
    assert collected["credit_grants"].code is Code.FAIL
    assert "Incorrect API key provided" in failures(collected)["credit_grants"]
    assert [skipped.name for skipped in collected.skipped] == ["model_cost", "billing_subscription"]


def test_the_costs_may_fail_and_the_billing_stand() -> None:
    forbidden = (403, {"error": {"message": "must be made with a session key", "type": "server_error"}})
    collected = collect_from("openai", {**BODIES, USAGE: forbidden})
    assert list(failures(collected)) == ["model_cost"]
    assert only(collected, "billing_subscription") == SUBSCRIPTION_ROW


def test_an_error_object_is_a_failure_whatever_the_status() -> None:
    said = {"error": {"message": "record not found", "type": "one_api_error"}}
    assert "record not found" in failures(collect_from("openai", {**BODIES, CREDIT: said}))["credit_grants"]


def test_a_gateway_without_daily_costs_is_a_failure() -> None:
    collected = collect_from("openai", {**BODIES, USAGE: {"object": "list", "total_usage": 500}})
    assert "daily_costs" in failures(collected)["model_cost"]


# The requests


def requests(now: datetime, **parameters: str) -> dict[str, Asked]:
    with answering(BODIES) as server:
        collect("openai", server, "sess-fake", now, **parameters)
        return {asked.target.partition("?")[0]: asked for asked in server.asked}


def test_three_gets_with_the_key_as_bearer() -> None:
    asked = requests(NOW)
    assert sorted(asked) == sorted(BODIES)
    for request in asked.values():
        assert (request.method, request.body) == ("GET", b"")
        assert request.header("Authorization") == "Bearer sess-fake"
        assert request.header("Accept") == "application/json"
        assert "sess-fake" not in request.target
    assert asked[CREDIT].target == CREDIT
    assert asked[SUBSCRIPTION].target == SUBSCRIPTION  # which takes no dates


@pytest.fixture(params=["UTC", "Asia/Shanghai", "America/Los_Angeles"])
def process_zone(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as patch:
        patch.setenv("TZ", request.param)
        time.tzset()
        yield
    time.tzset()


@pytest.mark.usefixtures("process_zone")
@pytest.mark.parametrize(
    ("now", "dates"),
    [
        (datetime(2023, 4, 11, 0, 0, tzinfo=UTC), "start_date=2023-04-11&end_date=2023-04-12"),
        (datetime(2023, 4, 11, 23, 59, 59, tzinfo=UTC), "start_date=2023-04-11&end_date=2023-04-12"),
        (datetime(2024, 2, 28, 17, 0, tzinfo=UTC), "start_date=2024-02-28&end_date=2024-02-29"),
        (datetime(2026, 12, 31, 16, 30, tzinfo=UTC), "start_date=2026-12-31&end_date=2027-01-01"),
    ],
)
def test_today_is_a_utc_day_wherever_the_collector_stands(now: datetime, dates: str) -> None:
    assert requests(now)[USAGE].target == f"{USAGE}?{dates}"


def test_another_time_zone_can_be_asked_for() -> None:
    late = datetime(2023, 4, 11, 17, 0, tzinfo=UTC)
    dates = "start_date=2023-04-12&end_date=2023-04-13"
    assert requests(late, timezone="Asia/Shanghai")[USAGE].target == f"{USAGE}?{dates}"


def test_the_organization_is_named_only_when_there_is_one() -> None:
    for request in requests(NOW, organization="org-fake").values():
        assert request.header("OpenAI-Organization") == "org-fake"
    for nothing in ({}, {"organization": ""}, {"organization": " "}):
        for request in requests(NOW, **nothing).values():
            assert request.header("OpenAI-Organization") is None


def test_a_pasted_key_is_cleaned() -> None:
    with answering(BODIES) as server:
        collect("openai", server, ' "Bearer sess-fake"\n', NOW)
    assert {asked.header("Authorization") for asked in server.asked} == {"Bearer sess-fake"}
