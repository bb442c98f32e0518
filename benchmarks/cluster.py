"""(e) A collector of a HertzBeat cluster, against the service that runs the same monitor from a file."""

import asyncio
import json
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

from tests.hertzbeat_cluster import rig
from tests.hertzbeat_cluster.api import FakeApi
from tests.hertzbeat_cluster.cluster import joined
from tests.hertzbeat_cluster.cutting import cut_again_and_again
from tests.hertzbeat_cluster.manager import FakeManager, like
from tests.hertzbeat_cluster.rig import job_of

from benchmarks.local import Account, local_account
from benchmarks.measure import Ratio
from openai_monitor.collect.rounds import utc_now
from openai_monitor.collect.transport import Transport
from openai_monitor.definition.shipped import load_definition
from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.arrow import payload
from openai_monitor.hertzbeat.framing import FrameWriter
from openai_monitor.hertzbeat.jobs import Job, parse_job
from openai_monitor.hertzbeat.rounds import JobCollector, Plans
from openai_monitor.hertzbeat.tables import table_of
from openai_monitor.schedule.health import Health
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.news import News
from openai_monitor.schedule.scheduler import Scheduler, Turn
from openai_monitor.schedule.stats import Stats
from openai_monitor.service.runner import Runner

ROUNDS = 208
AT_ONCE = 16

Work = Callable[[int], Awaitable[object]]


def run() -> Iterator[Ratio]:
    """The figures, one after the other."""
    yield _cpu()
    yield _arrival()
    yield _memory()
    yield from _imports()
    yield _cuts()


def _cpu() -> Ratio:
    with local_account() as account:
        pairs = asyncio.run(_pairs(account))
    ratio = statistics.median(ours / theirs for ours, theirs in pairs)
    ours, theirs = (statistics.median(pair[index] for pair in pairs) / ROUNDS * 1e3 for index in (0, 1))
    what = "a job's round, its rows as bytes for the manager / a monitor's round of the service (CPU)"
    return Ratio(what, ratio, None, f"{ours:.2f} ms against {theirs:.2f} ms, {len(pairs)} pairs")


async def _pairs(account: Account) -> list[tuple[float, float]]:
    definition = load_definition("openai")
    params = {key: str(value) for key, value in account.parameters.items()}
    async with Transport() as transport:
        jobs = [Plans(parse_job(json.dumps(job_of(definition, each, **params)).encode())) for each in range(AT_ONCE)]
        collector, writer = JobCollector(transport, Stats()), FrameWriter()
        runner = Runner(transport, lambda _: None, stats=Stats(), health=Health(), deadline=240, news=News())
        schedule = Scheduler(runner.run)
        for number in range(AT_ONCE):
            runner.put(MonitorSpec(str(number), definition, tuple(params.items()), 300))

        async def ours(number: int) -> None:
            job = jobs[number].job
            collected, _ = await collector.collect(jobs[number], job.kind.names, None, within=300)
            for result in collected.results:
                message = messages.cyclic_data("bench", payload([table_of(result, job)]))
                writer.write(messages.encode(message))

        async def theirs(number: int) -> None:
            await runner.run(Turn(str(number), 0.0, 0, schedule))

        await _cost(ours), await _cost(theirs)
        return [(await _cost(ours), await _cost(theirs)) for _ in range(7)]


async def _cost(work: Work) -> float:
    began = time.process_time()
    for _ in range(ROUNDS // AT_ONCE):
        await asyncio.gather(*map(work, range(AT_ONCE)))
    return time.process_time() - began


def _arrival() -> Ratio:
    times = asyncio.run(_arrivals())
    detail = f"the slowest of {len(times)}: {max(times) * 1e3:.1f} ms; the API answers at once"
    what = "a job's arrival until its first rows are at the manager (ms)"
    return Ratio(what, statistics.median(times) * 1e3, None, detail)


async def _arrivals() -> list[float]:
    async with FakeApi() as api, FakeManager() as manager, joined(manager.port):
        await manager.until(lambda: manager.infos)
        await asyncio.sleep(0.2)
        return [await _arrival_of(api, manager, monitor_id) for monitor_id in range(1, 31)]


async def _arrival_of(api: FakeApi, manager: FakeManager, monitor_id: int) -> float:
    job = like(rig.job(), monitor_id, config={"port": str(api.port)})
    await asyncio.sleep(0.15)
    began = time.perf_counter()
    manager.add(job)
    await manager.until(lambda: manager.rows_of(monitor_id, "basic"))
    return time.perf_counter() - began


def _memory() -> Ratio:
    kept: list[Plans] = []
    _resident(kept, 200)
    before = _resident(kept, 0)
    after = _resident(kept, 3000)
    what = "memory of a job of define/openai.yml with its plan and requests (KB)"
    return Ratio(what, (after - before) / 3000 / 1024, None, "resident, 3,000 jobs")


def _resident(kept: list[Plans], more: int) -> int:
    """Bytes resident with so many jobs more."""
    definition = load_definition("openai")
    for number in range(len(kept), len(kept) + more):
        job = _job(json.dumps(job_of(definition, number, host="127.0.0.1", token=f"sess-fake-{number}")))
        kept.append(Plans(job))
        for planned in kept[-1].plan(job.kind.names, None).sets:
            planned.request_at(utc_now)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * 4096


def _job(text: str) -> Job:
    return parse_job(text.encode())


def _imports() -> Iterator[Ratio]:
    for module in ("nanoarrow.ipc", "cryptography.hazmat.primitives.ciphers"):
        code = f"import time; b = time.perf_counter(); import {module}; print(time.perf_counter() - b)"
        times = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(7)]
        yield Ratio(f"import {module} (ms)", statistics.median(times) * 1e3, None, "in a process of its own")


def _cuts() -> Ratio:
    found = asyncio.run(cut_again_and_again(1000, seconds=60, every=4, rng=random.Random(1)))  # noqa: S311 - no secret
    return Ratio(
        "1,000 jobs, cut every few seconds for a minute: longest until exactly the assigned ones ran again (s)",
        max(found.seconds_to_return),
        None,
        f"{found.returns} returns; asked twice: {len(found.asked_twice)}, never asked: {len(found.never_asked)}",
    )
