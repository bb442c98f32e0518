"""OpenRouter: ``GET /api/v1/credits`` and ``GET /api/v1/key``, both in dollars.

Sources: https://openrouter.ai/docs/api/api-reference/credits/get-credits.md (a management key is required:
``{"data": {"total_credits": 100.5, "total_usage": 25.75}}``),
https://openrouter.ai/docs/api/api-reference/api-keys/get-current-key.md and
https://openrouter.ai/docs/api/reference/limits.md (the key: ``limit`` and ``limit_remaining`` null when
unlimited, ``usage`` all time, ``usage_daily``, ``usage_weekly`` from Monday and ``usage_monthly`` in UTC,
the same for ``byok_usage``), and
https://openrouter.ai/docs/client-sdks/python/errors/forbiddenresponseerror.md (errors: ``{"error": {"code",
"message"}}``).
"""

from datetime import date, timedelta

from openai_monitor.sandbox.exchange import Call, Reply, json_reply

_INFERENCE = "sk-or-"


def credits_left(call: Call) -> Reply:
    """Tell what was bought and what was used, all time; for a management key only."""
    if call.bearer != call.keys.openrouter:
        if call.bearer.startswith(_INFERENCE):
            return _error(403, "Only management keys can perform this operation")
        return _error(401, "Missing Authentication header or invalid credentials")
    credit = call.account.credit
    return json_reply({"data": {"total_credits": credit.available + credit.used, "total_usage": credit.used}})


def key(call: Call) -> Reply:
    """Tell what this key may spend and has spent."""
    if call.bearer != call.keys.openrouter:
        return _error(401, "Missing Authentication header or invalid credentials")
    allowance, today = call.account.allowance, call.today
    data = {
        "label": "sk-or-v1-san...box",
        "limit": allowance.limit,
        "limit_reset": None,
        "limit_remaining": None if allowance.limit is None else allowance.limit - allowance.used,
        "include_byok_in_limit": False,
        "usage": allowance.used,
        "usage_daily": _spent(call, today),
        "usage_weekly": _spent(call, today - timedelta(days=today.weekday())),
        "usage_monthly": _spent(call, today.replace(day=1)),
        "byok_usage": 0,
        "byok_usage_daily": 0,
        "byok_usage_weekly": 0,
        "byok_usage_monthly": 0,
        "is_free_tier": False,
        "is_management_key": True,
        "is_provisioning_key": True,
        "creator_user_id": "user_sandbox",
        "expires_at": None,
        "rate_limit": {
            "requests": -1,
            "interval": "10s",
            "note": "This field is deprecated and safe to ignore.",
        },
    }
    return json_reply({"data": data})


def _spent(call: Call, first: date) -> float:
    return round(call.ledger.cents(first, call.today + timedelta(days=1)) / 100, 6)


def _error(status: int, message: str) -> Reply:
    return json_reply({"error": {"code": status, "message": message}}, status)
