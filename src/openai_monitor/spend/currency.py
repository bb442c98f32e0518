"""Which currency an amount is in: that of its row, or the one that its unit is."""

from collections.abc import Iterator, Mapping

from openai_monitor.rows import MetricSetResult, Value
from openai_monitor.spend.cells import words

_CODES = """
    USD EUR GBP JPY CNY CHF CAD AUD NZD SEK NOK DKK PLN CZK HUF RON BGN ISK TRY RUB UAH ILS AED SAR QAR KWD EGP ZAR NGN
    KES INR PKR BDT LKR IDR MYR SGD THB VND PHP KRW TWD HKD BRL MXN ARS CLP COP PEN UYU BTC ETH
"""
CURRENCIES = frozenset(_CODES.split())
SIGNS = {"$": "USD", "US$": "USD", "€": "EUR", "£": "GBP", "¥": "JPY", "元": "CNY", "₹": "INR", "₩": "KRW"}


def currency_of(unit: str | None) -> str | None:
    """Name the currency that a unit is, such as ``USD``; None when it is none."""
    plain = (unit or "").strip().upper()
    return SIGNS.get(plain) or (plain if plain in CURRENCIES else None)


def records_with_currency(result: MetricSetResult, amount: str) -> Iterator[Mapping[str, Value]]:
    """The rows; one that names no ``currency`` gets the one that is the unit of the field ``amount``, if it is one."""
    unit = next((currency_of(field.unit) for field in result.fields if field.name == amount), None)
    for record in result.records():
        yield record if unit is None or words(record.get("currency")) else {**record, "currency": unit}
