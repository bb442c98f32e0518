"""What may be asked again, when, and until when.

Only a GET is asked again, and only when a second try can help: no connection (HertzBeat's codes 2 and 3), a 5xx or a
429 that the definition does not declare a success. The pause doubles from try to try, with jitter; ``Retry-After``
overrules it. A pause that is too long, or ends after the round's time, is not made: the failure stands, and the
schedule decides. Tenacity tries, counts, and waits.
"""

import asyncio
import math
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.verdict import retry_after
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

if TYPE_CHECKING:
    from tenacity import Future, RetryCallState

    from openai_monitor.collect.asking import Sender
    from openai_monitor.collect.request import Request
    from openai_monitor.collect.transport import Session

Origin = tuple[str, str, int]
Outcome = Answer | CollectionError


RETRIES = 2
"""How often a request of a round is asked again, unless a setting says otherwise."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how patiently. Times are in seconds.

    ``retries`` are the tries after the first one. ``pause`` comes before the second try, ``pause_when_limited`` after a
    429 that names no time of its own; ``longest_pause`` bounds both, and what a server may ask for.
    """

    retries: int = RETRIES
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

    @property
    def touched(self) -> bool:
        """Whether any origin misses tokens; while none does, a success changes nothing."""
        return bool(self._missing)

    def allows(self, origin: Origin) -> bool:
        """Whether a request there may be asked again."""
        return self._missing.get(origin, 0) * 2 <= self._tokens


class RetryingSender:
    """A Sender for one round that asks again. ``ends`` is when the last try may start, in seconds of ``clock``.

    ``retries`` counts the requests that were asked again.
    """

    def __init__(
        self,
        sender: "Sender",
        policy: RetryPolicy,
        budget: RetryBudget,
        ends: float,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._sender = sender
        self._policy = policy
        self._budget = budget
        self._ends = ends
        self._sleep = sleep
        self._clock = clock
        self.retries = 0

    async def send(self, request: "Request", session: "Session") -> Answer:
        """Ask until there is an answer that stands; raises the last CollectionError when there is none."""
        outcome = await self._try(request, session)
        may_help = self._policy.retries and request.method == "GET" and _may_pass(outcome, request)
        if may_help and self._budget.allows(request.origin):
            outcome = await self._ask_again(outcome, request, session)
        if isinstance(outcome, CollectionError):
            raise outcome
        return outcome

    async def _try(self, request: "Request", session: "Session") -> Outcome:
        outcome: Outcome
        try:
            outcome = await self._sender.send(request, session)
        except CollectionError as error:
            outcome = error.with_traceback(None)  # its frames hold the request, and this one would hold them
        failed = _may_pass(outcome, request)
        if failed or self._budget.touched:  # the origin is made for few
            self._budget.record(request.origin, ok=not failed)
        return outcome

    async def _ask_again(self, first: Outcome, request: "Request", session: "Session") -> Outcome:
        """Return the outcome that stands, after a first one that may pass."""
        import tenacity  # noqa: PLC0415 - nearly all requests succeed at once, and do without it

        origin, known = request.origin, [first]

        async def attempt() -> Outcome:
            if known:
                return known.pop()
            self.retries += 1
            return await self._try(request, session)

        retrying = tenacity.AsyncRetrying(  # keeps the state of its tries, so there is one for each request
            sleep=self._sleep,
            stop=tenacity.stop_after_attempt(1 + self._policy.retries)
            | tenacity.stop_before_delay(self._ends - self._clock()),
            wait=self._pause,
            retry=tenacity.retry_if_result(lambda outcome: _may_pass(outcome, request) and self._budget.allows(origin)),
            retry_error_callback=_outcome_of,
        )
        outcome: Outcome = await retrying(attempt)
        return outcome

    def _pause(self, state: "RetryCallState") -> float:
        """Seconds until the next try: as the server asks, or doubling, where one half of each is chance."""
        from tenacity import wait_exponential, wait_random_exponential  # noqa: PLC0415 - as above

        outcome, policy, pause = _outcome_of(state), self._policy, self._policy.pause
        if isinstance(outcome, Answer):
            asked = retry_after(outcome, datetime.now(UTC))
            if asked is not None:
                return asked if asked <= policy.longest_pause else math.inf  # more than any round has left
            if outcome.status == 429:
                pause = policy.pause_when_limited
        half = {"multiplier": pause / 2, "max": policy.longest_pause / 2}
        return (wait_exponential(**half) + wait_random_exponential(**half))(state)


def _outcome_of(state: "RetryCallState") -> Outcome:
    outcome: Outcome = cast("Future", state.outcome).result()
    return outcome


def _may_pass(outcome: Outcome, request: "Request") -> bool:
    """Whether this is a failure, and may be gone at the next try."""
    if isinstance(outcome, Answer):
        return (outcome.status == 429 or outcome.status >= 500) and outcome.status not in request.accepts
    return outcome.code in (Code.UN_REACHABLE, Code.UN_CONNECTABLE)
