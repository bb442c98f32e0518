"""When credit is gone at a steady burn, and how sure that is."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import Literal

from openai_monitor.spend.account import Grant
from openai_monitor.spend.cells import EXACT, total

Sure = Literal["low", "fair", "good"]

FEWEST_DAYS = 3
"""Fewer full days since the first cost are too little to forecast anything from."""

NO_END = Decimal("Infinity")
FARTHEST_DAYS = 36_525
"""A forecast that reaches over a century names no day."""

_DAY = 86_400_000_000
"""Microseconds."""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When the credit is gone if each day costs ``burn``.

    ``days_left`` are days of 24 hours from now: 0 when it is gone already, infinite when there is no end.
    ``gone_on`` is the UTC day on which they end, None when it is gone already, there is no end or it is over a
    century away.
    """

    burn: Decimal
    days_left: Decimal
    gone_on: date | None
    sure: Sure


def forecast(left: Decimal, burn: Decimal, grants: Iterable[Grant], sure: Sure, now: datetime) -> Forecast:
    """Say when ``left`` is gone, what expires before it is used being lost. A burn below 0 counts as 0."""
    burn = max(burn, Decimal(0))
    days = _days_left(left, burn, expiring(grants, now), now)
    gone_on = None
    if 0 < days <= FARTHEST_DAYS:
        gone_on = (now.astimezone(UTC) + timedelta(microseconds=round(days * _DAY))).date()
    return Forecast(burn, days, gone_on, sure)


def expiring(grants: Iterable[Grant], now: datetime) -> list[tuple[datetime, Decimal]]:
    """List what is still to expire unused: the moment, and the amount. The soonest is first."""
    found = [
        (grant.expires_at, grant.unused)
        for grant in grants
        if grant.expires_at is not None and grant.expires_at > now and grant.unused > 0
    ]
    return sorted(found)


def _days_left(left: Decimal, burn: Decimal, parts: Sequence[tuple[datetime, Decimal]], now: datetime) -> Decimal:
    """Use up the part that expires soonest first; what never expires comes last."""
    if left <= 0:
        return Decimal(0)
    days = Decimal(0)
    with localcontext(EXACT):
        for moment, amount in parts:
            part = min(amount, left)
            left -= part
            days = max(days, min(days + _days_of(part, burn), _days_between(now, moment)))
        return days + _days_of(left, burn)


def _days_of(amount: Decimal, burn: Decimal) -> Decimal:
    if amount == 0:
        return Decimal(0)
    return amount / burn if burn else NO_END


def _days_between(now: datetime, then: datetime) -> Decimal:
    return Decimal((then - now) // timedelta(microseconds=1)) / _DAY


def how_sure(full: Sequence[Decimal], burn: Decimal, so_far: Decimal) -> Sure:
    """Say how far the totals of full days, up to 30 of them, bear a forecast.

    ``good``: two weeks or more that hardly vary (a standard deviation of at most half the mean). ``low``: less
    than a week, or days that vary by more than their mean. Else ``fair``. What today cost so far counts as a
    day once it is over the burn.
    """
    daily = [*full, so_far] if so_far > burn else full
    spent = total(daily)
    if len(full) < 7 or spent <= 0:
        return "low"
    with localcontext(EXACT):
        squares = sum((amount * amount for amount in daily), Decimal(0))
        variation = len(daily) * squares / (spent * spent) - 1  # the variance, by the square of the mean
    if variation > 1:
        return "low"
    return "good" if len(full) >= 14 and variation <= Decimal("0.25") else "fair"
