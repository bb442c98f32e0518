from collections.abc import Sequence

from tests.service.history.rounds import COST, CREDIT

from openai_monitor.rows import Field, FieldType, Row
from openai_monitor.service.history.cells import Layout
from openai_monitor.service.history.hourly import Answer, Hour, HourTally, Spread, read_cells, write_cells

ONE, OTHER = Layout(1, COST), Layout(2, CREDIT)


def answer(*rows: Row, layout: Layout = ONE) -> Answer:
    return Answer(0, 0, None, layout, rows)


def condensed(answers: Sequence[Answer]) -> Hour:
    tally = HourTally(7)
    for each in answers:
        tally.add(each)
    return tally.result()


def test_an_hour_has_its_last_rows_and_between_what_their_numbers_moved() -> None:
    hour = condensed([answer(("a", 1.0), ("b", 5.0)), answer(("a", 4.0), ("b", 5.0)), answer(("a", 2.5), ("b", 5.0))])
    assert (hour.hour, hour.samples, hour.failed) == (7, 3, 0)
    assert hour.rows == (("a", 2.5), ("b", 5.0))
    assert hour.spreads == {(0, 1): Spread(1.0, 4.0, 2.5)}


def test_rows_are_told_apart_by_their_labels_whatever_their_order() -> None:
    hour = condensed([answer(("a", 1), ("b", 10)), answer(("b", 12), ("a", 3)), answer(("b", 12))])
    assert hour.rows == (("b", 12),)
    assert hour.spreads == {(0, 1): Spread(10, 12, 11.3333333)}


def test_rows_with_equal_labels_are_told_apart_by_their_order() -> None:
    hour = condensed([answer(("a", 1), ("a", 10)), answer(("a", 3), ("a", 10))])
    assert hour.spreads == {(0, 1): Spread(1, 3, 2)}


def test_an_answer_that_came_again_counts_again() -> None:
    same = answer(("a", 1.0))
    assert condensed([same, same, same, answer(("a", 5.0))]).spreads == {(0, 1): Spread(1.0, 5.0, 2.0)}


def test_failures_are_counted_and_leave_the_rows() -> None:
    hour = condensed([answer(("a", 1)), Answer(0, 5, "no answer"), Answer(0, None, "skipped")])
    assert (hour.samples, hour.failed, hour.rows) == (1, 2, (("a", 1),))
    assert condensed([Answer(0, 5)]) == Hour(7, 0, 1)


def test_no_value_is_no_number() -> None:
    hour = condensed([answer(("a", None)), answer(("a", 2)), answer(("a", 4)), answer(("a", None))])
    assert hour.rows == (("a", None),)
    assert hour.spreads == {(0, 1): Spread(2, 4, 3)}


def test_fields_that_changed_within_the_hour_begin_anew() -> None:
    hour = condensed([answer(("a", 1)), answer((1.0, "pro"), layout=OTHER), answer((2.0, "pro"), layout=OTHER)])
    assert (hour.layout, hour.samples) == (OTHER, 3)
    assert hour.spreads == {(0, 0): Spread(1.0, 2.0, 1.5)}


def test_times_have_no_mean() -> None:
    layout = Layout(3, (Field("uptime", FieldType.TIME),))
    assert condensed([answer((1,), layout=layout), answer((5,), layout=layout)]).spreads == {}


def test_an_hour_comes_back_as_it_was_written() -> None:
    for answers in (
        [answer(("a", 1.0), ("b", 2)), answer(("a", 3.0), ("b", 2))],
        [answer(("a", 3)), answer(("a", 1)), answer(("a", 2))],
        [answer(("a", 3)), answer(("a", None))],
        [answer(("a", 3))],
        [answer()],
        [Answer(0, 5)],
    ):
        hour = condensed(answers)
        bare = Hour(hour.hour, hour.samples, hour.failed, hour.layout)
        assert read_cells(bare, *write_cells(hour)) == hour
