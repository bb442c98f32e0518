"""Anthropic: ``GET /v1/organizations/cost_report``, in CENTS as text.

Sources: https://platform.claude.com/docs/en/api/admin/cost_report.md: ``starting_at`` (RFC 3339) required,
``ending_at``, ``bucket_width`` only 1d, ``group_by[]`` ``workspace_id`` and ``description``, ``limit`` 1 to
31 and 7 when left out, ``page``; the answer is ``{"data": [{"starting_at", "ending_at", "results": [...]}],
"has_more", "next_page"}``, a result has ``amount`` ("in lowest currency units (e.g. cents) as a decimal
string"), ``currency`` always USD, and ``description``, ``model``, ``service_tier``, ``token_type``,
``context_window``, ``cost_type`` null unless grouped by description. Keys:
https://platform.claude.com/docs/en/build-with-claude/usage-cost-api (``x-api-key: sk-ant-admin…`` and
``anthropic-version``). Errors: https://docs.anthropic.com/en/api/errors.
"""

from datetime import UTC, datetime
from typing import Any

from openai_monitor.sandbox.account import DEFAULT_PROJECT, Model, Project
from openai_monitor.sandbox.buckets import BadParameterError, Limits, grouping, window
from openai_monitor.sandbox.exchange import Call, Reply, json_reply

LIMITS = {"1d": Limits(7, 31)}


def cost_report(call: Call) -> Reply:
    """Report each day's cost; line items are the descriptions, projects the workspaces."""
    if call.headers.get("x-api-key") != call.keys.anthropic:
        return _error(401, "authentication_error", "invalid x-api-key")
    if "anthropic-version" not in call.headers:
        return _error(400, "invalid_request_error", "anthropic-version: header is required")
    given = call.parameters()
    try:
        asked = window(given, call.now, LIMITS, ("starting_at", "ending_at"), _seconds)
        groups = grouping(given, ("workspace_id", "description"))
    except BadParameterError as bad:
        return _error(400, "invalid_request_error", str(bad))
    data = [
        {
            "starting_at": _text(start),
            "ending_at": _text(start + asked.width),
            "results": _results(call, start, groups),
        }
        for start in asked.starts
    ]
    return json_reply({"data": data, "has_more": asked.next_page is not None, "next_page": asked.next_page})


def _results(call: Call, start: int, groups: set[str]) -> list[dict[str, Any]]:
    sums: dict[tuple[Model | None, Project | None], float] = {}
    for model, cents in call.ledger.items(datetime.fromtimestamp(start, UTC).date()):
        if cents:
            project = (model.project or DEFAULT_PROJECT) if "workspace_id" in groups else None
            key = (model if "description" in groups else None, project)
            sums[key] = sums.get(key, 0.0) + cents
    return [_result(*key, cents) for key, cents in sums.items()]


def _result(model: Model | None, project: Project | None, cents: float) -> dict[str, Any]:
    tokens = model is not None and model.serves is not None
    return {
        "amount": f"{round(cents, 6)}",
        "currency": "USD",
        "workspace_id": project and project.id.replace("proj_", "wrkspc_"),
        "description": model and model.name,
        "cost_type": None if model is None else "tokens" if tokens else "code_execution",
        "model": model and model.serves,
        "token_type": _token_type(model) if model and tokens else None,
        "service_tier": "standard" if tokens else None,
        "context_window": "0-200k" if tokens else None,
        "inference_geo": None,
    }


def _token_type(model: Model) -> str:
    if model.name.endswith("output"):
        return "output_tokens"
    return "cache_read_input_tokens" if "cached" in model.name else "uncached_input_tokens"


def _seconds(text: str) -> int:
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp())


def _text(moment: int) -> str:
    return datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _error(status: int, kind: str, message: str) -> Reply:
    body = {"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_sandbox"}
    return json_reply(body, status)
