"""Accounts with a story, whose figures a test can work out by hand; nothing in them is left to chance."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from types import MappingProxyType
from zlib import crc32

from openai_monitor.sandbox.account import (
    SUBSCRIPTION,
    Account,
    Allowance,
    Cost,
    Credit,
    Grant,
    Model,
    Project,
)

UNLIMITED = Allowance(limit=None, used=42.5)
_ASSISTANT = Project("proj_assistant", "Assistant")


def always(cents: float) -> Cost:
    """Cost the same each day."""
    return lambda _day: cents


def demo() -> Account:
    """Build the README's: $18 granted, $5.25 used over sixty days of growing use, four items today."""
    history = _history(416.381)
    return Account(
        models=(
            Model("Instruct models", _then(history, "Instruct models", 0.0), "gpt-3.5-turbo-instruct"),
            Model("Chat models", _then(history, "Chat models", 106.619), "gpt-4o"),
            Model("GPT-4", _then(history, "GPT-4", 0.0), "gpt-4"),
            Model("Image models", _then(history, "Image models", 2), totalled=False),
            *(
                Model(f"gpt-5.5, {kind}", _then(history, f"gpt-5.5, {kind}", None), "gpt-5.5", _ASSISTANT)
                for kind in ("input", "cached input", "output")
            ),
        ),
        credit=Credit(granted=18.0, used=5.25, available=12.75, paid_available=10.0),
        grants=(Grant("g1", 5.0, 0.03, effective=-13, expires=81),),
    )


_SHARES = {
    "Instruct models": 0.0,
    "Chat models": 40.0,
    "GPT-4": 9.0,
    "Image models": 0.0,
    "gpt-5.5, input": 14.0,
    "gpt-5.5, cached input": 2.0,
    "gpt-5.5, output": 35.0,
}
_HISTORY_DAYS = 59


def _history(total: float) -> dict[tuple[str, int], float]:
    """Spread ``total`` cents over the 59 days before day 0: growing, uneven, two of seven days quiet."""
    weights = {
        (name, day): share * (day + _HISTORY_DAYS + 8) * _unevenness(name, day)
        for name, share in _SHARES.items()
        for day in range(-_HISTORY_DAYS, 0)
    }
    scale = total / sum(weights.values())
    costs = {key: round(weight * scale, 3) for key, weight in weights.items()}
    last = ("Chat models", -1)
    costs[last] = round(costs[last] + total - sum(costs.values()), 3)
    return costs


def _unevenness(name: str, day: int) -> float:
    quiet = 0.35 if day % 7 in {2, 3} else 1.0
    return quiet * (0.6 + 0.8 * (crc32(f"{name}/{day}".encode()) / 2**32))


def _then(history: Mapping[tuple[str, int], float], name: str, today: float | None) -> Cost:
    """Follow the history until yesterday, then ``today``; the days after it follow the history again."""

    def cost(day: int) -> float | None:
        if day == 0:
            return today
        return history.get((name, day if day < 0 else (day - 1) % _HISTORY_DAYS - _HISTORY_DAYS), 0.0)

    return cost


_STEADY = Account(
    models=(
        Model("gpt-5.5, input", always(150.0), "gpt-5.5", _ASSISTANT),
        Model("gpt-5.5, output", always(50.0), "gpt-5.5", _ASSISTANT),
    )
)


def steady() -> Account:
    """Spend $2 a day for 60 days, $40 left: twenty days."""
    return replace(_STEADY, credit=Credit(160.0, 120.0, 40.0, 40.0), grants=(Grant("g1", 160.0, 120.0, -59, None),))


def drifting() -> Account:
    """Be ``steady``, and spend six dollars more in every minute that it is served."""
    return replace(steady(), drift=6.0)


def top_up() -> Account:
    """Spend $2 a day for 60 days; buy $50 three days ago, with $4 left of the first $116: $46 left."""
    return replace(
        _STEADY,
        credit=Credit(166.0, 120.0, 46.0, 46.0),
        grants=(Grant("g1", 116.0, 116.0, -59, 306), Grant("g2", 50.0, 4.0, -3, 362)),
    )


def expired_grant() -> Account:
    """Let $18 expire ten days ago, never used: the totals say granted 18, used 0, available 0."""
    return Account(
        credit=Credit(18.0, 0.0, 0.0, 0.0),
        grants=(Grant("g1", 18.0, 0.0, effective=-100, expires=-10),),
        opened=-100,
    )


def month_turn() -> Account:
    """Make today 1 March 2026: $5 a day in February, $1 today, so the month to date is $1."""
    models = (Model("gpt-5.5, output", lambda day: 100.0 if day >= 0 else 500.0, "gpt-5.5", _ASSISTANT),)
    return Account(models=models, credit=Credit(400.0, 296.0, 104.0, 104.0), day_zero=date(2026, 3, 1))


def leap_day() -> Account:
    """Make today 29 February 2028: $2 a day, $58 in the month to date."""
    return replace(steady(), day_zero=date(2028, 2, 29))


def no_usage() -> Account:
    """Be new: zeros everywhere, no grant, no line item."""
    return Account(opened=0)


def one_day_old() -> Account:
    """Open yesterday: one full day at $2 and today's $2."""
    return replace(_STEADY, opened=-1, credit=Credit(10.0, 4.0, 6.0, 6.0), grants=(Grant("g1", 10.0, 4.0, -1, 364),))


def delinquent() -> Account:
    """Owe the last bill: $2 a day and nothing left."""
    subscription = {**SUBSCRIPTION, "delinquent": True, "auto_recharge_enabled": False}
    return replace(_STEADY, credit=Credit(120.0, 120.0, 0.0, 0.0), subscription=subscription)


def unlimited_gateway() -> Account:
    """Have a gateway's key without a limit, $42.50 used."""
    return replace(_STEADY, allowance=UNLIMITED)


def arrears() -> Account:
    """Be billed afterwards: no credit at all, $2 a day against a limit of $120 a month."""
    subscription = {
        **SUBSCRIPTION,
        "billing_mechanism": "arrears",
        "is_arrears_eligible": True,
        "auto_recharge_eligible": False,
        "auto_recharge_enabled": False,
    }
    return replace(_STEADY, subscription=subscription, spend_limit=120.0)


ACCOUNTS: Mapping[str, Callable[[], Account]] = MappingProxyType(
    {
        "demo": demo,
        "steady": steady,
        "drifting": drifting,
        "top-up": top_up,
        "expired-grant": expired_grant,
        "month-turn": month_turn,
        "leap-day": leap_day,
        "no-usage": no_usage,
        "one-day-old": one_day_old,
        "delinquent": delinquent,
        "unlimited-gateway": unlimited_gateway,
        "arrears": arrears,
    }
)
