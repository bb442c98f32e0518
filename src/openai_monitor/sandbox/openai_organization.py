"""OpenAI's organization API for an admin key: costs (dollars), completions usage, spend limit (cents!).

Source: OpenAI's OpenAPI document (https://platform.openai.com/docs/api-reference/usage), as
https://metacpan.org/source/OVID/OpenAPI-Client-OpenAI-0.21/lib/OpenAPI/Client/OpenAI/Path/organization-costs.pod
gives it: ``start_time`` required, ``bucket_width`` only 1d, ``limit`` 1 to 180 and 7 when left out,
``group_by`` ``project_id`` and ``line_item``, ``page`` the ``next_page`` of the page before; a page of
buckets of results.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any

from openai_monitor.sandbox.account import DEFAULT_PROJECT, Ledger
from openai_monitor.sandbox.buckets import BadParameterError, Limits, Window, grouping, window
from openai_monitor.sandbox.exchange import Call, Reply, error_reply, json_reply
from openai_monitor.sandbox.openai_dashboard import unknown_key, unknown_organization

COST_LIMITS = {"1d": Limits(7, 180)}
USAGE_LIMITS = {"1m": Limits(60, 1440), "1h": Limits(24, 168), "1d": Limits(7, 31)}
USAGE_GROUPS = ("project_id", "user_id", "api_key_id", "model", "batch", "service_tier")
TOKENS_FOR_A_CENT = 2000

Results = Callable[[int], list[dict[str, Any]]]


def costs(call: Call) -> Reply:
    """Tell what each day cost, in dollars, by line item and by project when grouped so."""
    return _page(call, COST_LIMITS, ("line_item", "project_id"), _costs)


def _costs(call: Call, _width: int, groups: set[str]) -> Results:
    def results(start: int) -> list[dict[str, Any]]:
        sums: dict[tuple[str | None, str | None], float] = {}
        for model, cents in call.ledger.items(_day(start)):
            if cents:
                project = (model.project or DEFAULT_PROJECT).id if "project_id" in groups else None
                key = (model.name if "line_item" in groups else None, project)
                sums[key] = sums.get(key, 0.0) + cents
        return [_cost(*key, cents) for key, cents in sums.items()]

    return results


def _cost(line_item: str | None, project: str | None, cents: float) -> dict[str, Any]:
    return {
        "object": "organization.costs.result",
        "amount": {"value": round(cents / 100, 8), "currency": "usd"},
        "line_item": line_item,
        "project_id": project,
        "api_key_id": None,
        "quantity": None,
        "quantity_unit": None,
    }


def completions(call: Call) -> Reply:
    """Tell what tokens each bucket used: the day's, which follow from its cost, spread evenly."""
    return _page(call, USAGE_LIMITS, USAGE_GROUPS, _completions)


def _completions(call: Call, width: int, groups: set[str]) -> Results:
    def results(start: int) -> list[dict[str, Any]]:
        sums: dict[tuple[str | None, str | None], int] = {}
        for (model, project), tokens in _tokens(call.ledger, _day(start)).items():
            key = (model if "model" in groups else None, project if "project_id" in groups else None)
            sums[key] = sums.get(key, 0) + tokens * width // 86400
        return [_usage(groups, *key, tokens) for key, tokens in sums.items() if tokens]

    return results


def _tokens(ledger: Ledger, day: date) -> dict[tuple[str, str], int]:
    tokens: dict[tuple[str, str], int] = {}
    for model, cents in ledger.items(day):
        if model.serves:
            key = (model.serves, (model.project or DEFAULT_PROJECT).id)
            tokens[key] = tokens.get(key, 0) + round(cents * TOKENS_FOR_A_CENT)
    return tokens


def _usage(groups: set[str], model: str | None, project: str | None, tokens: int) -> dict[str, Any]:
    return {
        "object": "organization.usage.completions.result",
        "input_tokens": tokens,
        "input_cached_tokens": tokens // 4,
        "output_tokens": tokens // 3,
        "input_audio_tokens": 0,
        "output_audio_tokens": 0,
        "num_model_requests": max(1, tokens // 1000),
        "project_id": project,
        "user_id": "user-sandbox" if "user_id" in groups else None,
        "api_key_id": "key_sandbox" if "api_key_id" in groups else None,
        "model": model,
        "batch": False if "batch" in groups else None,
        "service_tier": "default" if "service_tier" in groups else None,
    }


def spend_limit(call: Call) -> Reply:
    """Tell the limit a month, in cents."""
    refusal = _refusal(call)
    if refusal:
        return refusal
    limit = call.account.spend_limit
    if limit is None:
        return error_reply(404, "No spend limit is set for this organization.")
    return json_reply(
        {
            "object": "organization.spend_limit",
            "threshold_amount": round(limit * 100),
            "currency": "USD",
            "interval": "month",
            "enforcement": {"status": "enforcing"},
        }
    )


def _page(
    call: Call,
    limits: dict[str, Limits],
    groups: tuple[str, ...],
    results_for: Callable[[Call, int, set[str]], Results],
) -> Reply:
    refusal = _refusal(call)
    if refusal:
        return refusal
    given = call.parameters()
    try:
        asked = window(given, call.now, limits, ("start_time", "end_time"), int)
        by = grouping(given, groups)
    except BadParameterError as bad:
        return error_reply(400, str(bad), param=bad.name)
    return json_reply(_envelope(asked, results_for(call, asked.width, by)))


def _envelope(asked: Window, results: Results) -> Mapping[str, object]:
    data = [
        {"object": "bucket", "start_time": start, "end_time": start + asked.width, "results": results(start)}
        for start in asked.starts
    ]
    return {
        "object": "page",
        "data": data,
        "has_more": asked.next_page is not None,
        "next_page": asked.next_page,
    }


def _refusal(call: Call) -> Reply | None:
    key = call.bearer
    if key == call.keys.admin:
        return unknown_organization(call)
    if key.startswith("sk-") or key == call.keys.session:
        return missing_scope()
    return unknown_key(key)


def missing_scope() -> Reply:
    """Refuse (403) a key that may not read usage."""
    message = (
        "You have insufficient permissions for this operation. Missing scopes: api.usage.read. "
        "Check that you have the correct role in your organization and that the key has these scopes."
    )
    return error_reply(403, message, "server_error")


def _day(start: int) -> date:
    return datetime.fromtimestamp(start, UTC).date()
