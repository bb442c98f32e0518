"""Rows that are known not to be all: no figure, total or verdict is made of them."""

import json
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from tests.service.history.rounds import daily, event, rows_of, write
from tests.sinks.events import MOMENT, number, text
from tests.sinks.events import result as answer_of
from tests.spend.rounds import NOW, balance, costs, every_day, grants, limit, metric_set, round_of

from openai_monitor.cli.conditions import compile_conditions
from openai_monitor.cli.figure_conditions import compile_figure_conditions, judge
from openai_monitor.outputs import render
from openai_monitor.rows import MetricSetResult, Round
from openai_monitor.schedule.events import MonitorIdentity, fail_without_values
from openai_monitor.sinks.figures import figures_of
from openai_monitor.sinks.readings import readings, shape_of
from openai_monitor.spend import read, work_out

CUT = "stopped after 1 pages, there are more"
MONITOR = MonitorIdentity("acme", "acme", "host")


def cut(result: MetricSetResult) -> MetricSetResult:
    return replace(result, complete=False, message=CUT)


COSTS = costs(*every_day(1, range(31)))


def test_costs_of_a_part_of_the_days_give_no_figure_of_spending() -> None:
    reading = read(round_of(balance(10, 20, 10), cut(COSTS)))
    [account] = reading.accounts
    assert account.available == Decimal(10)
    assert account.costs is None
    figures = work_out(account, NOW)
    assert figures.spent_today is None
    assert figures.spent_month is None
    assert figures.burn is None
    assert figures.forecast is None
    assert [(each.part, each.reason) for each in reading.missing] == [("daily costs", CUT)]


@pytest.mark.parametrize("part", [balance(10, 20, 10), grants((5, 0, 9)), limit(100, 5)])
def test_every_part_of_an_account_is_unknown_where_rows_are_missing(part: MetricSetResult) -> None:
    reading = read(round_of(cut(part)))
    assert reading.accounts == ()
    assert [each.reason for each in reading.missing] == [CUT]


def test_a_condition_on_a_figure_that_rests_on_missing_rows_is_not_judged() -> None:
    figures = [work_out(account, NOW) for account in read(round_of(balance(10), cut(COSTS))).accounts]
    [verdict] = judge(compile_figure_conditions(["spent_today > 20"]), figures, NOW)
    assert verdict.holds is None
    assert "could not be judged: spent_today has no value" in verdict.sentence


@pytest.mark.parametrize(
    ("text_of_condition", "holds"), [("daily_costs.cost > 5", None), ("daily_costs.cost > 0", True)]
)
def test_a_condition_that_no_known_row_fulfils_is_not_judged_where_rows_are_missing(
    text_of_condition: str, holds: bool | None
) -> None:
    [condition] = compile_conditions([text_of_condition], {"daily_costs": ["day", "item", "cost", "currency"]})
    assert condition.judge(round_of(COSTS)).holds is (holds or False)
    verdict = condition.judge(round_of(cut(COSTS)))
    assert verdict.holds is holds
    if holds is None:
        assert f"could not be judged: daily_costs is not complete ({CUT})" in verdict.sentence


def test_the_series_of_figures_are_withheld_where_rows_are_missing() -> None:
    whole = {figure.name for figure in figures_of(MONITOR, [balance(10, 20, 10), COSTS])}
    partly = {figure.name for figure in figures_of(MONITOR, [balance(10, 20, 10), cut(COSTS)])}
    assert whole - partly >= {"spent_today_usd", "spent_month_usd", "forecast"}
    assert partly == {"credit_left_usd"}


def test_rows_of_equal_labels_are_not_added_up_where_others_are_missing() -> None:
    shape = shape_of((text("model", label=True), number("cost", "USD")))
    rows = [("a", 1.0), ("a", 2.0), ("a", 4.0), ("b", 8.0)]
    assert readings(shape, rows).rows == {("a",): ("a", 7.0), ("b",): ("b", 8.0)}
    assert readings(shape, rows, complete=False).rows == {("a",): ("a", None), ("b",): ("b", 8.0)}


def test_no_days_total_is_kept_of_a_part_of_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "history.sqlite"
    today = int(datetime(2026, 3, 2, tzinfo=UTC).timestamp())
    partly = replace(daily([(today, "o3", 1.0, None)], message=CUT), complete=False)
    write(path, event(partly))
    assert rows_of(path, "SELECT * FROM daily_cost") == []
    write(path, event(daily([(today, "o3", 3.0, None)])), event(partly))
    assert rows_of(path, "SELECT cost FROM day_total") == [(3.0,)]


def test_json_tells_that_rows_are_missing() -> None:
    told = json.loads(render("json", round_of(cut(COSTS), balance(1))))
    assert [(each["name"], each.get("complete"), each["message"]) for each in told["metrics"]] == [
        ("daily_costs", False, CUT),
        ("balance", None, ""),
    ]


def test_the_table_tells_that_rows_are_missing() -> None:
    assert f"note: {CUT}" in render("table", round_of(cut(COSTS)))


# Sets without any value

FIELDS = (text("name"), number("cost", "USD"))


def test_a_set_whose_values_are_all_gone_fails_in_a_service() -> None:
    seen: set[str] = set()
    good = Round("acme", None, MOMENT, (answer_of("costs", FIELDS, ("a", 1.0)),))
    gone = Round("acme", None, MOMENT, (answer_of("costs", FIELDS, (None, None), (None, None)),))
    empty = Round("acme", None, MOMENT, (answer_of("costs", FIELDS),))
    assert fail_without_values(seen, gone).ok  # perhaps there never is a value
    assert fail_without_values(seen, good).ok
    assert fail_without_values(seen, empty).ok
    [result] = fail_without_values(seen, gone).results
    assert not result.ok
    assert result.rows == ()
    assert "rows came (2) and no field of them has a value, where there were values before" in result.message
    assert not fail_without_values(seen, gone).ok
    assert fail_without_values(seen, good).ok


def test_a_set_that_finds_none_of_its_keys_fails_in_a_service_from_the_first_round_on() -> None:
    strange = replace(answer_of("costs", FIELDS, (None, None)), found=False)
    [result] = fail_without_values(set(), Round("acme", None, MOMENT, (strange,))).results
    assert not result.ok
    assert "nor is a key there that they read" in result.message


def test_a_time_that_is_measured_is_no_value_of_a_set() -> None:
    fields = (*FIELDS, number("responseTime", "ms"))
    seen: set[str] = set()
    fail_without_values(seen, Round("acme", None, MOMENT, (answer_of("costs", fields, ("a", 1.0, 5)),)))
    gone = Round("acme", None, MOMENT, (answer_of("costs", fields, (None, None, 5)),))
    assert not fail_without_values(seen, gone).ok


def test_a_balance_of_zeros_that_the_limit_contradicts_is_no_series() -> None:
    told = [balance(0, 0, 0), metric_set("limit", [{"limit": 30, "used": 3.5}])]
    assert "credit_left_usd" in {figure.name for figure in figures_of(MONITOR, told[:1])}
    assert "credit_left_usd" not in {figure.name for figure in figures_of(MONITOR, told)}
