"""A collector and monitors of a file in one process: one scheduler, one client."""

import asyncio
from pathlib import Path

import pytest
from tests.hertzbeat_cluster import rig
from tests.hertzbeat_cluster.api import FakeApi
from tests.hertzbeat_cluster.cluster import joined
from tests.hertzbeat_cluster.loop import eventually, in_loop
from tests.hertzbeat_cluster.manager import FakeManager, like

import openai_monitor.schedule.supervision as supervision_module
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.definition.load import parse_definition
from openai_monitor.errors import SettingsError
from openai_monitor.hertzbeat.connection import Address
from openai_monitor.hertzbeat.hosting import Hosted, hosted
from openai_monitor.hertzbeat.jobs import Job
from openai_monitor.hertzbeat.link import Link, Membership
from openai_monitor.hertzbeat.messages import Type
from openai_monitor.hertzbeat.rounds import JobCollector
from openai_monitor.hertzbeat.session import State
from openai_monitor.hertzbeat.turns import shared
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.health import Health
from openai_monitor.schedule.intervals import Dues
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.news import News
from openai_monitor.schedule.scheduler import Scheduler
from openai_monitor.schedule.stats import Stats
from openai_monitor.service.runner import Runner

OWN = """
app: own
params: [{field: host, name: {en-US: Host}, type: host, required: true},
         {field: port, name: {en-US: Port}, type: number, required: true}]
metrics:
  - {name: own, priority: 0, protocol: http, fields: [{field: name, type: 1}],
     http: {host: ^_^host^_^, port: ^_^port^_^, url: /own, method: GET, parseType: default}}
"""


@in_loop
async def test_a_file_and_a_cluster_share_a_scheduler_and_a_client() -> None:
    stats, events, hosts = Stats(), list[RoundEvent](), list[Hosted]()
    async with FakeApi() as api, FakeManager() as manager, Transport(TransportSettings(trust_env=False)) as transport:
        api.bodies["/own"] = {"name": "mine"}
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}), send=False)
        runner = Runner(transport, events.append, stats=stats, health=Health(), deadline=10, news=News())
        scheduler = Scheduler(shared(runner.run, lambda: hosts[0].node if hosts else None), stats)
        params = (("host", "127.0.0.1"), ("port", str(api.port)))
        runner.put(MonitorSpec("own", parse_definition(OWN, "own.yml"), params, 300))
        scheduler.add("own", 300, within=0)
        membership = Membership(Address("127.0.0.1", manager.port), "py-wire")
        async with hosted(membership, scheduler, JobCollector(transport, stats)) as host:
            hosts.append(host)
            await manager.until(lambda: manager.rows_of(11, "detail"))
            await eventually(lambda: bool(events))
            await scheduler.close(1)
        assert [event.monitor.name for event in events] == ["own"]
        assert api.asked == {"/own": 1, "/basic": 1, "/detail": 1}
        assert (stats.due, stats.collected, stats.failed) == (2, 2, 0)
        await manager.until(lambda: not manager.peers)
        assert manager.history[0].received[-1].type == Type.GO_OFFLINE


@in_loop
async def test_settings_that_can_not_be_used_end_the_collector_and_nothing_else(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def never(_turn: object) -> bool:
        return True

    membership = Membership(Address("127.0.0.1", 1, tls=True, ca_file=tmp_path / "missing.pem"), "py-wire")
    async with Transport() as transport:
        collector = JobCollector(transport, Stats())
        async with hosted(membership, Scheduler(never), collector) as host:
            await asyncio.wait([host.task])
        with pytest.raises(SettingsError):
            host.task.result()
    assert "the collector of the HertzBeat cluster has ended: --ca-file names" in caplog.text


@in_loop
async def test_jobs_that_cant_be_scheduled_are_told_to_the_manager_and_stop_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real = Job.dues

    def dues(self: Job) -> Dues:
        found = real(self)
        if self.monitor_id in (12, 13):
            found.tick = {12: 10**400, 13: float("nan")}[self.monitor_id]
        if self.monitor_id == 14:
            raise OverflowError("never shown")
        return found

    monkeypatch.setattr(Job, "dues", dues)
    async with FakeApi() as api, FakeManager() as manager:
        for number in (11, 12, 13, 14, 15):
            manager.add(like(rig.job(), number, config={"port": str(api.port)}), send=False)
        async with joined(manager.port) as ours:
            await manager.until(lambda: all(manager.rows_of(number, "detail") for number in (11, 15)))
            await manager.until(lambda: all(manager.rows_of(number) for number in (12, 13, 14)))
            for number in (12, 13, 14):
                (seen,) = manager.rows_of(number)
                assert seen.metadata["msg"].startswith("internal error (")
                assert "never shown" not in seen.metadata["msg"]
            assert ours.scheduler.supervisor.failures["jobs"] == 3
            assert ours.node.state is State.ONLINE


@in_loop
async def test_a_link_that_raised_what_nobody_foresaw_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision_module, "FIRST_PAUSE", 0.1)
    async with FakeApi() as api, FakeManager() as manager, Transport(TransportSettings(trust_env=False)) as transport:
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}), send=False)
        hosts = list[Hosted]()
        scheduler = Scheduler(shared(None, lambda: hosts[0].node if hosts else None))  # type: ignore[arg-type]
        membership = Membership(Address("127.0.0.1", manager.port), "py-wire")
        with monkeypatch.context() as patch:
            patch.setattr(Link, "_take", lambda *_: 1 / 0)
            async with hosted(membership, scheduler, JobCollector(transport, Stats())) as host:
                hosts.append(host)
                await eventually(lambda: scheduler.supervisor.down == ["hertzbeat"])
                patch.undo()
                await manager.until(lambda: manager.rows_of(11, "detail"))
                await eventually(lambda: not scheduler.supervisor.down)
                await scheduler.close(1)
