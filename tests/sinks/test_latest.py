"""What holds at present, and when it stops doing so."""

from datetime import timedelta

import pytest
from tests.sinks.events import COST, CREDIT, MOMENT, down, event, refused

from openai_monitor.rows import Skipped
from openai_monitor.schedule.events import RoundEvent, Trouble
from openai_monitor.sinks.latest import Latest, MonitorNow

STALENESS = timedelta(seconds=900)


def after(*events: RoundEvent) -> MonitorNow:
    latest = Latest()
    for each in events:
        latest.offer(each)
    (monitor,) = latest.monitors()
    return monitor


def shown(monitor: MonitorNow, seconds: float) -> list[str]:
    return [each.name for each in monitor.values(MOMENT + timedelta(seconds=seconds), STALENESS)]


def test_a_good_answer_holds_until_the_next_round() -> None:
    assert shown(after(event(CREDIT, COST)), 10_000_000) == ["credit_grants", "model_cost"]


def test_a_failing_set_keeps_its_values_for_a_while() -> None:
    monitor = after(event(CREDIT, COST), event(down("credit_grants"), COST, after=300))
    credit = monitor.sets[0]
    assert (credit.up, credit.trouble, credit.last_success) == (False, Trouble.API_DOWN, MOMENT)
    assert shown(monitor, 300.5 + 900) == ["credit_grants", "model_cost"]
    assert shown(monitor, 300.5 + 901) == ["model_cost"]


def test_the_while_begins_with_the_first_failure() -> None:
    rounds = [event(down("credit_grants"), after=300 * number) for number in range(1, 5)]
    monitor = after(event(CREDIT), *rounds)
    assert shown(monitor, 1200.6) == []
    assert monitor.sets[0].failing_since == MOMENT + timedelta(seconds=300.5)


def test_a_set_that_was_not_due_is_as_it_was() -> None:
    monitor = after(event(CREDIT, COST), event(CREDIT, after=300), event(CREDIT, after=600))
    assert shown(monitor, 600.5) == ["credit_grants", "model_cost"]
    cost = monitor.sets[1]
    assert (cost.up, cost.last_success, cost.trouble) == (True, MOMENT, None)


def test_a_set_that_failed_and_is_not_due_still_fails() -> None:
    monitor = after(event(CREDIT, COST), event(CREDIT, down("model_cost"), after=300), event(CREDIT, after=600))
    cost = monitor.sets[1]
    assert (cost.up, cost.trouble) == (False, Trouble.API_DOWN)
    assert shown(monitor, 300.5 + 901) == ["credit_grants"]


def test_a_set_that_was_not_due_when_the_key_was_refused_goes_too() -> None:
    monitor = after(event(CREDIT, COST), event(refused("credit_grants"), after=300))
    assert shown(monitor, 300.5) == []


def test_a_success_ends_it() -> None:
    monitor = after(event(CREDIT), event(down("credit_grants"), after=300), event(CREDIT, after=600))
    assert monitor.sets[0].up
    assert shown(monitor, 100_000) == ["credit_grants"]


def test_a_refused_key_takes_the_values_at_once() -> None:
    monitor = after(event(CREDIT, COST), event(refused("credit_grants"), COST, after=300))
    assert shown(monitor, 300.5) == ["model_cost"]
    assert monitor.sets[0].trouble is Trouble.KEY_REFUSED


def test_a_set_not_asked_since_the_key_was_refused_for_another_goes_too() -> None:
    skipped = (Skipped("model_cost", "credit_grants failed"),)
    monitor = after(event(CREDIT, COST), event(refused("credit_grants"), after=300, skipped=skipped))
    assert shown(monitor, 300.5) == []


def test_a_set_not_asked_since_the_api_was_down_keeps_its_values_for_a_while() -> None:
    skipped = (Skipped("model_cost", "credit_grants failed"),)
    monitor = after(event(CREDIT, COST), event(down("credit_grants"), after=300, skipped=skipped))
    assert shown(monitor, 301) == ["credit_grants", "model_cost"]
    assert [each.up for each in monitor.sets] == [False, False]


def test_the_refused_key_of_a_set_that_was_not_due_takes_no_other_sets_values() -> None:
    before = event(refused("billing_subscription"), CREDIT, COST)
    skipped = (Skipped("model_cost", "credit_grants failed"),)
    one_down = event(down("credit_grants"), after=300, skipped=skipped, trouble=Trouble.KEY_REFUSED)
    late = event(CREDIT, after=300, skipped=skipped, trouble=Trouble.KEY_REFUSED)
    for now, trouble in ((one_down, Trouble.API_DOWN), (late, Trouble.TIMEOUT)):
        monitor = after(before, now)
        assert [each.trouble for each in monitor.sets if each.name == "model_cost"] == [trouble]
        assert shown(monitor, 301) == ["credit_grants", "model_cost"]


def test_a_round_that_tells_of_no_set_lets_all_of_them_fail() -> None:
    monitor = after(event(CREDIT, COST), event(after=300, trouble=Trouble.CONFIGURATION))
    assert [(each.name, each.trouble) for each in monitor.sets] == [
        ("credit_grants", Trouble.CONFIGURATION),
        ("model_cost", Trouble.CONFIGURATION),
    ]
    assert shown(monitor, 301) == ["credit_grants", "model_cost"]


def test_of_two_sets_of_one_name_what_was_collected_stands() -> None:
    skipped = (Skipped("credit_grants", "the time was over before its turn"),)
    monitor = after(event(CREDIT, skipped=skipped))
    assert [(each.name, each.up, each.trouble) for each in monitor.sets] == [("credit_grants", True, None)]


def test_values_go_when_the_next_round_is_long_overdue() -> None:
    monitor = after(event(CREDIT, period=300))
    assert shown(monitor, 1200) == ["credit_grants"]
    assert shown(monitor, 1201) == []


@pytest.mark.parametrize("app", ["openai", "other"])
def test_a_monitor_of_another_application_begins_anew(app: str) -> None:
    monitor = after(event(CREDIT), event(down("credit_grants"), app=app, after=300))
    assert (monitor.sets[0].good is None) is (app == "other")


def test_a_forgotten_monitor_is_gone() -> None:
    latest = Latest()
    latest.offer(event(CREDIT, name="b"))
    latest.offer(event(CREDIT, name="a"))
    latest.forget("b")
    latest.forget("never there")
    assert [each.monitor.name for each in latest.monitors()] == ["a"]
