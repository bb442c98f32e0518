"""What may be asked again, when, and until when.

Only a GET is asked again, and only when a second try can help: no connection (HertzBeat's codes 2 and 3), a 5xx,
a 429. The pause doubles from try to try, with jitter; ``Retry-After`` overrules it. A pause that is too long, or
ends after the round's time, is not made: the failure stands, and the schedule decides.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.verdict import retry_after
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

if TYPE_CHECKING:
    from openai_monitor.collect.asking import Sender
    from openai_monitor.collect.request import Request
    from openai_monitor.collect.transport import Session

Origin = tuple[str, str, int]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently. Times are in seconds.

    ``tries`` counts the first one. ``pause`` comes before the second try, ``pause_when_limited`` after a 429 that
    names no time of its own; ``longest_pause`` bounds both, and what a server may ask for.
    """

    tries: int = 3
    pause: float = 0.5
    pause_when_limited: float = 5.0
    longest_pause: float = 30.0


class RetryBudget:
    """Tells blips from outages, for each origin: where most requests fail, none is asked again.

    Each request that fails costs a token, each that succeeds gives one back; below half of them there are no
    retries. So a dead API with a thousand monitors gets one request a round and monitor, not three.
    """

    def __init__(self, tokens: int = 20) -> None:
        self._tokens = tokens
        self._missing: dict[Origin, int] = {}

    def record(self, origin: Origin, *, ok: bool) -> None:
        """Count one request."""
        missing = self._missing.get(origin, 0)
        if not ok:
            self._missing[origin] = min(self._tokens, missing + 1)
        elif missing > 1:
            self._missing[origin] = missing - 1
        elif missing:
            del self._missing[origin]  # origins that are well take no memory

    def allows(self, origin: Origin) -> bool:
        """Whether a request there may be asked again."""
        return self._missing.get(origin, 0) * 2 <= self._tokens


class RetryingSender:
    """A Sender for one round that asks again. ``ends`` is when the last try may start, on the monotonic clock.

    ``retries`` counts the requests that were asked again.
    """

    def __init__(
        self,
        sender: "Sender",
        policy: RetryPolicy,
        budget: RetryBudget,
        ends: float,
        *,
        sleep: Callable[[float], Awaitable[object]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
        rng: Callable[[], float] = random.random,
    ) -> None:
        self._sender = sender
        self._policy = policy
        self._budget = budget
        self._ends = ends
        self._sleep = sleep
        self._clock = clock
        self._rng = rng
        self.retries = 0

    async def send(self, request: "Request", session: "Session") -> Answer:
        """Ask until there is an answer that stands; raises the last CollectionError when there is none."""
        for number in range(1, self._policy.tries):
            outcome = await self._try(request, session)
            pause = self._pause_after(outcome, request, number)
            if pause is None:
                return _unwrap(outcome)
            await self._sleep(pause)
            self.retries += 1
        return _unwrap(await self._try(request, session))

    async def _try(self, request: "Request", session: "Session") -> Answer | CollectionError:
        outcome: Answer | CollectionError
        try:
            outcome = await self._sender.send(request, session)
        except CollectionError as error:
            outcome = error
        self._budget.record(request.origin, ok=not _may_pass(outcome))
        return outcome

    def _pause_after(self, outcome: Answer | CollectionError, request: "Request", number: int) -> float | None:
        """Seconds until the next try; None when there is to be none."""
        if request.method != "GET" or not _may_pass(outcome) or not self._budget.allows(request.origin):
            return None
        pause = self._wanted_pause(outcome, number)
        too_long = pause > self._policy.longest_pause or self._clock() + pause >= self._ends
        return None if too_long else pause

    def _wanted_pause(self, outcome: Answer | CollectionError, number: int) -> float:
        policy, limited = self._policy, False
        if isinstance(outcome, Answer):
            asked = retry_after(outcome, datetime.now(UTC))
            if asked is not None:
                return asked
            limited = outcome.status == 429
        pause = (policy.pause_when_limited if limited else policy.pause) * (1 << (number - 1))
        return min(pause, policy.longest_pause) * (0.5 + self._rng() / 2)


def _may_pass(outcome: Answer | CollectionError) -> bool:
    """Whether a failure may be gone at the next try."""
    if isinstance(outcome, Answer):
        return outcome.status == 429 or outcome.status >= 500
    return outcome.code in (Code.UN_REACHABLE, Code.UN_CONNECTABLE)


def _unwrap(outcome: Answer | CollectionError) -> Answer:
    if isinstance(outcome, CollectionError):
        raise outcome
    return outcome
