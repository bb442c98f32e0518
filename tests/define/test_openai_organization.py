"""``define/openai_organization.yml``: costs by line item and project, tokens by model, spend limit."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs

import pytest
from tests.collect.transport.web import Asked
from tests.define.collecting import DAY, answering, collect, collect_from, failures, only, records

from openai_monitor.rows import Value
from openai_monitor.sandbox import ACCOUNTS, Ledger, running
from openai_monitor.sandbox.account import DEFAULT_PROJECT

COSTS, COMPLETIONS, LIMIT = (f"/v1/organization/{name}" for name in ("costs", "usage/completions", "spend_limit"))
NOW = datetime(2026, 7, 31, 15, 30, tzinfo=UTC)
FIRST = 1730419200
EMPTY_PAGE = {"object": "page", "data": [], "has_more": False, "next_page": None}
LIMIT_BODY = {
    "object": "organization.spend_limit",
    "threshold_amount": 10000,
    "currency": "USD",
    "interval": "month",
    "enforcement": {"status": "enforcing"},
}
BODIES = {COSTS: EMPTY_PAGE, COMPLETIONS: EMPTY_PAGE, LIMIT: LIMIT_BODY}


def cost(value: object, **more: object) -> dict[str, object]:
    return {
        "object": "organization.costs.result",
        "amount": {"value": value, "currency": "usd"},
        "line_item": "gpt-4o, input",
        "project_id": "proj_abc",
        "api_key_id": None,
        **more,
    }


def page(*buckets: tuple[int, list[dict[str, object]]], cursor: str | None = None) -> dict[str, object]:
    return {
        "object": "page",
        "data": [
            {"object": "bucket", "start_time": start, "end_time": start + DAY, "results": results}
            for start, results in buckets
        ],
        "has_more": cursor is not None,
        "next_page": cursor,
    }


def query(asked: Asked) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(asked.target.partition("?")[2]).items()}


def costs(body: object) -> list[dict[str, Value]]:
    return records(collect_from("openai_organization", {**BODIES, COSTS: body}), "daily_costs")


@pytest.mark.parametrize("name", ["demo", "steady", "month-turn", "leap-day", "no-usage", "one-day-old", "arrears"])
def test_it_says_of_an_account_what_the_account_is(name: str) -> None:
    account = ACCOUNTS[name]()
    now = NOW if account.day_zero is None else datetime.combine(account.day_zero, NOW.timetz())
    with running(account, now=lambda: now) as server:
        collected = collect("openai_organization", server, "sk-admin-sandbox", now)
    ledger = Ledger(account, now.date())
    by_item: list[tuple[object, ...]] = []
    by_project: list[tuple[object, ...]] = []
    for number in range(-31, 1):
        projects: defaultdict[str, float] = defaultdict(float)
        for model, cents in ledger.items(now.date() + timedelta(days=number)):
            if cents:
                by_item.append((ledger.seconds(number), model.name, pytest.approx(cents / 100, abs=1e-8), "usd"))
                projects[(model.project or DEFAULT_PROJECT).id] += cents / 100
        by_project += [
            (ledger.seconds(number), project, pytest.approx(dollars, abs=1e-8), "usd")
            for project, dollars in projects.items()
        ]
    assert collected["daily_costs"].rows == tuple(by_item)
    assert collected["project_costs"].rows == tuple(by_project)
    assert only(collected, "limit") == {
        "limit": account.spend_limit,
        "currency": "USD",
        "interval": "month",
        "enforcement": "enforcing",
    }


def test_tokens_are_by_model_and_day() -> None:
    account = ACCOUNTS["steady"]()
    with running(account, now=lambda: NOW) as server:
        collected = collect("openai_organization", server, "sk-admin-sandbox", NOW)
    tokens = 200 * 2000  # $2 a day, 2,000 tokens a cent
    assert records(collected, "completions") == [
        {
            "day": Ledger(account, NOW.date()).seconds(number),
            "model": "gpt-5.5",
            "input_tokens": tokens,
            "input_cached_tokens": tokens // 4,
            "output_tokens": tokens // 3,
            "input_audio_tokens": 0,
            "output_audio_tokens": 0,
            "num_model_requests": tokens // 1000,
        }
        for number in range(-30, 1)
    ]


@pytest.mark.parametrize(
    ("value", "dollars"),
    [(0.06, 0.06), ("12.50", 12.5), (3, 3), ("0.00001", 0.00001), (-1.5, -1.5), (None, None), ("", None)],
)
def test_an_amount_is_a_number_also_when_it_comes_as_text(value: object, dollars: float | None) -> None:
    assert costs(page((FIRST, [cost(value)]))) == [
        {"day": FIRST, "item": "gpt-4o, input", "cost": dollars, "currency": "usd"}
    ]


@pytest.mark.parametrize("amount", [None, {}, "12.50", 5])
def test_an_amount_that_is_no_object_is_none(amount: object) -> None:
    (row,) = costs(page((FIRST, [cost(0, amount=amount)])))
    assert (row["day"], row["item"], row["cost"], row["currency"]) == (FIRST, "gpt-4o, input", None, None)


def test_empty_days_are_no_rows_and_a_missing_line_item_is_none() -> None:
    body = page((FIRST, []), (FIRST + DAY, [cost(1, line_item=None)]), (FIRST + 2 * DAY, []))
    assert costs(body) == [{"day": FIRST + DAY, "item": None, "cost": 1, "currency": "usd"}]


def test_a_bucket_that_starts_within_a_day_says_so() -> None:
    """As the API's own cookbook shows it when ``start_time`` is no midnight."""
    (row,) = costs(page((1736616660, [cost(1)])))
    assert row["day"] == 1736616660


def test_an_answer_without_data_is_a_failure_and_never_no_spending() -> None:
    collected = collect_from("openai_organization", {**BODIES, COSTS: {"object": "page"}})
    assert sorted(failures(collected)) == ["daily_costs", "project_costs"]


def test_tokens_may_be_missing() -> None:
    result: dict[str, Any] = {"input_tokens": 1000, "output_tokens": 500, "num_model_requests": 5, "model": None}
    collected = collect_from("openai_organization", {**BODIES, COMPLETIONS: page((FIRST, [result]))})
    assert list(only(collected, "completions").values()) == [FIRST, None, 1000, None, 500, None, None, 5]


# The spend limit


def test_the_limit_comes_in_cents() -> None:
    collected = collect_from("openai_organization", {**BODIES, LIMIT: {**LIMIT_BODY, "threshold_amount": 12345}})
    assert only(collected, "limit")["limit"] == 123.45


@pytest.mark.parametrize("enforcement", [None, {}, "inactive"])
def test_the_limit_stands_whatever_enforces_it(enforcement: object) -> None:
    collected = collect_from("openai_organization", {**BODIES, LIMIT: {**LIMIT_BODY, "enforcement": enforcement}})
    assert list(only(collected, "limit").values()) == [100.0, "USD", "month", None]


def test_no_limit_that_is_set_is_no_failure() -> None:
    said = (404, {"error": {"message": "No spend limit is set for this organization."}})
    collected = collect_from("openai_organization", {**BODIES, LIMIT: said})
    assert collected.ok
    assert collected["limit"].warnings == ()
    assert set(only(collected, "limit").values()) == {None}


# Requests and pages


def test_the_requests() -> None:
    with answering(BODIES) as server:
        collect("openai_organization", server, "sk-admin-fake", NOW)
    assert {asked.header("Authorization") for asked in server.asked} == {"Bearer sk-admin-fake"}
    start = int(NOW.timestamp())
    daily = {"bucket_width": "1d"}
    assert sorted((asked.target.partition("?")[0], *sorted(query(asked).items())) for asked in server.asked) == sorted(
        (path, *sorted(given.items()))
        for path, given in (
            (COSTS, {**daily, "start_time": str(start - 31 * DAY), "limit": "180", "group_by": "line_item"}),
            (COSTS, {**daily, "start_time": str(start - 31 * DAY), "limit": "180", "group_by": "project_id"}),
            (COMPLETIONS, {**daily, "start_time": str(start - 30 * DAY), "limit": "31", "group_by": "model"}),
            (LIMIT, {}),
        )
    )


def test_pages_become_one_list() -> None:
    pages = {None: "page_2", "page_2": "page_3", "page_3": None}

    def answer(asked: Asked) -> object:
        here = query(asked).get("page")
        number = list(pages).index(here)
        return page((FIRST + number * DAY, [cost(number)]), cursor=pages[here])

    with answering({**BODIES, COSTS: answer}) as server:
        collected = collect("openai_organization", server, "sk-admin-fake", NOW)
    for name in ("daily_costs", "project_costs"):
        assert [(row["day"], row["cost"]) for row in records(collected, name)] == [
            (FIRST + number * DAY, number) for number in range(3)
        ]
    pages_asked = [query(asked).get("page") for asked in server.asked if "line_item" in asked.target]
    assert pages_asked == [None, "page_2", "page_3"]


def test_a_cursor_beside_no_more_pages_is_not_followed() -> None:
    last = {**page((FIRST, [cost(1)]), cursor="page_2"), "has_more": False}
    with answering({**BODIES, COSTS: last, COMPLETIONS: last}) as server:
        collected = collect("openai_organization", server, "sk-admin-fake", NOW)
    assert collected.ok
    assert len(server.asked) == 4


def test_a_cursor_that_comes_back_ends_the_pages_with_a_word() -> None:
    body = page((FIRST, [cost(1)]), cursor="page_2")
    collected = collect_from("openai_organization", {**BODIES, COSTS: body})
    result = collected["daily_costs"]
    assert len(result.rows) == 1  # the page that came again is dropped
    assert not result.complete
    assert "page 2 is the same as one before it and was dropped" in result.message
