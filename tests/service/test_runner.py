"""One monitor's rounds over real HTTP: keys that change, APIs that fail, and what is told of it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.service.running import KEY, Bench, bench

from openai_monitor.collect.retry import RetryPolicy
from openai_monitor.definition.shipped import shipped_folder
from openai_monitor.errors import MonitorError
from openai_monitor.sandbox import FAULTS
from openai_monitor.schedule.events import RoundEvent, Trouble
from openai_monitor.schedule.logs import set_up
from openai_monitor.service import runner as runner_module
from openai_monitor.service.reading import read_setup

Check = Callable[[Bench], Awaitable[None]]


def on_a_bench(folder: Path, check: Check, *faults: str, **settings: Any) -> None:
    async def main() -> None:
        async with bench(folder, *faults, **settings) as made:
            await check(made)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def asked(made: Bench) -> list[str]:
    return [request.path.rpartition("/")[2] for request in made.server.requests]


def test_a_good_round_tells_everything(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        made.put(tags={"team": "ml"})
        before = datetime.now(UTC)
        assert await made.turn(missed=3)
        (event,) = made.events
        assert event.round.ok
        assert [result.name for result in event.round.results] == [
            "credit_grants",
            "model_cost",
            "billing_subscription",
        ]
        assert (event.monitor.name, event.monitor.app, event.monitor.host) == ("acme", "openai", "127.0.0.1")
        assert event.monitor.tags == event.round.tags == (("team", "ml"),)
        assert before - timedelta(seconds=1) < event.due <= event.started <= event.finished <= datetime.now(UTC)
        assert event.next_due is not None
        assert timedelta(seconds=58) < event.next_due - event.started < timedelta(seconds=61)
        assert (event.trouble, event.missed, event.retries) == (None, 3, 0)
        assert (made.stats.requests, made.stats.in_flight) == (3, 0)
        state = made.health.monitors["acme"]
        assert (state.rounds, state.trouble, state.last_success) == (1, None, event.finished)

    on_a_bench(tmp_path, check)


def test_a_key_that_changed_meanwhile_is_tried_at_once(tmp_path: Path) -> None:
    """The key is renewed while the round that uses the old one is under way."""

    async def check(made: Bench) -> None:
        await made.round()
        made.server.requests.clear()
        made.server.switch("slow:0.3*1")
        (tmp_path / "key").write_text("sess-old-and-refused")
        task = asyncio.ensure_future(made.round())
        await asyncio.sleep(0.1)
        (tmp_path / "key").write_text(KEY)
        event = await task
        assert event.trouble is None
        assert asked(made) == ["credit_grants", "credit_grants", "usage", "subscription"]
        assert made.stats.requests == 3 + 4

    on_a_bench(tmp_path, check)


def test_a_refused_key_is_asked_with_once_a_round_and_flagged(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        (tmp_path / "key").write_text("sess-expired")
        assert not await made.turn()
        event = made.events[0]
        assert event.trouble is Trouble.KEY_REFUSED
        assert asked(made) == ["credit_grants"]
        assert made.calendar.held == []
        assert made.health.monitors["acme"].trouble is Trouble.KEY_REFUSED
        await made.round()
        assert len(made.server.requests) == 2
        (tmp_path / "key").write_text(KEY)
        assert (await made.round()).trouble is None
        assert made.health.monitors["acme"].trouble is None

    on_a_bench(tmp_path, check)


def test_a_refusal_of_one_set_asks_nothing_again(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        event = await made.round()
        assert event.trouble is Trouble.KEY_REFUSED
        assert sorted(asked(made)) == ["credit_grants", "subscription", "usage"]
        assert event.round["credit_grants"].ok

    on_a_bench(tmp_path, check, "usage=403")


def test_a_secret_that_can_not_be_read_is_a_round_without_requests(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        (tmp_path / "key").unlink()
        event = await made.round()
        assert event.trouble is Trouble.CONFIGURATION
        assert event.round.results == ()
        assert [skip.name for skip in event.round.skipped] == ["credit_grants", "model_cost", "billing_subscription"]
        assert event.round.skipped[0].reason.startswith("parameter token: file ")
        assert not event.round.ok
        assert made.server.requests == []
        (tmp_path / "key").write_text(KEY)
        assert (await made.round()).trouble is None

    on_a_bench(tmp_path, check)


def test_a_parameter_out_of_a_secret_that_does_not_fit_is_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PORT", "sess-in-the-wrong-place")

    async def check(made: Bench) -> None:
        made.put(params={"port": {"env": "PORT"}})
        event = await made.round()
        assert event.trouble is Trouble.CONFIGURATION
        assert event.round.skipped[0].reason == "parameter port is '***'; expected a number"

    on_a_bench(tmp_path, check)


def test_only_the_metric_sets_that_are_wanted_are_collected(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        made.put(metrics={"include": ["model_cost"]})
        event = await made.round()
        assert [result.name for result in event.round.results] == ["model_cost"]
        assert asked(made) == ["usage"]

    on_a_bench(tmp_path, check)


@pytest.mark.parametrize(
    ("fault", "trouble"),
    [
        ("401", Trouble.KEY_REFUSED),
        ("403", Trouble.KEY_REFUSED),
        ("403-session-key", Trouble.KEY_REFUSED),
        ("404", Trouble.BAD_ANSWER),
        ("429", Trouble.RATE_LIMITED),
        ("429-bare", Trouble.RATE_LIMITED),
        ("500", Trouble.API_DOWN),
        ("502", Trouble.API_DOWN),
        ("html-200", Trouble.BAD_ANSWER),
        ("error-200", Trouble.BAD_ANSWER),
        ("empty", Trouble.BAD_ANSWER),
        ("truncated", Trouble.BAD_ANSWER),
        ("reset", Trouble.BAD_ANSWER),
        ("garbage", Trouble.UNREACHABLE),
        ("slow:30", Trouble.TIMEOUT),
        ("drip:5", Trouble.TIMEOUT),
    ],
)
def test_each_fault_has_its_trouble(fault: str, trouble: Trouble, tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        event = await made.round()
        assert event.trouble is trouble
        assert made.health.monitors["acme"].trouble is trouble
        assert made.health.monitors["acme"].message

    on_a_bench(tmp_path, check, fault, deadline=1.0)


def test_a_blip_is_asked_again_within_the_round(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        event = await made.round()
        assert event.trouble is None
        assert event.retries == made.stats.retries == 2
        assert made.stats.requests == len(made.server.requests) == 5

    on_a_bench(tmp_path, check, "credit_grants=500*1", "usage=502*1")


def test_a_short_retry_after_is_waited_for_within_the_round(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        assert (await made.round()).trouble is None
        assert asked(made) == ["credit_grants", "credit_grants", "usage", "subscription"]

    on_a_bench(tmp_path, check, "credit_grants=429:0*1")


def test_a_long_retry_after_holds_the_monitor(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        event = await made.round()
        assert event.trouble is Trouble.RATE_LIMITED
        assert asked(made) == ["credit_grants"]
        (until,) = made.calendar.held
        assert until - asyncio.get_running_loop().time() == pytest.approx(120, abs=1)

    on_a_bench(tmp_path, check, "429:120")


def test_repeated_429_slow_a_monitor_down_and_it_recovers(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def check(made: Bench) -> None:
        for _ in range(3):
            await made.round()
        assert made.health.monitors["acme"].slowed_to == 240
        held = made.calendar.held[-1] - asyncio.get_running_loop().time()
        assert held == pytest.approx(3.5 * 60, abs=2)
        made.server.switch()
        for _ in range(6):
            await made.round()
        assert made.health.monitors["acme"].slowed_to is None

    on_a_bench(tmp_path, check, "429-bare", policy=RetryPolicy(retries=0))
    told = [
        record.message
        for record in caplog.records
        if "429" in record.message and "asked too often (" not in record.message
    ]
    assert told == [
        "acme: 429 again: from now on asked every 120 s instead of 60 s; a longer period in the monitors file avoids it",
        "acme: 429 again: from now on asked every 240 s instead of 60 s; a longer period in the monitors file avoids it",
        "acme: no 429 any more: asked every 120 s again",
        "acme: no 429 any more: asked every 60 s again",
    ]


def test_a_retry_never_leaves_the_period(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        made.put(period=0.3)
        await made.round()
        assert len(made.server.requests) == 1

    on_a_bench(tmp_path, check, "500", policy=RetryPolicy(retries=2, pause=0.7))


def test_tags_change_without_losing_state(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        made.server.switch("500")
        await made.round()
        made.put(tags={"team": "new"})
        event = await made.round()
        assert event.monitor.tags == event.round.tags == (("team", "new"),)
        assert made.health.monitors["acme"].failures == 2

    on_a_bench(tmp_path, check, policy=RetryPolicy(retries=0))


def test_tags_that_change_while_a_secret_is_read_are_those_of_the_rounds_from_then_on(tmp_path: Path) -> None:
    slow = {"token": {"command": ["sh", "-c", f"sleep 0.2; echo {KEY}"]}}

    async def check(made: Bench) -> None:
        made.put(params=slow, tags={"team": "old"})
        task = asyncio.ensure_future(made.round())
        await asyncio.sleep(0.05)
        made.put(params=slow, tags={"team": "new"})
        assert (await task).round.tags == (("team", "new"),)
        assert (await made.round()).round.tags == (("team", "new"),)

    on_a_bench(tmp_path, check)


def test_a_monitor_that_went_meanwhile_tells_nothing(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        task = asyncio.ensure_future(made.turn())
        await asyncio.sleep(0.05)
        made.runner.drop("acme")
        await task
        assert not await made.turn()
        assert made.events == []
        assert made.health.monitors == {}

    on_a_bench(tmp_path, check, "slow:0.2")


def test_a_mistake_of_ours_is_one_failed_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object, **__: object) -> None:
        raise RuntimeError("a bug")

    async def check(made: Bench) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(runner_module, "collect_round", broken)
            event = await made.round()
        assert event.trouble is Trouble.CONFIGURATION
        assert "internal error (RuntimeError in service/runner.py, _ask, line " in event.round.skipped[0].reason
        assert (await made.round()).trouble is None

    on_a_bench(tmp_path, check)


def test_whoever_waits_for_the_next_round_gets_it(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        waiting = [asyncio.ensure_future(made.runner.next_event("acme")) for _ in range(2)]
        await asyncio.sleep(0)
        event: RoundEvent = await made.round()
        assert await asyncio.gather(*waiting) == [event, event]
        gone = asyncio.ensure_future(made.runner.next_event("acme"))
        await asyncio.sleep(0)
        made.runner.drop("acme")
        with pytest.raises(asyncio.CancelledError):
            await gone

    on_a_bench(tmp_path, check)


@pytest.mark.parametrize("style", ["text", "json"])
def test_no_line_of_the_log_shows_a_key(style: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    key = "sess-fake+secret/key=1"
    set_up("debug", style)

    async def check(made: Bench) -> None:
        for fault in FAULTS:
            (tmp_path / "key").write_text(key)
            made.put(params={"organization": key})
            made.server.switch(*([] if fault in ("slow", "drip", "huge", "endless-pages") else [fault]))
            await made.turn()

    try:
        on_a_bench(tmp_path, check, deadline=2.0)
    finally:
        shown = capfd.readouterr().err
        logging.getLogger("openai_monitor").setLevel(logging.NOTSET)
        set_up()
    assert "GET http://127.0.0.1" in shown
    for part in ("fake+secret", "fake%2Bsecret", "secret/key", "c2Vzcy1mYWtl"):
        assert part not in shown


# Metric sets with an interval of their own


def with_interval(made: Bench, seconds: int) -> None:
    """Give the subscription an interval of its own."""
    text = (shipped_folder() / "openai.yml").read_text(encoding="utf-8")
    head, name, rest = text.partition("  - name: billing_subscription\n")
    (made.folder / "openai.yml").write_text(f"{head}{name}    interval: {seconds}\n{rest}", encoding="utf-8")
    made.put(define="openai.yml")


def sets_of(event: RoundEvent) -> list[str]:
    return [result.name for result in event.round.results]


EACH_ROUND = ["credit_grants", "model_cost"]
ALL = [*EACH_ROUND, "billing_subscription"]


def test_a_set_with_an_interval_of_its_own_is_left_out_until_it_is_due(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        with_interval(made, 3600)
        events = [await made.round(after=seconds) for seconds in (0, 60, 3540, 3600, 3660)]
        assert [sets_of(event) for event in events] == [ALL, EACH_ROUND, EACH_ROUND, ALL, EACH_ROUND]
        assert all(event.round.ok for event in events)
        assert asked(made).count("subscription") == 2
        assert sets_of(await made.round(after=3700, beside=True)) == ALL  # whoever asks beside the times wants all

    on_a_bench(tmp_path, check)


def test_the_next_round_is_that_of_the_set_due_first(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        with_interval(made, 45)
        await made.round()
        (until,) = made.calendar.rested
        assert until - asyncio.get_running_loop().time() == pytest.approx(45 - 15 / 2, abs=2)

    on_a_bench(tmp_path, check)


def test_what_is_wrong_with_a_set_stays_wrong_until_it_is_due_again(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        with_interval(made, 3600)
        made.server.switch("subscription=404")
        first = await made.round()
        made.server.switch()
        second, third = await made.round(after=60), await made.round(after=3600)
        assert [event.trouble for event in (first, second, third)] == [Trouble.BAD_ANSWER, Trouble.BAD_ANSWER, None]
        assert second.round.ok

    async def message(made: Bench) -> None:
        with_interval(made, 3600)
        made.server.switch("subscription=404")
        await made.round()
        await made.round(after=60)
        assert made.health.monitors["acme"].message.startswith("billing_subscription: HTTP 404")

    on_a_bench(tmp_path, check)
    on_a_bench(tmp_path, message)


def test_after_a_refused_key_every_set_is_due(tmp_path: Path) -> None:
    async def check(made: Bench) -> None:
        with_interval(made, 3600)
        await made.round()
        made.server.switch("401")
        assert (await made.round(after=60)).trouble is Trouble.KEY_REFUSED
        made.server.switch()
        assert sets_of(await made.round(after=120)) == ALL

    on_a_bench(tmp_path, check)


@pytest.mark.parametrize(("retries", "asked"), [(0, 1), (1, 2), (2, 3)])
def test_a_monitor_is_asked_again_as_often_as_it_says(tmp_path: Path, retries: int, asked: int) -> None:
    async def check(made: Bench) -> None:
        made.put(retries=retries, metrics={"include": ["credit_grants"]})
        event = await made.round()
        assert len(made.server.requests) == asked
        assert event.retries == asked - 1

    on_a_bench(tmp_path, check, "500")


def test_defaults_say_how_often_monitors_are_asked_again(tmp_path: Path) -> None:
    path = tmp_path / "monitors.yml"
    path.write_text(
        "defaults: {retries: 0, params: {token: {env: X}}}\nmonitors: [{name: a}, {name: b, retries: 5}]\nhistory: {enabled: false}\n"
    )
    assert [spec.retries for spec in read_setup(path).monitors] == [0, 5]
    path.write_text("monitors: [{name: a, retries: 11, params: {token: {env: X}}}]\n")
    with pytest.raises(MonitorError, match="10"):
        read_setup(path)


def test_a_gateways_refused_key_may_be_used_up_and_the_log_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def check(made: Bench) -> None:
        key = "sk-gateway-sandbox"
        made.put(define="openai_gateway", params={"token": key})
        event = await made.round()
        assert event.round.ok
        made.server.switch("usage=401")
        event = await made.round(after=60)
        assert not event.round.ok
        assert made.health.monitors["acme"].trouble is not None
        assert "used up" in caplog.text
        made.put(define="new_api", params={"token": key})
        assert (await made.round(after=120)).round.ok

    with caplog.at_level(logging.INFO, "openai_monitor"):
        on_a_bench(tmp_path, check)
