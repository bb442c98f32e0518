"""The account that the sandbox serves, as data.

Days are numbers: day 0 is ``day_zero`` (or, when that is None, the UTC day on which the server starts), day
-1 the day before. So an account is the same whenever it is served, and what it says of today never depends
on the date. One with a ``day_zero`` wants a server whose clock stands in that day.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import NamedTuple

Cost = Callable[[int], float | None]
"""What one line item cost on a day, in cents (US); None when that day has no such item."""

EPOCH = date(1970, 1, 1)


class Project(NamedTuple):
    """A project of the organization."""

    id: str
    name: str


DEFAULT_PROJECT = Project("proj_abc", "Default project")


class Model(NamedTuple):
    """One line item of the bill.

    ``serves`` is the model's name in the usage API, None for what is not paid by tokens. A ``project`` of
    None is the default project, which the dashboard does not name. A model that is not ``totalled`` is
    listed each day but left out of the dashboard's ``total_usage``: the recorded body does that with its
    images.
    """

    name: str
    cost: Cost
    serves: str | None = None
    project: Project | None = None
    totalled: bool = True


class Grant(NamedTuple):
    """Credit given or bought: dollars, and the days from and until which it can be used (None: no end)."""

    id: str
    amount: float
    used: float
    effective: int
    expires: int | None


class Credit(NamedTuple):
    """The totals over the grants, in dollars.

    They are what the service says: ``available`` need not be granted less used. A ``paid_available`` of
    None is left out of the body, as in bodies older than 2024.
    """

    granted: float = 0.0
    used: float = 0.0
    available: float = 0.0
    paid_available: float | None = 0.0


class Allowance(NamedTuple):
    """What an ordinary key of a gateway or of OpenRouter may spend in all, in dollars; no limit is None."""

    limit: float | None = 10.0
    used: float = 5.0


class Keys(NamedTuple):
    """The keys the sandbox takes, one for each kind of endpoint; they are fake and open nothing else."""

    session: str = "sess-sandbox"
    admin: str = "sk-admin-sandbox"
    ordinary: str = "sk-sandbox"
    gateway: str = "sk-gateway-sandbox"
    deepseek: str = "sk-deepseek-sandbox"
    openrouter: str = "sk-or-v1-sandbox"
    anthropic: str = "sk-ant-admin-sandbox"


NO_CREDIT = Credit()
TEN_DOLLARS = Allowance()
SANDBOX_KEYS = Keys()

ADDRESS: Mapping[str, object] = {
    "city": "Pune",
    "line1": "1 Example Street",
    "line2": None,
    "state": "MH",
    "country": "IN",
    "postal_code": "111111",
}

SUBSCRIPTION: Mapping[str, object] = {
    "object": "billing_subscription",
    "has_payment_method": True,
    "canceled": False,
    "canceled_at": None,
    "delinquent": None,
    "soft_limit": 1000000,
    "hard_limit": 2000000,
    "system_hard_limit": 2000000,
    "soft_limit_usd": 100.0,
    "hard_limit_usd": 120.0,
    "system_hard_limit_usd": 120.0,
    "plan": {"title": "Pay-as-you-go", "id": "payg"},
    "primary": True,
    "billing_mechanism": "advance",
    "is_arrears_eligible": False,
    "max_balance": 500.0,
    "auto_recharge_eligible": True,
    "auto_recharge_enabled": True,
    "auto_recharge_threshold": 5.0,
    "auto_recharge_to_balance": 20.0,
    "trust_tier": "tier_3",
    "account_name": "Acme",
    "po_number": None,
    "billing_email": None,
    "tax_ids": None,
    "billing_address": ADDRESS,
    "business_address": None,
}
"""The body of ``/dashboard/billing/subscription`` but for ``access_until``, which has a date of its own."""


@dataclass(frozen=True)
class Account:
    """An account: what it has, what it spends, how it is billed.

    ``drift`` is what it spends while it is served, in dollars a minute. ``opened`` is the first day with costs.
    ``access_until`` is in seconds after the start of day 0. ``spend_limit`` is in dollars a month, None when there is
    none.
    """

    models: tuple[Model, ...] = ()
    credit: Credit = NO_CREDIT
    grants: tuple[Grant, ...] = ()
    subscription: Mapping[str, object] = field(default_factory=lambda: SUBSCRIPTION)
    access_until: int = 47 * 86400 + 17945
    allowance: Allowance = TEN_DOLLARS
    spend_limit: float | None = 100.0
    opened: int = -59
    drift: float = 0.0
    day_zero: date | None = None
    keys: Keys = SANDBOX_KEYS
    organizations: tuple[str, ...] = ("org-sandbox",)
    organization_name: str = "Acme"


def spent_more(account: Account, dollars: float) -> Account:
    """Give the account once so much more was spent on its first item today; no credit goes below nothing."""
    if not dollars:
        return account
    first, *others = account.models
    grants = [grant._replace(used=min(grant.amount, round(grant.used + dollars, 2))) for grant in account.grants[:1]]
    credit = account.credit
    paid = credit.paid_available
    left = credit._replace(
        used=round(credit.used + dollars, 2),
        available=round(max(0.0, credit.available - dollars), 2),
        paid_available=None if paid is None else round(max(0.0, paid - dollars), 2),
    )
    costs = first._replace(cost=lambda day: (first.cost(day) or 0.0) + (dollars * 100 if day == 0 else 0.0))
    return replace(account, models=(costs, *others), credit=left, grants=(*grants, *account.grants[1:]))


class Ledger(NamedTuple):
    """An account whose days have dates."""

    account: Account
    day_zero: date

    def items(self, day: date) -> Iterator[tuple[Model, float]]:
        """Yield the line items of a UTC day with their cost in cents; none before the account was opened."""
        number = (day - self.day_zero).days
        if number < self.account.opened:
            return
        for model in self.account.models:
            cents = model.cost(number)
            if cents is not None:
                yield model, cents

    def cents(self, first: date, end: date) -> float:
        """Add up what was spent, in cents, from ``first`` up to but not on ``end``."""
        return sum(cents for day in days(first, end) for _, cents in self.items(day))

    def seconds(self, number: int) -> int:
        """Return the Unix time at which the numbered day begins."""
        return seconds(self.day_zero + timedelta(days=number))


def days(first: date, end: date) -> Iterator[date]:
    """Yield every day from ``first`` up to but not ``end``."""
    return (first + timedelta(days=number) for number in range((end - first).days))


def seconds(day: date) -> int:
    """Return the Unix time at which a UTC day begins."""
    return (day - EPOCH).days * 86400
