"""Names by Prometheus's rules, for whatever a definition calls its things."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.rows import Field, FieldType
from openai_monitor.sinks.naming import TAKEN, label_names, name_of, words


def name(metric_set: str, field: str, unit: str | None = None, app: str = "openai") -> str:
    return name_of(app, metric_set, Field(field, FieldType.NUMBER, unit)).text


@pytest.mark.parametrize(
    ("metric_set", "field", "unit", "expected"),
    [
        ("credit_grants", "total_available", "USD", "openai_credit_grants_total_available_usd"),
        ("model_cost", "cost", "USD", "openai_model_cost_usd"),
        ("limits", "soft_limit_usd", "USD", "openai_limits_soft_limit_usd"),
        ("limits", "soft_limit", "Times", "openai_limits_soft_limit_times"),
        ("usage", "requests", None, "openai_usage_requests"),
        ("usage", "usage", None, "openai_usage_usage"),
        ("usage", "timeToFirstToken", "ms", "openai_usage_time_to_first_token_seconds"),
        ("usage", "latency_ms", "ms", "openai_usage_latency_seconds"),
        ("usage", "hit_rate", "%", "openai_usage_hit_rate_ratio"),
        ("usage", "HTTPErrors", None, "openai_usage_http_errors"),
        ("disk", "free", "GB", "openai_disk_free_bytes"),
        ("disk", "read", "KB/s", "openai_disk_read_bytes_per_second"),
        ("usage", "price", "$", "openai_usage_price_usd"),
        ("usage", "price", "€", "openai_usage_price_eur"),
    ],
)
def test_the_unit_ends_the_name(metric_set: str, field: str, unit: str | None, expected: str) -> None:
    assert name(metric_set, field, unit) == expected


def test_a_time_of_day_is_in_seconds() -> None:
    assert name_of("a", "b", Field("at", FieldType.TIME)).text == "a_b_at_seconds"


def test_a_field_called_as_the_series_of_its_set_is_told_apart() -> None:
    assert name("usage", "up") == "openai_usage_up_value"
    assert name("usage", "duration", "s") == "openai_usage_duration_seconds_value"


def test_names_in_other_scripts_stay_apart() -> None:
    assert name("コスト", "費用") != name("コスト", "収入")
    assert re.fullmatch(r"openai(_u[0-9a-f]{4})+", name("コスト", "費用"))


def test_a_name_that_begins_with_a_digit_gets_an_underscore() -> None:
    assert name("a", "b", app="3scale") == "_3scale_a_b"


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [("ms", 250, 0.25), ("%", 99.9, 0.999), ("KB", 2, 2048), ("USD", 1.5, 1.5), ("d", 2, 172800), ("ns", 5, 5e-9)],
)
def test_values_are_brought_to_the_base_unit(unit: str, value: float, expected: float) -> None:
    assert name_of("a", "b", Field("c", FieldType.NUMBER, unit)).scaled(value) == expected


def test_an_infinite_value_stays_one() -> None:
    assert name_of("a", "b", Field("c", FieldType.NUMBER, "ms")).scaled(math.inf) == math.inf


@pytest.mark.parametrize("field", ["seen_total", "requests_count", "wait_sum", "wait_bucket"])
def test_what_sounds_like_a_counter_or_histogram_is_not_called_a_gauge(field: str) -> None:
    assert not name_of("a", "b", Field(field, FieldType.NUMBER)).is_gauge


def test_labels_are_never_ours_and_never_twice() -> None:
    assert label_names(("monitor", "model", "Model", "le")) == ("field_monitor", "model", "field_model", "field_le")
    assert label_names(("team",), (*TAKEN, "team")) == ("field_team",)
    assert label_names(("a-b", "a b", "a.b")) == ("a_b", "field_a_b", "field_a_b_2")


@given(st.text(), st.text(), st.text(), st.none() | st.text())
def test_every_name_is_valid(app: str, metric_set: str, field: str, unit: str | None) -> None:
    found = name_of(app, metric_set, Field(field, FieldType.NUMBER, unit))
    assert re.fullmatch(r"[a-z_][a-z0-9_]*", found.text)
    assert "__" not in found.text


@given(st.lists(st.text(), max_size=6), st.lists(st.sampled_from(["monitor", "team", "le", "a"]), max_size=4))
def test_every_label_is_valid_and_unique(names: list[str], taken: list[str]) -> None:
    found = label_names(tuple(names), tuple(taken))
    assert len(found) == len(names)
    assert len({*found, *taken}) == len(names) + len(set(taken))
    assert all(re.fullmatch(r"(?!__)[a-z_][a-z0-9_]*", each) for each in found)


@given(st.text())
def test_words_are_never_empty(text: str) -> None:
    assert re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)*", words(text))
