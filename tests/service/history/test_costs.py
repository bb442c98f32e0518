from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.service.history.rounds import (
    COST,
    DAY,
    HOUR,
    NOON,
    answered,
    costs,
    daily,
    event,
    failed,
    monitor,
    rows_of,
    write,
)

from openai_monitor.schedule.events import RoundEvent
from openai_monitor.service.history.queries import History

if TYPE_CHECKING:
    from openai_monitor.rows import Row

TODAY = datetime(2026, 3, 2, tzinfo=UTC)
SECONDS = int(TODAY.timestamp())


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.sqlite"


def told(path: Path, *events: RoundEvent) -> dict[tuple[str, str], float]:
    """Write rounds and read the cost of each day and item."""
    write(path, *events)
    with History(path) as history:
        return {(f"{each.day:%m-%d}", each.item): each.cost for each in history.daily_costs(None, TODAY - 99 * DAY)}


def test_model_cost_is_what_today_cost_so_far(path: Path) -> None:
    found = told(
        path,
        event(costs([("gpt-4o", 1.5), ("o3", 2)])),
        event(costs([("gpt-4o", 1.75), ("o3", 2)], NOON + HOUR), at=NOON + HOUR),
        event(costs([("gpt-4o", 0.25)], NOON + DAY), at=NOON + DAY),
    )
    assert found == {("03-02", "gpt-4o"): 1.75, ("03-02", "o3"): 2, ("03-03", "gpt-4o"): 0.25}


def test_today_is_the_utc_day_on_which_the_set_was_asked(path: Path) -> None:
    before = datetime(2026, 3, 2, 23, 59, 59, tzinfo=UTC)
    assert told(path, event(costs([("o3", 7)], before), at=before)) == {("03-02", "o3"): 7}


def test_a_day_that_was_restated_has_its_last_figure(path: Path) -> None:
    found = told(
        path,
        event(daily([(SECONDS - 86400, "o3", 5.0, "usd"), (SECONDS, "o3", 1.0, "usd")])),
        event(daily([(SECONDS - 86400, "o3", 4.5, "usd"), (SECONDS, "o3", 1.25, "usd")])),
    )
    assert found == {("03-01", "o3"): 4.5, ("03-02", "o3"): 1.25}


def test_an_item_that_is_not_told_any_more_is_withdrawn_and_may_come_back(path: Path) -> None:
    both: list[Row] = [(SECONDS, "o3", 5.0, None), (SECONDS, "o3-renamed", 5.0, None)]
    assert told(path, event(daily(both[:1])), event(daily(both[1:]))) == {("03-02", "o3-renamed"): 5}
    assert rows_of(path, "SELECT item, cost FROM daily_cost ORDER BY item") == [("o3", 5.0), ("o3-renamed", 5.0)]
    assert rows_of(path, "SELECT cost FROM day_total") == [(5.0,)]
    assert told(path, event(daily(both))) == {("03-02", "o3"): 5, ("03-02", "o3-renamed"): 5}


def test_days_that_an_answer_does_not_tell_stay(path: Path) -> None:
    yesterday, today = [(SECONDS - 86400, "o3", 5.0, None)], [(SECONDS, "o3", 1.0, None)]
    found = told(path, event(daily(yesterday)), event(daily(today)), event(daily([])), event(failed("daily_costs")))
    assert found == {("03-01", "o3"): 5, ("03-02", "o3"): 1}


def test_an_answer_that_says_it_is_not_all_withdraws_nothing(path: Path) -> None:
    first, second = [(SECONDS, "a", 1.0, None), (SECONDS, "b", 1.0, None)], [(SECONDS, "a", 2.0, None)]
    found = told(path, event(daily(first)), event(daily(second, message="the bound of 100 pages was reached")))
    assert found == {("03-02", "a"): 2, ("03-02", "b"): 1}


def test_rows_of_one_day_and_item_are_added_up_without_binary_noise(path: Path) -> None:
    rows: list[Row] = [(SECONDS, "o3", 0.1, None), (SECONDS, "o3", 0.2, None), (SECONDS, "o3", 0.3, None)]
    assert told(path, event(daily(rows))) == {("03-02", "o3"): 0.6}


def test_currencies_are_not_mixed(path: Path) -> None:
    write(path, event(daily([(SECONDS, "o3", 1, "usd"), (SECONDS, "o3", 2, "EUR"), (SECONDS, "o3", 4, None)])))
    found = rows_of(path, "SELECT currency, cost FROM daily_cost ORDER BY currency")
    assert found == [("EUR", 2.0), ("USD", 5.0)]


def test_the_part_of_a_day_that_the_asked_time_cut_off_is_not_taken_for_the_day(path: Path) -> None:
    """The oldest bucket of an answer begins when the question does: in the middle of a day, later at each round."""
    whole = told(path, event(daily([(SECONDS - 86400, "o3", 5.0, None), (SECONDS, "o3", 1.0, None)])))
    cut: list[Row] = [(SECONDS - 40000, "o3", 0.5, None), (SECONDS, "o3", 1.0, None)]
    assert told(path, event(daily(cut))) == whole
    assert told(path, event(daily(cut[:1]))) == whole


def test_an_api_whose_days_begin_elsewhere_is_understood(path: Path) -> None:
    eight = SECONDS + 8 * 3600
    found = told(path, event(daily([(eight - 86400, "o3", 5.0, None), (eight, "o3", 1.0, None)])))
    assert found == {("03-01", "o3"): 5, ("03-02", "o3"): 1}


@pytest.mark.parametrize("day", ["2026-03-02", "2026-03-02T00:00:00Z", SECONDS, str(SECONDS)])
def test_a_day_is_a_date_or_the_seconds_of_its_start(day: str | int, path: Path) -> None:
    assert told(path, event(daily([(day, "o3", "12.50", None)]))) == {("03-02", "o3"): 12.5}


def test_what_can_not_be_read_is_left_out(path: Path) -> None:
    nonsense: list[Row] = [
        (None, "a", 1, None),
        ("soon", "b", 1, None),
        (SECONDS, "c", None, None),
        (SECONDS, "d", float("nan"), None),
        (1e300, "e", 1, None),
        (SECONDS, None, 3, None),
    ]
    assert told(path, event(daily(nonsense))) == {("03-02", ""): 3}


def test_daily_costs_go_before_model_cost_of_the_same_definition(path: Path) -> None:
    both = event(costs([("gpt-4o", 9)]), daily([(SECONDS, "GPT-4o", 1.0, None)]))
    assert told(path, both) == {("03-02", "GPT-4o"): 1}


def test_model_cost_counts_while_its_neighbour_fails(path: Path) -> None:
    assert told(path, event(failed("credit"), costs([("gpt-4o", 9)]))) == {("03-02", "gpt-4o"): 9}


def test_costs_are_of_one_monitor(path: Path) -> None:
    write(path, event(costs([("o3", 1)]), who=monitor("one")), event(costs([("o3", 2)]), who=monitor("two")))
    with History(path) as history:
        assert [(each.monitor, each.cost) for each in history.daily_costs(None, TODAY)] == [("one", 1), ("two", 2)]
        assert [each.cost for each in history.daily_costs(2, TODAY)] == [2]
        assert list(history.daily_costs(2, TODAY + DAY)) == []


def test_a_figure_is_written_when_it_changes_only(path: Path) -> None:
    later = NOON + HOUR
    write(path, event(costs([("a", 1), ("b", 1)])), event(costs([("a", 1), ("b", 2)], later), at=later))
    found = rows_of(path, "SELECT item, updated FROM daily_cost ORDER BY item")
    assert int(str(found[1][1])) - int(str(found[0][1])) == 3_600_000


def test_other_sets_tell_no_costs(path: Path) -> None:
    assert told(path, event(answered("project_costs", COST, [("o3", 1)]))) == {}


def test_a_restart_changes_nothing(path: Path) -> None:
    first = told(path, event(costs([("a", 1), ("b", 1)])))
    assert told(path, event(costs([("a", 1), ("b", 1)]))) == first
    assert rows_of(path, "SELECT count(*) FROM daily_cost WHERE withdrawn IS NOT NULL") == [(0,)]
    assert date(2026, 3, 2) == NOON.date()


def test_costs_without_a_currency_are_in_the_unit_of_their_field(path: Path) -> None:
    told = costs([("gpt-4o", 1.5)])
    fields = tuple(replace(field, unit="€") if field.name == "cost" else field for field in told.fields)
    write(path, event(replace(told, fields=fields)))
    with History(path) as history:
        assert [each.currency for each in history.daily_costs(None, TODAY - DAY)] == ["EUR"]
