"""Daily costs: which rows of a round are some, and the table that keeps the newest figure of each.

A day's figure grows while the day runs and may be restated long after, so the last answer wins. Two metric sets are
understood: ``daily_costs`` (a row names its day and item) and ``model_cost`` (rows are those of today, UTC), the
latter where a definition has no ``daily_costs``. An item's rows of one day (say, of several projects) are added up.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from math import fsum, isfinite

from openai_monitor.rows import MetricSetResult, Round, Value
from openai_monitor.spend.cells import moment, money, words
from openai_monitor.spend.currency import records_with_currency

DAILY, TODAY = "daily_costs", "model_cost"
DEFAULT_CURRENCY = "USD"

Items = dict[tuple[str, str], float]
"""Item and currency to cost. An item without a name is the empty text."""

Record = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class CostAnswer:
    """The days that one answer tells, by their date.

    ``complete`` says that it tells all items of each of them, so that others known before are withdrawn.
    """

    days: dict[date, Items]
    complete: bool


def cost_set(collected: Round) -> MetricSetResult | None:
    """Find the metric set of a round that tells daily costs; None when there is none, or it was not collected."""
    named = {result.name: result for result in collected.results if result.name in (DAILY, TODAY)}
    result = named.get(DAILY) or named.get(TODAY)
    return result if result is not None and result.ok else None


def read_costs(result: MetricSetResult) -> CostAnswer:
    """Read that set. Nothing in its rows raises: what can't be read is left out."""
    told = _days_told(result) if result.name == DAILY else _days_of_today(result)
    return CostAnswer(_add_up(told), complete=not result.message and not result.warnings)


Told = tuple[date, str, Record]
"""A row: its day, its item, and all of it."""


def _days_of_today(result: MetricSetResult) -> Iterable[Told]:
    today = result.time.astimezone(UTC).date()
    return ((today, words(record.get("model_name")) or "", record) for record in records_with_currency(result, "cost"))


def _days_told(result: MetricSetResult) -> Iterable[Told]:
    records = records_with_currency(result, "cost")
    told = [(began, record) for record in records if (began := moment(record.get("day"))) is not None]
    whole = _whole_days({began for began, _ in told})
    return (
        (began.date(), words(record.get("item")) or "", record) for began, record in told if began.timetz() in whole
    )


def _whole_days(began: Iterable[datetime]) -> set[time]:
    """Find the times of day at which days begin: midnight UTC, or one at which several of them do.

    The first of the days may be cut off where the asked time began, in the middle of it: such a part would replace
    the figure of the whole day.
    """
    counted = Counter(each.timetz() for each in began)
    return {each for each, count in counted.items() if count > 1} | {time(tzinfo=UTC)}


def _add_up(rows: Iterable[Told]) -> dict[date, Items]:
    costs: dict[date, dict[tuple[str, str], list[float]]] = {}
    for day, item, record in rows:
        cost = _amount(record.get("cost"))
        if cost is not None:
            currency = words(record.get("currency"))
            key = (item, currency.upper() if currency else DEFAULT_CURRENCY)
            costs.setdefault(day, {}).setdefault(key, []).append(cost)
    return {day: {key: _total(several) for key, several in items.items()} for day, items in costs.items()}


def _amount(cell: Value) -> float | None:
    if isinstance(cell, int | float):
        return float(cell) if isfinite(cell) else None
    told = money(cell)
    return None if told is None else float(told)


def _total(costs: Sequence[float]) -> float:
    """Add up to 12 decimals, which is free of binary noise; one alone stays as it was told."""
    return costs[0] if len(costs) == 1 else round(fsum(costs), 12)


class DailyCosts:
    """Writes them. Remembers what was told last, so that an unchanged answer or day costs no write."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self._answers: dict[int, int] = {}
        self._days: dict[int, dict[date, int]] = {}

    def write(self, monitor_id: int, collected: Round, at: int) -> None:
        """Write the days that changed; ``at`` is when the answer came, in ms."""
        result = cost_set(collected)
        if result is None or not result.rows or not result.complete:
            return  # of a part of the rows no total of a day can be made
        answer_hash = hash((result.rows, result.message, result.warnings, result.time.astimezone(UTC).date()))
        if self._answers.get(monitor_id) != answer_hash:
            self._write_answer(monitor_id, read_costs(result), at)
            self._answers[monitor_id] = answer_hash

    def _write_answer(self, monitor_id: int, answer: CostAnswer, at: int) -> None:
        before = self._days.get(monitor_id, {})
        now = {day: hash((answer.complete, frozenset(items.items()))) for day, items in answer.days.items()}
        for day, items in answer.days.items():
            if before.get(day) != now[day]:
                self._write_day(monitor_id, day.isoformat(), items, answer.complete, at)
        self._days[monitor_id] = now

    def forget(self, monitor_id: int) -> None:
        """Drop what is remembered of a monitor; the table keeps its costs."""
        self._answers.pop(monitor_id, None)
        self._days.pop(monitor_id, None)

    def _write_day(self, monitor_id: int, day: str, items: Items, complete: bool, at: int) -> None:
        known = self._known(monitor_id, day)
        changed = [(monitor_id, day, *key, cost, at) for key, cost in items.items() if known.get(key) != cost]
        self._connection.executemany(
            "INSERT INTO daily_cost (monitor_id, day, item, currency, cost, updated) VALUES (?, ?, ?, ?, ?, ?)"
            " ON CONFLICT DO UPDATE SET cost = excluded.cost, updated = excluded.updated, withdrawn = NULL",
            changed,
        )
        if complete:
            gone = [(at, monitor_id, day, *key) for key, cost in known.items() if key not in items and cost is not None]
            self._connection.executemany(
                "UPDATE daily_cost SET withdrawn = ? WHERE monitor_id = ? AND day = ? AND item = ? AND currency = ?",
                gone,
            )

    def _known(self, monitor_id: int, day: str) -> dict[tuple[str, str], float | None]:
        """Read what stands there: the cost of each item, None when it was withdrawn."""
        rows = self._connection.execute(
            "SELECT item, currency, cost, withdrawn FROM daily_cost WHERE monitor_id = ? AND day = ?",
            (monitor_id, day),
        )
        return {(item, currency): None if withdrawn else cost for item, currency, cost, withdrawn in rows}
