"""A gateway of the one-api and new-api kind: the dashboard's paths, with an ordinary key.

Source: https://github.com/songquanpeng/one-api/blob/main/controller/billing.go (``GetSubscription``,
``GetUsage``): the three limits are one amount in dollars, 100000000 for an unlimited key; ``total_usage``
is all the key ever used, in cents, whatever dates are asked for; there are no ``daily_costs`` and no credit
grants; an error is an object ``error`` in an answer with status 200. Of
https://github.com/QuantumNous/new-api: what is shown (``/api/status``), and the key's use in units.
"""

from openai_monitor.sandbox.exchange import Call, Reply, error_reply, json_reply

UNLIMITED = 100000000
UNITS_PER_DOLLAR = 500_000


def subscription(call: Call) -> Reply:
    """Tell what the key may spend in all."""
    limit = call.account.allowance.limit
    amount = UNLIMITED if limit is None else limit
    return json_reply(
        {
            "object": "billing_subscription",
            "has_payment_method": True,
            "soft_limit_usd": amount,
            "hard_limit_usd": amount,
            "system_hard_limit_usd": amount,
            "access_until": 0,
        }
    )


def usage(call: Call) -> Reply:
    """Tell what the key has spent in all, in cents."""
    return json_reply({"object": "list", "total_usage": call.account.allowance.used * 100})


def status(_call: Call) -> Reply:
    """Tell everybody what amounts are shown in: dollars."""
    shown = {"quota_display_type": "USD", "quota_per_unit": UNITS_PER_DOLLAR, "usd_exchange_rate": 7.3}
    return json_reply({"success": True, "message": "", "data": {**shown, "display_in_currency": True}})


def token_usage(call: Call) -> Reply:
    """Tell what the key may spend and has spent, in units."""
    limit, used = call.account.allowance
    units = {"total_granted": limit or 0, "total_used": used, "total_available": (limit or used) - used}
    data = {
        "object": "token_usage",
        "name": "sandbox",
        **{name: round(amount * UNITS_PER_DOLLAR) for name, amount in units.items()},
        "unlimited_quota": limit is None,
        "model_limits": {},
        "model_limits_enabled": False,
        "expires_at": 0,
    }
    return json_reply({"code": True, "message": "ok", "data": data})


def failed_lookup() -> Reply:
    """Fail as the gateway itself does: with status 200."""
    return error_reply(200, "record not found", "one_api_error", param="")
