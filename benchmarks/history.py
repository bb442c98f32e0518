"""The history of many OpenAI accounts: bytes a row, what writing costs, how long questions take.

``python -m benchmarks.history [--monitors 100] [--days 30] [--period 300] [--busy 0.5]`` makes a history of that size
in a temporary folder (``--keep FILE``: there), measures it, has it tidied as the defaults do, and measures again.
``python -m benchmarks history`` runs a small one and compares with writing the same rows as lines of JSON.
"""

import argparse
import json
import random
import resource
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.measure import Ratio, compare
from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Round
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent
from openai_monitor.service.history import place, schema
from openai_monitor.service.history.queries import History
from openai_monitor.service.history.retention import tidy
from openai_monitor.service.history.store import Store

START = datetime(2026, 1, 1, tzinfo=UTC)
MODELS = [f"gpt-{number}" for number in ("4o", "4o-mini", "4.1", "4.1-mini", "5", "5-mini", "5-nano", "image-1")]
MODELS += ["o3", "o4-mini", "text-embedding-3-large", "whisper-1"]
BATCH = 25


def _numbers(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name, FieldType.NUMBER, "USD") for name in names)


CREDIT = _numbers("total_granted", "total_used", "total_available", "total_paid_available")
COST = (Field("model_name", FieldType.STRING, label=True), Field("cost", FieldType.NUMBER, "USD"))
BILLING = (
    *(Field(f"text_{number}", FieldType.STRING) for number in range(17)),
    *_numbers(*(f"limit_{number}" for number in range(9))),
)
BILLING_ROW = (
    *("true", "false", None, "false", "Pay-as-you-go", "true", "advance", "false", "false", "false"),
    *("tier_4", "Example Research Ltd", None, "billing@example.com", "[]"),
    '{"line1":"1 Example Street","city":"Exampleton","postal_code":"12345","country":"US"}',
    '{"line1":"1 Example Street","city":"Exampleton","postal_code":"12345","country":"US"}',
    *(2000000.0, 2000000.0, 83333333.0, 120.0, 120.0, 5000.0, None, None, None),
)


class Account:
    """An account that spends in some hours of the day and rests in the others."""

    def __init__(self, number: int, busy: float) -> None:
        self._random = random.Random(number)  # noqa: S311 - figures, not secrets
        self._busy = busy
        self._used = self._random.uniform(0, 500)
        self._models = self._random.sample(MODELS, self._random.randint(6, 12))
        self._cents: dict[str, float] = {}
        self._day = self._hour = -1
        self._active: list[str] = []
        self.identity = MonitorIdentity(f"account-{number:04}", "openai", "api.openai.com", (("team", "search"),))

    def event(self, at: datetime, period: timedelta) -> RoundEvent:
        self._spend(at)
        used = self._used / 100
        credit = (1000.0, used, 1000.0 - used, 1000.0 - used)
        costs = tuple((model, cents / 100) for model, cents in self._cents.items())
        rows = ((CREDIT, (credit,)), (COST, costs), (BILLING, (BILLING_ROW,)))
        names = ("credit_grants", "model_cost", "billing_subscription")
        results = tuple(
            MetricSetResult(name, Code.SUCCESS, "", fields, found, at + timedelta(milliseconds=3), 0.2)
            for name, (fields, found) in zip(names, rows, strict=True)
        )
        end = at + timedelta(milliseconds=self._random.randint(300, 900))
        outcome = Round("openai", "api.openai.com", at, results, name=self.identity.name, tags=self.identity.tags)
        return RoundEvent(self.identity, outcome, at, at, end, next_due=at + period)

    def _spend(self, at: datetime) -> None:
        if at.day != self._day:
            self._day = at.day
            self._cents = dict.fromkeys(self._models, 0.0)
        if at.hour != self._hour:
            self._hour = at.hour
            active = self._random.random() < self._busy
            self._active = self._random.sample(self._models, len(self._models) // 2 + 1) if active else []
        for model in self._active:
            cents = round(self._random.expovariate(1 / 5), 6)
            self._cents[model] += cents
            self._used += cents


def events(accounts: list[Account], days: int, period: timedelta) -> Iterator[RoundEvent]:
    at, end = START, START + timedelta(days=days)
    jitter = period / (len(accounts) + 1)
    while at < end:
        for number, account in enumerate(accounts):
            yield account.event(at + number * jitter, period)
        at += period


def fill(connection: sqlite3.Connection, found: Iterator[RoundEvent]) -> tuple[int, int, float]:
    """Write all; gives rounds, rows, and the CPU seconds of writing."""
    store = Store(connection)
    rounds = rows = 0
    spent = 0.0
    while batch := [event for _, event in zip(range(BATCH), found, strict=False)]:
        began = time.process_time()
        with schema.transaction(connection):
            for event in batch:
                store.write(event)
        spent += time.process_time() - began
        rounds += len(batch)
        rows += sum(len(result.rows) for event in batch for result in event.round.results)
    return rounds, rows, spent


def timed(what: str, work: Callable[[], object]) -> None:
    began = time.perf_counter()
    found = work()
    print(f"  {what}: {(time.perf_counter() - began) * 1e3:,.1f} ms ({found})")


def ask(path: Path, now: datetime) -> None:
    with History(path) as history:
        monitors, sets = history.monitors(), history.metric_sets()
        one, cost, credit = monitors[len(monitors) // 2].id, sets["model_cost"], sets["credit_grants"]

        def answers(days: float) -> str:
            return f"{sum(len(each.rows) for each in history.answers(one, cost, now - timedelta(days=days), now))} rows"

        def hours(days: float, monitor: int, set_id: int) -> str:
            return f"{len(history.hours(monitor, set_id, now - timedelta(days=days), now))} hours"

        timed("costs of one monitor as collected, a day", lambda: answers(1))
        timed("costs of one monitor as collected, 7 days", lambda: answers(7))
        timed("costs of one monitor by the hour, 7 days", lambda: hours(7, one, cost))
        timed("costs of one monitor by the hour, 30 days", lambda: hours(30, one, cost))
        timed("credit of one monitor by the hour, 400 days", lambda: hours(400, one, credit))
        timed(
            "credit of all monitors by the hour, a day", lambda: len([hours(1, each.id, credit) for each in monitors])
        )
        timed("daily costs of all, 30 days", lambda: len(list(history.daily_costs(None, now - timedelta(days=30)))))
        timed("status of all", lambda: len([history.last_round(each.id) for each in monitors]))


def used_bytes(connection: sqlite3.Connection) -> int:
    pages, free, size = (
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)


def measure(path: Path, monitors: int, days: int, period: timedelta, busy: float) -> None:
    place.make_private(path)
    connection = schema.open_to_write(path, patience=5)
    accounts = [Account(number, busy) for number in range(monitors)]
    rounds, rows, spent = fill(connection, events(accounts, days, period))
    raw = used_bytes(connection)
    now = START + timedelta(days=days)
    print(f"{monitors} monitors, {days} days, {period.total_seconds():g} s, busy {busy:.0%} of the hours")
    print(f"  {rounds:,} rounds, {rows:,} rows: {raw / 1e6:,.1f} MB, {raw / rows:.1f} bytes a row")
    print(f"  writing: {spent / rounds * 1e6:.0f} us of CPU a round, {spent / rows * 1e6:.1f} us a row")
    print(f"  memory of this process: {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:.0f} MB at most")
    ask(path, now)
    _tidied(connection, path, now, raw, monitors, days)
    connection.close()


def _tidied(connection: sqlite3.Connection, path: Path, now: datetime, raw: int, monitors: int, days: int) -> None:
    longest, began, cpu = 0.0, time.perf_counter(), time.process_time()
    steps = tidy(connection, now, rows_days=7, hourly_days=400)
    step = time.perf_counter()
    for _ in steps:
        longest, step = max(longest, time.perf_counter() - step), time.perf_counter()
    wall, cpu = time.perf_counter() - began, time.process_time() - cpu
    (hours,) = connection.execute("SELECT count(*) FROM hourly").fetchone()
    (days_left,) = connection.execute("SELECT count(*) FROM span").fetchone()
    if not hours:
        return
    hourly = used_bytes(connection) - raw * days_left // days
    print(f"after tidying to 7 days of rows: {used_bytes(connection) / 1e6:,.1f} MB")
    print(f"  tidying took {wall:.1f} s, {cpu:.1f} s of CPU, its longest step {longest * 1e3:.0f} ms")
    print(f"  {hours:,} hours of a metric set: {hourly / hours:.0f} bytes each")
    ask(path, now)
    per_day, per_hourly_day = raw / days / monitors, hourly / (days - days_left) / monitors
    for many in (1, 100, 1000):
        rows_mb, hours_mb = many * per_day * 8 / 1e6, many * per_hourly_day * 400 / 1e6
        print(f"  {many} monitors at the defaults: {rows_mb:,.1f} MB of rows + {hours_mb:,.1f} MB of hours")


def run() -> Iterator[Ratio]:
    """Writing rounds to the history, against appending the same rows to a file as JSON."""
    period = timedelta(seconds=300)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "history.sqlite"
        connection = schema.open_to_write(path, patience=5)
        store = Store(connection)
        ours, floor = (events([Account(number, 0.5) for number in range(50)], 30, period) for _ in range(2))

        def write() -> None:
            for _ in range(40):
                with schema.transaction(connection):
                    for _ in range(BATCH):
                        store.write(next(ours))

        with (Path(folder) / "rows.ndjson").open("w") as lines:

            def append() -> None:
                for _ in range(40 * BATCH):
                    for result in next(floor).round.results:
                        lines.writelines(json.dumps(row) + "\n" for row in result.records())
                lines.flush()

            yield compare("writing a round to the history, for a JSON line a row", write, append, goal=None, rounds=10)
        connection.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--monitors", type=int, default=100)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--period", type=float, default=300)
    parser.add_argument("--busy", type=float, default=0.5, help="the part of hours in which an account spends")
    parser.add_argument("--keep", type=Path, help="make it there, and leave it there")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = given.keep or Path(folder) / "history.sqlite"
        measure(path, given.monitors, given.days, timedelta(seconds=given.period), given.busy)


if __name__ == "__main__":
    main()
