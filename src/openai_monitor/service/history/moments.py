"""Times as the file holds them: milliseconds since 1970."""

from datetime import UTC, datetime, timedelta

MS_PER_HOUR = 3_600_000
HOURS_PER_DAY = 24

MILLISECOND = timedelta(milliseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def milliseconds(moment: datetime) -> int:
    """Count the milliseconds from 1970 to a moment (aware)."""
    return (moment - _EPOCH) // MILLISECOND


def moment_of(time: int) -> datetime:
    """Give the moment so many milliseconds after 1970 (UTC)."""
    return _EPOCH + timedelta(milliseconds=time)


def moment_if(time: int | None) -> datetime | None:
    """Give the moment, or None for none."""
    return None if time is None else moment_of(time)
