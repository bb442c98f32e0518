"""An account as one collection told it."""

from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Cost:
    """What one item cost on one UTC day. Several may be of one item and day."""

    day: date
    item: str | None
    project: str | None
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Grant:
    """Credit given or bought. An ``expires_at`` of None is never; an unknown ``used`` counts as nothing used."""

    amount: Decimal | None
    used: Decimal | None
    effective_at: datetime | None
    expires_at: datetime | None

    @property
    def unused(self) -> Decimal:
        """What of it was not used; 0 when the amount is unknown."""
        return max(Decimal(0), (self.amount or Decimal(0)) - (self.used or Decimal(0)))


@dataclass(frozen=True, slots=True)
class Limit:
    """What may be spent in an interval (``month``, ``day``, …; None: in all). It is no credit."""

    amount: Decimal | None
    used: Decimal | None
    unlimited: bool = False
    interval: str | None = None


@dataclass(frozen=True, slots=True)
class Account:
    """One currency of an account. Amounts are in its major unit (dollars); None is not told.

    ``costs`` are those of the UTC days from ``first_day`` to ``last_day``, the day it was read, which was still
    running; a day between them without a cost cost nothing. ``available`` is what the service says, which need
    not be granted less used. ``other_costs`` are the other currencies that the service tells costs in: what was spent
    of this one is then known in part only, since nobody tells at what rate.
    """

    currency: str
    first_day: date
    last_day: date
    available: Decimal | None = None
    granted: Decimal | None = None
    used: Decimal | None = None
    grants: tuple[Grant, ...] = ()
    limit: Limit | None = None
    costs: tuple[Cost, ...] | None = None
    other_costs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Missing:
    """A part that could not be had, in words (``daily costs``), and why."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a round told: an account for each currency, what is missing, and what a person should know besides.

    The accounts that hold something come first.
    """

    accounts: tuple[Account, ...]
    missing: tuple[Missing, ...] = ()
    remarks: tuple[str, ...] = ()
