"""The page in Prometheus's text: what is on it, what never is, and that it can always be read."""

import shutil
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from tests.sinks.events import (
    BILLING,
    COST,
    COST_FIELDS,
    CREDIT,
    MOMENT,
    PRIVATE,
    SECRET,
    down,
    event,
    number,
    refused,
    result,
    text,
)

from openai_monitor.rows import Field, FieldType, MetricSetResult, Skipped
from openai_monitor.schedule.events import RoundEvent, Trouble
from openai_monitor.sinks import SinkHealth, Surroundings, series
from openai_monitor.sinks.present import Page
from openai_monitor.sinks.settings import PrometheusSettings

Series = dict[tuple[str, frozenset[tuple[str, str]]], float]


class FixedStats:
    def __init__(self, **figures: float) -> None:
        self._figures = figures

    def snapshot(self) -> Mapping[str, float]:
        return self._figures


def page_of(
    *events: RoundEvent,
    after: float = 1.0,
    stats: Mapping[str, float] | None = None,
    healths: tuple[SinkHealth, ...] = (),
    **given: object,
) -> bytes:
    def now() -> datetime:
        return MOMENT + timedelta(seconds=after)

    page = Page(
        PrometheusSettings.model_validate(given), Surroundings(FixedStats(**(stats or {})), lambda: healths, now)
    )
    for each in events:
        page.latest.offer(each)
    return page.build(page.take())


def parse(page: bytes) -> Series:
    """Read a page as prometheus_client does; a series may be there once."""
    found: Series = {}
    families = list(text_string_to_metric_families(page.decode("utf-8")))
    assert len({family.name for family in families}) == len(families)
    for family in families:
        assert family.documentation
        for sample in family.samples:
            key = (sample.name, frozenset(sample.labels.items()))
            assert key not in found
            found[key] = sample.value
    return found


def series_of(page: bytes, name: str) -> dict[frozenset[tuple[str, str]], float]:
    return {labels: value for (each, labels), value in parse(page).items() if each == name}


def value(page: bytes, name: str, **labels: str) -> float | None:
    wanted = {"monitor": "acme", "team": "ml", **labels}
    return parse(page).get((name, frozenset(wanted.items())))


def names(page: bytes) -> set[str]:
    return {name for name, _ in parse(page)}


# Values


def test_a_number_is_a_series_and_labels_are_its_labels() -> None:
    page = page_of(event(CREDIT, COST))
    assert value(page, "openai_credit_grants_total_available_usd") == 12.75
    assert value(page, "openai_model_cost_usd", model_name="gpt-4o") == 1.06619
    assert value(page, "openai_model_cost_usd", model_name="o1, input") == 0.02


def test_flags_are_1_or_0_and_other_texts_are_shown_only_where_they_are_asked_for() -> None:
    page = page_of(event(BILLING))
    assert value(page, "openai_billing_subscription_canceled") == 0
    told = {"plan": "Pay as you go", "trust_tier": "tier_3", "billing_mechanism": "advance"}
    assert value(page, "openai_billing_subscription_info", **told) == 1
    assert b"Acme" not in page


def test_the_texts_that_are_asked_for_can_be_chosen() -> None:
    page = page_of(event(BILLING), info_labels=("account_name",))
    assert value(page, "openai_billing_subscription_info", account_name="Acme") == 1
    assert b"tier_3" not in page


def test_nothing_private_and_no_secret_is_ever_on_the_page() -> None:
    fields = tuple(replace(field, label=True) for field in BILLING.fields)
    as_labels = result("labelled", fields, *BILLING.rows)
    page = page_of(event(BILLING, as_labels), info_labels=("plan",))
    for cell in (*PRIVATE, SECRET, "***"):
        assert cell.encode() not in page


@pytest.mark.parametrize("name", ["billing_email", "billingAddress", "tax_ids", "po_number"])
def test_a_private_field_can_not_even_be_asked_for(name: str) -> None:
    with pytest.raises(ValueError, match="never shown"):
        PrometheusSettings(info_labels=(name,))


def test_rows_with_equal_labels_are_added_up_and_counted() -> None:
    cost = result("model_cost", COST_FIELDS, ("o1", 0.1), ("o1", 0.2))
    page = page_of(event(cost))
    assert value(page, "openai_model_cost_usd", model_name="o1") == 0.3
    assert value(page, "openai_monitor_merged_rows", metrics="model_cost") == 1


def test_a_label_without_a_value_is_no_label() -> None:
    page = page_of(event(result("model_cost", COST_FIELDS, (None, 1)), tags=(("team", ""),)))
    assert b'openai_model_cost_usd{monitor="acme"} 1.0\n' in page


def test_two_fields_that_come_to_one_series_leave_the_first_and_are_counted() -> None:
    page = page_of(event(result("a", (number("x-y"), number("x y")), (1, 2))))
    assert value(page, "openai_a_x_y") == 1
    assert value(page, "openai_monitor_left_out_values") == 1


def test_what_is_no_number_is_left_out() -> None:
    fields = (number("a"), number("b"), number("c"), number("d"))
    page = page_of(event(result("odd", fields, (float("nan"), float("inf"), 10**400, None))))
    assert {name for name in names(page) if name.startswith("openai_odd") and len(name) == 12} == {"openai_odd_b"}


def test_tags_do_not_hide_the_monitor_nor_labels_the_tags() -> None:
    cost = result(
        "model_cost", (text("monitor", label=True), text("team", label=True), number("cost", "USD")), ("m", "t", 1)
    )
    page = page_of(event(cost, tags=(("monitor", "x"), ("team", "ml"))))
    (labels,) = series_of(page, "openai_model_cost_usd")
    assert dict(labels) == {
        "monitor": "acme",
        "tag_monitor": "x",
        "team": "ml",
        "field_monitor": "m",
        "field_team": "t",
    }


# How sets and monitors are


def test_each_set_tells_whether_it_is_up_how_long_it_took_and_when_it_last_was() -> None:
    page = page_of(event(CREDIT), event(down("credit_grants"), after=300))
    assert value(page, "openai_credit_grants_up") == 0
    assert value(page, "openai_credit_grants_duration_seconds") == 0.0314
    assert value(page, "openai_credit_grants_last_success_timestamp_seconds") == pytest.approx(MOMENT.timestamp())
    assert value(page, "openai_credit_grants_trouble", trouble="api_down") == 1


def test_a_refused_key_is_told_apart_and_takes_the_values() -> None:
    page = page_of(event(CREDIT), event(refused("credit_grants"), after=300))
    assert value(page, "openai_credit_grants_trouble", trouble="key_refused") == 1
    assert value(page, "openai_monitor_trouble", trouble="key_refused", app="openai") == 1
    assert value(page, "openai_credit_grants_total_available_usd") is None


def test_a_set_whose_rows_are_not_all_says_so() -> None:
    page = page_of(event(CREDIT, replace(COST, complete=False, message="rows are missing")))
    assert value(page, "openai_model_cost_incomplete") == 1
    assert value(page, "openai_model_cost_up") == 1
    assert "openai_credit_grants_incomplete" not in names(page)


def test_a_good_set_has_no_trouble() -> None:
    assert "openai_credit_grants_trouble" not in names(page_of(event(CREDIT)))


def test_values_go_when_a_set_fails_for_too_long_and_its_state_stays() -> None:
    rounds = (event(CREDIT), event(down("credit_grants"), after=300))
    assert value(page_of(*rounds, after=1200), "openai_credit_grants_total_available_usd") == 12.75
    gone = page_of(*rounds, after=1201)
    assert value(gone, "openai_credit_grants_total_available_usd") is None
    assert value(gone, "openai_credit_grants_up") == 0
    assert value(page_of(*rounds, after=302, staleness=1), "openai_credit_grants_total_available_usd") is None


def test_a_monitor_of_which_nothing_is_known_yet_is_down() -> None:
    page = page_of(event(trouble=Trouble.CONFIGURATION, skipped=(Skipped("credit_grants", "no secret"),)))
    assert value(page, "openai_monitor_up", app="openai") == 0
    assert value(page, "openai_monitor_trouble", trouble="configuration", app="openai") == 1
    assert value(page, "openai_credit_grants_up") == 0


# The service


def test_the_services_own_figures_and_outputs() -> None:
    health = SinkHealth("webhook", ok=False, detail="down", dropped=3, buffered=5)
    page = page_of(stats={"rounds_total": 12, "requests_in_flight": 2}, healths=(health,))
    found = parse(page)
    of_output = frozenset({("output", "webhook")})
    assert found["openai_monitor_rounds_total", frozenset()] == 12
    assert found["openai_monitor_requests_in_flight", frozenset()] == 2
    assert found["openai_monitor_output_up", of_output] == 0
    assert found["openai_monitor_output_dropped_rows_total", of_output] == 3
    assert found["openai_monitor_output_buffered_rows", of_output] == 5


# Money

HOME = MOMENT.replace(hour=12, minute=0, second=0, microsecond=0)
BALANCE = result("balance", (number("available", "USD"),), (100,))
DAILY = result(
    "daily_costs",
    (number("day"), text("item", label=True), number("cost", "USD")),
    *((int((HOME - timedelta(days=day)).timestamp()), "gpt-4o", 4) for day in range(31)),
)


def test_an_account_with_costs_has_a_forecast() -> None:
    page = page_of(event(BALANCE, DAILY, app="openai_spend"))
    assert value(page, "openai_spend_credit_left_usd") == 100
    assert value(page, "openai_spend_spent_today_usd") == 4
    assert value(page, "openai_spend_spent_month_usd") == 22 * 4
    assert value(page, "openai_spend_forecast", figure="days_left", currency="USD") == 25
    gone = MOMENT.timestamp() + 25 * 86400
    assert value(page, "openai_spend_credit_gone_timestamp_seconds", currency="USD") == pytest.approx(gone)


def test_the_forecast_goes_with_the_costs() -> None:
    rounds = (event(BALANCE, DAILY), event(BALANCE, refused("daily_costs"), after=300))
    page = page_of(*rounds)
    assert value(page, "openai_credit_left_usd") == 100
    assert not {"openai_forecast", "openai_spent_today_usd"} & names(page)


def test_there_is_no_forecast_where_rows_tell_of_no_account() -> None:
    assert not {name for name in names(page_of(event(CREDIT, COST))) if "forecast" in name or "spent" in name}


# The page as a whole


def test_lines_of_monitors_that_had_no_round_are_as_they_were() -> None:
    page = Page(PrometheusSettings(), Surroundings(now=lambda: MOMENT))
    page.latest.offer(event(CREDIT, name="a"))
    page.latest.offer(event(CREDIT, name="b"))
    first = page.build(page.take())
    assert page.build(page.take()) == first
    page.latest.offer(event(result("credit_grants", CREDIT.fields, (1, 2)), name="b"))
    second = page.build(page.take())
    assert second == page_of(event(CREDIT, name="a"), event(result("credit_grants", CREDIT.fields, (1, 2)), name="b"))
    page.latest.forget("a")
    assert b'"a"' not in page.build(page.take())


def test_values_that_are_as_they_were_are_kept_and_others_written_anew() -> None:
    changed = result("model_cost", COST_FIELDS, ("gpt-4o", 2.5))
    rounds = [
        event(CREDIT, COST),
        event(CREDIT, changed, after=1),
        event(CREDIT, changed, after=2, tags=(("team", "other"),)),
        event(refused("credit_grants"), changed, after=3),
        event(CREDIT, after=4),
    ]
    page = Page(PrometheusSettings(), Surroundings(now=lambda: MOMENT + timedelta(seconds=5)))
    for rounds_so_far, each in enumerate(rounds, start=1):
        page.latest.offer(each)
        assert parse(page.build(page.take())) == parse(page_of(*rounds[:rounds_so_far], after=5))


def test_two_sets_whose_series_would_be_the_same_are_no_broken_page() -> None:
    same = result("credit", (number("grants_total_available", "USD"),), (3,))
    page = page_of(event(CREDIT, same), event(CREDIT, same, after=1))
    assert value(page, "openai_credit_grants_total_available_usd") == 12.75
    assert value(page, "openai_monitor_left_out_values") == 1


def test_one_monitors_rows_that_bring_up_a_mistake_leave_the_page_to_the_others(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    add: Callable[..., None] = series.add_results

    def fails(families: object, monitor: object, *rest: object) -> None:
        if getattr(monitor, "name", "") == "bad":
            raise RuntimeError("never seen")
        add(families, monitor, *rest)

    monkeypatch.setattr("openai_monitor.sinks.present.add_results", fails)
    page = page_of(event(CREDIT, name="bad"), event(CREDIT))
    assert value(page, "openai_credit_grants_total_available_usd") == 12.75
    assert value(page, "openai_monitor_up", monitor="bad", app="openai") == 1
    assert "monitor bad" in caplog.text


def test_a_probe_tells_of_one_round_and_how_it_went() -> None:
    page = Page(PrometheusSettings(), Surroundings())
    good = page.probe(event(CREDIT))
    assert parse(good)["probe_success", frozenset()] == 1
    assert parse(good)["probe_duration_seconds", frozenset()] == 0.5
    assert value(good, "openai_credit_grants_total_available_usd") == 12.75
    bad = page.probe(event(refused("credit_grants")))
    assert parse(bad)["probe_success", frozenset()] == 0
    assert value(bad, "openai_credit_grants_trouble", trouble="key_refused") == 1


# Whatever comes


cells = st.none() | st.integers() | st.floats() | st.text(max_size=20) | st.sampled_from(["true", "false", "USD"])
fields = st.builds(
    Field,
    st.text(max_size=12) | st.sampled_from(["up", "info", "cost", "monitor", "le", "day", "available", "trouble"]),
    st.sampled_from(FieldType),
    st.none() | st.text(max_size=6) | st.sampled_from(["USD", "ms", "%", "KB"]),
    st.booleans(),
)
set_names = st.text(max_size=12) | st.sampled_from(["balance", "daily_costs", "monitor", "limit", "grants"])


@st.composite
def results(draw: st.DrawFn) -> MetricSetResult:
    columns = tuple(draw(st.lists(fields, max_size=5)))
    rows = draw(st.lists(st.tuples(*(cells for _ in columns)), max_size=5))
    return result(draw(set_names), columns, *rows)


tags = st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), max_size=3, unique_by=lambda pair: pair[0])
events = st.builds(
    lambda found, name, app, marks: event(*found, name=name, app=app, tags=tuple(marks)),
    st.lists(results(), max_size=3),
    st.text(max_size=10),
    st.text(max_size=10),
    tags,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=100)
@given(st.lists(events, max_size=3, unique_by=lambda each: each.monitor.name))
def test_whatever_rows_hold_the_page_can_be_read(told: list[RoundEvent]) -> None:
    parse(page_of(*told))


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=50)
@given(events)
def test_whatever_rows_hold_a_probe_can_be_read(told: RoundEvent) -> None:
    parse(Page(PrometheusSettings(), Surroundings()).probe(told))


# What Prometheus's own tool says


def complaints(page: bytes) -> list[str]:
    tool = shutil.which("promtool")
    if tool is None:
        pytest.skip("promtool is not here: Debian's package prometheus has it")
    done = subprocess.run([tool, "check", "metrics"], input=page, capture_output=True, check=False, timeout=60)
    said: Iterable[bytes] = (done.stdout + done.stderr).splitlines()
    return [line.decode() for line in said] + ([] if done.returncode == 0 else [f"exit code {done.returncode}"])


def test_promtool_finds_nothing_to_say() -> None:
    account = event(BALANCE, DAILY, app="openai_spend", name="spend")
    failing = event(refused("credit_grants"), down("model_cost"), name="down")
    counters = event(result("seen", (number("requests_total"), number("wait", "ms")), (1, 2)), name="counters")
    health = (SinkHealth("webhook", ok=True),)
    page = page_of(event(CREDIT, COST, BILLING), account, failing, counters, healths=health, stats={"rounds_total": 1})
    assert complaints(page) == []


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=15)
@given(st.lists(events, max_size=3, unique_by=lambda each: each.monitor.name))
def test_promtool_can_read_whatever_rows_hold(told: list[RoundEvent]) -> None:
    # Authors' names may be such that it has advice; what it may not have is a page it can't read.
    assert not [line for line in complaints(page_of(*told)) if "error while linting" in line or "exit code 1" in line]
