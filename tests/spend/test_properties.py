"""What holds for every account, however odd its rows."""

import json
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.spend.rounds import NOW, metric_set, round_of

from openai_monitor.outputs import Style
from openai_monitor.outputs.balance_json import render as render_json
from openai_monitor.outputs.balance_text import render as render_text
from openai_monitor.rows import Value
from openai_monitor.spend import Account, Cost, Figures, Grant, as_metric_set, read, work_out
from openai_monitor.spend.cells import total

TODAY = NOW.date()

amounts = st.decimals(0, 10_000, places=6)
items = st.sampled_from(["gpt-5.5, input", "gpt-5.5, output", "gpt-4o", "Image models", None])
days_ago = st.integers(0, 40)


@st.composite
def cost_lists(draw: st.DrawFn) -> list[Cost]:
    rows = draw(st.lists(st.tuples(days_ago, items, amounts), max_size=60))
    return [Cost(TODAY - timedelta(days=days), item, None, amount) for days, item, amount in rows]


@st.composite
def grant_rows(draw: st.DrawFn) -> Grant:
    amount = draw(amounts)
    used = draw(st.none() | st.decimals(0, amount, places=6))
    until = draw(st.none() | st.integers(-400, 400))
    return Grant(amount, used, None, None if until is None else NOW + timedelta(hours=until))


def account(costs: list[Cost] | None, available: Decimal | None = None, grants: tuple[Grant, ...] = ()) -> Account:
    first = min((cost.day for cost in costs or ()), default=TODAY)
    return Account(
        "USD", min(first, TODAY - timedelta(days=30)), TODAY, available, grants=grants, costs=tuple(costs or ())
    )


def gone(figures: Figures) -> Decimal | None:
    return figures.forecast.days_left if figures.forecast else None


def at_most(less: Decimal | None, more: Decimal | None) -> bool:
    """Whether one is no more than the other but for the last digits of divisions."""
    assert less is not None
    assert more is not None
    return less <= more or less - more <= more * Decimal("1e-20")


@given(cost_lists())
def test_shares_add_up_to_the_total_exactly(costs: list[Cost]) -> None:
    figures = work_out(account(costs), NOW)
    assert total(share.amount for share in figures.shares) == figures.spent_30_days


@given(cost_lists(), st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(costs: list[Cost], random: object) -> None:
    shuffled = costs[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert work_out(account(costs, Decimal(9)), NOW) == work_out(account(shuffled, Decimal(9)), NOW)


@given(cost_lists(), amounts, st.lists(grant_rows(), max_size=6), grant_rows())
def test_another_grant_never_makes_credit_end_earlier(
    costs: list[Cost], available: Decimal, grants: list[Grant], more: Grant
) -> None:
    lasting = more.expires_at is None or more.expires_at > NOW
    before = work_out(account(costs, available, tuple(grants)), NOW)
    richer = available + (more.unused if lasting else 0)
    after = work_out(account(costs, richer, (*grants, more)), NOW)
    if gone(before):  # not None, and not 0, which is gone already, however little data there is
        assert at_most(gone(before), gone(after))


@given(cost_lists(), amounts, st.integers(1, 1000))
def test_scaling_all_costs_scales_the_burn(costs: list[Cost], available: Decimal, factor: int) -> None:
    scaled = [Cost(cost.day, cost.item, cost.project, cost.amount * factor) for cost in costs]
    one, many = work_out(account(costs, available), NOW), work_out(account(scaled, available), NOW)
    assert (one.burn is None) == (many.burn is None)
    if one.burn is not None and many.burn is not None:
        assert abs(many.burn - one.burn * factor) <= Decimal("1e-20")
    if one.forecast and many.forecast and one.burn:
        assert at_most(many.forecast.days_left * factor, one.forecast.days_left)
        assert one.forecast.sure == many.forecast.sure


@given(cost_lists(), amounts)
def test_what_was_spent_is_never_less_than_a_part_of_it(costs: list[Cost], available: Decimal) -> None:
    told = work_out(account(costs, available), NOW)
    assert told.spent_today is not None
    assert told.spent_30_days is not None
    assert told.spent_month is not None
    assert told.spent_today <= told.spent_month <= told.spent_30_days
    for mean in (told.mean_7_days, told.mean_30_days):
        assert mean is None or mean.amount >= 0


@given(cost_lists(), amounts, st.lists(grant_rows(), max_size=4))
def test_credit_that_never_expires_lasts_longest(costs: list[Cost], available: Decimal, grants: list[Grant]) -> None:
    expiring = work_out(account(costs, available, tuple(grants)), NOW)
    lasting = work_out(account(costs, available, (Grant(available, None, None, None),)), NOW)
    if expiring.forecast and lasting.forecast:
        assert at_most(expiring.forecast.days_left, lasting.forecast.days_left)


@given(st.dates(date(2024, 1, 1), date(2030, 12, 31)), st.integers(1, 500), st.integers(1, 500))
def test_a_steady_account_lasts_left_by_burn_on_any_day(today: date, left: int, burn: int) -> None:
    now = datetime(today.year, today.month, today.day, 23, 59, tzinfo=UTC)
    rows = [Cost(today - timedelta(days=number), "m", None, Decimal(burn)) for number in range(31)]
    told = work_out(Account("USD", today - timedelta(days=30), today, Decimal(left), costs=tuple(rows)), now)
    assert told.forecast is not None
    assert abs(told.forecast.days_left - Decimal(left) / burn) < Decimal("1e-20")
    assert told.forecast.sure == "good"
    assert told.spent_month == burn * today.day
    assert told.forecast.gone_on == (now + timedelta(days=left / burn)).date()


# Rows as no API should send them, and some do

cells: st.SearchStrategy[Value] = (
    st.none()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["12.50", "NaN", "-1e400", "1e-400", "2026-11-20", "true", "usd", "EUR", 1.7636e9, -5, 10**400])
)


FIELDS = {
    "balance": ("available", "granted", "used", "currency"),
    "grants": ("amount", "used", "effective_at", "expires_at"),
    "daily_costs": ("day", "item", "cost", "currency", "project"),
    "limit": ("limit", "used", "unlimited", "interval"),
    "status": ("delinquent", "billing_mechanism"),
}

metric_sets = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(st.fixed_dictionaries({}, optional=dict.fromkeys(fields, cells)), max_size=4)
        for name, fields in FIELDS.items()
    },
)


@settings(deadline=None)
@given(metric_sets)
def test_no_row_whatsoever_raises(sets: Mapping[str, list[Mapping[str, Value]]]) -> None:
    collected = round_of(*(metric_set(name, rows) for name, rows in sets.items()))
    reading = read(collected)
    figures = [work_out(each, NOW) for each in reading.accounts]
    for row in as_metric_set(figures, NOW).rows:
        assert all(cell is None or isinstance(cell, str | int | float) for cell in row)
    assert "\x1b[" not in render_text(collected, reading, figures, Style())
    assert json.loads(render_json(collected, reading, figures))["app"] == "openai_spend"


@given(st.lists(st.tuples(cells, cells, cells), max_size=8), st.randoms(use_true_random=False))
def test_the_order_of_odd_rows_does_not_matter_either(rows: list[tuple[Value, ...]], random: object) -> None:
    records = [dict(zip(("day", "cost", "currency"), row, strict=True)) for row in rows]
    shuffled = records[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    first, second = (read(round_of(metric_set("daily_costs", each))) for each in (records, shuffled))
    assert [work_out(each, NOW) for each in first.accounts] == [work_out(each, NOW) for each in second.accounts]
