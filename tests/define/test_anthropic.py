"""``define/anthropic.yml``: an organization's costs by model and by workspace."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs

import pytest
from tests.collect.transport.web import Asked
from tests.define.collecting import answering, collect, collect_from, failures, only, records

from openai_monitor.rows import Value
from openai_monitor.sandbox import ACCOUNTS, Ledger, running
from openai_monitor.sandbox.account import DEFAULT_PROJECT, Model

REPORT = "/v1/organizations/cost_report"
NOW = datetime(2026, 7, 31, 15, 30, tzinfo=UTC)
DOCUMENTED: dict[str, object] = {
    "amount": "123.78912",
    "context_window": "0-200k",
    "cost_type": "tokens",
    "currency": "USD",
    "description": "Claude Sonnet 4 Usage - Input Tokens",
    "model": "claude-sonnet-4-20250514",
    "service_tier": "standard",
    "token_type": "uncached_input_tokens",
    "workspace_id": "wrkspc_01JwQvzr7rXLA5AGx3HKfFUJ",
}


def page(*days: tuple[str, list[dict[str, object]]], cursor: str | None = None) -> dict[str, object]:
    data = [{"starting_at": day, "ending_at": "", "results": results} for day, results in days]
    return {"data": data, "has_more": cursor is not None, "next_page": cursor}


def query(asked: Asked) -> dict[str, list[str]]:
    return parse_qs(asked.target.partition("?")[2])


def costs(*results: dict[str, object]) -> list[dict[str, Value]]:
    body = page(("2025-08-01T00:00:00Z", list(results)))
    return records(collect_from("anthropic", {REPORT: body}), "daily_costs")


def token_type(model: Model) -> str:
    if model.name.endswith("output"):
        return "output_tokens"
    return "cache_read_input_tokens" if "cached" in model.name else "uncached_input_tokens"


@pytest.mark.parametrize("name", ["demo", "steady", "leap-day", "no-usage", "one-day-old"])
def test_it_says_of_an_account_what_the_account_is(name: str) -> None:
    account = ACCOUNTS[name]()
    now = NOW if account.day_zero is None else datetime.combine(account.day_zero, NOW.timetz())
    with running(account, now=lambda: now) as server:
        collected = collect("anthropic", server, "sk-ant-admin-sandbox", now)
    by_item: list[tuple[object, ...]] = []
    by_workspace: list[tuple[object, ...]] = []
    for number in range(-30, 1):
        day = now.date() + timedelta(days=number)
        start, workspaces = f"{day}T00:00:00Z", defaultdict[str, float](float)
        for model, cents in Ledger(account, now.date()).items(day):
            if not cents:
                continue
            item = f"{model.serves}, {token_type(model)}" if model.serves else model.name
            tier = "standard" if model.serves else None
            by_item.append((start, item, pytest.approx(cents / 100, abs=1e-8), "USD", model.name, tier))
            project = (model.project or DEFAULT_PROJECT).id
            workspaces[project.replace("proj_", "wrkspc_")] += cents / 100
        by_workspace += [
            (start, workspace, pytest.approx(dollars, abs=1e-8), "USD") for workspace, dollars in workspaces.items()
        ]
    assert collected["daily_costs"].rows == tuple(by_item)
    assert collected["workspace_costs"].rows == tuple(by_workspace)


def test_the_documented_result() -> None:
    assert costs(DOCUMENTED) == [
        {
            "day": "2025-08-01T00:00:00Z",
            "item": "claude-sonnet-4-20250514, uncached_input_tokens",
            "cost": 1.2378912,
            "currency": "USD",
            "description": "Claude Sonnet 4 Usage - Input Tokens",
            "service_tier": "standard",
        }
    ]


@pytest.mark.parametrize(
    ("amount", "dollars"), [("123.45", 1.2345), ("0.5", 0.005), (200, 2.0), ("0", 0.0), (None, None)]
)
def test_an_amount_is_cents_as_text(amount: object, dollars: float | None) -> None:
    assert [row["cost"] for row in costs({**DOCUMENTED, "amount": amount})] == [dollars]


def test_what_is_no_tokens_is_called_by_its_description() -> None:
    search: dict[str, object] = {
        "amount": "10",
        "currency": "USD",
        "description": "Web Search Usage",
        "cost_type": "web_search",
    }
    nothing: dict[str, object] = {"model": None, "token_type": None, "service_tier": None}
    for result in ({**search, **nothing}, search):
        (row,) = costs(result)
        assert (row["item"], row["cost"], row["service_tier"]) == ("Web Search Usage", 0.1, None)


def test_a_model_without_a_kind_of_token_is_called_by_its_name() -> None:
    assert costs({**DOCUMENTED, "token_type": None})[0]["item"] == "claude-sonnet-4-20250514"


def test_an_ungrouped_result_has_no_name() -> None:
    (row,) = costs({"amount": "10", "currency": "USD", "description": None, "model": None, "token_type": None})
    assert (row["item"], row["description"]) == (None, None)


def test_the_default_workspace_has_no_id() -> None:
    body = page(("2025-08-01T00:00:00Z", [{**DOCUMENTED, "workspace_id": None}]))
    assert only(collect_from("anthropic", {REPORT: body}), "workspace_costs") == {
        "day": "2025-08-01T00:00:00Z",
        "workspace": None,
        "cost": 1.2378912,
        "currency": "USD",
    }


def test_empty_days_are_no_rows() -> None:
    collected = collect_from("anthropic", {REPORT: page(("2025-08-01T00:00:00Z", []))})
    assert records(collected, "daily_costs") == []


def test_an_answer_without_data_is_a_failure_and_never_no_spending() -> None:
    collected = collect_from("anthropic", {REPORT: {"has_more": False}})
    assert sorted(failures(collected)) == ["daily_costs", "workspace_costs"]


def test_a_refused_key() -> None:
    said = {"type": "error", "error": {"type": "authentication_error", "message": "invalid x-api-key"}}
    for answer in ((401, said), said):
        collected = collect_from("anthropic", {REPORT: answer})
        assert sorted(failures(collected)) == ["daily_costs", "workspace_costs"]
        assert all("invalid x-api-key" in message for message in failures(collected).values())


def test_the_requests() -> None:
    late = datetime(2026, 3, 1, 23, 59, tzinfo=UTC)
    with answering({REPORT: page()}) as server:
        collect("anthropic", server, "sk-ant-admin-fake", late)
    asked = {query(request)["group_by[]"][0]: request for request in server.asked}
    assert sorted(asked) == ["description", "workspace_id"]
    for group, request in asked.items():
        assert request.target.partition("?")[0] == REPORT
        assert query(request) == {
            "starting_at": ["2026-01-30T00:00:00Z"],
            "bucket_width": ["1d"],
            "limit": ["31"],
            "group_by[]": [group],
        }
        assert request.header("X-Api-Key") == "sk-ant-admin-fake"
        assert request.header("anthropic-version") == "2023-06-01"
        assert request.header("Authorization") is None


def test_the_key_is_never_sent_in_clear() -> None:
    with answering({REPORT: page()}) as server:
        collected = collect("anthropic", server, "sk-ant-admin-fake", NOW, host="anthropic.invalid")
    assert server.asked == []
    assert len(failures(collected)) == 2
    assert "sk-ant-admin-fake" not in str(failures(collected))


def test_pages_become_one_list() -> None:
    def answer(asked: Asked) -> object:
        first = "page" not in query(asked)
        day = "2025-08-01T00:00:00Z" if first else "2025-08-02T00:00:00Z"
        return page((day, [DOCUMENTED]), cursor="page_MjAyNQ==" if first else None)

    with answering({REPORT: answer}) as server:
        collected = collect("anthropic", server, "sk-ant-admin-fake", NOW)
    for name in ("daily_costs", "workspace_costs"):
        days = [row["day"] for row in records(collected, name)]
        assert days == ["2025-08-01T00:00:00Z", "2025-08-02T00:00:00Z"]
    cursors = [query(asked)["page"] for asked in server.asked if "page" in query(asked)]
    assert cursors == [["page_MjAyNQ=="]] * 2


def test_a_cursor_beside_no_more_pages_is_not_followed() -> None:
    last = {**page(("2025-08-01T00:00:00Z", [DOCUMENTED]), cursor="page_2"), "has_more": False}
    with answering({REPORT: last}) as server:
        assert collect("anthropic", server, "sk-ant-admin-fake", NOW).ok
    assert len(server.asked) == 2
