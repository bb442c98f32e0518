"""A gateway of the one-api and new-api kind: the dashboard's paths, with an ordinary key.

Source: https://github.com/songquanpeng/one-api/blob/main/controller/billing.go (``GetSubscription``,
``GetUsage``): the three limits are one amount in dollars, 100000000 for an unlimited key; ``total_usage``
is all the key ever used, in cents, whatever dates are asked for; there are no ``daily_costs`` and no credit
grants; an error is an object ``error`` in an answer with status 200.
"""

from openai_monitor.sandbox.exchange import Call, Reply, error_reply, json_reply

UNLIMITED = 100000000


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


def failed_lookup() -> Reply:
    """Fail as the gateway itself does: with status 200."""
    return error_reply(200, "record not found", "one_api_error", param="")
