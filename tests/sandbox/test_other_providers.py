"""The gateway, DeepSeek, OpenRouter and Anthropic: the shapes of their public sources, the account's money."""

from datetime import UTC, datetime
from urllib.parse import quote

import pytest
from tests.sandbox.conftest import Ask

from openai_monitor.sandbox import ACCOUNTS

GATEWAY, DEEPSEEK, OPENROUTER = "sk-gateway-sandbox", "sk-deepseek-sandbox", "sk-or-v1-sandbox"
ANTHROPIC = {"X-Api-Key": "sk-ant-admin-sandbox", "anthropic-version": "2023-06-01"}
REPORT = "/v1/organizations/cost_report"


@pytest.mark.parametrize("prefix", ["", "/v1"])
def test_a_gateway_answers_an_ordinary_key_without_daily_costs(ask: Ask, prefix: str) -> None:
    usage = ask(f"{prefix}/dashboard/billing/usage?start_date=2023-04-11&end_date=2023-04-12", GATEWAY)
    assert usage.json() == {"object": "list", "total_usage": 500}
    assert ask(f"{prefix}/dashboard/billing/subscription", GATEWAY).json() == {
        "object": "billing_subscription",
        "has_payment_method": True,
        "soft_limit_usd": 10,
        "hard_limit_usd": 10,
        "system_hard_limit_usd": 10,
        "access_until": 0,
    }


def test_a_gateway_has_no_credit_grants_and_no_dates(ask: Ask) -> None:
    assert ask("/dashboard/billing/credit_grants", GATEWAY).status_code == 404
    assert ask("/dashboard/billing/usage", GATEWAY).status_code == 200


def test_an_unlimited_gateway_says_a_hundred_million(ask: Ask) -> None:
    account = ACCOUNTS["unlimited-gateway"]()
    assert ask("/dashboard/billing/subscription", GATEWAY, account=account).json()["hard_limit_usd"] == 100000000
    assert ask("/dashboard/billing/usage", GATEWAY, account=account).json()["total_usage"] == 4250


def test_deepseek_sends_amounts_as_text(ask: Ask) -> None:
    assert ask("/user/balance", DEEPSEEK).json() == {
        "is_available": True,
        "balance_infos": [
            {
                "currency": "USD",
                "total_balance": "12.75",
                "granted_balance": "2.75",
                "topped_up_balance": "10.00",
            }
        ],
    }
    assert ask("/user/balance", DEEPSEEK, account=ACCOUNTS["delinquent"]()).json()["is_available"] is False
    assert ask("/user/balance", "sk-fake").json()["error"]["type"] == "authentication_error"


def test_openrouter_credits_need_a_management_key(ask: Ask) -> None:
    path = "/api/v1/credits"
    assert ask(path, OPENROUTER).json() == {"data": {"total_credits": 18.0, "total_usage": 5.25}}
    refused = ask(path, "sk-or-v1-fake")
    assert refused.json() == {"error": {"code": 403, "message": "Only management keys can perform this operation"}}
    assert ask(path, "sk-fake").json()["error"]["code"] == 401


def test_openrouter_tells_what_a_key_may_spend_and_has_spent(ask: Ask) -> None:
    wednesday = datetime(2026, 7, 8, 9, tzinfo=UTC)
    data = ask("/api/v1/key", OPENROUTER, account=ACCOUNTS["steady"](), now=wednesday).json()["data"]
    assert (data["limit"], data["limit_remaining"], data["usage"]) == (10.0, 5.0, 5.0)
    assert (data["usage_daily"], data["usage_weekly"], data["usage_monthly"]) == (2.0, 6.0, 16.0)
    unlimited = ask("/api/v1/key", OPENROUTER, account=ACCOUNTS["unlimited-gateway"]()).json()["data"]
    assert (unlimited["limit"], unlimited["limit_remaining"]) == (None, None)
    assert ask("/api/v1/key", None).status_code == 401


def test_anthropic_reports_cents_as_text(ask: Ask) -> None:
    body = ask(f"{REPORT}?starting_at=2023-04-11T00:00:00Z", None, headers=ANTHROPIC).json()
    assert body == {
        "data": [
            {
                "starting_at": "2023-04-11T00:00:00Z",
                "ending_at": "2023-04-12T00:00:00Z",
                "results": [
                    {
                        "amount": "108.619",
                        "currency": "USD",
                        "workspace_id": None,
                        "description": None,
                        "cost_type": None,
                        "model": None,
                        "token_type": None,
                        "service_tier": None,
                        "context_window": None,
                        "inference_geo": None,
                    }
                ],
            }
        ],
        "has_more": False,
        "next_page": None,
    }


def test_anthropic_describes_when_grouped(ask: Ask) -> None:
    query = "starting_at=2023-04-10T00:00:00Z&ending_at=2023-04-11T00:00:00Z&group_by[]=description"
    results = ask(f"{REPORT}?{query}", None, headers=ANTHROPIC).json()["data"][0]["results"]
    told = {(r["description"], r["model"], r["token_type"], r["cost_type"]) for r in results}
    assert ("gpt-5.5, output", "gpt-5.5", "output_tokens", "tokens") in told
    assert ("gpt-5.5, cached input", "gpt-5.5", "cache_read_input_tokens", "tokens") in told
    today = ask(f"{REPORT}?starting_at=2023-04-11T00:00:00Z&group_by[]=description", None, headers=ANTHROPIC)
    images = today.json()["data"][0]["results"][1]
    assert (images["description"], images["amount"], images["model"]) == ("Image models", "2.0", None)
    assert (images["cost_type"], images["token_type"]) == ("code_execution", None)


def test_anthropic_groups_by_workspace(ask: Ask) -> None:
    query = "starting_at=2023-04-10T00:00:00Z&ending_at=2023-04-11T00:00:00Z&group_by[]=workspace_id"
    results = ask(f"{REPORT}?{query}", None, headers=ANTHROPIC).json()["data"][0]["results"]
    assert {result["workspace_id"] for result in results} == {"wrkspc_abc", "wrkspc_assistant"}


def test_anthropic_pages(ask: Ask) -> None:
    start = quote("2023-03-01T02:00:00+02:00")
    first = ask(f"{REPORT}?starting_at={start}&limit=31", None, headers=ANTHROPIC).json()
    assert (len(first["data"]), first["has_more"]) == (31, True)
    rest = ask(f"{REPORT}?starting_at={start}&limit=31&page={first['next_page']}", None, headers=ANTHROPIC).json()
    assert (rest["data"][0]["starting_at"], len(rest["data"])) == ("2023-04-01T00:00:00Z", 11)


@pytest.mark.parametrize(
    ("headers", "query", "status", "message"),
    [
        ({}, "starting_at=2023-04-11", 401, "invalid x-api-key"),
        ({"X-Api-Key": "sk-ant-fake"}, "starting_at=2023-04-11", 401, "invalid x-api-key"),
        (
            {"X-Api-Key": ANTHROPIC["X-Api-Key"]},
            "starting_at=2023-04-11",
            400,
            "anthropic-version: header is required",
        ),
        (ANTHROPIC, "", 400, "Invalid 'starting_at': it is required."),
        (ANTHROPIC, "starting_at=2023-04-11&limit=32", 400, "from 1 to 31"),
        (ANTHROPIC, "starting_at=2023-04-11&group_by[]=model", 400, "workspace_id, description"),
    ],
)
def test_anthropic_refuses(ask: Ask, headers: dict[str, str], query: str, status: int, message: str) -> None:
    answer = ask(f"{REPORT}?{query}", None, headers=headers)
    assert answer.status_code == status
    assert answer.json()["type"] == "error"
    assert message in answer.json()["error"]["message"]
