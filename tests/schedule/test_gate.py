"""At most so many requests at once, in all and to one host."""

import asyncio
from typing import Any

import pytest

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.request import Request
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code
from openai_monitor.schedule.gate import Gate
from openai_monitor.schedule.stats import Stats

SESSION: Any = object()


class Network:
    """Answers after a while; hosts named ``dead`` when they are let go."""

    def __init__(self) -> None:
        self.at_once: dict[str, int] = {}
        self.most: dict[str, int] = {}
        self.release = asyncio.Event()

    async def send(self, request: Request, session: object) -> Answer:
        for key in (request.host, "all"):
            self.at_once[key] = self.at_once.get(key, 0) + 1
            self.most[key] = max(self.most.get(key, 0), self.at_once[key])
        try:
            if request.host == "dead":
                await self.release.wait()
                raise CollectionError(Code.UN_CONNECTABLE, "dead")
            await asyncio.sleep(0.001)
        finally:
            for key in (request.host, "all"):
                self.at_once[key] -= 1
        return Answer(200, Headers([]), b"", 1, "")


def request(host: str) -> Request:
    return Request("GET", "https", host, 443, "/", (), None, None, None, sensitive=False)


def test_no_more_than_the_limits_are_in_flight() -> None:
    async def main() -> None:
        network, stats = Network(), Stats()
        gate = Gate(network, stats, total=6, per_host=4)
        hosts = ["a", "b", "c"] * 20
        await asyncio.gather(*(gate.send(request(host), SESSION) for host in hosts))
        assert network.most == {"a": 4, "b": 4, "c": 4, "all": 6} or network.most["all"] == 6
        assert max(network.most[host] for host in "abc") <= 4
        assert (stats.requests, stats.in_flight) == (60, 0)
        assert len(gate._hosts) == 0

    asyncio.run(main())


def test_a_dead_host_takes_its_own_share_only() -> None:
    async def main() -> None:
        network, stats = Network(), Stats()
        gate = Gate(network, stats, total=6, per_host=4)
        dead = [asyncio.ensure_future(gate.send(request("dead"), SESSION)) for _ in range(50)]
        await asyncio.sleep(0.01)
        async with asyncio.timeout(5):
            await asyncio.gather(*(gate.send(request("a"), SESSION) for _ in range(50)))
        assert stats.in_flight == 4
        for task in dead[:30]:
            task.cancel()
        network.release.set()
        outcomes = await asyncio.gather(*dead, return_exceptions=True)
        assert all(isinstance(outcome, asyncio.CancelledError | CollectionError) for outcome in outcomes)
        assert stats.in_flight == 0

    asyncio.run(main())


def test_debug_lines_tell_of_requests(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG", "openai_monitor")

    async def main() -> None:
        network = Network()
        network.release.set()
        gate = Gate(network, Stats(), total=1, per_host=1)
        await gate.send(request("a"), SESSION)
        with pytest.raises(CollectionError):
            await gate.send(request("dead"), SESSION)

    asyncio.run(main())
    first, second = [record.message for record in caplog.records]
    assert first == "Request(GET https://a:443/): 200, 0 bytes, 1 ms"
    assert second.startswith("Request(GET https://dead:443/): UN_CONNECTABLE after ")
