"""What the log says at 3 a.m.: each change once, what lasts once an hour, never a flood."""

import asyncio
import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from tests.schedule.virtual import run_virtual

from openai_monitor.definition.shipped import load_definition
from openai_monitor.rows import Code, MetricSetResult, Round, Skipped
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent, Trouble, trouble_of
from openai_monitor.schedule.health import MonitorHealth
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.news import MOST_LINES, WINDOW, News
from openai_monitor.schedule.pace import Pace
from openai_monitor.schedule.secrets import FileSecret

START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
DEFINITION = load_definition("openai")


class Teller:
    """Tells rounds five minutes apart."""

    def __init__(self, name: str = "acme", news: News | None = None) -> None:
        self.news = news or News()
        self.now = START
        params = (("token", FileSecret(Path("/run/keys/acme"))),)
        self.spec = MonitorSpec(name, DEFINITION, params, 300.0)
        self.state = MonitorHealth(name, "openai", "api.openai.com", 300.0)
        self.pace = Pace(300.0)

    def round(
        self, status: int | None = None, *, code: Code = Code.FAIL, message: str = "HTTP 401: get a new one"
    ) -> None:
        ok = status is None and code is Code.FAIL
        result = MetricSetResult(
            "credit_grants", Code.SUCCESS if ok else code, "" if ok else message, (), (), self.now, 0.1, status=status
        )
        self.tell(Round("openai", "api.openai.com", self.now, (result,)))

    def tell(self, outcome: Round, trouble: Trouble | None = None) -> None:
        end = self.now + timedelta(seconds=1)
        event = RoundEvent(
            MonitorIdentity(self.spec.name, "openai", "api.openai.com"), outcome, self.now, self.now, end,
            trouble or trouble_of(outcome), next_due=self.now + timedelta(minutes=5),
        )  # fmt: skip
        self.news.tell(self.spec, self.state, self.pace, event)
        self.now += timedelta(minutes=5)


def lines(caplog: pytest.LogCaptureFixture, check: Callable[[], None]) -> list[str]:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        check()
        await asyncio.sleep(2 * WINDOW)

    run_virtual(main())
    return [f"{record.levelname} {record.message}" for record in caplog.records]


def test_what_goes_well_is_not_told(caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        teller = Teller()
        for _ in range(100):
            teller.round()

    assert lines(caplog, check) == []


def test_a_refused_key_from_its_first_round_to_its_end(caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        teller = Teller()
        teller.round()
        for _ in range(14):
            teller.round(401)
        teller.round()

    what = "the API refuses the key (api.openai.com)"
    why = "credit_grants: HTTP 401: get a new one"
    since = "since 2026-11-22 03:05:00 UTC and for 13 rounds"
    todo = "Renew the key: write the new one into the file; no restart is needed (file /run/keys/acme)"
    assert lines(caplog, check) == [
        f"WARNING acme: {what}: {why}. {todo}. Next try at 03:10:00 UTC",
        f"WARNING acme: still: {what}, {since}: {why}. {todo}. Next try at 04:10:00 UTC",
        "INFO acme: collected again, after 1 h 10 min and 14 rounds without success",
    ]


def test_another_trouble_is_another_line(caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        teller = Teller()
        teller.round(code=Code.UN_REACHABLE, message="no address")
        teller.round(code=Code.UN_CONNECTABLE, message="refused")
        teller.round(503, message="HTTP 503")
        teller.round(503, message="HTTP 503")

    told = lines(caplog, check)
    assert [line.split(": ", 2)[1] for line in told] == [
        "the API can't be reached (api.openai.com)",
        "the API has a problem of its own (api.openai.com)",
    ]


def test_what_could_not_even_be_asked(caplog: pytest.LogCaptureFixture) -> None:
    reason = "parameter token: file /x is empty: expected a secret"

    def check() -> None:
        skipped = (Skipped("credit_grants", "parameter token: file /x is empty: expected a secret"),)
        Teller().tell(Round("openai", None, START, (), skipped), Trouble.CONFIGURATION)

    assert lines(caplog, check) == [
        f"WARNING acme: nothing could be asked: {reason}. Next try at 03:05:00 UTC",
    ]


def test_what_a_set_that_was_not_due_suffers_from_keeps_its_reason(caplog: pytest.LogCaptureFixture) -> None:
    teller = Teller()

    def check() -> None:
        teller.round(401)
        slow = MetricSetResult("model_cost", Code.SUCCESS, "", (), (), START, 0.1)
        skipped = (Skipped("usage", "the time for the round was over"),)
        for outcome in (Round("openai", None, START, (slow,)), Round("openai", None, START, (slow,), skipped)):
            teller.tell(outcome, Trouble.KEY_REFUSED)

    assert len(lines(caplog, check)) == 1
    assert teller.state.message == "credit_grants: HTTP 401: get a new one"


def test_a_service_that_ends_announces_no_next_try(caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        Teller(news=News(goes_on=False)).round(401)

    (line,) = lines(caplog, check)
    assert "HTTP 401: get a new one" in line
    assert "Next try" not in line


def test_a_network_that_goes_down_is_no_flood(caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        news = News()
        for number in range(10_000):
            Teller(f"m{number}", news).round(code=Code.UN_REACHABLE, message="no address")

    told = lines(caplog, check)
    assert len(told) == MOST_LINES + 1
    assert told[-1] == (
        "WARNING more monitors changed their state in the last minute: 9970 unreachable (see `status` or /metrics)"
    )


def test_what_was_not_said_is_said_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        news = News()
        for number in range(MOST_LINES + 5):
            Teller(f"m{number}", news).round(401)
        news.close()

    assert len(lines(caplog, check)) == MOST_LINES + 1


def test_facts_for_machines(caplog: pytest.LogCaptureFixture) -> None:
    lines(caplog, lambda: Teller().round(401))
    assert caplog.records[0].__dict__["about"] == {
        "change": "key_refused",
        "failures": 1,
        "since": "2026-11-22T03:00:00+00:00",
    }


def test_what_is_odd_about_a_set_that_was_collected_is_told_once(caplog: pytest.LogCaptureFixture) -> None:
    def check() -> None:
        teller = Teller()

        def collect(message: str = "", *warnings: str) -> None:
            complete = not message
            result = MetricSetResult(
                "costs", Code.SUCCESS, message, (), (), teller.now, 0.1, warnings, complete=complete
            )
            teller.tell(Round("openai", "api.openai.com", teller.now, (result,)))

        collect("rows are missing: `$.total` is 31")
        collect("rows are missing: `$.total` is 32")
        collect("", "a number was NaN", "and another")
        collect("", "and another")
        collect("", "a number was NaN")
        collect()
        collect("rows are missing: `$.total` is 33")

    assert lines(caplog, check) == [
        "WARNING acme: costs is not complete: rows are missing: `$.total` is 31",
        "WARNING acme: costs: a number was NaN (and 1 more)",
        "WARNING acme: costs is not complete: rows are missing: `$.total` is 33",
    ]
