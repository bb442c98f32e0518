"""``balance --format json``: the answer as one object.

This shape is kept stable::

    {"app": str, "host": str or null, "time": "2026-11-22T19:50:00.000Z",
     "accounts": [{"currency": "USD",
                   "left", "granted", "used": number or null,
                   "spent_today", "spent_yesterday", "spent_month", "spent_30_days": number or null,
                   "mean_7_days", "mean_30_days", "burn": number or null,
                   "expiring", "limit", "limit_used": number or null,
                   "days_left", "limit_used_percent": number or null,
                   "gone_on": "2026-12-23" or null, "sure": "low" | "fair" | "good" | null,
                   "expires_on": "2027-02-11" or null,
                   "mean_7_days_over", "mean_30_days_over": int or null,
                   "no_forecast": str or null,
                   "unlimited": bool or null, "limit_interval": str or null,
                   "models": [{"model": str, "spent": number, "percent": number or null}],
                   "grants": [{"amount": number or null, "used": number or null,
                               "effective_at", "expires_at": "2026-11-22T00:00:00.000Z" or null}]}],
     "missing": [{"part": str, "reason": str}],
     "remarks": [str]}

There is an account for each currency, and none when nothing could be had. Amounts are numbers in the currency's
major unit, in full precision; null is not known. Days and months are UTC. ``days_left`` is null without a
forecast, which ``no_forecast`` gives the reason for, and where there is no end (``burn`` is 0 then); it is 0
when the credit is gone. ``models`` add up to ``spent_30_days``.
"""

from datetime import datetime
from decimal import Decimal

from openai_monitor.outputs import utc
from openai_monitor.outputs.json_text import encode
from openai_monitor.rows import Round
from openai_monitor.spend import Account, Figures, Grant, Reading
from openai_monitor.spend.metric_set import number, values


def render(collected: Round, reading: Reading, figures: list[Figures]) -> str:
    """Write the object, an account on a line."""
    head = {"app": collected.app, "host": collected.host, "time": utc(collected.time)}
    lines = [f"  {encode(key)}: {encode(value)}" for key, value in head.items()]
    accounts = map(_account, reading.accounts, figures)
    missing = ({"part": each.part, "reason": each.reason} for each in reading.missing)
    lines.append(f'  "accounts": {_array(list(accounts))}')
    lines.append(f'  "missing": {_array(list(missing))}')
    lines.append(f'  "remarks": {_array(list(reading.remarks))}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def _array(items: list[object]) -> str:
    return "[\n    " + ",\n    ".join(map(encode, items)) + "\n  ]" if items else "[]"


def _account(account: Account, figures: Figures) -> object:
    named = {name: _plain(value) for name, value in values(figures).items()}
    limit = figures.limit
    return {
        "currency": figures.currency,
        **named,
        "mean_7_days_over": figures.mean_7_days and figures.mean_7_days.days,
        "mean_30_days_over": figures.mean_30_days and figures.mean_30_days.days,
        "no_forecast": figures.no_forecast or None,
        "unlimited": limit.unlimited if limit else None,
        "limit_interval": limit.interval if limit else None,
        "models": [
            {"model": share.model, "spent": _plain(share.amount), "percent": _plain(share.percent)}
            for share in figures.shares
        ],
        "grants": [_grant(grant) for grant in account.grants],
    }


def _grant(grant: Grant) -> object:
    return {
        "amount": _plain(grant.amount),
        "used": _plain(grant.used),
        "effective_at": _moment(grant.effective_at),
        "expires_at": _moment(grant.expires_at),
    }


def _moment(moment: datetime | None) -> str | None:
    return utc(moment) if moment else None


def _plain(value: Decimal | str | None) -> object:
    if isinstance(value, Decimal):
        return number(value) if value.is_finite() else None
    return value
