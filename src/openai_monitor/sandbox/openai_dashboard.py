"""OpenAI's dashboard endpoints: credit grants, usage (cents!) and subscription, for a browser's session key.

No public reference exists. The shapes are those of the project's notes, gathered from public clients and
issue threads: ``credit_summary`` with its grants in dollars; ``daily_costs``, one entry a UTC day, each
with its own ``line_items`` in cents; ``billing_subscription`` with limits, plan and addresses.
"""

from datetime import date
from math import fsum
from typing import Any

from openai_monitor.sandbox.account import Ledger, Model, days, seconds
from openai_monitor.sandbox.exchange import Call, Reply, error_reply, json_reply, masked

MOST_DAYS = 100


def credit_grants(call: Call) -> Reply:
    """Tell what credit was given, used and is left."""
    refusal = _refusal(call)
    if refusal:
        return refusal
    credit = call.account.credit
    body: dict[str, object] = {
        "object": "credit_summary",
        "total_granted": credit.granted,
        "total_used": credit.used,
        "total_available": credit.available,
    }
    if credit.paid_available is not None:
        body["total_paid_available"] = credit.paid_available
    body["grants"] = {"object": "list", "data": _grants(call.ledger)}
    return json_reply(body)


def _grants(ledger: Ledger) -> list[dict[str, object]]:
    return [
        {
            "object": "credit_grant",
            "id": grant.id,
            "grant_amount": grant.amount,
            "used_amount": grant.used,
            "effective_at": float(ledger.seconds(grant.effective)),
            "expires_at": None if grant.expires is None else float(ledger.seconds(grant.expires)),
        }
        for grant in ledger.account.grants
    ]


def usage(call: Call) -> Reply:
    """Tell what each line item cost on each day from ``start_date`` up to but not on ``end_date``."""
    refusal = _refusal(call)
    if refusal:
        return refusal
    given = call.parameters()
    asked: list[date] = []
    for name in ("start_date", "end_date"):
        text = given.get(name, [""])[-1]
        day = _day(text)
        if day is None:
            return error_reply(400, f"{name} is required, as YYYY-MM-DD; got {text!r}.", param=name)
        asked.append(day)
    start, end = asked
    if end <= start:
        return error_reply(400, "end_date must come after start_date")
    if (end - start).days > MOST_DAYS:
        return error_reply(400, f"You can only request a maximum of {MOST_DAYS} days per request.")
    return json_reply(_usage(call, start, end))


def _day(text: str) -> date | None:
    dashes = [place for place, character in enumerate(text) if character == "-"]
    try:
        return date.fromisoformat(text) if dashes == [4, 7] else None
    except ValueError:
        return None


def _usage(call: Call, start: date, end: date) -> dict[str, object]:
    daily, costs = [], []
    for day in days(start, end):
        if day > call.today:
            break
        items = list(call.ledger.items(day))
        costs += [cents for model, cents in items if model.totalled]
        lines = [_line_item(model, cents, call.account.organization_name) for model, cents in items]
        daily.append({"timestamp": float(seconds(day)), "line_items": lines})
    return {"object": "list", "daily_costs": daily, "total_usage": round(fsum(costs), 6)}


def _line_item(model: Model, cents: float, organization: str) -> dict[str, Any]:
    if model.project is None:
        return {"name": model.name, "cost": cents}
    return {
        "name": model.name,
        "cost": cents,
        "project_id": model.project.id,
        "project_name": model.project.name,
        "organization_name": organization,
    }


def subscription(call: Call) -> Reply:
    """Tell how the account is billed and limited."""
    refusal = _refusal(call)
    if refusal:
        return refusal
    access_until = call.ledger.seconds(0) + call.account.access_until
    return json_reply({**call.account.subscription, "access_until": access_until})


def _refusal(call: Call) -> Reply | None:
    """Refuse a key that may not see this; None for the session key."""
    key = call.bearer
    if key == call.keys.session:
        return unknown_organization(call)
    if key.startswith("sk-"):
        return wrong_kind_of_key(call)
    return unknown_key(key)


def wrong_kind_of_key(call: Call) -> Reply:
    """Refuse (403) an API key where only a browser's session key will do."""
    message = (
        f"Your request to {call.method} {call.path} must be made with a session key (that is, it can only be "
        "made from the browser). You made it with the following key type: secret."
    )
    return error_reply(403, message, "server_error")


def unknown_key(key: str) -> Reply:
    """Refuse (401) no key, or one that opens nothing."""
    if not key:
        return error_reply(401, "You didn't provide an API key. Send it as 'Authorization: Bearer YOUR_KEY'.")
    message = f"Incorrect API key provided: {masked(key)}. You can find your API key in your account settings."
    return error_reply(401, message, code="invalid_api_key")


def unknown_organization(call: Call) -> Reply | None:
    """Refuse (401) an ``OpenAI-Organization`` that the key does not belong to; none is the default one."""
    named = call.headers.get("openai-organization")
    if named is None or named in call.account.organizations:
        return None
    message = "OpenAI-Organization header should match organization for API key"
    return error_reply(401, message, code="mismatched_organization")
