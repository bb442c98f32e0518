"""``check`` for people: a line for each step and each metric set, and a last one that says what it comes to."""

from collections.abc import Iterator
from typing import NamedTuple

from openai_monitor.outputs import Style, utc
from openai_monitor.outputs.text import pad, visible, width, wrap
from openai_monitor.reached import Reached, SetRead, Step

_NARROWEST = 24


class _Line(NamedTuple):
    """What stands on a line."""

    ok: bool
    name: str
    time: str
    message: str


def render(reached: Reached, style: Style) -> str:
    """Write the steps, then the sets."""
    proxy = f"through the proxy {reached.proxy} (from {reached.proxy_from})" if reached.proxy else "no proxy"
    head = ", ".join((reached.app, reached.url, proxy, utc(reached.time)[:-5] + "Z"))
    steps, sets = [_step(step) for step in reached.steps], [_set(each) for each in reached.sets or ()]
    parts = [[style.paint(visible(head), "dim")]]
    columns = _Columns([*steps, *sets], style)
    parts += [[line for each in part for line in columns.lines(each)] for part in (steps, sets) if part]
    parts.append(wrap(conclusion(reached), style.width) if style.width else [conclusion(reached)])
    return "\n\n".join("\n".join(lines) for lines in parts) + "\n"


def conclusion(reached: Reached) -> str:
    """Say what it comes to."""
    failed = next((step for step in reached.steps if not step.ok), None)
    if failed is not None and failed.name != "clock":
        return f"The way to the API ends at the step {failed.name!r}."
    wrong = ", but the clock is wrong" if failed is not None else ""
    if reached.sets is None:
        hint = "; with a key (as for `collect`) this says what it may read" if reached.wants_key else ""
        return f"This machine reaches the API{wrong}{hint}."
    readable = sum(each.ok for each in reached.sets)
    return f"This machine reaches the API{wrong}; {readable} of {len(reached.sets)} metric sets can be read."


def _step(step: Step) -> _Line:
    return _Line(step.ok, step.name, _time(step.seconds), step.message)


def _set(each: SetRead) -> _Line:
    rows = f"{each.rows} row{'' if each.rows == 1 else 's'}"
    return _Line(each.ok, each.name, _time(each.seconds), rows if each.ok else each.message)


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


class _Columns:
    """Lays out lines in columns of one width."""

    def __init__(self, lines: list[_Line], style: Style) -> None:
        self._style = style
        self._name = max(width(visible(line.name)) for line in lines)
        self._time = max(width(line.time) for line in lines)
        # Two blanks before, FAILED, and two between columns.
        self._indent = 2 + 6 + 2 + self._name + 2 + self._time + 2

    def lines(self, line: _Line) -> Iterator[str]:
        """Write one; a message too long for its column goes on below."""
        mark = "ok    " if line.ok else self._style.paint("FAILED", "red")
        name, time = pad(visible(line.name), self._name), pad(line.time, self._time, right=True)
        message = visible(line.message)
        room = max(self._style.width - self._indent, _NARROWEST) if self._style.width else None
        first, *more = wrap(message, room) if room else [message]
        yield f"  {mark}  {self._style.paint(name, 'bold')}  {time}  {first}".rstrip()
        yield from (" " * self._indent + part for part in more)
