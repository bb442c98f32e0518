"""The three dashboard endpoints of the demo account say what the recorded bodies say."""

import json
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from tests.sandbox.conftest import Ask

from openai_monitor.sandbox import ACCOUNTS
from openai_monitor.sandbox.accounts import demo

TODAY = "/dashboard/billing/usage?start_date=2023-04-11&end_date=2023-04-12"

CREDIT = """{"object":"credit_summary","total_granted":18.0,"total_used":5.25,"total_available":12.75,
 "total_paid_available":10.0,"grants":{"object":"list","data":[{"object":"credit_grant","id":"g1",
 "grant_amount":5.0,"used_amount":0.03,"effective_at":1680048000.0,"expires_at":1688169600.0}]}}"""

USAGE = """{"object":"list","daily_costs":[{"timestamp":1681171200.0,"line_items":[
  {"name":"Instruct models","cost":0.0},{"name":"Chat models","cost":106.619},{"name":"GPT-4","cost":0.0},
  {"name":"Image models","cost":2}]}],"total_usage":106.619}"""

SUBSCRIPTION = """{"object":"billing_subscription","has_payment_method":true,"canceled":false,"canceled_at":null,
 "delinquent":null,"access_until":1685249945,"soft_limit":1000000,"hard_limit":2000000,"system_hard_limit":2000000,
 "soft_limit_usd":100.0,"hard_limit_usd":120.0,"system_hard_limit_usd":120.0,
 "plan":{"title":"Pay-as-you-go","id":"payg"},"primary":true,"billing_mechanism":"advance",
 "is_arrears_eligible":false,"max_balance":500.0,"auto_recharge_eligible":true,"auto_recharge_enabled":true,
 "auto_recharge_threshold":5.0,"auto_recharge_to_balance":20.0,"trust_tier":"tier_3","account_name":"Acme",
 "po_number":null,"billing_email":null,"tax_ids":null,"billing_address":{"city":"Pune","line1":"1 Example Street",
 "line2":null,"state":"MH","country":"IN","postal_code":"111111"},"business_address":null}"""


@pytest.mark.parametrize("prefix", ["", "/v1"])
@pytest.mark.parametrize(
    ("target", "body"),
    [
        ("/dashboard/billing/credit_grants", CREDIT),
        (TODAY, USAGE),
        ("/dashboard/billing/subscription", SUBSCRIPTION),
    ],
)
def test_on_the_day_of_the_recorded_bodies_they_come_out_whole(ask: Ask, prefix: str, target: str, body: str) -> None:
    answer = ask(prefix + target)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(body)


def test_today_costs_the_same_on_every_date(ask: Ask) -> None:
    answer = ask(
        "/dashboard/billing/usage?start_date=2026-11-22&end_date=2026-11-23",
        now=datetime(2026, 11, 22, 23, 59, tzinfo=UTC),
    )
    assert answer.json()["daily_costs"][0]["line_items"] == json.loads(USAGE)["daily_costs"][0]["line_items"]


def test_each_day_has_its_own_line_items_and_the_end_is_not_included(ask: Ask) -> None:
    days = ask("/dashboard/billing/usage?start_date=2023-03-13&end_date=2023-04-12").json()["daily_costs"]
    assert [day["timestamp"] for day in days] == [1678665600.0 + 86400 * number for number in range(30)]
    assert all(day["line_items"] for day in days)
    assert len({json.dumps(day["line_items"]) for day in days}) == 30


def test_newer_line_items_name_their_project(ask: Ask) -> None:
    day = ask("/dashboard/billing/usage?start_date=2023-04-10&end_date=2023-04-11").json()["daily_costs"][0]
    item = next(item for item in day["line_items"] if item["name"] == "gpt-5.5, input")
    assert item["cost"] > 0
    assert item | {"cost": 0} == {
        "name": "gpt-5.5, input",
        "cost": 0,
        "project_id": "proj_assistant",
        "project_name": "Assistant",
        "organization_name": "Acme",
    }


def test_all_days_together_cost_what_the_credit_says_was_used(ask: Ask) -> None:
    days = ask("/dashboard/billing/usage?start_date=2023-02-11&end_date=2023-04-12").json()["daily_costs"]
    cents = sum(item["cost"] for day in days for item in day["line_items"])
    assert cents == pytest.approx(525.0)


def test_days_to_come_have_no_costs(ask: Ask) -> None:
    body = ask("/dashboard/billing/usage?start_date=2023-04-11&end_date=2023-05-01").json()
    assert len(body["daily_costs"]) == 1


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("start_date=2023-04-11&end_date=2023-04-11", "end_date must come after start_date"),
        ("start_date=2023-04-12&end_date=2023-04-11", "end_date must come after start_date"),
        (
            "start_date=2023-01-01&end_date=2023-04-12",
            "You can only request a maximum of 100 days per request",
        ),
        ("start_date=2023-04-11", "end_date is required"),
        ("", "start_date is required"),
        ("start_date=2023-W15-2&end_date=2023-04-12", "start_date is required"),
        ("start_date=20230411&end_date=2023-04-12", "start_date is required"),
    ],
)
def test_dates_it_refuses(ask: Ask, query: str, message: str) -> None:
    answer = ask(f"/dashboard/billing/usage?{query}")
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert message in error["message"]
    assert error["type"] == "invalid_request_error"


def test_a_hundred_days_are_allowed(ask: Ask) -> None:
    assert len(ask("/dashboard/billing/usage?start_date=2023-01-02&end_date=2023-04-12").json()["daily_costs"]) == 100


def test_an_unknown_key_is_told_apart_and_not_repeated_whole(ask: Ask) -> None:
    answer = ask("/dashboard/billing/credit_grants", "sess-fake-0123456789-fake")
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
    assert answer.json()["error"]["message"].startswith("Incorrect API key provided: sess-fak****")
    assert "sess-fake" not in ask("/dashboard/billing/credit_grants", "sess-fake").text


@pytest.mark.parametrize("headers", [{}, {"Authorization": "Basic eDp5"}, {"Authorization": "sess-sandbox"}])
def test_without_a_bearer_key_nothing_is_shown(ask: Ask, headers: dict[str, str]) -> None:
    answer = ask("/dashboard/billing/subscription", None, headers=headers)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] is None


@pytest.mark.parametrize("key", ["sk-sandbox", "sk-proj-fake", "sk-admin-sandbox"])
def test_an_api_key_is_told_that_a_session_key_is_needed(ask: Ask, key: str) -> None:
    answer = ask("/v1/dashboard/billing/credit_grants", key)
    assert answer.status_code == 403
    assert answer.json() == {
        "error": {
            "message": "Your request to GET /v1/dashboard/billing/credit_grants must be made with a session key "
            "(that is, it can only be made from the browser). You made it with the following key type: secret.",
            "type": "server_error",
            "param": None,
            "code": None,
        }
    }


def test_the_organization_header_must_name_one_of_the_login(ask: Ask) -> None:
    path = "/dashboard/billing/subscription"
    assert ask(path, headers={"OpenAI-Organization": "org-sandbox"}).status_code == 200
    refused = ask(path, headers={"OpenAI-Organization": "org-other"})
    assert refused.status_code == 401
    assert refused.json()["error"]["code"] == "mismatched_organization"


def test_a_new_account_has_zeros_and_nothing_else(ask: Ask) -> None:
    account = ACCOUNTS["no-usage"]()
    credit = ask("/dashboard/billing/credit_grants", account=account).json()
    assert (credit["total_granted"], credit["total_available"], credit["grants"]["data"]) == (0.0, 0.0, [])
    assert ask(TODAY, account=account).json() == {
        "object": "list",
        "daily_costs": [{"timestamp": 1681171200.0, "line_items": []}],
        "total_usage": 0.0,
    }


def test_a_subscription_is_what_the_account_says(ask: Ask) -> None:
    account = replace(demo(), subscription={"object": "billing_subscription", "plan": None})
    assert ask("/dashboard/billing/subscription", account=account).json() == {
        "object": "billing_subscription",
        "plan": None,
        "access_until": 1685249945,
    }
