"""The organization API: the same money in dollars, in buckets and pages."""

from dataclasses import replace
from typing import Any

import pytest
from tests.sandbox.conftest import Ask

from openai_monitor.sandbox import ACCOUNTS
from openai_monitor.sandbox.accounts import demo

ADMIN = "sk-admin-sandbox"
TODAY = 1681171200
DAY = 86400
COSTS = "/v1/organization/costs"
COMPLETIONS = "/v1/organization/usage/completions"


def total(pages: list[dict[str, Any]]) -> float:
    buckets = [bucket for page in pages for bucket in page["data"]]
    return sum(float(result["amount"]["value"]) for bucket in buckets for result in bucket["results"])


def test_a_day_ungrouped_is_one_amount_in_dollars(ask: Ask) -> None:
    body = ask(f"{COSTS}?start_time={TODAY}&bucket_width=1d", ADMIN).json()
    assert body == {
        "object": "page",
        "data": [
            {
                "object": "bucket",
                "start_time": TODAY,
                "end_time": TODAY + DAY,
                "results": [
                    {
                        "object": "organization.costs.result",
                        "amount": {"value": 1.08619, "currency": "usd"},
                        "line_item": None,
                        "project_id": None,
                        "api_key_id": None,
                        "quantity": None,
                        "quantity_unit": None,
                    }
                ],
            }
        ],
        "has_more": False,
        "next_page": None,
    }


@pytest.mark.parametrize(
    "grouping",
    [
        "group_by=line_item&group_by=project_id",
        "group_by[]=line_item&group_by[]=project_id",
        "group_by=line_item,project_id",
    ],
)
def test_grouping_names_items_and_projects(ask: Ask, grouping: str) -> None:
    body = ask(f"{COSTS}?start_time={TODAY - DAY}&end_time={TODAY}&{grouping}", ADMIN).json()
    named = {(result["line_item"], result["project_id"]) for result in body["data"][0]["results"]}
    assert ("Chat models", "proj_abc") in named
    assert ("gpt-5.5, output", "proj_assistant") in named


def test_pages_follow_their_cursor_and_add_up(ask: Ask) -> None:
    asked = f"{COSTS}?start_time={TODAY - 59 * DAY}&limit=25&group_by=line_item"
    pages = [ask(asked, ADMIN).json()]
    while pages[-1]["has_more"]:
        pages.append(ask(f"{asked}&page={pages[-1]['next_page']}", ADMIN).json())
    assert [len(page["data"]) for page in pages] == [25, 25, 10]
    assert pages[-1]["next_page"] is None
    assert total(pages) == pytest.approx(5.25)


def test_a_page_that_ends_with_the_period_is_the_last(ask: Ask) -> None:
    body = ask(f"{COSTS}?start_time={TODAY - 6 * DAY}", ADMIN).json()
    assert (len(body["data"]), body["has_more"]) == (7, False)


def test_days_without_costs_are_empty_buckets(ask: Ask) -> None:
    body = ask(f"{COSTS}?start_time={TODAY}", ADMIN, account=ACCOUNTS["no-usage"]()).json()
    assert [bucket["results"] for bucket in body["data"]] == [[]]


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("", "start_time"),
        ("start_time=yesterday", "start_time"),
        ("start_time=-5", "start_time"),
        (f"start_time={TODAY}&limit=181", "limit"),
        (f"start_time={TODAY}&limit=0", "limit"),
        (f"start_time={TODAY}&limit=x", "limit"),
        (f"start_time={TODAY}&bucket_width=1h", "bucket_width"),
        (f"start_time={TODAY}&group_by=model", "group_by"),
        (f"start_time={TODAY}&page=abc", "page"),
    ],
)
def test_parameters_it_refuses(ask: Ask, query: str, parameter: str) -> None:
    answer = ask(f"{COSTS}?{query}", ADMIN)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == parameter


def test_a_start_in_the_future_is_an_empty_page(ask: Ask) -> None:
    body = ask(f"{COSTS}?start_time=99999999999999999", ADMIN).json()
    assert (body["data"], body["has_more"]) == ([], False)


@pytest.mark.parametrize(("width", "usual", "most"), [("1m", 60, 1440), ("1h", 24, 168), ("1d", 7, 31)])
def test_usage_has_buckets_of_three_widths(ask: Ask, width: str, usual: int, most: int) -> None:
    asked = f"{COMPLETIONS}?start_time={TODAY - 40 * DAY}&bucket_width={width}"
    assert len(ask(asked, ADMIN).json()["data"]) == usual
    assert len(ask(f"{asked}&limit={most}", ADMIN).json()["data"]) == most
    assert ask(f"{asked}&limit={most + 1}", ADMIN).status_code == 400


def test_usage_by_model_counts_tokens(ask: Ask) -> None:
    body = ask(f"{COMPLETIONS}?start_time={TODAY}&group_by=model", ADMIN).json()
    assert body["data"][0]["results"] == [
        {
            "object": "organization.usage.completions.result",
            "input_tokens": 213238,
            "input_cached_tokens": 53309,
            "output_tokens": 71079,
            "input_audio_tokens": 0,
            "output_audio_tokens": 0,
            "num_model_requests": 213,
            "project_id": None,
            "user_id": None,
            "api_key_id": None,
            "model": "gpt-4o",
            "batch": None,
            "service_tier": None,
        }
    ]


def test_the_running_bucket_is_the_last(ask: Ask) -> None:
    body = ask(f"{COMPLETIONS}?start_time={TODAY}&bucket_width=1h&limit=168", ADMIN).json()
    assert len(body["data"]) == 16, "it is half past three in the afternoon"


def test_the_spend_limit_is_in_cents(ask: Ask) -> None:
    assert ask("/v1/organization/spend_limit", ADMIN).json() == {
        "object": "organization.spend_limit",
        "threshold_amount": 10000,
        "currency": "USD",
        "interval": "month",
        "enforcement": {"status": "enforcing"},
    }
    unlimited = replace(demo(), spend_limit=None)
    assert ask("/v1/organization/spend_limit", ADMIN, account=unlimited).status_code == 404


@pytest.mark.parametrize("path", [COSTS, COMPLETIONS, "/v1/organization/spend_limit"])
@pytest.mark.parametrize("key", ["sk-sandbox", "sk-proj-fake", "sess-sandbox"])
def test_other_keys_lack_the_scope(ask: Ask, path: str, key: str) -> None:
    answer = ask(path, key)
    assert answer.status_code == 403
    assert "Missing scopes: api.usage.read" in answer.json()["error"]["message"]


def test_an_unknown_key_is_incorrect(ask: Ask) -> None:
    assert ask(COSTS, "fake").json()["error"]["code"] == "invalid_api_key"
