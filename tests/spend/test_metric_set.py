import pytest
from tests.spend.rounds import NOW, Record, balance, costs, every_day, figures_of, grants, limit, metric_set, round_of

from openai_monitor.spend import FIGURES, as_metric_set, read, work_out
from openai_monitor.spend.metric_set import values


def test_every_figure_has_a_value_and_every_value_is_a_figure() -> None:
    assert tuple(values(figures_of(balance(1)))) == FIGURES


def test_the_figures_are_rows_of_numbers_and_texts() -> None:
    told = figures_of(
        balance(40, 160, 120), grants((50, 49.5, 5)), limit(200, interval="month"), costs(*every_day(2, range(31)))
    )
    [record] = as_metric_set([told], NOW).records()
    assert record == {
        "currency": "USD",
        "left": 40,
        "granted": 160,
        "used": 120,
        "spent_today": 2,
        "spent_yesterday": 2,
        "spent_month": 44,
        "spent_30_days": 60,
        "mean_7_days": 2,
        "mean_30_days": 2,
        "burn": 2,
        "expiring": 0.5,
        "limit": 200,
        "limit_used": 44,
        "days_left": 20,
        "limit_used_percent": 22,
        "gone_on": "2026-12-12",
        "sure": "good",
        "expires_on": "2026-11-27",
    }


def test_no_end_is_infinite_and_no_limit_is_unused_for_comparisons() -> None:
    told = figures_of(balance(40), limit(None, 3, "true"), costs())
    [record] = as_metric_set([told], NOW).records()
    assert record["days_left"] == pytest.approx(float("inf"))
    assert record["limit_used_percent"] == 0


def test_amounts_have_the_currency_for_their_unit_unless_there_are_several() -> None:
    one = as_metric_set([figures_of(balance(40, currency="CNY"))], NOW)
    assert {field.unit for field in one.fields if field.name in ("left", "burn")} == {"CNY"}
    rows: list[Record] = [{"available": 1, "currency": "CNY"}, {"available": 2, "currency": "USD"}]
    accounts = read(round_of(metric_set("balance", rows))).accounts
    both = as_metric_set([work_out(each, NOW) for each in accounts], NOW)
    assert [field.name for field in both.fields if field.label] == ["currency"]
    assert {field.unit for field in both.fields if field.name in ("left", "burn")} == {None}
    assert [record["left"] for record in both.records()] == [2, 1]
