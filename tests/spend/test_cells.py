from datetime import UTC, date, datetime
from decimal import Decimal, localcontext

import pytest

from openai_monitor.rows import Value
from openai_monitor.spend.cells import day, is_true, moment, money, total, words


@pytest.mark.parametrize(
    ("cell", "amount"),
    [
        (18, "18"),
        (12.75, "12.75"),
        (1.0661900000000002, "1.06619"),
        (0.1 + 0.2, "0.3"),
        ("12.50", "12.50"),
        (" -3e2 ", "-300"),
        (1e-300, "0"),
        (-0.0, "0"),
    ],
)
def test_an_amount_is_read_as_it_prints(cell: Value, amount: str) -> None:
    assert money(cell) == Decimal(amount)


@pytest.mark.parametrize(
    "cell",
    [
        None,
        "",
        "free",
        "$5",
        float("nan"),
        float("inf"),
        "NaN",
        "-Infinity",
        10**400,
        1e15,
        "1e9999999",
        "1" * 99,
        True,
    ],
)
def test_what_is_no_amount_is_not_read(cell: Value) -> None:
    assert money(cell) is None


def test_sums_are_exact_whatever_the_context() -> None:
    with localcontext() as context:
        context.prec = 3
        assert total([Decimal("123456789.01"), Decimal("0.000000000001")]) == Decimal("123456789.010000000001")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (1681171200.0, datetime(2023, 4, 11, tzinfo=UTC)),
        ("1681171200", datetime(2023, 4, 11, tzinfo=UTC)),
        ("2023-04-11", datetime(2023, 4, 11, tzinfo=UTC)),
        ("2023-04-11T00:00:00Z", datetime(2023, 4, 11, tzinfo=UTC)),
        ("2023-04-10T22:00:00-02:00", datetime(2023, 4, 11, tzinfo=UTC)),
    ],
)
def test_a_moment_is_unix_seconds_or_iso_8601(cell: Value, expected: datetime) -> None:
    assert moment(cell) == expected
    assert day(cell) == date(2023, 4, 11)


@pytest.mark.parametrize(
    "cell", [None, "", "soon", float("nan"), 1e30, -1e30, "9" * 60, "0001-01-01T00:00:00+23:00", "2023-02-29"]
)
def test_what_is_no_moment_is_not_read(cell: Value) -> None:
    assert moment(cell) is None
    assert day(cell) is None


def test_flags_and_texts() -> None:
    assert [is_true(cell) for cell in ("true", "TRUE ", 1)] == [True] * 3
    assert [is_true(cell) for cell in ("false", "", None, 0, "null")] == [False] * 5
    assert [words(cell) for cell in (" a ", " ", None, 5)] == ["a", None, None, None]


def test_a_number_too_long_to_print_is_not_read() -> None:
    assert money(10**5000) is None
    assert moment(10**5000) is None
