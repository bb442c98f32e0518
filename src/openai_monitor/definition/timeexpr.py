"""Time expressions such as ``${@date-1M+2d}`` in query values and payloads.

A form (``now``, ``date``, ``timestamp10`` …) and any number of offsets, each a sign, a whole number and one
of the units ``y M d H m s w``. Anything that is not exactly such an expression stays as written.

Texts are reckoned on the wall clock, as HertzBeat does: an hour after 01:00 is 02:00, also in the night the
clocks change. ``timestamp10`` and ``timestamp`` are true epoch values (HertzBeat's are off by the zone), so
there hours, minutes and seconds are elapsed time; days and longer keep the wall clock's hour in both.
"""

import calendar
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from openai_monitor.errors import EvaluationError

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_FORMS: dict[str, Callable[[datetime], str]] = {
    "now": lambda moment: f"{moment.date()} {moment:%H:%M:%S}",
    "date": lambda moment: f"{moment.date()}",
    "timestamp10": lambda moment: str((moment - _EPOCH) // timedelta(seconds=1)),
    "timestamp": lambda moment: str((moment - _EPOCH) // timedelta(milliseconds=1)),
    "time": lambda moment: f"{moment:%H:%M:%S}",
    "year": lambda moment: f"{moment.year:04d}",
    "month": lambda moment: f"{moment.month:02d}",
    "day": lambda moment: f"{moment.day:02d}",
    "hour": lambda moment: f"{moment.hour:02d}",
    "minute": lambda moment: f"{moment.minute:02d}",
    "second": lambda moment: f"{moment.second:02d}",
    "millisecond": lambda moment: f"{moment.microsecond // 1000:03d}",
}
_TIMESTAMPS = ("timestamp10", "timestamp")

_MONTHS = {"y": 12, "M": 1}
_DAYS = {"w": 7, "d": 1}
_SECONDS = {"H": 3600, "m": 60, "s": 1}

_EXPRESSION = re.compile(r"\$\{@(" + "|".join(_FORMS) + r")((?:\s*[-+]\s*\d+[yMdHmsw])*)\}", re.ASCII)
_OFFSET = re.compile(r"([-+])\s*(\d+)([yMdHmsw])", re.ASCII)


def has_times(text: str | None) -> bool:
    """Whether the text holds a time expression, so that it depends on the clock."""
    return text is not None and "${@" in text and _EXPRESSION.search(text) is not None


def has_misspelt_time(text: str) -> bool:
    """Whether the text holds what begins like a time expression and is none, so that it stays as written."""
    return "${@" in text and "${@" in _EXPRESSION.sub("", text)


def expand_times(text: str, now: datetime) -> str:
    """Return the text with every time expression replaced by its value.

    ``now`` is aware, in the zone the expressions are read in. Raises EvaluationError when an expression leads
    out of the years 1 to 9999.
    """
    if "${@" not in text:
        return text
    return _EXPRESSION.sub(lambda found: _time(found[0], found[1], found[2]).at(now), text)


@lru_cache(maxsize=1024)
def _time(expression: str, form: str, offsets: str) -> "_Time":
    """An expression as it was read once. Only that is kept: in the text around it a secret may stand."""
    return _Time(expression, form, offsets)


class _Time:
    """One time expression."""

    def __init__(self, expression: str, form: str, offsets: str) -> None:
        self._expression = expression
        self._form = _FORMS[form]
        self._elapsed = form in _TIMESTAMPS
        try:
            self._offsets = [(int(sign + digits), unit) for sign, digits, unit in _OFFSET.findall(offsets)]
        except ValueError:  # int() refuses thousands of digits
            raise self._fault() from None

    def at(self, moment: datetime) -> str:
        """The value at a moment."""
        try:
            for count, unit in self._offsets:
                moment = _shift(moment, count, unit, elapsed=self._elapsed)
            return self._form(moment)
        except (ValueError, OverflowError):  # datetime refuses years beyond 9999
            raise self._fault() from None

    def _fault(self) -> EvaluationError:
        return EvaluationError(
            f"the time expression {_shortened(self._expression)} leads out of the years 1 to 9999: use a smaller offset"
        )


def _shift(moment: datetime, count: int, unit: str, *, elapsed: bool) -> datetime:
    if unit in _MONTHS:
        return _plus_months(moment, count * _MONTHS[unit])
    if unit in _DAYS:
        return moment + timedelta(days=count * _DAYS[unit])
    seconds = timedelta(seconds=count * _SECONDS[unit])
    if elapsed:
        return (moment.astimezone(UTC) + seconds).astimezone(moment.tzinfo)
    return moment + seconds


def _plus_months(moment: datetime, count: int) -> datetime:
    """Return the same day of another month, or that month's last day when it is shorter."""
    year, month = divmod(moment.year * 12 + moment.month - 1 + count, 12)
    if not 1 <= year <= 9999:
        raise OverflowError
    last = calendar.monthrange(year, month + 1)[1]
    return moment.replace(year=year, month=month + 1, day=min(moment.day, last))


def _shortened(expression: str) -> str:
    return expression if len(expression) <= 60 else expression[:57] + "..."
