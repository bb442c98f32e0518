"""Lines as InfluxDB reads them. The reader below follows its reference, not our writer."""

import re
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
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
    result,
    text,
)

from openai_monitor.rows import Field, FieldType, Skipped, Value
from openai_monitor.schedule.events import RoundEvent, Trouble
from openai_monitor.sinks.line_protocol import line, lines_of, nanoseconds
from openai_monitor.sinks.private import is_private


class Read(NamedTuple):
    measurement: str
    tags: dict[str, str]
    values: dict[str, str | float | int]
    time: int


def split(written: str, separator: str, *, most: int = 0, strings: bool = False) -> list[str]:
    """Split where a separator is neither escaped nor, where there are any, inside a string."""
    parts: list[str] = []
    quoted, start, index, equals = False, 0, 0, 0
    while index < len(written):
        here, following = written[index], written[index + 1 : index + 2]
        if here == "\\" and following and following in ('"\\' if quoted else ", ="):
            index += 2
            continue
        if here == '"' and strings and (quoted or equals):
            quoted = not quoted
        elif not quoted and here == "=":
            equals = 1
        elif not quoted and here == ",":
            equals = 0
        if here == separator and not quoted and (not most or len(parts) < most):
            parts.append(written[start:index])
            start = index + 1
        index += 1
    return [*parts, written[start:]]


def plain(written: str) -> str:
    return re.sub(r"\\([, =])", r"\1", written)


def value(written: str) -> str | float | int:
    if written.startswith('"'):
        return re.sub(r'\\(["\\])', r"\1", written[1:-1])
    return int(written[:-1]) if written.endswith("i") else float(written)


def read(written: str) -> Read:
    assert written.endswith("\n")
    assert written.count("\n") == 1
    head, rest = split(written[:-1], " ", most=1)
    body, time = split(rest, " ", strings=True)
    measurement, *tags = split(head, ",")
    named = [split(tag, "=") for tag in tags]
    assert all(len(pair) == 2 and all(pair) for pair in named)
    values = [split(each, "=", most=1) for each in split(body, ",", strings=True)]
    assert not written.startswith("#")
    return Read(
        plain(measurement),
        {plain(key): plain(text) for key, text in named},
        {plain(key): value(text) for key, text in values},
        int(time),
    )


def lines(told: RoundEvent, measurement: str) -> list[Read]:
    return [found for each in lines_of(told) if (found := read(each)).measurement == measurement]


def test_a_row_is_a_line_with_its_labels_as_tags() -> None:
    first, second = lines(event(COST), "openai_model_cost")
    assert first.tags == {"monitor": "acme", "team": "ml", "model_name": "gpt-4o"}
    assert first.values == {"cost": 1.06619}
    assert second.tags["model_name"] == "o1, input"
    assert first.time == 1_795_377_000_120_000_000 == nanoseconds(MOMENT)


def test_times_are_exact_to_the_microsecond() -> None:
    moment = datetime(2026, 1, 1, 0, 0, 0, 123_457, tzinfo=UTC) + timedelta(days=9999)
    assert nanoseconds(moment) % 1_000_000_000 == 123_457_000


def test_a_type_is_that_of_the_field_and_never_that_of_the_value() -> None:
    fields = (number("n"), Field("at", FieldType.TIME), text("t"))
    (first, second) = (
        lines(event(result("x", fields, row)), "openai_x")[0] for row in ((1, 3600, "true"), (1.5, 1, "y"))
    )
    assert (first.values, second.values) == ({"n": 1.0, "at": 3600, "t": "true"}, {"n": 1.5, "at": 1, "t": "y"})
    assert [type(each) for each in first.values.values()] == [float, int, str]


@pytest.mark.parametrize("cell", [None, float("nan"), float("inf"), 10**400])
def test_what_influxdb_can_not_store_is_left_out(cell: Value) -> None:
    (found,) = lines(event(result("x", (number("a"), number("b")), (cell, 1))), "openai_x")
    assert found.values == {"b": 1.0}


def test_a_row_without_values_is_no_line() -> None:
    assert lines(event(result("x", (number("a"),), (None,))), "openai_x") == []


def test_rows_with_equal_labels_are_one_point() -> None:
    (found,) = lines(event(result("model_cost", COST_FIELDS, ("o1", 0.1), ("o1", 0.2))), "openai_model_cost")
    assert found.values == {"cost": 0.3}


def test_each_set_tells_how_it_went() -> None:
    told = event(CREDIT, down("model_cost"), skipped=(Skipped("billing", "x"),))
    found = {each.tags["metrics"]: each.values for each in lines(told, "openai_monitor_set")}
    assert found == {
        "credit_grants": {"up": 1, "duration": 0.0314, "trouble": ""},
        "model_cost": {"up": 0, "duration": 0.0314, "trouble": "api_down"},
        "billing": {"up": 0, "trouble": "api_down"},
    }


def test_a_set_that_was_left_out_has_the_trouble_of_its_round() -> None:
    told = event(down("model_cost"), skipped=(Skipped("billing", "x"),), trouble=Trouble.KEY_REFUSED)
    (billing,) = (each for each in lines(told, "openai_monitor_set") if each.tags["metrics"] == "billing")
    assert billing.values["trouble"] == "api_down"


def test_nothing_private_and_no_secret_is_in_a_line() -> None:
    written = "".join(lines_of(event(BILLING)))
    assert "Pay as you go" in written
    assert not [cell for cell in (*PRIVATE, SECRET, "***") if cell in written]
    assert "ann@example.com" in "".join(lines_of(event(BILLING), include=("billing_email",)))


def test_reserved_names_are_kept_clear_of() -> None:
    fields = (text("monitor", label=True), number("time"), number("_field"))
    (found,) = lines(event(result("x", fields, ("m", 1, 2))), "openai_x")
    assert found.tags == {"monitor": "acme", "team": "ml", "field_monitor": "m"}
    assert set(found.values) == {"field_time", "field_field"}


BREAKS = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")


def expected(text: str) -> str:
    return BREAKS.sub(" ", text)


def expected_name(text: str) -> str:
    return re.sub(r"\\+(?=[,= ]|\Z)", "", expected(text))


@given(
    st.text(min_size=1),
    st.dictionaries(st.text(min_size=1), st.text(), max_size=4),
    st.text(),
)
@example("x\\", {"a\\": "b\\", "c": "d"}, "e\\")
@example("a, b=c", {"k, =": "v, =\\ "}, '"\\"')
@example("a\\ b", {"k\\=": "v\\\\,\\x"}, "\\ ")
def test_names_and_tags_come_back_as_they_were(name: str, tags: dict[str, str], cell: str) -> None:
    """But for line breaks, which become blanks, and backslashes that would escape, which the protocol can't write."""
    fields = (*(text(key, label=True) for key in tags), text("value"))
    told = event(result(name, fields, (*tags.values(), cell)), app="a", tags=())
    (found,) = (read(each) for each in lines_of(told) if not each.startswith("openai_monitor_set"))
    assert found.measurement == expected_name(f"a_{name}")
    assert found.values == {"value": expected(cell)}
    kept = {expected_name(each) for key, each in tags.items() if not is_private(key)} - {""}
    assert kept <= {*found.tags.values()}


@given(st.text(min_size=1), st.dictionaries(st.text(min_size=1), st.text(min_size=1), max_size=4))
@example("a\\ b", {"k\\=": "v\\\\,\\x", "\\ \\": "\\\n"})
def test_no_escape_follows_a_backslash(name: str, tags: dict[str, str]) -> None:
    """To Telegraf it would be a backslash that is escaped, and a bare separator."""
    assert not re.search(r"\\\\[,= ]", line(name, tags, dict.fromkeys(tags, "1i") | {"x": "1i"}, MOMENT))


@given(st.floats(allow_nan=False, allow_infinity=False) | st.integers(min_value=-(2**63), max_value=2**63))
def test_numbers_come_back(cell: float) -> None:
    (found,) = lines(event(result("x", (number("n"),), (cell,))), "openai_x")
    assert found.values == {"n": float(cell)}


def test_a_measurement_never_makes_a_line_a_comment() -> None:
    assert line("#x", {}, {"a": "1i"}, MOMENT) == "x a=1i 1795377000120000000\n"
