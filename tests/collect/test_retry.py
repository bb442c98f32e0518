"""What is asked again, after which pause, and until when. The network is a list of outcomes."""

import asyncio
import random
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.request import Request
from openai_monitor.collect.retry import RetryBudget, RetryingSender, RetryPolicy
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

SESSION: Any = object()
POLICY = RetryPolicy(retries=2, pause=1.0, pause_when_limited=8.0, longest_pause=30.0)


def request(method: str = "GET", host: str = "api.example.com") -> Request:
    return Request(method, "https", host, 443, "/", (), None, None, None, sensitive=False)


def answer(status: int, retry_after: str | None = None) -> Answer:
    headers = [("retry-after", retry_after)] if retry_after is not None else []
    return Answer(status, Headers(headers), b"", 1, "https://api.example.com/")


def failure(code: Code) -> CollectionError:
    return CollectionError(code, f"failed with {code.name}")


@dataclass
class Network:
    """Gives its outcomes one after the other, the last one for ever; its clock moves by the pauses."""

    outcomes: list[Answer | CollectionError]
    pauses: list[float] = field(default_factory=list)
    asked: int = 0
    now: float = 100.0

    async def send(self, request: Request, session: object) -> Answer:
        outcome = self.outcomes[min(self.asked, len(self.outcomes) - 1)]
        self.asked += 1
        if isinstance(outcome, CollectionError):
            raise outcome
        return outcome

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def sender(self, *, ends: float = 1000.0, budget: RetryBudget | None = None) -> RetryingSender:
        budget = budget or RetryBudget()
        return RetryingSender(self, POLICY, budget, ends, sleep=self.sleep, clock=lambda: self.now)


def ask(
    network: Network, what: Request | None = None, *, chance: float = 1.0, **settings: Any
) -> tuple[int | Code, RetryingSender]:
    """Ask once, in the time of the network; ``chance`` is how long a pause turns out, from 0 to 1."""
    sender = network.sender(**settings)
    with pytest.MonkeyPatch.context() as held:
        held.setattr(time, "monotonic", lambda: network.now)
        held.setattr(random, "uniform", lambda low, high: low + (high - low) * chance)
        try:
            found = asyncio.run(sender.send(what or request(), SESSION))
        except CollectionError as error:
            return error.code, sender
    return found.status, sender


@pytest.mark.parametrize("status", [200, 204, 301, 400, 401, 402, 403, 404, 405, 408, 410])
def test_what_a_second_try_can_not_change_is_asked_once(status: int) -> None:
    network = Network([answer(status)])
    assert ask(network)[0] == status
    assert network.asked == 1


@pytest.mark.parametrize(
    "blip",
    [failure(Code.UN_REACHABLE), failure(Code.UN_CONNECTABLE), answer(500), answer(502), answer(503), answer(429)],
)
def test_a_blip_is_asked_again(blip: Answer | CollectionError) -> None:
    network = Network([blip, answer(200)])
    outcome, sender = ask(network)
    assert outcome == 200
    assert (network.asked, sender.retries) == (2, 1)


@pytest.mark.parametrize("code", [Code.FAIL, Code.TIMEOUT, Code.UN_AVAILABLE])
def test_other_failures_stand(code: Code) -> None:
    network = Network([failure(code)])
    assert ask(network)[0] is code
    assert network.asked == 1


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_only_a_get_is_asked_again(method: str) -> None:
    network = Network([answer(503)])
    assert ask(network, request(method))[0] == 503
    assert network.asked == 1


def test_tries_are_counted_and_the_last_failure_is_the_one_that_stands() -> None:
    network = Network([answer(500), failure(Code.UN_REACHABLE), failure(Code.UN_CONNECTABLE), answer(200)])
    outcome, sender = ask(network)
    assert outcome is Code.UN_CONNECTABLE
    assert (network.asked, sender.retries) == (3, 2)


@pytest.mark.parametrize(("chance", "pauses"), [(1.0, [1.0, 2.0]), (0.0, [0.5, 1.0])])
def test_pauses_double_with_jitter(chance: float, pauses: list[float]) -> None:
    network = Network([answer(500)])
    ask(network, chance=chance)
    assert network.pauses == pauses


def test_each_pause_is_left_to_chance_by_half() -> None:
    pauses = []
    for _ in range(50):
        network = Network([answer(500), answer(200)])
        asyncio.run(network.sender().send(request(), SESSION))
        pauses += network.pauses
    assert 0.5 <= min(pauses) < max(pauses) <= 1.0


def test_no_pause_grows_beyond_the_longest() -> None:
    network = Network([answer(500)])
    policy = RetryPolicy(retries=8, pause=4.0, longest_pause=10.0)
    sender = RetryingSender(network, policy, RetryBudget(), 1000.0, sleep=network.sleep, clock=lambda: network.now)
    asyncio.run(sender.send(request(), SESSION))
    assert len(network.pauses) == 8
    assert max(network.pauses) <= 10.0


def test_a_429_without_a_time_waits_longer() -> None:
    network = Network([answer(429)])
    ask(network)
    assert network.pauses == [8.0, 16.0]


@pytest.mark.parametrize(("said", "pause"), [("0", 0.0), ("7", 7.0), ("30", 30.0)])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_honoured(said: str, pause: float, status: int) -> None:
    network = Network([answer(status, said), answer(200)])
    assert ask(network)[0] == 200
    assert network.pauses == [pause]


def test_retry_after_as_a_date_is_honoured() -> None:
    moment = datetime.now(UTC) + timedelta(seconds=20)
    network = Network([answer(429, format_datetime(moment, usegmt=True)), answer(200)])
    assert ask(network)[0] == 200
    assert 15 < network.pauses[0] <= 20


@pytest.mark.parametrize("said", ["31", "120", "999999999"])
def test_a_longer_wait_than_a_round_should_make_is_left_to_the_schedule(said: str) -> None:
    network = Network([answer(429, said), answer(200)])
    assert ask(network)[0] == 429
    assert (network.asked, network.pauses) == (1, [])


@pytest.mark.parametrize(("ends", "asked"), [(100.5, 1), (101.0, 1), (102.0, 2), (103.0, 2), (104.0, 3)])
def test_no_try_starts_after_the_end(ends: float, asked: int) -> None:
    network = Network([answer(500)])
    ask(network, ends=ends)
    assert network.asked == asked


def test_where_most_requests_fail_none_is_asked_again_until_it_works() -> None:
    budget, network = RetryBudget(), Network([answer(500)])
    for _ in range(10):
        ask(network, budget=budget)
    assert network.asked < 10 * 3 - 10
    before = network.asked
    ask(network, budget=budget)
    assert network.asked == before + 1

    well = Network([answer(200)])
    for _ in range(11):
        ask(well, budget=budget)
    ask(network, budget=budget)
    assert network.asked > before + 2


def test_a_budget_that_ends_between_two_tries_ends_them() -> None:
    network = Network([answer(500)])
    ask(network, budget=RetryBudget(tokens=2))
    assert network.asked == 2


def test_an_outage_of_one_host_costs_no_other_its_retries_and_no_memory_afterwards() -> None:
    budget = RetryBudget()
    for _ in range(30):
        budget.record(("https", "down", 443), ok=False)
    assert not budget.allows(("https", "down", 443))
    assert budget.allows(("https", "up", 443))
    for _ in range(20):
        budget.record(("https", "down", 443), ok=True)
    assert budget._missing == {}


def test_requests_side_by_side_are_each_asked_again() -> None:
    async def main() -> None:
        networks = [Network([answer(500)]) for _ in range(3)]

        class Several:
            async def send(self, request: Request, session: object) -> Answer:
                await asyncio.sleep(0)
                return await networks[int(request.host)].send(request, session)

        policy = RetryPolicy(retries=2, pause=0.0)
        sender = RetryingSender(Several(), policy, RetryBudget(), float("inf"))
        answers = await asyncio.gather(*(sender.send(request(host=str(number)), SESSION) for number in range(3)))
        assert [found.status for found in answers] == [500, 500, 500]
        assert [network.asked for network in networks] == [3, 3, 3]
        assert sender.retries == 6

    asyncio.run(main())


def test_a_failure_that_stands_holds_no_other_and_none_of_its_tries() -> None:
    network = Network([failure(Code.UN_REACHABLE), answer(500), failure(Code.UN_CONNECTABLE)])
    with pytest.raises(CollectionError) as caught:
        asyncio.run(network.sender().send(request(), SESSION))
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)
    names = [frame.f_code.co_name for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    assert names[-1] == "send"
    assert names.count("send") == 1


def test_an_error_that_is_not_ours_is_not_asked_again() -> None:
    class Broken(Network):
        async def send(self, request: Request, session: object) -> Answer:
            if self.asked:
                raise ZeroDivisionError
            return await super().send(request, session)

    network = Broken([answer(500)])
    with pytest.raises(ZeroDivisionError):
        asyncio.run(network.sender().send(request(), SESSION))
    assert len(network.pauses) == 1


@pytest.mark.parametrize("status", [200, 404])
def test_what_is_asked_once_does_without_the_library(status: int) -> None:
    code = (
        "import asyncio, sys; from tests.collect.test_retry import *; "
        f"asyncio.run(Network([answer({status})]).sender().send(request(), SESSION)); print('tenacity' in sys.modules)"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=root)
    assert done.stdout == "False\n"


def test_cancelling_a_pause_ends_it() -> None:
    async def main() -> None:
        network = Network([answer(500)])
        sender = RetryingSender(network, POLICY, RetryBudget(), float("inf"), clock=lambda: 0.0)
        task = asyncio.create_task(sender.send(request(), SESSION))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert network.asked == 1

    asyncio.run(main())


def test_cancelling_a_second_try_ends_it() -> None:
    async def main() -> None:
        class Hanging(Network):
            async def send(self, request: Request, session: object) -> Answer:
                found = await super().send(request, session)
                if self.asked > 1:
                    await asyncio.sleep(60)
                return found

        network = Hanging([answer(500)])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await network.sender().send(request(), SESSION)
        assert network.asked == 2

    asyncio.run(main())


@pytest.mark.parametrize("status", [503, 429])
def test_a_declared_success_is_not_retried(status: int) -> None:
    network = Network([answer(status)])
    outcome, sender = ask(network, replace(request(), accepts=frozenset({status})))
    assert outcome == status
    assert network.asked == 1
    assert sender.retries == 0


def test_without_retries_every_failure_is_told_at_once() -> None:
    network = Network([answer(500)])
    sender = RetryingSender(network, RetryPolicy(retries=0), RetryBudget(), 1000.0, sleep=network.sleep)
    assert asyncio.run(sender.send(request(), None)).status == 500  # type: ignore[arg-type]
    assert (network.asked, sender.retries) == (1, 0)
