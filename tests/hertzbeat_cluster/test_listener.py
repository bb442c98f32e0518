"""What the rest of a service learns of the cluster's jobs."""

import asyncio
import json
import logging
from datetime import UTC, datetime

import pytest
from tests.hertzbeat_cluster import rig
from tests.hertzbeat_cluster.api import FakeApi
from tests.hertzbeat_cluster.cluster import joined
from tests.hertzbeat_cluster.loop import eventually, in_loop
from tests.hertzbeat_cluster.manager import FakeManager, like

from openai_monitor.hertzbeat.jobs import parse_job
from openai_monitor.hertzbeat.listener import ServiceListener
from openai_monitor.hertzbeat.session import State
from openai_monitor.rows import Round
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent, Trouble
from openai_monitor.schedule.health import Health, MonitorHealth
from openai_monitor.schedule.news import News
from openai_monitor.schedule.pace import Pace

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
EVENT = RoundEvent(MonitorIdentity("rig", "rig", None), Round("rig", None, NOW, ()), NOW, NOW, NOW)


class Outputs:
    def __init__(self) -> None:
        self.events: list[RoundEvent] = []
        self.forgotten: list[str] = []

    def offer(self, event: RoundEvent) -> None:
        self.events.append(event)

    def forget(self, monitor: str) -> None:
        self.forgotten.append(monitor)


@in_loop
async def test_log_health_and_outputs_learn_of_jobs(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outputs, health = Outputs(), Health()
    listener = ServiceListener(News(), health, outputs)
    async with FakeApi() as api, FakeManager() as manager, joined(manager.port, listener=listener) as collector:
        api.statuses["/basic"] = 401
        await eventually(lambda: collector.node.state is State.ONLINE)
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}, defaultInterval=1))
        await manager.until(lambda: manager.rows_of(11))
        await eventually(lambda: bool(outputs.events))
        event = outputs.events[0]
        assert (event.monitor.name, event.monitor.app, event.monitor.host) == ("monitor-11", "rig", "127.0.0.1")
        assert event.monitor.tags == (("team", "ops"),)
        assert event.trouble is Trouble.KEY_REFUSED
        assert event.due <= event.started <= event.finished
        assert event.next_due is not None
        assert health.monitors["monitor-11"].trouble is Trouble.KEY_REFUSED
        assert "monitor-11: the API refuses the key (127.0.0.1)" in caplog.text
        api.statuses.clear()
        await eventually(lambda: health.monitors["monitor-11"].trouble is None)
        assert "monitor-11: collected again" in caplog.text
        manager.delete(11)
        await eventually(lambda: outputs.forgotten == ["monitor-11"])
        assert health.monitors == {}


@in_loop
async def test_a_set_that_failed_and_is_not_due_still_has_its_trouble(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    outputs = Outputs()
    listener = ServiceListener(News(), None, outputs)
    async with FakeApi() as api, FakeManager() as manager, joined(manager.port, listener=listener):
        await manager.until(lambda: manager.infos)
        api.statuses["/detail"] = 401
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}, defaultInterval=1))
        await eventually(lambda: len(outputs.events) > 2)
        assert [len(event.round.results) for event in outputs.events[:2]] == [2, 1]
        assert [event.trouble for event in outputs.events[:2]] == [Trouble.KEY_REFUSED] * 2
        assert "collected again" not in caplog.text


@in_loop
async def test_a_round_that_ends_while_there_is_no_manager_is_told_of_too() -> None:
    outputs = Outputs()
    listener = ServiceListener(News(), None, outputs)
    async with FakeApi() as api, FakeManager() as manager, joined(manager.port, listener=listener, first_wait=5):
        api.delay = 0.3
        await manager.until(lambda: manager.infos)
        await asyncio.sleep(0.05)
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}))
        await asyncio.sleep(0.1)
        manager.peers[-1].reset()
        await eventually(lambda: bool(outputs.events))
        assert outputs.events[0].next_due is None


@in_loop
async def test_a_refused_definition_is_told_of_without_one() -> None:
    health = Health()
    listener = ServiceListener(News(), health)
    async with FakeManager() as manager, joined(manager.port, listener=listener):
        await manager.until(lambda: manager.infos)
        await asyncio.sleep(0.05)
        job = like(rig.job(), 11)
        job["metrics"][0]["priority"] = 300
        manager.add(job)
        await manager.until(lambda: manager.rows_of(11))
        await eventually(lambda: "monitor-11" in health.monitors)


@pytest.mark.parametrize("file_first", [True, False])
def test_a_job_called_as_a_monitor_of_the_file_takes_nothing_of_it_along(file_first: bool) -> None:
    async def main() -> None:
        job, health = parse_job(json.dumps(rig.job()).encode()), Health()
        listener, mine = ServiceListener(News(), health), MonitorHealth(job.name, "acme", None, 60)
        if file_first:
            health.monitors[job.name] = mine
        listener.offer(job, Pace(60), EVENT)
        health.monitors[job.name] = mine  # at the latest now
        listener.offer(job, Pace(60), EVENT)
        assert health.monitors == {job.name: mine}
        assert mine.rounds == 0
        listener.forget(job)
        assert health.monitors == {job.name: mine}

    asyncio.run(main())


def test_a_job_does_not_hide_a_monitor_of_the_file() -> None:
    async def main() -> None:
        job, health = parse_job(json.dumps(rig.job()).encode()), Health()
        listener, mine = ServiceListener(News(), health), MonitorHealth(job.name, "acme", None, 60)
        health.monitors[job.name] = mine
        listener.offer(job, Pace(60), EVENT)
        assert health.monitors == {job.name: mine}

    asyncio.run(main())
