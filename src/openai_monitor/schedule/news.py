"""What the log says of monitors: each change of state once, what lasts once an hour, never a flood."""

import asyncio
import logging
import re
from collections import Counter
from contextvars import Context
from datetime import datetime, timedelta

from openai_monitor.outputs.text import span
from openai_monitor.rows import Round
from openai_monitor.schedule.events import RoundEvent, Trouble, trouble_of_set
from openai_monitor.schedule.health import MonitorHealth
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.pace import Pace

_log = logging.getLogger(__name__)

AGAIN_AFTER = timedelta(hours=1)
"""A trouble that lasts is told again after so long."""

MOST_LINES = 30
"""About monitors, within WINDOW seconds; what is beyond is summed up in one."""
WINDOW = 60.0

_DIGITS = re.compile(r"\d+")
"""What may change in a remark that is still the same one."""
_MOST_REMARKS = 20
"""Told about a set as long as there is something to say of it."""

_HEADLINES = {
    Trouble.KEY_REFUSED: "the API refuses the key",
    Trouble.RATE_LIMITED: "asked too often",
    Trouble.UNREACHABLE: "the API can't be reached",
    Trouble.API_DOWN: "the API has a problem of its own",
    Trouble.BAD_ANSWER: "the answer can't be used",
    Trouble.TIMEOUT: "no answer in time",
    Trouble.CONFIGURATION: "nothing could be asked",
}
_OF_SKIPPED = (Trouble.CONFIGURATION, Trouble.TIMEOUT)
"""What a round may suffer from though no set of it failed."""


class News:
    """Follows every monitor's state, and logs what a person should know; of a next round only where one comes."""

    def __init__(self, *, goes_on: bool = True) -> None:
        self._goes_on = goes_on
        self._told: dict[str, datetime] = {}
        self._lines = 0
        self._unsaid: Counter[str] = Counter()
        self._window: asyncio.TimerHandle | None = None

    def tell(self, spec: MonitorSpec, state: MonitorHealth, pace: Pace, event: RoundEvent) -> None:
        """Take up a finished round: bring ``state`` up to date, and log what has changed."""
        before, failures, since = state.trouble, state.failures, state.since
        _update(state, event)
        self._tell_pace(spec, state, pace)
        self._tell_remarks(spec, state, event.round)
        if event.trouble is None:
            if before is not None and since is not None:
                lasted = span(event.finished - since)
                line = f"{spec.name}: collected again, after {lasted} and {_rounds(failures)} without success"
                self._say(logging.INFO, "recovered", line, state)
            self._told.pop(spec.name, None)
        elif event.trouble is not before or event.finished - self._told.get(spec.name, event.finished) >= AGAIN_AFTER:
            self._told[spec.name] = event.finished
            self._say(logging.WARNING, event.trouble.value, _line(spec, state, event, goes_on=self._goes_on), state)
        if _log.isEnabledFor(logging.DEBUG):
            _log.debug("%s: %s", spec.name, _summary(event))

    def forget(self, name: str) -> None:
        """Let go of a monitor."""
        self._told.pop(name, None)

    def close(self) -> None:
        """Say what is still unsaid."""
        if self._window is not None:
            self._window.cancel()
            self._sum_up()

    def _tell_remarks(self, spec: MonitorSpec, state: MonitorHealth, outcome: Round) -> None:
        """Log what there is to say of a set that was collected: each thing once, until there is nothing to say."""
        for result in outcome.results:
            notes = [note for note in (result.message, *result.warnings) if note] if result.ok else []
            if not notes:
                state.remarks.pop(result.name, None)
                continue
            told = state.remarks.setdefault(result.name, set())
            new = {kind: note for note in notes if (kind := _DIGITS.sub("", note)) not in told}
            if new and len(told) < _MOST_REMARKS:
                told.update(new)
                more = f" (and {len(new) - 1} more)" if len(new) > 1 else ""
                what = "" if result.complete else " is not complete"
                line = f"{spec.name}: {result.name}{what}: {next(iter(new.values()))}{more}"
                self._say(logging.WARNING, "remark", line, state)

    def _tell_pace(self, spec: MonitorSpec, state: MonitorHealth, pace: Pace) -> None:
        slowed_to = pace.seconds if pace.factor > 1 else None
        if slowed_to == state.slowed_to:
            return
        slower = (slowed_to or 0) > (state.slowed_to or 0)
        state.slowed_to = slowed_to
        if slower:
            line = f"{spec.name}: 429 again: from now on asked every {pace.seconds:g} s instead of {pace.period:g} s"
            self._say(logging.WARNING, "slowed down", f"{line}; a longer period in the monitors file avoids it", state)
        else:
            line = f"{spec.name}: no 429 any more: asked every {pace.seconds:g} s again"
            self._say(logging.INFO, "sped up", line, state)

    def _say(self, level: int, kind: str, line: str, state: MonitorHealth) -> None:
        if self._window is None:
            # In a context of its own: the line it may write is about no monitor.
            self._window = asyncio.get_running_loop().call_later(WINDOW, self._sum_up, context=Context())
        if self._lines >= MOST_LINES:
            self._unsaid[kind] += 1
            return
        self._lines += 1
        _log.log(level, line, extra={"about": _facts(kind, state)})

    def _sum_up(self) -> None:
        self._window, self._lines = None, 0
        if self._unsaid:
            parts = ", ".join(f"{number} {kind.replace('_', ' ')}" for kind, number in self._unsaid.most_common())
            _log.warning("more monitors changed their state in the last minute: %s (see `status` or /metrics)", parts)
            self._unsaid.clear()


def _update(state: MonitorHealth, event: RoundEvent) -> None:
    state.rounds += 1
    state.last_round = event.finished
    if event.trouble is None:
        state.trouble, state.since, state.failures, state.message = None, None, 0, ""
        state.last_success = event.finished
        return
    if event.trouble is not state.trouble:
        state.since, state.failures = event.started, 0
    state.trouble = event.trouble
    state.failures += 1
    state.message = _reason(event.round, event.trouble) or state.message


def _reason(outcome: Round, trouble: Trouble) -> str:
    """The sentence of the set that shows this trouble; nothing when that was not due in this round."""
    for result in outcome.results:
        if trouble_of_set(result) is trouble:
            return f"{result.name}: {result.message}"
    return outcome.skipped[0].reason if outcome.skipped and trouble in _OF_SKIPPED else ""


def _line(spec: MonitorSpec, state: MonitorHealth, event: RoundEvent, *, goes_on: bool) -> str:
    trouble = event.trouble or Trouble.BAD_ANSWER
    again = state.failures > 1 and state.since is not None
    since = f", since {state.since:%Y-%m-%d %H:%M:%S} UTC and for {_rounds(state.failures)}" if again else ""
    where = f" ({spec.host})" if spec.host and trouble is not Trouble.CONFIGURATION else ""
    parts = [f"{spec.name}: {'still: ' if again else ''}{_HEADLINES[trouble]}{where}{since}: {state.message}"]
    if trouble is Trouble.KEY_REFUSED:
        parts += [f"Renew the key: {source.renewed} ({source})" for source in spec.sources()]
    if goes_on and event.next_due is not None:
        parts.append(f"Next try at {event.next_due:%H:%M:%S} UTC")
    return ". ".join(part.rstrip(". ") for part in parts)


def _facts(kind: str, state: MonitorHealth) -> dict[str, object]:
    facts: dict[str, object] = {"change": kind, "failures": state.failures}
    if state.since is not None:
        facts["since"] = state.since.isoformat(timespec="seconds")
    return facts


def _summary(event: RoundEvent) -> str:
    results = event.round.results
    rows = sum(len(result.rows) for result in results)
    good = sum(result.ok for result in results)
    seconds = (event.finished - event.started).total_seconds()
    ended = event.trouble.value if event.trouble else "collected"
    late = (event.started - event.due).total_seconds()
    return (
        f"{ended}: {good} of {len(results) + len(event.round.skipped)} sets, {rows} rows in {seconds:.3f} s, "
        f"{event.retries} retries, started {late:.3f} s late, {event.missed} missed before"
    )


def _rounds(number: int) -> str:
    return f"{number} round{'s' if number != 1 else ''}"
