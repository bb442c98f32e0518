"""One round: the metric sets of a plan by priority, those of equal priority side by side."""

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from openai_monitor.collect.asking import RoundState, Sender, SetRun
from openai_monitor.collect.plan import Plan, SetPlan
from openai_monitor.collect.values import number_text
from openai_monitor.errors import CollectionError, SettingsError
from openai_monitor.redact import Redactor
from openai_monitor.rows import Code, FieldType, MetricSetResult, Round, Row, Skipped, Value

ROUND_SECONDS = 240.0
"""HertzBeat's bound on one round."""

_LONGEST_MESSAGE = 1000


@dataclass(frozen=True, slots=True)
class _Deadline:
    """When the round has to end; ``seconds`` is how it was given."""

    seconds: float | None
    ends: float | None

    @classmethod
    def after(cls, seconds: float | None) -> "_Deadline":
        return cls(seconds, None if seconds is None else time.monotonic() + seconds)

    def left(self) -> float | None:
        return None if self.ends is None else max(0.0, self.ends - time.monotonic())


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
    until = _Deadline.after(deadline)
    results: list[MetricSetResult] = []
    skipped: list[Skipped] = []
    stopped = ""
    for group in plan.groups:
        if not stopped and until.left() == 0:
            stopped = f"the round's {deadline:g} s were over before its turn"
        if stopped:
            skipped.extend(Skipped(planned.name, stopped) for planned in group if planned.wanted)
            continue
        outcomes = await _collect_group(group, state, until)
        _remember(state, outcomes)
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
    if len(group) == 1:
        return [await _collect_set(group[0], state, until)]
    outcomes = await asyncio.gather(*(_collect_set(planned, state, until) for planned in group), return_exceptions=True)
    if unusable := next((outcome for outcome in outcomes if isinstance(outcome, BaseException)), None):
        raise unusable
    return [outcome for outcome in outcomes if isinstance(outcome, MetricSetResult)]


async def _collect_set(planned: SetPlan, state: RoundState, until: _Deadline) -> MetricSetResult:
    """One set, whatever happens: every failure becomes a result, and no secret stands in it."""
    started, began = state.clock(), time.perf_counter()
    warnings: dict[str, None] = {}
    rows: list[Row] = []
    failure: CollectionError | None = None
    message = ""
    try:
        async with asyncio.timeout(until.left()):
            rows, message = await SetRun(planned, state, warnings.setdefault).rows()
    except CollectionError as error:
        failure = error
    except TimeoutError:
        failure = _overdue(until)
    except SettingsError:
        raise
    except Exception as error:  # noqa: BLE001 - a set may fail, a round may not
        failure = CollectionError(Code.FAIL, f"internal error ({type(error).__name__}): please report it")
    clean = _redactor(state).clean
    return MetricSetResult(
        name=planned.name,
        code=failure.code if failure else Code.SUCCESS,
        message=_shortened(clean(str(failure) if failure else message)),
        fields=planned.fields,
        rows=tuple(rows),
        time=started,
        duration=time.perf_counter() - began,
        warnings=tuple(map(clean, warnings)),
        status=failure.status if failure else None,
        retry_after=failure.retry_after if failure else None,
    )


def _shortened(message: str) -> str:
    """Cut only now: half a key would not have been found."""
    return message if len(message) <= _LONGEST_MESSAGE else message[: _LONGEST_MESSAGE - 1] + "…"


def _overdue(until: _Deadline) -> CollectionError:
    return CollectionError(
        Code.TIMEOUT,
        f"no complete answer within the {until.seconds:g} s of the round: give it more time, or ask for less",
    )


def _redactor(state: RoundState) -> Redactor:
    return Redactor((*state.plan.secrets, *state.secrets)) if state.secrets else state.plan.redactor


def _remember(state: RoundState, outcomes: Sequence[MetricSetResult]) -> None:
    """Keep what the next group's ``^o^`` may take: a single row lasts, several rows are there for the next group."""
    state.previous = []
    for outcome in outcomes:
        if not outcome.ok or not outcome.rows:
            continue
        state.secrets.extend(_secret_cells(outcome))
        if not state.plan.takes_from_rows:
            continue
        names = [column.name for column in outcome.fields]
        texts = [dict(zip(names, map(_cell_text, row), strict=True)) for row in outcome.rows]
        if len(texts) == 1:
            state.lasting.update(texts[0])
        else:
            state.previous.append(texts)


def _cell_text(cell: Value) -> str | None:
    return cell if cell is None or isinstance(cell, str) else number_text(cell)


def _secret_cells(outcome: MetricSetResult) -> list[str]:
    secret = [column.type is FieldType.SECRET for column in outcome.fields]
    if not any(secret):
        return []
    return [
        str(cell) for row in outcome.rows for hide, cell in zip(secret, row, strict=True) if hide and cell is not None
    ]
