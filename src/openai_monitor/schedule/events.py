"""What a round of a monitor tells those who listen: outputs, history, health."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum

from openai_monitor.rows import Code, MetricSetResult, Round, has_values


class Trouble(Enum):
    """What kind of thing went wrong, told apart because people act on it differently."""

    KEY_REFUSED = "key_refused"
    RATE_LIMITED = "rate_limited"
    UNREACHABLE = "unreachable"
    API_DOWN = "api_down"
    BAD_ANSWER = "bad_answer"
    TIMEOUT = "timeout"
    CONFIGURATION = "configuration"


_REFUSED = (401, 403)
_GRAVEST_FIRST = (
    Trouble.CONFIGURATION,
    Trouble.KEY_REFUSED,
    Trouble.RATE_LIMITED,
    Trouble.UNREACHABLE,
    Trouble.TIMEOUT,
    Trouble.API_DOWN,
    Trouble.BAD_ANSWER,
)


def trouble_of_set(result: MetricSetResult) -> Trouble | None:
    """What is wrong with one metric set; None when nothing is."""
    if result.ok:
        return None
    if result.status in _REFUSED:
        return Trouble.KEY_REFUSED
    if result.status == 429:
        return Trouble.RATE_LIMITED
    if result.status is not None and result.status >= 500:
        return Trouble.API_DOWN
    if result.code in (Code.UN_REACHABLE, Code.UN_CONNECTABLE, Code.UN_AVAILABLE):
        return Trouble.UNREACHABLE
    return Trouble.TIMEOUT if result.code is Code.TIMEOUT else Trouble.BAD_ANSWER


def trouble_of(outcome: Round) -> Trouble | None:
    """The gravest trouble of a round; None when every set was collected."""
    return gravest(trouble_of_set(result) for result in outcome.results)


def gravest(troubles: Iterable[Trouble | None]) -> Trouble | None:
    """The one of these that most needs somebody."""
    return min((each for each in troubles if each is not None), key=_GRAVEST_FIRST.index, default=None)


def note_troubles(troubles: dict[str, Trouble], outcome: Round) -> None:
    """Bring the troubles of a monitor's sets, by name, up to date; a set that was not due keeps its own."""
    for result in outcome.results:
        if trouble := trouble_of_set(result):
            troubles[result.name] = trouble
        else:
            troubles.pop(result.name, None)


def fail_without_values(with_values: set[str], outcome: Round) -> Round:
    """The round, in which a set fails whose rows have no value at all, where there were some the last time.

    So does one that found no key of its own in the answer, though it is the first.

    ``with_values`` are the names of the sets that had a value in their last good answer; it is brought up to date.
    """
    results = []
    for result in outcome.results:
        if not (result.ok and result.rows):
            results.append(result)
        elif has_values(result.fields, result.rows):
            with_values.add(result.name)
            results.append(result)
        elif result.name in with_values or not result.found:
            why = (
                "where there were values before" if result.name in with_values else "nor is a key there that they read"
            )
            said = f"rows came ({len(result.rows)}) and no field of them has a value, {why}"
            reasons = "; ".join((said, *result.warnings))
            results.append(replace(result, code=Code.FAIL, message=reasons, rows=(), warnings=()))
        else:
            results.append(result)
    return replace(outcome, results=tuple(results))


def is_refused(outcome: Round) -> bool:
    """Whether the key was refused by all that was asked, so that what it may read is unknown altogether."""
    return bool(outcome.results) and all(trouble_of_set(result) is Trouble.KEY_REFUSED for result in outcome.results)


@dataclass(frozen=True, slots=True)
class MonitorIdentity:
    """Which monitor it was; ``tags`` are the labels on every row."""

    name: str
    app: str
    host: str | None
    tags: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class RoundEvent:
    """One finished round. Times are aware, UTC.

    ``due`` is when it should have started, ``missed`` how many rounds before it were skipped because their time had
    passed. ``retries`` counts requests that were asked again. ``trouble`` is the gravest of the round and of the sets
    that were not due in it, as of their last time.
    """

    monitor: MonitorIdentity
    round: Round
    due: datetime
    started: datetime
    finished: datetime
    trouble: Trouble | None = None
    missed: int = 0
    retries: int = 0
    next_due: datetime | None = None


def trouble_of_skipped(event: RoundEvent) -> Trouble | None:
    """What kept a set from being asked: the trouble of its own round, and not that of sets which were not due in it."""
    if not event.round.results:
        return event.trouble
    return trouble_of(event.round) or Trouble.TIMEOUT
