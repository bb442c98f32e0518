"""One monitor's round: secrets, plan, collection, and what follows from how it went."""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from secrets import token_hex
from typing import TYPE_CHECKING

from openai_monitor.collect.plan import Plan, make_plan
from openai_monitor.collect.retry import RetryBudget, RetryingSender, RetryPolicy
from openai_monitor.collect.rounds import collect_round
from openai_monitor.errors import MonitorError, ParameterError
from openai_monitor.redact import Redactor
from openai_monitor.rows import Round, Skipped
from openai_monitor.schedule.events import (
    MonitorIdentity,
    RoundEvent,
    Trouble,
    fail_without_values,
    gravest,
    is_refused,
    note_troubles,
    trouble_of,
)
from openai_monitor.schedule.health import Health, MonitorHealth
from openai_monitor.schedule.intervals import Dues
from openai_monitor.schedule.logs import Context, about
from openai_monitor.schedule.monitors import MonitorSpec, read_params
from openai_monitor.schedule.news import News
from openai_monitor.schedule.pace import Pace
from openai_monitor.schedule.scheduler import CUT, Turn
from openai_monitor.schedule.secrets import SecretError, SecretSource
from openai_monitor.schedule.stats import Stats
from openai_monitor.schedule.supervision import Supervisor, mistake

if TYPE_CHECKING:
    from openai_monitor.collect.asking import Sender

_log = logging.getLogger(__name__)
_MOST_PLANS = 8
"""Kept for one monitor: sets with intervals of their own come due together in a few ways only."""

_round_ids = (f"{prefix}-{number:x}" for prefix in (token_hex(2),) for number in count(1))


@dataclass(slots=True, eq=False)
class Monitor:
    """What is kept of a monitor from round to round.

    ``given`` are the parameters that ``plans`` were made of, one for each group of sets that come due together.
    ``troubles`` are of the sets that failed when they were last due, ``with_values`` the sets that had a value when
    they last were good.
    """

    spec: MonitorSpec
    identity: MonitorIdentity
    health: MonitorHealth
    pace: Pace
    dues: Dues
    given: dict[str, str | None] | None = field(default=None, repr=False)
    plans: dict[frozenset[str], Plan] = field(default_factory=dict)
    troubles: dict[str, Trouble] = field(default_factory=dict)
    with_values: set[str] = field(default_factory=set)
    waiting: list["asyncio.Future[RoundEvent]"] = field(default_factory=list)


@dataclass(slots=True)
class _Outcome:
    round: Round
    trouble: Trouble | None
    retries: int = 0


class Runner:
    """Runs the turns of the scheduler. ``offer`` takes every finished round; nothing that goes wrong is raised."""

    def __init__(
        self,
        sender: "Sender",
        offer: Callable[[RoundEvent], None],
        *,
        stats: Stats,
        health: Health,
        deadline: float,
        news: News,
        policy: RetryPolicy | None = None,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._sender = sender
        self._offer = offer
        self._stats = stats
        self._health = health
        self._deadline = deadline
        self._news = news
        self._policy = policy or RetryPolicy()
        self._budget = RetryBudget()
        self._monitors: dict[str, Monitor] = {}
        self._clock = asyncio.get_running_loop().time  # that of the scheduler

    def __contains__(self, name: object) -> bool:
        return name in self._monitors

    def put(self, spec: MonitorSpec) -> None:
        """Take a monitor in, or its new configuration; one that asks as before keeps its plan and state."""
        identity = MonitorIdentity(spec.name, spec.definition.app, spec.host, spec.tags)
        old = self._monitors.get(spec.name)
        if old is not None and old.spec.asks_like(spec):
            old.spec, old.identity, old.plans = spec, identity, {}
            return
        state = MonitorHealth(spec.name, spec.definition.app, spec.host, spec.period)
        dues = spec.dues()
        self._monitors[spec.name] = Monitor(spec, identity, state, Pace(dues.tick), dues)
        if old is not None:
            self._monitors[spec.name].waiting = old.waiting
        self._health.monitors[spec.name] = state
        self._stats.monitors = len(self._monitors)

    def drop(self, name: str) -> None:
        """Let a monitor go, with all that is kept of it."""
        monitor = self._monitors.pop(name, None)
        self._health.monitors.pop(name, None)
        self._health.done(name)
        self._stats.monitors = len(self._monitors)
        for future in monitor.waiting if monitor else ():
            future.cancel()

    async def next_event(self, name: str) -> RoundEvent:
        """Wait for the next round of a monitor to end; cancelled when the monitor goes. Raises KeyError."""
        future: asyncio.Future[RoundEvent] = asyncio.get_running_loop().create_future()
        self._monitors[name].waiting.append(future)
        return await future

    async def run(self, turn: Turn) -> bool:
        """Run one turn of the scheduler; tells whether everything was collected."""
        monitor = self._monitors.get(turn.name)
        if monitor is None:
            return False
        with about(turn.name, next(_round_ids)) as context:
            started = self._clock()
            names = monitor.dues.names if turn.beside or not monitor.dues.differ else monitor.dues.due(turn.due)
            try:
                outcome = await self._collect(monitor, turn, names, context)
                if self._monitors.get(turn.name) is monitor:  # not removed or replaced meanwhile
                    self._conclude(monitor, turn, started, outcome)
            except asyncio.CancelledError:
                if self._monitors.get(turn.name) is monitor:  # it is the end of the service that cuts it
                    self._tell(monitor.spec, names, CUT, Trouble.TIMEOUT)
                raise
            except Exception as error:  # noqa: BLE001 - one monitor may fail, the service may not
                self._supervisor.met("rounds", error, f"this round of {turn.name} has failed")
                self._tell(monitor.spec, names, mistake(error), Trouble.CONFIGURATION, turn)
                return False
            return outcome.trouble is None

    def stop(self, spec: MonitorSpec, error: Exception) -> None:
        """Tell of a monitor that can't be run any more: its last round is one that failed for this."""
        names = frozenset(each.name or "" for each in spec.definition.sets)
        reason = f"{mistake(error)}; it is not collected any more until the service is restarted or it is changed"
        self._tell(spec, names, reason, Trouble.CONFIGURATION)

    # Collecting

    async def _collect(self, monitor: Monitor, turn: Turn, names: frozenset[str], context: Context) -> _Outcome:
        """One collection; after a refused key a second one, if the key has changed meanwhile."""
        ends = self._clock() + self._deadline
        last_try = min(ends, turn.due + monitor.dues.tick)
        policy = replace(self._policy, retries=monitor.spec.retries)
        sender = RetryingSender(self._sender, policy, self._budget, last_try, clock=self._clock)
        try:
            outcome = await self._ask(monitor, names, sender, context, ends)
            if outcome.trouble is Trouble.KEY_REFUSED and await self._has_new_key(monitor):
                _log.info("%s: the key was refused, and is another one now: trying that one", monitor.spec.name)
                outcome = await self._ask(monitor, names, sender, context, ends)
        except MonitorError as error:
            outcome = _unasked(monitor.spec, names, str(error))
        finally:
            self._stats.retries += sender.retries
        outcome.retries = sender.retries
        return outcome

    async def _ask(
        self, monitor: Monitor, names: frozenset[str], sender: "Sender", context: Context, ends: float
    ) -> _Outcome:
        plan = await self._plan(monitor, names, context)
        outcome = await collect_round(plan, sender, deadline=max(0.0, ends - self._clock()))
        outcome = fail_without_values(monitor.with_values, outcome)
        trouble = trouble_of(outcome)
        if trouble is None and outcome.skipped:
            trouble = Trouble.TIMEOUT  # nothing failed, yet the time was over before the turn of some sets
        return _Outcome(outcome, trouble)

    async def _plan(self, monitor: Monitor, names: frozenset[str], context: Context) -> Plan:
        """The plan of these sets, with the parameters as they are now. Raises SecretError and ParameterError."""
        given = await read_params(monitor.spec.params)
        spec = monitor.spec  # its tags may have changed meanwhile
        if given != monitor.given:
            monitor.plans, monitor.given = {}, given
        plan = monitor.plans.get(names)
        if plan is None:
            context.redactor = _redactor(spec, given)
            plan = _make_plan(spec, given, names)
            for note in plan.notes if not monitor.plans else ():
                _log.warning("%s: %s", spec.name, note)
            if len(monitor.plans) < _MOST_PLANS:
                monitor.plans[names] = plan
        context.redactor = plan.redactor
        return plan

    async def _has_new_key(self, monitor: Monitor) -> bool:
        """Whether the secrets are not what they were a moment ago. A failure to read them leaves it at the refusal."""
        before = monitor.given
        try:
            return bool(monitor.spec.sources()) and await read_params(monitor.spec.params) != before
        except SecretError:
            return False

    # What follows

    def _tell(
        self, spec: MonitorSpec, names: frozenset[str], reason: str, trouble: Trouble, turn: Turn | None = None
    ) -> None:
        """Tell of a round in which nothing was collected; of the next one only where a turn is followed by others."""
        now = datetime.now(UTC)
        outcome = _unasked(spec, names, reason)
        next_due = turn.schedule.next_due(turn.name) if turn else None
        event = RoundEvent(
            monitor=MonitorIdentity(spec.name, spec.definition.app, spec.host, spec.tags),
            round=outcome.round,
            due=now,
            started=now,
            finished=now,
            trouble=trouble,
            missed=turn.missed if turn else 0,
            retries=0,
            next_due=None if next_due is None else _at(next_due, self._clock(), now),
        )
        state = self._health.monitors.setdefault(
            spec.name, MonitorHealth(spec.name, spec.definition.app, spec.host, spec.period)
        )
        self._finish(spec, state, Pace(spec.period), event)

    def _conclude(self, monitor: Monitor, turn: Turn, started: float, outcome: _Outcome) -> None:
        """Set the pace, and tell everyone."""
        now, finished = self._clock(), datetime.now(UTC)
        _note(monitor, outcome, turn.due)
        if monitor.dues.differ:
            turn.schedule.rest(turn.name, monitor.dues.next())
        until = monitor.pace.after(outcome.round, turn.due, now)
        if until is not None:
            turn.schedule.hold(turn.name, until)
        next_due = turn.schedule.next_due(turn.name)
        event = RoundEvent(
            monitor=monitor.identity,
            round=outcome.round,
            due=_at(turn.due, now, finished),
            started=_at(started, now, finished),
            finished=finished,
            trouble=gravest((outcome.trouble, *monitor.troubles.values())),
            missed=turn.missed,
            retries=outcome.retries,
            next_due=None if next_due is None else _at(next_due, now, finished),
        )
        self._finish(monitor.spec, monitor.health, monitor.pace, event)

    def _finish(self, spec: MonitorSpec, state: MonitorHealth, pace: Pace, event: RoundEvent) -> None:
        self._news.tell(spec, state, pace, event)
        self._health.done(spec.name)
        self._offer(event)
        monitor = self._monitors.get(spec.name)
        if monitor is None:
            return
        waiting, monitor.waiting = monitor.waiting, []
        for future in waiting:
            if not future.done():
                future.set_result(event)


def _note(monitor: Monitor, outcome: _Outcome, due: float) -> None:
    """Remember what was asked, and what of it failed; what was to be asked and was not stays due."""
    monitor.dues.began([result.name for result in outcome.round.results], due)
    note_troubles(monitor.troubles, outcome.round)
    if is_refused(outcome.round):
        monitor.dues.forget()


def _make_plan(spec: MonitorSpec, given: dict[str, str | None], names: frozenset[str]) -> Plan:
    metrics = [name for each in spec.definition.sets if (name := each.name or "") in names]
    try:
        return make_plan(spec.definition, given, metrics=metrics, name=spec.name, tags=dict(spec.tags))
    except ParameterError as error:
        # What can be wrong by now came out of a secret.
        sentences = str(error).partition("\nthis definition takes:")[0]
        raise ParameterError(_redactor(spec, given).clean(sentences).replace("\n", "; ")) from None


def _redactor(spec: MonitorSpec, given: dict[str, str | None]) -> Redactor:
    secrets = [given[name] or "" for name, value in spec.params if isinstance(value, SecretSource)]
    return Redactor(secrets, public=(spec.host,))


def _at(moment: float, now: float, now_wall: datetime) -> datetime:
    return now_wall + timedelta(seconds=moment - now)


def _unasked(spec: MonitorSpec, names: frozenset[str], reason: str) -> _Outcome:
    """The outcome of a round in which nothing could be asked."""
    skipped = tuple(Skipped(name, reason) for each in spec.definition.sets if (name := each.name or "") in names)
    outcome = Round(spec.definition.app, spec.host, datetime.now(UTC), (), skipped, spec.name, spec.tags)
    return _Outcome(outcome, Trouble.CONFIGURATION)
