"""Numbers as people read them. The machine formats do not use this: they keep full precision."""

import math

MOST_PLACES = 6


def plain(value: float) -> str:
    """Write a number without the noise of binary fractions and without exponent where that stays readable."""
    if isinstance(value, int) or (value.is_integer() and abs(value) < 1e21):
        return str(int(value))
    if not 1e-9 <= abs(value) < 1e21:
        return f"{value:.15g}"
    places = max(0, 14 - math.floor(math.log10(abs(value))))
    return f"{value:.{places}f}".rstrip("0").rstrip(".")


def money(value: float) -> str:
    """Write US dollars: two decimals or more, at most six significant ones, and zero only for zero."""
    sign = "-" if value < 0 else ""
    return f"{sign}${_amount(abs(value))}"


def _amount(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}.00"
    if value == 0 or value >= 1:
        places = MOST_PLACES
    elif value < 1e-12:
        return f"{value:.{MOST_PLACES}g}"
    else:
        places = MOST_PLACES - 1 - math.floor(math.log10(value))
    whole, _, decimals = f"{value:,.{places}f}".partition(".")
    return f"{whole}.{decimals.rstrip('0'):0<2}"


def align(amounts: list[str]) -> list[str]:
    """Add zeros to the amounts of one column to bring their points under each other (up to six decimals)."""
    places = [len(amount.partition(".")[2]) for amount in amounts]
    most = min(MOST_PLACES, max(places, default=0))
    return [
        amount + "0" * (most - here) if here and "e" not in amount else amount
        for amount, here in zip(amounts, places, strict=True)
    ]


def clock(seconds: float) -> str:
    """Write seconds of a time field as hours, minutes and seconds: ``01:30:00``."""
    whole = int(seconds)
    if seconds != whole or whole < 0:
        return plain(seconds)
    return f"{whole // 3600:02}:{whole // 60 % 60:02}:{whole % 60:02}"
