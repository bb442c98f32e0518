import math

from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.rows import Field, FieldType, Row, Value
from openai_monitor.service.history.cells import Layout, apply, difference, to_json

TEXTS = st.none() | st.text(alphabet=st.characters(), max_size=8)
NUMBERS = st.none() | st.integers(-(2**70), 2**70) | st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def tables(draw: st.DrawFn) -> tuple[tuple[Field, ...], list[Row]]:
    types = draw(st.lists(st.sampled_from(FieldType), min_size=1, max_size=5))
    fields = tuple(Field(f"f{number}", type_) for number, type_ in enumerate(types))
    numeric = (FieldType.NUMBER, FieldType.TIME)
    cells: list[st.SearchStrategy[Value]] = [NUMBERS if type_ in numeric else TEXTS for type_ in types]
    return fields, draw(st.lists(st.tuples(*cells), max_size=4))


@given(tables())
def test_rows_come_back_as_they_were(table: tuple[tuple[Field, ...], list[Row]]) -> None:
    fields, rows = table
    layout = Layout(1, fields)
    assert list(layout.read(*layout.write(rows))) == rows


def test_numbers_keep_their_type() -> None:
    layout = Layout(1, (Field("n", FieldType.NUMBER),))
    found = layout.read(*layout.write([(1,), (1.0,)]))
    assert [type(row[0]) for row in found] == [int, float]


def test_what_json_has_no_word_for_is_no_value() -> None:
    layout = Layout(1, (Field("n", FieldType.NUMBER), Field("t", FieldType.STRING)))
    assert layout.read(*layout.write([(math.nan, "a"), (math.inf, "b"), (1, "c")])) == (
        (None, "a"),
        (None, "b"),
        (1, "c"),
    )


def test_a_lone_surrogate_can_be_stored() -> None:
    assert to_json("\ud800").encode() == b'"\\ud800"'


@given(st.text("01,[]"), st.text("01,[]"))
def test_a_text_is_its_base_and_what_differs(base: str, text: str) -> None:
    assert apply(base, difference(base, text)) == text


def test_a_change_in_the_middle_is_all_that_differs() -> None:
    patch = difference("[[1],[2],[3]]", "[[1],[25],[3]]")
    assert (patch.head, patch.middle, patch.tail) == (7, "5", 6)
