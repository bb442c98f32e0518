"""The figures of an account: what is left, what was spent when and on what, and how long it lasts."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, localcontext
from typing import TypeVar

from openai_monitor.spend.account import Account, Grant, Limit
from openai_monitor.spend.cells import EXACT, total
from openai_monitor.spend.forecast import FEWEST_DAYS, Forecast, expiring, forecast, how_sure

WEEK = 7
PERIOD = 30
UNNAMED = "unnamed"
_ONE = timedelta(days=1)

Key = TypeVar("Key", str, date)


@dataclass(frozen=True, slots=True)
class Mean:
    """What a day cost in the mean of so many full days."""

    amount: Decimal
    days: int


@dataclass(frozen=True, slots=True)
class Expiry:
    """The credit that expires next, and when (aware, UTC)."""

    at: datetime
    amount: Decimal


@dataclass(frozen=True, slots=True)
class Share:
    """What a model cost over the last 30 days, all its items added up; percent of all, None where all is 0."""

    model: str
    amount: Decimal
    percent: Decimal | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What can be said of one currency of an account. Amounts are in its major unit; None is not known.

    ``left`` is what the service calls available. Days and months are UTC days and months; ``spent_30_days``
    counts today. The means are over full days, so not today: the last 7 and the last 30, or as many of them as
    there were since the first cost and as the answer covers. ``burn`` is what a day costs at present: the mean
    of 7 days, or after a week without costs that of 30. ``forecast`` is None for the reason ``no_forecast``.
    ``lapsed`` is what expired unused. ``limit_used`` is what the service says or, of a limit a month or a day,
    what was spent in it. ``shares`` are of the last 30 days, the dearest first, and add up to ``spent_30_days``.
    What is spent is not known of a currency without costs where the service tells costs in another.
    """

    currency: str
    left: Decimal | None
    granted: Decimal | None
    used: Decimal | None
    has_credit: bool
    spent_today: Decimal | None
    spent_yesterday: Decimal | None
    spent_month: Decimal | None
    spent_30_days: Decimal | None
    mean_7_days: Mean | None
    mean_30_days: Mean | None
    burn: Decimal | None
    forecast: Forecast | None
    no_forecast: str
    next_expiry: Expiry | None
    lapsed: Decimal
    limit: Limit | None
    limit_used: Decimal | None
    limit_used_percent: Decimal | None
    shares: tuple[Share, ...]


def work_out(account: Account, now: datetime) -> Figures:
    """Work out the figures as of now (aware), the moment at which the account was read."""
    today = now.astimezone(UTC).date()
    with localcontext(EXACT):
        told = account.costs is not None and not (account.other_costs and not account.costs)
        days = _Days(account, today) if told and account.last_day == today else None
        return _figures(account, days, now)


class _Days:
    """The totals of the days up to today, and which of them are full and count."""

    def __init__(self, account: Account, today: date) -> None:
        self.costs = [cost for cost in account.costs or () if cost.day <= today]
        self.today = today
        self._first = account.first_day
        self._totals = _add_up((cost.day, cost.amount) for cost in self.costs)
        self.so_far = self._totals.get(today, Decimal(0))
        # An account may be younger than the days asked for, so those before its first cost say nothing of it.
        self.first_cost = min((cost.day for cost in self.costs if cost.amount), default=None)

    def spent(self, first: date, last: date) -> Decimal | None:
        """Add up the days from first to last; None when the answer does not go back so far."""
        if first < self._first:
            return None
        return total(amount for day, amount in self._totals.items() if first <= day <= last)

    def full(self, most: int) -> list[Decimal]:
        """List the totals of the last full days since the first cost, at most so many."""
        first = max(self.first_cost or self._first, self.today - most * _ONE)
        return [self._totals.get(first + number * _ONE, Decimal(0)) for number in range((self.today - first).days)]

    def mean(self, most: int) -> Mean | None:
        """Take the mean of those days; None when there are none."""
        full = self.full(most)
        return Mean(total(full) / len(full), len(full)) if full else None


def _figures(account: Account, days: _Days | None, now: datetime) -> Figures:
    today, yesterday, month, period = _spent(days) if days else (None, None, None, None)
    mean_7, mean_30 = (days.mean(WEEK), days.mean(PERIOD)) if days else (None, None)
    # A sum of some of the costs is no use of a limit.
    limit_used = _limit_used(account.limit, *((None, None) if account.other_costs else (today, month)))
    reason = _why_not(account, days)
    return Figures(
        currency=account.currency,
        left=account.available,
        granted=account.granted,
        used=account.used,
        has_credit=_has_credit(account),
        spent_today=today,
        spent_yesterday=yesterday,
        spent_month=month,
        spent_30_days=period,
        mean_7_days=mean_7,
        mean_30_days=mean_30,
        burn=_burn(mean_7, mean_30),
        forecast=None if reason else _forecast(account, days, now),
        no_forecast=reason,
        next_expiry=_next_expiry(account, now),
        lapsed=total(grant.unused for grant in account.grants if _is_over(grant, now)),
        limit=account.limit,
        limit_used=limit_used,
        limit_used_percent=_percent(account.limit, limit_used),
        shares=_shares(days) if days else (),
    )


def _spent(days: _Days) -> tuple[Decimal | None, ...]:
    """Add up today, yesterday, the month to date, and the last 30 days."""
    today = days.today
    firsts_and_lasts = (
        (today, today),
        (today - _ONE, today - _ONE),
        (today.replace(day=1), today),
        (today - (PERIOD - 1) * _ONE, today),
    )
    return tuple(days.spent(first, last) for first, last in firsts_and_lasts)


def _burn(mean_7: Mean | None, mean_30: Mean | None) -> Decimal | None:
    """Choose what a day costs at present: a week's mean, or after a week without costs the longer one."""
    if mean_7 is None or mean_30 is None:
        return None
    return mean_7.amount if mean_7.amount > 0 else mean_30.amount


# Credit


def _has_credit(account: Account) -> bool:
    return bool(account.available or account.granted or account.used or account.grants)


def _why_not(account: Account, days: _Days | None) -> str:
    """Why nothing can be forecast; empty when something can."""
    if account.available is None:
        return "what is left is not known"
    if not _has_credit(account):
        return "there is no credit"
    if account.available <= 0:
        return ""
    if days is None:
        others = " and ".join(account.other_costs)
        return f"the daily costs are in {others}" if others else "the daily costs are not known"
    full = len(days.full(PERIOD))
    if days.first_cost is not None and full < FEWEST_DAYS:
        return (
            f"too little data, {full} full day{'' if full == 1 else 's'} since the first cost "
            f"and {FEWEST_DAYS} are needed"
        )
    return ""


def _forecast(account: Account, days: _Days | None, now: datetime) -> Forecast:
    burn = (days and _burn(days.mean(WEEK), days.mean(PERIOD))) or Decimal(0)
    sure = how_sure(days.full(PERIOD), burn, days.so_far) if days else "low"
    return forecast(account.available or Decimal(0), burn, account.grants, sure, now)


def _next_expiry(account: Account, now: datetime) -> Expiry | None:
    """Find the credit that expires next, which is never more than is left."""
    parts = expiring(account.grants, now)
    if not parts or (account.available is not None and account.available <= 0):
        return None
    at = parts[0][0]
    amount = total(part for moment, part in parts if moment == at)
    return Expiry(at, amount if account.available is None else min(amount, account.available))


def _is_over(grant: Grant, now: datetime) -> bool:
    return grant.expires_at is not None and grant.expires_at <= now


# Limit


def _limit_used(limit: Limit | None, today: Decimal | None, month: Decimal | None) -> Decimal | None:
    if limit is None:
        return None
    if limit.used is not None:
        return limit.used
    return {"month": month, "monthly": month, "day": today, "daily": today}.get(limit.interval or "")


def _percent(limit: Limit | None, used: Decimal | None) -> Decimal | None:
    if limit is None or limit.unlimited or used is None or not limit.amount or limit.amount < 0:
        return None
    return used * 100 / limit.amount


# Shares


def _shares(days: _Days) -> tuple[Share, ...]:
    first = days.today - (PERIOD - 1) * _ONE
    amounts = _add_up((model_of(cost.item), cost.amount) for cost in days.costs if cost.day >= first)
    spent = total(amounts.values())
    return tuple(
        Share(model, amount, amount * 100 / spent if spent > 0 else None)
        for model, amount in sorted(amounts.items(), key=lambda pair: (-pair[1], pair[0]))
    )


def model_of(item: str | None) -> str:
    """Name the model of a line item: what stands before its first comma, as in ``gpt-5.5, cached input``."""
    name = (item or "").strip()
    return name.partition(",")[0].strip() or name or UNNAMED


def _add_up(pairs: Iterable[tuple[Key, Decimal]]) -> dict[Key, Decimal]:
    sums: defaultdict[Key, Decimal] = defaultdict(Decimal)
    for key, amount in pairs:
        sums[key] = EXACT.add(sums[key], amount)
    return dict(sums)
