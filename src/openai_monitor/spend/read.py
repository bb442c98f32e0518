"""From the rows of a round to accounts, by the names of metric sets and fields.

A definition offers any of these sets; fields it does not have are not told:

- ``balance``: ``available``, ``granted``, ``used``, ``currency``; a row for each currency
- ``grants``: ``amount``, ``used``, ``effective_at``, ``expires_at``; a row for each grant
- ``daily_costs``: ``day``, ``item``, ``cost``, ``currency``, ``project``; of the last 30 full days and of today
- ``limit``: ``limit``, ``used``, ``unlimited``, ``interval``; also ``remaining`` and ``usage`` (spent in all), which a
  ``balance`` of zeros is checked against
- ``status``: ``delinquent`` and whatever else; told when ``delinquent`` is true

Every set may have a ``currency``. Rows without one are in the unit of their amounts (``USD``), else in the only
currency that is named anywhere, else in USD.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, timedelta
from decimal import Decimal

from openai_monitor.rows import MetricSetResult, Round, Value
from openai_monitor.spend.account import Account, Cost, Grant, Limit, Missing, Reading
from openai_monitor.spend.cells import day, is_true, moment, money, total, words
from openai_monitor.spend.currency import records_with_currency

PARTS = {
    "balance": "balance",
    "grants": "grants",
    "daily_costs": "daily costs",
    "limit": "limit",
    "status": "billing status",
}
"""The metric sets that are understood, and what they are called in words."""

FULL_DAYS = 30
"""The days of costs before today that a definition asks for at least.

Fewer would lack the 1st of the month on its 31st.
"""

DEFAULT_CURRENCY = "USD"
NEVER = moment(0)
SENTINEL = 100_000_000

_AMOUNTS = {"balance": "available", "grants": "amount", "daily_costs": "cost", "limit": "limit"}
"""The field whose unit tells the currency of rows that do not name one."""

Record = Mapping[str, Value]
Records = Mapping[str, Sequence[Record]]
"""The rows by metric set; of the sets that were collected."""

Costs = Sequence[tuple[str, Cost | None]]
"""The currency and the cost of each row of ``daily_costs``; None for a row that can't be read."""


def read(collected: Round) -> Reading:
    """Understand a round. Nothing in its rows raises: what can't be read is left out and remarked on."""
    results = [result for result in collected.results if result.name in PARTS]
    records = {
        result.name: list(records_with_currency(result, _AMOUNTS.get(result.name, "")))
        for result in results
        if _is_whole(result)
    }
    contradiction = _contradiction(records)
    if contradiction:
        del records["balance"]
    today = collected.time.astimezone(UTC).date()
    home = _home(records)
    costs = _costs(records, home)
    accounts = [_account(currency, home, records, costs, today) for currency in _currencies(records, home)]
    accounts.sort(key=lambda account: not account.available)  # an empty one decides nothing beside one with money
    missing = [*_missing(collected), *([Missing(PARTS["balance"], contradiction)] if contradiction else [])]
    return Reading(tuple(accounts), tuple(missing), tuple(_remarks(results, costs, today)))


def _contradiction(records: Records) -> str:
    """Why a balance of zeros is not believed; empty when it can be.

    Some services answer zeros where a key may not see the balance: its own limit then shows that there is money.
    """
    cells = [money(row.get(name)) for row in records.get("balance", ()) for name in ("available", "granted", "used")]
    granted = any(money(row.get("amount")) for row in records.get("grants", ()))
    if granted or any(cells) or not any(cell == 0 for cell in cells):
        return ""
    shown = {"usage": "spent", "used": "used", "remaining": "left"}
    for name, word in shown.items():
        amounts = [amount for row in records.get("limit", ()) if (amount := money(row.get(name))) and amount > 0]
        if amounts:
            return (
                f"it is told as 0 throughout, but the limit of this key has {amounts[0].normalize():f} {word}: "
                "the key may not be allowed to see the balance"
            )
    return ""


def _is_whole(result: MetricSetResult) -> bool:
    """Tell whether figures can be made of it: rows that are known not to be all give no total."""
    return result.ok and result.complete and result.found and not _is_hollow(result)


def _is_hollow(result: MetricSetResult) -> bool:
    """Tell whether it has no rows for a reason other than that there is nothing, such as a null for the list."""
    return not result.rows and bool(_notes(result))


def _notes(result: MetricSetResult) -> list[str]:
    return [note for note in (result.message, *result.warnings) if note]


def _missing(collected: Round) -> Iterable[Missing]:
    for result in collected.results:
        if not result.ok or (result.name in PARTS and not _is_whole(result)):
            reason = "; ".join(_notes(result)) or result.code.name
            yield Missing(PARTS.get(result.name, result.name), reason)
    for skipped in collected.skipped:
        yield Missing(PARTS.get(skipped.name, skipped.name), skipped.reason)


# Currencies


def _currency(record: Record) -> str | None:
    named = words(record.get("currency"))
    return named.upper() if named else None


def _home(records: Records) -> str:
    named = {_currency(record) for rows in records.values() for record in rows} - {None}
    return (named.pop() or DEFAULT_CURRENCY) if len(named) == 1 else DEFAULT_CURRENCY


def _currencies(records: Records, home: str) -> list[str]:
    """Find the currencies there are figures in, the home currency first; that one too where no row names another."""
    told = [name for name in PARTS if name != "status" and name in records]
    found = {_currency(record) or home for name in told for record in records[name]}
    if told and not found:
        found = {home}
    return sorted(found, key=lambda currency: (currency != home, currency))


# Parts


def _account(currency: str, home: str, records: Records, all_costs: Costs, today: date) -> Account:
    def rows(name: str) -> list[Record]:
        return [record for record in records.get(name, ()) if (_currency(record) or home) == currency]

    readable = [(named, cost) for named, cost in all_costs if cost is not None]
    costs = tuple(cost for named, cost in readable if named == currency)
    balance = rows("balance")
    return Account(
        currency=currency,
        first_day=min(today - timedelta(days=FULL_DAYS), *(cost.day for cost in costs), today),
        last_day=today,
        available=_sum(balance, "available"),
        granted=_sum(balance, "granted"),
        used=_sum(balance, "used"),
        grants=tuple(grant for record in rows("grants") if (grant := _grant(record)).amount is not None),
        limit=_tightest([_limit(record) for record in rows("limit")]),
        # Rows of which none can be read do not say that nothing was spent.
        costs=costs if "daily_costs" in records and (readable or not all_costs) else None,
        other_costs=tuple(sorted({named for named, cost in readable if cost.amount} - {currency})),
    )


def _sum(rows: Iterable[Record], name: str) -> Decimal | None:
    amounts = [amount for row in rows if (amount := money(row.get(name))) is not None]
    return total(amounts) if amounts else None


def _costs(records: Records, home: str) -> Costs:
    return [(_currency(record) or home, _cost(record)) for record in records.get("daily_costs", ())]


def _cost(record: Record) -> Cost | None:
    when, amount = day(record.get("day")), money(record.get("cost"))
    if when is None or amount is None:
        return None
    return Cost(when, words(record.get("item")), words(record.get("project")), amount)


def _grant(record: Record) -> Grant:
    expires = moment(record.get("expires_at"))
    return Grant(
        money(record.get("amount")),
        money(record.get("used")),
        moment(record.get("effective_at")),
        None if expires == NEVER else expires,
    )


def _limit(record: Record) -> Limit:
    amount, used, interval = money(record.get("limit")), money(record.get("used")), words(record.get("interval"))
    # Gateways send it for a key without a limit, some of them less what it used.
    is_sentinel = amount is not None and SENTINEL in (amount, round(amount + (used or 0), 2))
    return Limit(
        None if is_sentinel else amount,
        used,
        is_sentinel or is_true(record.get("unlimited")),
        interval.lower() if interval else None,
    )


def _tightest(limits: Sequence[Limit]) -> Limit | None:
    """Choose of several limits the one of which least is left."""

    def looseness(limit: Limit) -> tuple[object, ...]:
        amount, used = limit.amount or 0, limit.used or 0
        known = limit.amount is not None and not limit.unlimited
        return (not known, amount - used, amount, limit.unlimited, limit.interval or "")

    return min(limits, key=looseness, default=None)


# Remarks


def _remarks(results: Iterable[MetricSetResult], costs: Costs, today: date) -> Iterable[str]:
    for result in results:
        if _is_whole(result):
            yield from (f"{PARTS[result.name]}: {note}" for note in _notes(result))
    yield from _count(sum(cost is None for _, cost in costs), "without a day or a cost")
    yield from _count(sum(cost is not None and cost.day > today for _, cost in costs), "of days to come")
    for result in results:
        if result.name == "status" and result.ok:
            yield from _delinquent(result)


def _count(number: int, what: str) -> Iterable[str]:
    if number:
        yield f"daily costs: {number} row{'' if number == 1 else 's'} {what} left out"


def _delinquent(result: MetricSetResult) -> Iterable[str]:
    names = [field.name for field in result.fields]
    for row in result.public_rows():
        record = dict(zip(names, row, strict=True))
        if is_true(record.pop("delinquent", None)):
            rest = ", ".join(f"{name} {value}" for name, value in record.items() if value is not None)
            yield "the account is delinquent: a bill was not paid" + (f" ({rest})" if rest else "")
