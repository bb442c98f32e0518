"""One round: the metric sets of a plan by priority, those of equal priority side by side."""

import asyncio
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from functools import partial
from typing import Self, TypeVar, cast

from openai_monitor import system
from openai_monitor.collect.asking import RoundState, Sender, SetRun
from openai_monitor.collect.plan import Plan, SetPlan
from openai_monitor.collect.values import number_text
from openai_monitor.errors import CollectionError, SettingsError
from openai_monitor.redact import Redactor
from openai_monitor.rows import Code, MetricSetResult, Round, Row, Skipped, Value

ROUND_SECONDS = 240.0
"""HertzBeat's bound on one round."""

_LONGEST_MESSAGE = 1000
_LONGEST_WARNING = 5000
"""Characters that are looked through for secrets; a server's text may stand in them, and be of any length."""

MOST_WARNINGS = 100
"""Different ones of a set in a round; each row of an answer may bring up its own."""

Result = TypeVar("Result")


class _Deadline:
    """When the round has to end: one timer cuts all sets that run then. ``seconds`` is how it was given.

    What asyncio.timeout does for one block, for the price of one.
    """

    def __init__(self, seconds: float | None) -> None:
        self.seconds = seconds
        self.is_over = seconds is not None and seconds <= 0
        self._tasks: set[asyncio.Task[object]] = set()
        self._loop = asyncio.get_running_loop()
        self._timer = None if seconds is None else self._loop.call_later(seconds, self._end)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    async def within(self, work: Coroutine[object, object, Result]) -> Result:
        """Await the work in this task; raises TimeoutError when the deadline cuts it."""
        # In the step in which the time runs out the timer has yet to have its turn.
        if self.is_over or (self._timer is not None and self._loop.time() >= self._timer.when()):
            work.close()
            raise TimeoutError
        task = cast("asyncio.Task[object]", asyncio.current_task())
        cancelling = task.cancelling()
        self._tasks.add(task)
        try:
            return await work
        except asyncio.CancelledError:
            if not self.is_over:
                raise
        finally:  # also where the work made something else of being cancelled
            self._tasks.discard(task)
            if self.is_over:
                task.uncancel()
            if task.cancelling() > cancelling:
                raise asyncio.CancelledError
        raise TimeoutError

    def _end(self) -> None:
        self.is_over = True
        for task in self._tasks:
            task.cancel()


def utc_now() -> datetime:
    """The clock of a round."""
    return datetime.now(UTC)


async def collect_round(
    plan: Plan,
    sender: Sender,
    *,
    deadline: float | None = ROUND_SECONDS,
    clock: Callable[[], datetime] = utc_now,
) -> Round:
    """Collect every set of the plan. Nothing that goes wrong with a set is raised: it is in the set's result.

    Raises SettingsError only, for certificates or proxies of the sender that can't be used by any set.

    ``deadline`` is in seconds for the whole round; sets it cuts end with TIMEOUT, sets it keeps from starting are
    skipped. A failing set of priority 0 ends the round after its group.
    """
    from openai_monitor.collect.transport import Session  # noqa: PLC0415 - the HTTP client loads when first asked

    started = clock()
    state = RoundState(plan, sender, Session(), clock)
    results: list[MetricSetResult] = []
    skipped: list[Skipped] = []
    stopped = ""
    with _Deadline(deadline) as until:
        for group in plan.groups:
            if not stopped and until.is_over:
                stopped = f"the round's {deadline:g} s were over before its turn"
            if stopped:
                skipped.extend(Skipped(planned.name, stopped) for planned in group if planned.wanted)
                continue
            outcomes = await _collect_group(group, state, until)
            _remember(state, group, outcomes)
            results.extend(outcome for planned, outcome in zip(group, outcomes, strict=True) if planned.wanted)
            stopped = _reason_to_stop(group, outcomes)
    return Round(plan.app, plan.host, started, tuple(results), tuple(skipped), plan.name, plan.tags)


def _reason_to_stop(group: Sequence[SetPlan], outcomes: Sequence[MetricSetResult]) -> str:
    failed = [
        (planned, outcome)
        for planned, outcome in zip(group, outcomes, strict=True)
        if planned.priority == 0 and not outcome.ok
    ]
    if not failed:
        return ""
    planned, outcome = failed[0]
    why = "" if planned.wanted else f" ({outcome.message})"
    return f"{outcome.name} has priority 0 and failed{why}, which ends the round"


async def _collect_group(group: Sequence[SetPlan], state: RoundState, until: _Deadline) -> list[MetricSetResult]:
    """The first set in this task, the others in tasks beside it: a task costs as much as asking."""
    first, *others = group
    if not others:
        return [await _collect_set(first, state, until)]
    # No TaskGroup: when a task of one fails while it is waited for, Python 3.11 leaves the caller counted as cancelled.
    beside = asyncio.gather(*(_collect_set(planned, state, until) for planned in others), return_exceptions=True)
    try:
        outcome = await _collect_set(first, state, until)
    except BaseException:
        beside.cancel()
        with suppress(asyncio.CancelledError):
            await beside
        raise
    outcomes = [outcome, *await beside]
    if unusable := next((each for each in outcomes if isinstance(each, BaseException)), None):
        raise unusable
    return [each for each in outcomes if isinstance(each, MetricSetResult)]


async def _collect_set(planned: SetPlan, state: RoundState, until: _Deadline) -> MetricSetResult:
    """One set, whatever happens: every failure becomes a result, and no secret stands in it."""
    started, began = state.clock(), time.perf_counter()
    warnings: dict[str, None] = {}
    rows: list[Row] = []
    failure: CollectionError | None = None
    message = ""
    run = SetRun(planned, state, partial(_note, warnings))
    try:
        rows, message = await until.within(run.rows())
    except CollectionError as error:
        failure = error
    except TimeoutError:
        failure = _overdue(until)
    except SettingsError:
        raise
    except Exception as error:  # noqa: BLE001 - a set may fail, a round may not
        unforeseen = f"internal error ({type(error).__name__}): please report it"
        failure = CollectionError(Code.FAIL, system.shortage(error) or unforeseen)
    message = str(failure) if failure else message
    clean = _redactor(state).clean
    return MetricSetResult(
        name=planned.name,
        code=failure.code if failure else Code.SUCCESS,
        message=_shortened(clean(message)) if message else "",
        fields=planned.fields,
        rows=tuple(rows),
        time=started,
        duration=time.perf_counter() - began,
        warnings=tuple(_shortened(clean(text)) for text in warnings) if warnings else (),
        status=failure.status if failure else None,
        retry_after=failure.retry_after if failure else None,
        complete=bool(failure) or not message,
        found=bool(failure) or run.found,
    )


def _note(warnings: dict[str, None], text: str) -> None:
    if len(warnings) < MOST_WARNINGS:
        warnings[text[:_LONGEST_WARNING]] = None
    elif text not in warnings:
        warnings["there were more warnings like these"] = None


def _shortened(message: str) -> str:
    """Cut only now: half a key would not have been found."""
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"


def _overdue(until: _Deadline) -> CollectionError:
    return CollectionError(
        Code.TIMEOUT,
        f"no complete answer within the {until.seconds:g} s of the round: give it more time, or ask for less",
    )


def _redactor(state: RoundState) -> Redactor:
    return state.plan.redactor.also(state.secrets) if state.secrets else state.plan.redactor


def _remember(state: RoundState, group: Sequence[SetPlan], outcomes: Sequence[MetricSetResult]) -> None:
    """Keep what the next group's ``^o^`` may take: a single row lasts, several rows are there for the next group."""
    state.previous, state.cut = [], {}
    for planned, outcome in zip(group, outcomes, strict=True):
        if not outcome.rows:  # as of every failure
            continue
        if planned.secret_columns:
            state.secrets.extend(_secret_cells(planned, outcome))
        if not state.plan.takes_from_rows:
            continue
        names = [column.name for column in outcome.fields]
        texts = [dict(zip(names, map(_cell_text, row), strict=True)) for row in outcome.rows]
        if len(texts) == 1:
            state.lasting.update(texts[0])
        else:
            state.previous.append(texts)
        if not outcome.complete:
            state.cut.update(dict.fromkeys(names, outcome.name))


def _cell_text(cell: Value) -> str | None:
    return cell if cell is None or isinstance(cell, str) else number_text(cell)


def _secret_cells(planned: SetPlan, outcome: MetricSetResult) -> list[str]:
    return [str(row[at]) for at in planned.secret_columns for row in outcome.rows if row[at] is not None]
