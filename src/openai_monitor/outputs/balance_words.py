"""The sentence that answers: how much is left, and when is it gone."""

import math
import re
from datetime import date
from decimal import Decimal

from openai_monitor.outputs.numbers import money
from openai_monitor.outputs.text import visible
from openai_monitor.spend import Expiry, Figures, Forecast, Limit, Sure

HOW_SURE: dict[Sure, str] = {"low": "a rough guess", "fair": "fairly sure", "good": "quite sure"}
NOTHING_SPENT = "Nothing was spent in the last 30 days"
MORE_GIVEN_BACK = "In the last 30 days more was given back than spent"

_PERIODS = {"s": "second", "m": "minute", "h": "hour", "d": "day", "w": "week", "mo": "month", "y": "year"}
_ADVERBS = {"hourly": "hour", "daily": "day", "weekly": "week", "monthly": "month", "yearly": "year", "annual": "year"}


def amount(value: Decimal, currency: str) -> str:
    """Write an amount: to cents or, when it is small, to two digits; zero only for zero."""
    size = abs(float(value))
    places = 2 if size == 0 or size >= 0.1 else min(12, 1 - math.floor(math.log10(size)))
    text = money(float(round(value, places)))
    return text if currency == "USD" else f"{text.replace('$', '')} {visible(currency)}"


def interval(limit: Limit) -> str:
    """Say for how long a limit is, such as `` a month`` or `` every 30 days``; empty for one in all."""
    told = limit.interval or ""
    counted = re.fullmatch(r"(\d+)\s*(?:(mo|[smhdwy])|(second|minute|hour|day|week|month|year)s?)", told, re.ASCII)
    if counted and counted[1] != "1":
        return f" every {counted[1]} {_PERIODS.get(counted[2], counted[3])}s"
    period = _PERIODS.get(counted[2], counted[3]) if counted else _ADVERBS.get(told, told)
    if period in _PERIODS.values():
        return f" {'an' if period == 'hour' else 'a'} {period}"
    return f" ({visible(told)})" if told else ""


def headline(figures: Figures, today: date, *, several: bool = False) -> str:
    """Answer in words. ``several`` is whether there are accounts in other currencies beside."""
    sentences = [_left(figures, several=several), _outlook(figures, today), _limit(figures)]
    return " ".join(sentence for sentence in sentences if sentence)


def _left(figures: Figures, *, several: bool) -> str:
    left = figures.left
    if left is None:
        return "" if _limit(figures) else "What is left is not known."
    if not figures.has_credit:
        return (
            f"There is no credit in {visible(figures.currency)}." if several else "There is no credit on this account."
        )
    if left > 0:
        return f"{amount(left, figures.currency)} left."
    owed = f": {amount(-left, figures.currency)} is owed" if left else ""
    lapsed = f" {amount(figures.lapsed, figures.currency)} expired unused." if figures.lapsed else ""
    return f"Nothing is left{owed}.{lapsed}"


def _outlook(figures: Figures, today: date) -> str:
    if figures.left is None or figures.left <= 0:
        return _pace(figures)
    forecast, expiry = figures.forecast, figures.next_expiry
    expires = f"{_expires(figures, expiry, today)}." if expiry else ""
    if forecast is None:
        return f"No forecast: {figures.no_forecast}. {expires}".rstrip()
    is_earlier = expiry and (forecast.gone_on is None or expiry.at.date() <= forecast.gone_on)
    lasts = _lasts(figures, forecast, today)
    return f"{expires} {lasts}" if is_earlier else lasts


def _pace(figures: Figures) -> str:
    if figures.spent_30_days == 0:
        return NOTHING_SPENT + "."
    if not figures.burn:
        return ""
    if figures.burn < 0:
        return MORE_GIVEN_BACK + "."
    return f"At present {amount(figures.burn, figures.currency)} is spent a day."


def _lasts(figures: Figures, forecast: Forecast, today: date) -> str:
    if not forecast.burn:
        return f"{MORE_GIVEN_BACK if figures.burn else NOTHING_SPENT}, so no end is in sight."
    pace = f"At {amount(forecast.burn, figures.currency)} a day it lasts"
    if forecast.gone_on is None:
        return f"{pace} for over a century."
    return f"{pace} until {_day(forecast.gone_on, today)}, {HOW_SURE[forecast.sure]}."


def _expires(figures: Figures, expiry: Expiry, today: date) -> str:
    return f"{amount(expiry.amount, figures.currency)} of it expires on {_day(expiry.at.date(), today)}"


def _day(day: date, today: date) -> str:
    days = (day - today).days
    distance = "today" if days == 0 else "1 day" if days == 1 else f"{days} days"
    return f"{day} ({distance})"


def _limit(figures: Figures) -> str:
    """Tell of the limit where there is no credit to tell of."""
    limit = figures.limit
    if limit is None or figures.has_credit:
        return ""
    used = figures.limit_used
    if limit.unlimited:
        return "There is no limit" + (f"; {amount(used, figures.currency)} was used." if used is not None else ".")
    if limit.amount is None:
        return ""
    allowed = f"the limit of {amount(limit.amount, figures.currency)}{interval(limit)}"
    percent = figures.limit_used_percent
    return (
        f"Nobody tells how much of {allowed} is used." if percent is None else f"{percent:.0f}% of {allowed} is used."
    )
