"""Time buckets in pages, as the organization APIs of OpenAI and Anthropic hand them out."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import NamedTuple

WIDTHS = {"1m": 60, "1h": 3600, "1d": 86400}
_CURSOR = "page_"


class Window(NamedTuple):
    """The buckets of one page: their starts and their width in seconds, and the cursor of the page after."""

    starts: Sequence[int]
    width: int
    next_page: str | None


class Limits(NamedTuple):
    """How many buckets a page has when nobody says, and at most."""

    usual: int
    most: int


class BadParameterError(Exception):
    """A query parameter that can't be read: its name and what was expected."""

    def __init__(self, name: str, expected: str) -> None:
        super().__init__(f"Invalid '{name}': {expected}")
        self.name = name


def window(
    given: dict[str, list[str]],
    now: datetime,
    limits: dict[str, Limits],
    names: tuple[str, str],
    read: Callable[[str], int],
) -> Window:
    """Find the page that a query asks for.

    ``names`` are the parameters of the start (required) and the end (left out: until now); ``read`` turns
    their text into Unix seconds or raises ValueError. Raises BadParameterError.
    """
    width_name = _last(given, "bucket_width") or "1d"
    if width_name not in limits:
        raise BadParameterError("bucket_width", f"expected one of {', '.join(limits)}, got {width_name!r}.")
    width = WIDTHS[width_name]
    limit = _limit(given, limits[width_name])
    first, end = (_moment(given, name, read) for name in names)
    if first is None:
        raise BadParameterError(names[0], "it is required.")
    latest = (int(now.timestamp()) // width + 1) * width
    end = latest if end is None else min(end, latest)
    begin = _after_cursor(given, first // width * width)
    stop = min(end, begin + limit * width)
    starts = range(begin, stop, width)
    more = len(starts) == limit and begin + limit * width < end
    return Window(starts, width, f"{_CURSOR}{begin + limit * width}" if more else None)


def grouping(given: dict[str, list[str]], allowed: Sequence[str]) -> set[str]:
    """Read the fields to group by; raises BadParameterError for one that is not allowed."""
    asked = {name for text in given.get("group_by", []) for name in text.split(",") if name}
    if asked - set(allowed):
        raise BadParameterError("group_by", f"expected any of {', '.join(allowed)}.")
    return asked


def _last(given: dict[str, list[str]], name: str) -> str | None:
    return given[name][-1] if name in given else None


def _limit(given: dict[str, list[str]], limits: Limits) -> int:
    text = _last(given, "limit")
    if text is None:
        return limits.usual
    if not text.isdecimal() or not 1 <= int(text) <= limits.most:
        raise BadParameterError("limit", f"expected a whole number from 1 to {limits.most}, got {text!r}.")
    return int(text)


def _moment(given: dict[str, list[str]], name: str, read: Callable[[str], int]) -> int | None:
    text = _last(given, name)
    if text is None:
        return None
    try:
        moment = read(text)
    except ValueError:
        moment = -1
    if moment < 0:
        raise BadParameterError(name, f"{text!r} is not a time.")
    return moment


def _after_cursor(given: dict[str, list[str]], first: int) -> int:
    cursor = _last(given, "page")
    if not cursor:
        return first
    start = cursor.removeprefix(_CURSOR)
    if not cursor.startswith(_CURSOR) or not start.isdecimal():
        raise BadParameterError("page", "it is not a cursor of an earlier page.")
    return int(start)
