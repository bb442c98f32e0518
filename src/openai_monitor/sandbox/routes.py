"""Which path is answered by what: the one registry of the sandbox."""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from openai_monitor.sandbox import (
    anthropic,
    deepseek,
    gateway,
    openai_dashboard,
    openai_organization,
    openrouter,
)
from openai_monitor.sandbox.account import SANDBOX_KEYS, Keys
from openai_monitor.sandbox.exchange import Call, Reply, error_reply

Handler = Callable[[Call], Reply]


class Route(NamedTuple):
    """One endpoint: the name that faults use for it, and what answers."""

    endpoint: str
    handler: Handler


def _both(path: str, route: Route) -> dict[str, Route]:
    return {path: route, f"/v1{path}": route}


ROUTES: Mapping[str, Route] = {
    **_both("/dashboard/billing/credit_grants", Route("credit_grants", openai_dashboard.credit_grants)),
    **_both("/dashboard/billing/usage", Route("usage", openai_dashboard.usage)),
    **_both("/dashboard/billing/subscription", Route("subscription", openai_dashboard.subscription)),
    "/v1/organization/costs": Route("costs", openai_organization.costs),
    "/v1/organization/usage/completions": Route("completions", openai_organization.completions),
    "/v1/organization/spend_limit": Route("spend_limit", openai_organization.spend_limit),
    "/user/balance": Route("balance", deepseek.balance),
    "/api/v1/credits": Route("credits", openrouter.credits_left),
    "/api/v1/key": Route("key", openrouter.key),
    "/v1/organizations/cost_report": Route("cost_report", anthropic.cost_report),
    "/api/status": Route("status", gateway.status),  # a gateway tells it everybody
}

GATEWAY_ROUTES: Mapping[str, Route] = {
    **_both("/dashboard/billing/usage", Route("usage", gateway.usage)),
    **_both("/dashboard/billing/subscription", Route("subscription", gateway.subscription)),
    "/api/status": Route("status", gateway.status),
    "/api/usage/token/": Route("token", gateway.token_usage),
}
"""What the same paths are for the gateway's key; it has no others."""

ENDPOINTS: tuple[str, ...] = tuple(
    dict.fromkeys(route.endpoint for routes in (ROUTES, GATEWAY_ROUTES) for route in routes.values())
)
"""The names of the endpoints, in the order of the registry."""

_KEY_FOR_APP: Mapping[str, Callable[[Keys], str]] = {
    "openai_organization": lambda keys: keys.admin,
    "openai_gateway": lambda keys: keys.gateway,
    "new_api": lambda keys: keys.gateway,
    "deepseek": lambda keys: keys.deepseek,
    "openrouter": lambda keys: keys.openrouter,
    "anthropic": lambda keys: keys.anthropic,
}


def key_for(app: str, keys: Keys = SANDBOX_KEYS) -> str:
    """Choose the key that an app's definition needs here: the session key unless its name tells otherwise."""
    for name, key in _KEY_FOR_APP.items():
        if app.startswith(name):
            return key(keys)
    return keys.session


def find(call: Call) -> Route:
    """Find what answers a call; an unknown path is a route of its own, so that faults reach it too."""
    known = GATEWAY_ROUTES if call.bearer == call.keys.gateway else ROUTES
    return known.get(call.path, _NOWHERE)


def _nowhere(call: Call) -> Reply:
    return error_reply(404, f"Invalid URL ({call.method} {call.path})")


_NOWHERE = Route("", _nowhere)
