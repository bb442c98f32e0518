import pytest
from hypothesis import given
from hypothesis import strategies as st

from openai_monitor.definition.units import UnitEntry, convert, converts, parse_unit_entry

SIZES = ["B", "K", "KB", "Ki", "M", "MB", "Mi", "G", "GB", "Gi"]
TIMES = ["NS", "US", "MS", "S", "MIN", "H", "D"]


@pytest.mark.parametrize(
    ("value", "source", "target", "expected"),
    [
        (1048576, "B", "MB", 1),
        (1048576, "b", "mb", 1),
        (1, "Gi", "B", 2**30),
        (2048, "Ki", "KB", 2048),
        (1536, "B", "K", 1.5),
        (98765.4321, "MS", "S", 98.7654321),
        (90, "S", "MIN", 1.5),
        (2, "D", "H", 48),
        (5, "B", "S", 5),
        (5, "credits", "MB", 5),
        (5, "MB", "MB", 5),
    ],
)
def test_conversion(value: float, source: str, target: str, expected: float) -> None:
    assert convert(value, source, target) == pytest.approx(expected, rel=1e-15)


def test_whole_results_stay_whole() -> None:
    assert isinstance(convert(1048576, "B", "MB"), int)
    assert convert(2**70 + 1, "KB", "B") == (2**70 + 1) * 1024


@given(st.sampled_from([SIZES, TIMES]), st.data(), st.integers(min_value=-(2**80), max_value=2**80))
def test_to_a_smaller_unit_and_back_is_exact(units: list[str], data: st.DataObject, value: int) -> None:
    larger = data.draw(st.sampled_from(units))
    smaller = data.draw(st.sampled_from([unit for unit in units if convert(1, larger, unit) >= 1]))
    assert converts(larger, smaller)
    assert convert(convert(value, larger, smaller), smaller, larger) == value


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("v=B->MB", UnitEntry("v", "B", "MB")),
        (" used = KB -> GB ", UnitEntry("used", "KB", "GB")),
        ("v=B", None),
        ("B->MB", None),
        ("v=B->MB->GB", None),
        ("->v=B", None),
        ("", None),
    ],
)
def test_entries(text: str, entry: UnitEntry | None) -> None:
    assert parse_unit_entry(text) == entry


def test_a_whole_number_beyond_a_double_stays_whole() -> None:
    assert convert(10**400 + 1024, "B", "KB") == (10**400 + 1024) // 1024
    assert convert(10**400 + 1, "ms", "s") == 10**397
