"""Time expressions: what each form prints, what offsets do, and what stays as written."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.definition.timeexpr import expand_times, has_times
from openai_monitor.errors import EvaluationError

MOMENT = datetime(2024, 1, 31, 11, 20, 5, 70_900, tzinfo=UTC)
NEW_YORK = ZoneInfo("America/New_York")


@pytest.mark.parametrize(
    ("form", "printed"),
    [
        ("now", "2024-01-31 11:20:05"),
        ("date", "2024-01-31"),
        ("time", "11:20:05"),
        ("timestamp10", "1706700005"),
        ("timestamp", "1706700005070"),
        ("year", "2024"),
        ("month", "01"),
        ("day", "31"),
        ("hour", "11"),
        ("minute", "20"),
        ("second", "05"),
        ("millisecond", "070"),
    ],
)
def test_forms(form: str, printed: str) -> None:
    assert expand_times(f"${{@{form}}}", MOMENT) == printed


@pytest.mark.parametrize(
    ("offset", "printed"),
    [
        ("+1y", "2025-01-31 11:20:05"),
        ("+1M", "2024-02-29 11:20:05"),
        ("-2M", "2023-11-30 11:20:05"),
        ("+1w", "2024-02-07 11:20:05"),
        ("-1d", "2024-01-30 11:20:05"),
        ("+1H", "2024-01-31 12:20:05"),
        ("-61m", "2024-01-31 10:19:05"),
        ("+55s", "2024-01-31 11:21:00"),
        ("+0y", "2024-01-31 11:20:05"),
        ("-1M+2d", "2024-01-02 11:20:05"),
        ("+1M-1M", "2024-01-29 11:20:05"),
        (" - 1M\t+  2d", "2024-01-02 11:20:05"),
    ],
)
def test_offsets_apply_in_their_order_and_months_end_at_their_last_day(offset: str, printed: str) -> None:
    assert expand_times(f"${{@now{offset}}}", MOMENT) == printed


def test_a_leap_day_plus_a_year_is_the_last_of_february() -> None:
    assert expand_times("${@date+1y}", datetime(2024, 2, 29, tzinfo=UTC)) == "2025-02-28"


@pytest.mark.parametrize(
    "text",
    [
        "$@date",
        "{@date}",
        "${date}",
        "${@}",
        "${@ date}",
        "${@date }",
        "${@dates}",
        "${@timestamp100}",
        "${@DATE}",
        "${@date-1}",
        "${@date- 1 M}",
        "${@date--1d}",
        "${@date+1h}",
        "${@date+1d }",
        "${@date+١d}",
        "${@date+1.5d}",
    ],
)
def test_anything_else_stays_as_written(text: str) -> None:
    assert expand_times(text, MOMENT) == text
    assert not has_times(text)


def test_several_in_one_text() -> None:
    text = "from=${@date-1d}&to=${@date}&from=${@date-1d}&${@nothing}"
    assert expand_times(text, MOMENT) == "from=2024-01-30&to=2024-01-31&from=2024-01-30&${@nothing}"
    assert has_times(text)


def test_no_text_has_no_times() -> None:
    assert not has_times(None)
    assert not has_times("")


def test_the_day_is_that_of_the_zone_but_the_epoch_is_everywhere_the_same() -> None:
    moment = datetime(2024, 1, 1, 2, tzinfo=UTC)
    in_new_york = moment.astimezone(NEW_YORK)
    assert expand_times("${@date}", in_new_york) == "2023-12-31"
    assert expand_times("${@timestamp10} ${@timestamp}", in_new_york) == "1704074400 1704074400000"


def test_texts_follow_the_wall_clock_in_the_night_the_clocks_go_back() -> None:
    one_in_the_morning = datetime(2024, 11, 3, 1, tzinfo=NEW_YORK)
    assert expand_times("${@now+1H}", one_in_the_morning) == "2024-11-03 02:00:00"


def test_timestamps_count_elapsed_hours_and_whole_days_of_the_wall_clock() -> None:
    before = datetime(2024, 11, 2, 12, tzinfo=NEW_YORK)  # the next day has 25 hours
    epoch = int(before.timestamp())
    assert expand_times("${@timestamp10+24H}", before) == str(epoch + 24 * 3600)
    assert expand_times("${@timestamp10+1d}", before) == str(epoch + 25 * 3600)


@pytest.mark.parametrize("offset", ["+99999999999d", "+8000y", "-3000y", "+99999M", "+" + "9" * 5000 + "s"])
@pytest.mark.parametrize("form", ["date", "timestamp10"])
def test_out_of_the_calendar_is_an_evaluation_error(form: str, offset: str) -> None:
    with pytest.raises(EvaluationError, match="use a smaller offset") as caught:
        expand_times(f"${{@{form}{offset}}}", MOMENT)
    assert len(str(caught.value)) < 200


_pieces = st.one_of(
    st.text(max_size=5),
    st.sampled_from(["${@", "}", "now", "date", "timestamp10", "+1d", "-99999999999y", " + 3M", "-1H", "$", "{"]),
)
_zones = st.sampled_from([UTC, NEW_YORK, ZoneInfo("Asia/Kolkata"), timezone(timedelta(hours=-11))])


@given(st.lists(_pieces, max_size=12).map("".join), st.datetimes(timezones=_zones))
def test_any_text_at_any_time_gives_a_text_or_says_why_not(text: str, now: datetime) -> None:
    try:
        expanded = expand_times(text, now)
    except EvaluationError:
        assert has_times(text)
    else:
        assert expanded == text or has_times(text)
