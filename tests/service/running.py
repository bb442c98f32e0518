"""What the service's tests share: monitors files that lead to a sandbox, and rounds without a scheduler."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from openai_monitor.collect.retry import RetryPolicy
from openai_monitor.collect.transport import Transport
from openai_monitor.sandbox import Server, serve
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.gate import Gate
from openai_monitor.schedule.health import Health
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.news import News
from openai_monitor.schedule.scheduler import Turn
from openai_monitor.schedule.stats import Stats
from openai_monitor.service.entries import Definitions
from openai_monitor.service.reading import read_setup
from openai_monitor.service.runner import Runner

KEY = "sess-sandbox"
QUICK = RetryPolicy(retries=2, pause=0.01, pause_when_limited=0.01, longest_pause=0.5)


def write_file(folder: Path, server: Server, monitors: list[dict[str, Any]], **sections: Any) -> Path:
    """A monitors file whose monitors ask the server; ``key`` holds the right key."""
    (folder / "key").write_text(f"{KEY}\n")
    (folder / "key").chmod(0o600)
    address = {"host": server.host, "port": server.port, "ssl": False, "token": {"file": "key"}}
    content = {
        "defaults": {"params": address, "period": 60, **sections.pop("defaults", {})},
        "monitors": monitors,
        "history": {"enabled": False},
        **sections,
    }
    path = folder / "monitors.yml"
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return path


@dataclass
class Calendar:
    """A schedule that notes what it is told."""

    held: list[float] = field(default_factory=list)
    rested: list[float] = field(default_factory=list)

    def hold(self, name: str, until: float) -> None:
        self.held.append(until)

    def rest(self, name: str, until: float) -> None:
        self.rested.append(until)

    def next_due(self, name: str) -> float | None:
        return asyncio.get_running_loop().time() + 60


class Bench:
    """A runner over real HTTP, whose rounds run when a test says so."""

    def __init__(self, folder: Path, server: Server, runner: Runner, stats: Stats, health: Health) -> None:
        self.folder = folder
        self.server = server
        self.runner = runner
        self.stats = stats
        self.health = health
        self.calendar = Calendar()
        self._definitions = Definitions()
        self.events: list[RoundEvent] = []
        self.retries = QUICK.retries

    def spec(self, **monitor: Any) -> MonitorSpec:
        """The monitor ``acme``, with this beside its name."""
        path = write_file(self.folder, self.server, [{"name": "acme", "retries": self.retries, **monitor}])
        return read_setup(path, self._definitions).monitors[0]

    def put(self, **monitor: Any) -> None:
        self.runner.put(self.spec(**monitor))

    async def turn(self, name: str = "acme", missed: int = 0, *, after: float = 0.0, beside: bool = False) -> bool:
        due = asyncio.get_running_loop().time() + after
        return await self.runner.run(Turn(name, due, missed, self.calendar, beside))

    async def round(self, *, after: float = 0.0, beside: bool = False) -> RoundEvent:
        """One round of ``acme``, as if so many seconds had passed."""
        before = len(self.events)
        await self.turn(after=after, beside=beside)
        assert len(self.events) == before + 1
        return self.events[-1]


@asynccontextmanager
async def bench(
    folder: Path, *faults: str, deadline: float = 10.0, policy: RetryPolicy = QUICK
) -> AsyncIterator[Bench]:
    """A sandbox, and a runner for it with the monitor ``acme``."""
    stats, health, news = Stats(), Health(), News()
    async with serve(faults=faults) as server, Transport() as transport:
        gate = Gate(transport, stats, total=16, per_host=8)
        events: list[RoundEvent] = []
        runner = Runner(
            gate, events.append, stats=stats, health=health, deadline=deadline, news=news, policy=policy
        )  # fmt: skip
        made = Bench(folder, server, runner, stats, health)
        made.events = events
        made.retries = policy.retries
        made.put()
        yield made
        news.close()
