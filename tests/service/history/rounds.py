"""Rounds to write, and what was written of them."""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Round, Row, Skipped
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent, trouble_of
from openai_monitor.service.history.place import make_private
from openai_monitor.service.history.schema import open_to_write, transaction
from openai_monitor.service.history.settings import HistorySettings
from openai_monitor.service.history.store import Store
from openai_monitor.service.history.writer import HistorySink, Pace

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND, MINUTE, HOUR, DAY = (timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1), timedelta(days=1))

CREDIT = (Field("available", FieldType.NUMBER, "USD"), Field("plan", FieldType.STRING))
COST = (Field("model_name", FieldType.STRING, label=True), Field("cost", FieldType.NUMBER, "USD"))
DAILY = (
    Field("day", FieldType.NUMBER),
    Field("item", FieldType.STRING, label=True),
    Field("cost", FieldType.NUMBER),
    Field("currency", FieldType.STRING),
)

QUICK = Pace(lock=0.05, first_retry=0.02, longest_retry=0.1)


def monitor(name: str = "acme", *tags: tuple[str, str]) -> MonitorIdentity:
    return MonitorIdentity(name, "openai", "api.openai.com", tags)


def answered(
    name: str = "credit",
    fields: tuple[Field, ...] = CREDIT,
    rows: Sequence[Row] = ((9.5, "pro"),),
    *,
    at: datetime = NOON,
    message: str = "",
) -> MetricSetResult:
    return MetricSetResult(name, Code.SUCCESS, message, fields, tuple(rows), at, 0.25)


def costs(rows: Sequence[Row], at: datetime = NOON) -> MetricSetResult:
    return answered("model_cost", COST, rows, at=at)


def daily(rows: Sequence[Row], at: datetime = NOON, message: str = "") -> MetricSetResult:
    return answered("daily_costs", DAILY, rows, at=at, message=message)


def failed(
    name: str = "credit", code: Code = Code.TIMEOUT, message: str = "no answer", *, at: datetime = NOON
) -> MetricSetResult:
    return MetricSetResult(name, code, message, CREDIT, (), at, 1.0)


def event(
    *results: MetricSetResult,
    at: datetime = NOON,
    who: MonitorIdentity | None = None,
    skipped: tuple[Skipped, ...] = (),
    missed: int = 0,
) -> RoundEvent:
    who = who or monitor()
    outcome = Round(who.app, who.host, at, results, skipped, name=who.name, tags=who.tags)
    return RoundEvent(who, outcome, at, at, at + SECOND, trouble_of(outcome), missed, 0, at + 5 * MINUTE)


def open_store(path: Path) -> Store:
    make_private(path)
    return Store(open_to_write(path, patience=1))


def write(path: Path, *events: RoundEvent) -> None:
    """Write rounds as one run of the service does."""
    store = open_store(path)
    for each in events:
        with transaction(store.connection):
            store.write(each)
    store.connection.close()


@contextmanager
def reading(path: Path) -> Iterator[sqlite3.Connection]:
    connection = sqlite3.connect(path)
    try:
        yield connection
    finally:
        connection.close()


def rows_of(path: Path, query: str, *values: object) -> list[tuple[object, ...]]:
    with reading(path) as connection:
        return connection.execute(query, values).fetchall()


def count(path: Path, table: str = "round") -> int:
    return int(str(rows_of(path, f"SELECT count(*) FROM {table}")[0][0]))  # noqa: S608


def sink(path: Path, pace: Pace = QUICK, most_bytes: int = 2**25) -> HistorySink:
    return HistorySink(HistorySettings(path=path), pace=pace, most_bytes=most_bytes)


async def until(condition: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it never came true"
        await asyncio.sleep(0.005)
