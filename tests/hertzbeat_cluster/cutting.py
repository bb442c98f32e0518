"""Many jobs over a connection that is cut again and again, while monitors come and go."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from tests.hertzbeat_cluster import rig
from tests.hertzbeat_cluster.api import FakeApi
from tests.hertzbeat_cluster.cluster import Joined, joined
from tests.hertzbeat_cluster.loop import eventually
from tests.hertzbeat_cluster.manager import FakeManager, Job, like

from openai_monitor.hertzbeat.link import Timings
from openai_monitor.hertzbeat.runner import name_of
from openai_monitor.hertzbeat.session import State

_PATIENT = Timings(connect=5.0, heartbeat=0.5, silence=10.0)


@dataclass
class Cut:
    """What was found: how often it came back, and how long after the cut all that was assigned ran again."""

    returns: int = 0
    seconds_to_return: list[float] = field(default_factory=list)
    asked_twice: list[str] = field(default_factory=list)
    never_asked: set[int] = field(default_factory=set)


async def cut_again_and_again(jobs: int, seconds: float, every: float, rng: random.Random) -> Cut:
    """Pin jobs, each of which is due once in this time, and cut; after each return see that exactly those run."""
    found = Cut()
    async with FakeApi() as api, FakeManager() as manager:
        ids = count(1)
        for _ in range(jobs):
            manager.add(_job(api, next(ids)), send=False)
        async with joined(manager.port, first_wait=0.05, timings=_PATIENT) as collector:
            await _returned(collector, manager)
            ends = time.monotonic() + seconds
            while time.monotonic() < ends:
                await asyncio.sleep(rng.uniform(every / 2, every))
                _change_while_connected(manager, _job(api, next(ids)), rng)
                _change_while_away(manager, [_job(api, next(ids)) for _ in range(4)], rng)
                rng.choice((manager.peers[-1].close, manager.peers[-1].reset))()
                began = time.monotonic()
                await _returned(collector, manager)
                found.returns += 1
                found.seconds_to_return.append(time.monotonic() - began)
            await _all_asked(api, manager)
        counts = Counter(api.targets)
        found.asked_twice = [target for target, count in counts.items() if count > 1]
        found.never_asked = {each for each in manager.monitors if f"/basic?m={each}" not in counts}
    return found


def _job(api: FakeApi, monitor_id: int) -> Job:
    changes: dict[str, Any] = {"defaultInterval": 600}
    job = like(rig.issued_again(), monitor_id, config={"port": str(api.port), "extra": str(monitor_id)}, **changes)
    job["metrics"] = job["metrics"][:1]
    job["metrics"][0]["http"]["url"] = "/basic?m=^_^extra^_^"
    return job


def _change_while_connected(manager: FakeManager, new: Job, rng: random.Random) -> None:
    manager.delete(*rng.sample(sorted(manager.monitors), 3))
    manager.add(new)


def _change_while_away(manager: FakeManager, new: list[Job], rng: random.Random) -> None:
    """What the manager keeps to itself until the collector is back."""
    for monitor_id in rng.sample(sorted(manager.monitors), 2):
        del manager.monitors[monitor_id]
    for job in new:
        manager.add(job, send=False)


async def _returned(collector: Joined, manager: FakeManager) -> None:
    """Wait until the manager has its collector back, then see that exactly what is assigned is scheduled."""
    connections = len(manager.history)
    await eventually(lambda: len(manager.history) > connections or bool(manager.peers), 60)
    await eventually(lambda: _is_back(collector, manager), 60)
    wanted = {name_of(monitor_id) for monitor_id in manager.monitors}
    assert set(collector.scheduler._entries) == wanted, "not exactly what is assigned runs"
    assert set(collector.node._assignments.jobs) == set(manager.monitors)


def _is_back(collector: Joined, manager: FakeManager) -> bool:
    is_online = collector.node.state is State.ONLINE and len(manager.peers) == 1
    return is_online and {job.id for job in collector.node._assignments.jobs.values()} == set(_issued(manager))


def _issued(manager: FakeManager) -> list[int]:
    return [manager.issued.get(monitor_id, -1) for monitor_id in manager.monitors]


async def _all_asked(api: FakeApi, manager: FakeManager) -> None:
    def asked() -> bool:
        return {f"/basic?m={monitor_id}" for monitor_id in manager.monitors} <= set(api.targets)

    await eventually(asked, 30)
