"""How each monitor is, as far as the history tells: its last result, its age, what is wrong and since when."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from openai_monitor.outputs import Style, utc
from openai_monitor.outputs.csv_text import csv_text
from openai_monitor.outputs.grid import Column, grid
from openai_monitor.outputs.json_text import encode
from openai_monitor.outputs.text import span, visible
from openai_monitor.service.history.queries import History, LastRound

LATE = timedelta(minutes=5)
"""How long a round may be overdue before it is told: a slow one may still be running."""


@dataclass(frozen=True, slots=True)
class MonitorState:
    """A monitor and its last round; None where there was none, or none in the days for which rows are kept."""

    name: str
    app: str | None
    host: str | None
    tags: dict[str, str]
    last: LastRound | None

    def is_overdue(self, now: datetime) -> bool:
        """Tell whether the next round should have been written long ago."""
        return self.last is not None and self.last.next_due is not None and now > self.last.next_due + LATE

    def is_well(self, now: datetime) -> bool:
        """Tell whether nothing is wrong, as far as is known."""
        if self.last is None:
            return True
        return not (self.last.trouble or self.last.failed or self.last.skipped or self.is_overdue(now))


def read_states(history: History, configured: Collection[str] | None = None) -> list[MonitorState]:
    """Read the state of each monitor that was not removed, and of those configured that had no round yet.

    ``configured`` leaves out others than it names.
    """
    found = {
        record.name: MonitorState(record.name, record.app, record.host, record.tags, history.last_round(record.id))
        for record in history.monitors()
        if (record.removed is None if configured is None else record.name in configured)
    }
    for name in configured or ():
        found.setdefault(name, MonitorState(name, None, None, {}, None))
    return sorted(found.values(), key=lambda state: state.name)


# For people


def to_table(states: Iterable[MonitorState], now: datetime, style: Style) -> str:
    """Write one table."""
    columns = [Column(title) for title in ("monitor", "result", "age", "next", "what is wrong")]
    rows = [_cells(state, now) for state in states]
    if not rows:
        return "no monitors\n"
    return "\n".join(grid(columns, rows, style)) + "\n"


def _cells(state: MonitorState, now: datetime) -> list[str]:
    last = state.last
    if last is None:
        return [visible(state.name), "none yet", "-", "-", ""]
    following = "-" if last.next_due is None else _in(last.next_due - now)
    return [
        visible(state.name),
        _result(last),
        _age(now - last.started),
        following,
        "; ".join(_wrong(state, last, now)),
    ]


def _result(last: LastRound) -> str:
    missing = len(last.failed) + len(last.skipped)
    if not missing:
        return "failed" if last.trouble else "ok"
    return "failed" if missing == last.metric_sets else f"{missing} of {last.metric_sets} failed"


def _wrong(state: MonitorState, last: LastRound, now: datetime) -> Iterator[str]:
    if state.is_overdue(now):
        yield "overdue: does the service run?"
    if last.trouble or last.failed or last.skipped:
        since = f" for {_age(now - last.failing_since)}" if last.failing_since else ""
        yield (last.trouble or "failing").replace("_", " ") + since
    told: dict[str, list[str]] = {}
    for name, message in (last.failed or last.skipped).items():  # others are skipped for what failed
        told.setdefault(message, []).append(name)
    for message, names in told.items():
        yield visible(f"{', '.join(names)}: {message}" if message else ", ".join(names))
    if last.missed:
        yield f"{last.missed} rounds missed before it"


def _in(left: timedelta) -> str:
    return f"in {_age(left)}" if left >= timedelta(0) else f"{_age(-left)} ago"


def _age(time: timedelta) -> str:
    return span(time, compact=True)


# For machines


def to_json(states: Iterable[MonitorState], now: datetime) -> str:
    """Write a list of objects, a monitor on a line."""
    lines = ",\n  ".join(encode(_record(state, now)) for state in states)
    return f"[\n  {lines}\n]\n" if lines else "[]\n"


def to_csv(states: Iterable[MonitorState], now: datetime) -> str:
    """Write a line a monitor, below one with the names of the columns."""
    lines = []
    for state in states:
        record = _record(state, now)
        nested = {key: encode(record[key]) if record[key] else None for key in ("tags", "failed", "skipped")}
        lines.append([{**record, **nested}[key] for key in _RECORD])
    return csv_text((_RECORD, *lines))


_RECORD = (
    *("monitor", "app", "host", "tags", "result", "time", "duration_ms", "next", "overdue", "trouble"),
    *("failing_since", "failed", "skipped", "missed", "retries"),
)


def _record(state: MonitorState, now: datetime) -> dict[str, object]:
    last = state.last
    values: dict[str, object] = {
        "monitor": state.name,
        "app": state.app,
        "host": state.host,
        "tags": state.tags,
        "result": _result(last) if last else "none yet",
        "overdue": state.is_overdue(now),
    }
    if last is not None:
        values |= {
            "time": utc(last.started),
            "duration_ms": round(last.duration.total_seconds() * 1000),
            "next": utc(last.next_due) if last.next_due else None,
            "trouble": last.trouble,
            "failing_since": utc(last.failing_since) if last.failing_since else None,
            "failed": last.failed,
            "skipped": last.skipped,
            "missed": last.missed,
            "retries": last.retries,
        }
    return {key: values.get(key) for key in _RECORD}
