"""A whole collector against a manager: what a user of HertzBeat sees."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.hertzbeat_cluster import rig, samples
from tests.hertzbeat_cluster.api import FakeApi
from tests.hertzbeat_cluster.cluster import Joined, joined
from tests.hertzbeat_cluster.loop import eventually, in_loop
from tests.hertzbeat_cluster.manager import FakeManager, Job, like, restarted

from openai_monitor.hertzbeat.cipher import DEFAULT_KEY
from openai_monitor.hertzbeat.messages import Message, Type
from openai_monitor.hertzbeat.session import State


class Cluster:
    """A manager, a monitored API, a collector."""

    def __init__(self, manager: FakeManager, api: FakeApi, collector: Joined) -> None:
        self.manager, self.api, self.collector = manager, api, collector

    def job(self, monitor_id: int, **changes: Any) -> Job:
        config = {"port": str(self.api.port), **changes.pop("config", {})}
        return like(rig.job(), monitor_id, config=config, **changes)

    async def online(self, monitors: int | None = None) -> None:
        node = self.collector.node
        await eventually(lambda: node.state is State.ONLINE and monitors in (None, node.monitors))

    async def rows_of(self, monitor_id: int, *, count: int = 1, name: str = "basic") -> Any:
        await self.manager.until(lambda: len(self.manager.rows_of(monitor_id, name)) >= count)
        return self.manager.rows_of(monitor_id, name)[-1]


@asynccontextmanager
async def cluster(
    *monitor_ids: int,
    key: str | None = rig.KEY,
    lengths: bool = True,
    greets: bool = True,
    period: int = 10,
    **more: Any,
) -> AsyncIterator[Cluster]:
    async with FakeApi() as api, FakeManager(key, lengths=lengths, greets=greets) as manager:
        before = Cluster(manager, api, None)  # type: ignore[arg-type]
        for monitor_id in monitor_ids:
            manager.add(before.job(monitor_id, defaultInterval=period), send=False)
        async with joined(manager.port, lengths=lengths, **more) as collector:
            yield Cluster(manager, api, collector)


# Collecting


@in_loop
async def test_a_pinned_monitor_is_collected_and_its_rows_reach_the_manager() -> None:
    async with cluster() as one:
        await one.online()
        one.manager.add(one.job(11))
        basic, detail = await one.rows_of(11), await one.rows_of(11, name="detail")
        assert [row["name"] for row in basic.rows] == ["a", "b", "ünï"]
        assert [row["load"] for row in basic.rows] == ["1.5", "&nbsp;", "3"]
        assert [row["uptime"] for row in detail.rows] == ["200", "400"]
        assert (basic.code, basic.metadata["priority"], detail.metadata["priority"]) == (0, "0", "1")
        assert set(one.api.authorizations) == {"Basic Ym9iOnMzY3JldC1wdw=="}
        messages = [each for each in one.manager.peers[-1].received if each.type == Type.RESPONSE_CYCLIC_TASK_DATA]
        assert {message.identity for message in messages} == {"py-wire"}


@in_loop
async def test_a_monitor_of_a_manager_that_was_there_before_is_collected_with_its_password() -> None:
    async with cluster(11) as one:
        await one.rows_of(11)
        assert one.api.authorizations == ["Basic Ym9iOnMzY3JldC1wdw=="]
        assert one.manager.infos[0]["mode"] == "private"


@in_loop
async def test_a_few_monitors_that_were_there_before_begin_at_once() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("openai_monitor.hertzbeat.runner.FIRST_WITHIN", 3600.0)
        async with cluster(11, 12, period=3600) as one:
            await one.rows_of(11)
            await one.rows_of(12)


@in_loop
async def test_a_password_in_the_newer_form_is_opened_too() -> None:
    async with cluster() as one:
        await one.online()
        one.manager.add(one.job(11, config={"password": rig.encrypt(rig.PASSWORD, rig.KEY, bytes(range(16)))}))
        await one.rows_of(11)
        assert one.api.authorizations == ["Basic Ym9iOnMzY3JldC1wdw=="]


@samples.recorded
@in_loop
async def test_a_recorded_job_of_a_newer_manager_is_collected_too() -> None:
    async with cluster(key=samples.key(25)) as one:
        await one.online()
        one.manager.add(like(samples.job(26), 11, config={"port": str(one.api.port)}))
        await one.rows_of(11)
        assert one.api.authorizations == ["Basic Ym9iOnMzY3JldC1wdw=="]


@in_loop
async def test_a_manager_of_1_7_is_told_in_its_form_and_sends_no_key() -> None:
    async with cluster(key=None, lengths=False) as one:
        await one.online()
        job = one.job(11, config={"password": rig.encrypt(rig.PASSWORD, DEFAULT_KEY)})
        one.manager.add(job)
        assert (await one.rows_of(11)).rows[0]["load"] == "1.5"
        assert [seen.name for seen in await one.manager.test(job)] == ["basic", "detail"]


@in_loop
async def test_a_manager_that_answers_heartbeats_only_takes_a_collector_in_before_1_7_3() -> None:
    async with cluster(key=None, lengths=False, greets=False) as one:
        await one.online()
        one.manager.add(one.job(11, config={"password": rig.encrypt(rig.PASSWORD, DEFAULT_KEY)}))
        assert (await one.rows_of(11)).rows[0]["load"] == "1.5"


@in_loop
async def test_a_manager_that_never_greets_is_told_to_be_old(caplog: pytest.LogCaptureFixture) -> None:
    async with cluster(key=None, greets=False) as one:
        await one.manager.until(lambda: len(one.manager.history) > 1)
    assert "one before 1.7.3 never does; tell the version of 1.7.0 to 1.7.2 with --manager-version" in caplog.text


@in_loop
async def test_the_second_round_comes_one_interval_after_the_first() -> None:
    async with cluster(11, period=1) as one:
        await one.rows_of(11, count=3)
        times = [int(seen.metadata["time"]) for seen in one.manager.rows_of(11, "basic")]
        assert times[1] - times[0] < 1500
        assert times[2] - times[1] < 1500


PAGE = """\
# TYPE http_requests_total counter
http_requests_total{code="200",method="get"} 1027 1395066363000
http_requests_total{code="400"} 3
up 1
latency_bucket{le="+Inf"} 5.5
"""


def page_job(one: Cluster, **changes: Any) -> Job:
    job = one.job(11, **changes)
    section = {
        "host": "^_^host^_^", "port": "^_^port^_^", "path": "/metrics", "ssl": "false", "timeout": "6000",
        "authorization": {"type": "Basic Auth", "basicAuthUsername": "^_^username^_^", "basicAuthPassword": "^_^password^_^"},
    }  # fmt: skip
    return {**job, "metrics": [{"name": "main", "priority": 0, "protocol": "prometheus", "prometheus": section}]}


@in_loop
async def test_an_exporters_page_is_collected_a_set_for_each_family() -> None:
    async with cluster() as one:
        await one.online()
        one.api.texts["/metrics"] = PAGE
        one.manager.add(page_job(one))
        requests = await one.rows_of(11, name="http_requests_total")
        assert [{k: row[k] for k in ("code", "method", "metric_value")} for row in requests.rows] == [
            {"code": "200", "method": "get", "metric_value": "1027"},
            {"code": "400", "method": "&nbsp;", "metric_value": "3"},
        ]
        assert (await one.rows_of(11, name="up")).rows == [{"metric_value": "1"}]
        assert (await one.rows_of(11, name="latency_bucket")).rows == [{"le": "+Inf", "metric_value": "5.5"}]
        assert one.api.authorizations[0].startswith("Basic ")
        assert [seen.name for seen in await one.manager.test(page_job(one))] == [
            "http_requests_total",
            "up",
            "latency_bucket",
        ]


@in_loop
async def test_a_page_that_is_refused_fails_its_set_with_the_reason() -> None:
    async with cluster() as one:
        await one.online()
        one.api.texts["/metrics"] = "<html>"
        one.manager.add(page_job(one))
        failed = await one.rows_of(11, name="main")
        assert failed.code == 4
        assert "HTML page" in failed.metadata["msg"] or "exposition" in failed.metadata["msg"]


@in_loop
async def test_each_set_has_its_interval() -> None:
    async with cluster() as one:
        await one.online()
        job = one.job(11, defaultInterval=1)
        job["metrics"][1]["interval"] = 3
        one.manager.add(job)
        await one.rows_of(11, count=4)
        assert one.api.asked["/basic"] >= 4
        assert one.api.asked["/detail"] <= 2


@in_loop
async def test_a_failing_set_of_priority_0_ends_the_round_and_tells_why() -> None:
    async with cluster() as one:
        one.api.statuses["/basic"] = 500
        await one.online()
        one.manager.add(one.job(11))
        seen = await one.rows_of(11)
        assert (seen.code, seen.rows) == (4, [])
        assert "500" in seen.metadata["msg"]
        assert one.api.asked["/detail"] == 0
        assert not one.manager.rows_of(11, "detail")


@in_loop
async def test_a_set_can_take_values_of_an_earlier_one() -> None:
    async with cluster() as one:
        await one.online()
        job = one.job(11)
        job["metrics"][1]["http"]["url"] = "/detail?of=^o^name^o^"
        one.manager.add(job)
        await one.rows_of(11, name="detail")
        assert {each for each in one.api.targets if each.startswith("/detail")} == {
            "/detail?of=a", "/detail?of=b", "/detail?of=%C3%BCn%C3%AF"
        }  # fmt: skip


@pytest.mark.parametrize("protocol", ["jdbc", "icmp", "registry", "http_sd"])
def test_other_protocols_fail_by_name(protocol: str) -> None:
    @in_loop
    async def test() -> None:
        async with cluster() as one:
            await one.online()
            job = one.job(11)
            job["metrics"][0] |= {"protocol": protocol, protocol: {"host": "h"}, "http": None}
            one.manager.add(job)
            seen = await one.rows_of(11)
            assert seen.code == 4
            assert protocol in seen.metadata["msg"]

    test()


@in_loop
async def test_service_discovery_fails_by_name_and_discovers_nothing() -> None:
    async with cluster() as one:
        await one.online()
        job = one.job(11, isSd=True, sd=True)
        job["metrics"] = [{**job["metrics"][0], "protocol": "http_sd", "http_sd": {"url": "h"}, "http": None}]
        one.manager.add(job)
        seen = await one.rows_of(11)
        assert (seen.code, seen.metadata["priority"]) == (4, "0")
        assert "http_sd" in seen.metadata["msg"]
        kinds = {message.type for message in one.manager.peers[-1].received}
        assert 9 not in kinds, "an empty answer of type 9 would have the manager cancel what it discovered before"


@in_loop
async def test_a_map_fills_headers() -> None:
    async with cluster() as one:
        await one.online()
        job = one.job(11)
        job["metrics"][0]["http"] |= {"authorization": None, "headers": {"^_^more^_^": "^_^more^_^"}}
        job["configmap"].append({"key": "more", "value": '{"Authorization":"Basic bWFw","X-Two":"2"}', "type": 3})
        one.manager.add(job)
        await one.rows_of(11)
        assert one.api.authorizations == ["Basic bWFw"]


@in_loop
async def test_a_set_may_need_another_that_is_not_due() -> None:
    async with cluster() as one:
        await one.online()
        job = one.job(11, defaultInterval=60)
        job["metrics"][1] |= {"interval": 1, "http": {**job["metrics"][1]["http"], "url": "/detail?of=^o^name^o^"}}
        one.manager.add(job)
        assert (await one.rows_of(11, name="detail", count=2)).code == 0
        assert len(one.manager.rows_of(11, "basic")) == 1


@in_loop
async def test_a_definition_that_is_refused_fails_with_the_reason() -> None:
    async with cluster() as one:
        await one.online()
        job = one.job(11)
        job["metrics"][1]["http"]["authorization"] = {"type": "Magic"}
        one.manager.add(job)
        seen = await one.rows_of(11)
        assert seen.code == 4
        assert "metrics[1].http.authorization.type" in seen.metadata["msg"]
        assert not one.manager.rows_of(11, "detail")
        assert sum(one.api.asked.values()) == 0


@pytest.mark.parametrize("key", ["fedcba9876543210", "short", None])
def test_a_password_that_does_not_open_is_not_sent(key: str | None) -> None:
    @in_loop
    async def test() -> None:
        async with cluster(11, key=key) as one:
            seen = await one.rows_of(11)
            assert seen.code == 4
            assert "parameter password: it does not open with the key of this manager" in seen.metadata["msg"]
            assert sum(one.api.asked.values()) == 0

    test()


@in_loop
async def test_a_large_set_is_cut() -> None:
    async with cluster() as one:
        one.api.bodies["/basic"] = [{"name": f"n{number}", "load": number} for number in range(10_000)]
        await one.online()
        one.manager.add(one.job(11))
        seen = await one.rows_of(11)
        assert len(seen.rows) == 1000
        assert "1,000 of 10,000 rows were sent" in seen.metadata["msg"]


# One-time jobs


@in_loop
async def test_the_test_button_is_answered_with_all_sets_in_one_message() -> None:
    async with cluster() as one:
        await one.online()
        basic, detail = await one.manager.test(one.job(1000000000))
        assert (basic.monitor_id, basic.name, basic.code, len(basic.rows)) == (1000000000, "basic", 0, 3)
        assert detail.name == "detail"
        assert one.collector.node.monitors == 0
        [message] = [each for each in one.manager.peers[-1].received if each.type == Type.RESPONSE_ONE_TIME_TASK_DATA]
        assert (message.identity, message.direction) == ("", 0)


@in_loop
async def test_what_failed_stands_first_where_the_manager_looks() -> None:
    async with cluster() as one:
        one.api.statuses["/detail"] = 403
        await one.online()
        job = one.job(1000000000)
        job["metrics"][1]["priority"] = 0
        first, second = await one.manager.test(job)
        assert (first.name, first.code, second.name, second.code) == ("detail", 4, "basic", 0)
        assert "403" in first.metadata["msg"]


@in_loop
async def test_a_test_never_goes_without_an_answer() -> None:
    async with cluster() as one:
        await one.online()
        [seen] = await one.manager.test(one.job(1000000000, metrics=[]))
        assert (seen.monitor_id, seen.code) == (1000000000, 4)
        assert "can't be used" in seen.metadata["msg"] or "no metric sets" in seen.metadata["msg"]


@in_loop
async def test_a_slow_api_is_answered_within_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai_monitor.hertzbeat.one_time.ONE_TIME_SECONDS", 0.3)
    async with cluster() as one:
        one.api.delay = 30
        await one.online()
        [seen] = await one.manager.test(one.job(1000000000))
        assert (seen.name, seen.code) == ("basic", 5)


@in_loop
async def test_making_a_monitor_asks_its_api_once() -> None:
    async with cluster() as one:
        one.api.delay = 0.1
        await one.online()
        job = one.job(11)
        one.manager.add(job)
        basic, *_ = await one.manager.test({**job, "metrics": job["metrics"][:1]})
        await one.rows_of(11)
        assert basic.name == "basic"
        assert one.api.asked == {"/basic": 1, "/detail": 1}


@in_loop
async def test_a_later_look_at_a_monitor_asks_again() -> None:
    async with cluster(11) as one:
        await one.rows_of(11, name="detail")
        await one.manager.test(one.manager.monitors[11])
        assert one.api.asked["/basic"] == 2


# What users do


@in_loop
async def test_an_edited_monitor_is_collected_as_it_is_now() -> None:
    async with cluster() as one:
        await one.online()
        one.manager.add(one.job(11, defaultInterval=1))
        await one.rows_of(11)
        edited = one.job(11, defaultInterval=1)
        edited["metrics"] = [{**edited["metrics"][1], "interval": 0}]
        one.manager.edit(edited)
        await one.rows_of(11, name="detail", count=3)
        asked = one.api.asked["/basic"]
        await one.rows_of(11, name="detail", count=5)
        assert one.api.asked["/basic"] == asked
        assert one.collector.node.monitors == 1


@in_loop
async def test_a_round_of_what_a_monitor_was_before_an_edit_tells_nothing() -> None:
    async with cluster() as one:
        await one.online()
        one.api.delay = 0.3
        one.manager.add(one.job(11))
        await asyncio.sleep(0.1)
        one.api.bodies["/basic"] = [{"name": "new"}]
        one.manager.edit(one.job(11, config={"username": "alice"}))
        await one.rows_of(11, name="detail")
        assert [[row["name"] for row in each.rows] for each in one.manager.rows_of(11, "basic")] == [["new"]]


@in_loop
async def test_a_deleted_monitor_is_not_asked_for_any_more() -> None:
    async with cluster() as one:
        await one.online()
        one.api.delay = 0.2
        one.manager.add(one.job(11, defaultInterval=1))
        await asyncio.sleep(0.1)
        one.manager.delete(11)
        await one.online(monitors=0)
        await asyncio.sleep(0.5)
        assert one.api.asked["/basic"] <= 1
        assert not one.manager.seen


@in_loop
async def test_ordered_offline_and_online() -> None:
    async with cluster(11) as one:
        await one.rows_of(11)
        one.manager.order(Type.GO_OFFLINE)
        await one.manager.until(lambda: any(each.direction == 1 for each in one.manager.peers[-1].received))
        assert (one.collector.node.state, one.collector.node.monitors) == (State.RESTING, 0)
        beats = len(one.manager.peers[-1].received)
        await one.manager.until(lambda: len(one.manager.peers[-1].received) > beats)
        one.manager.order(Type.GO_ONLINE)
        await one.online(monitors=1)
        await one.rows_of(11, count=2)


@in_loop
async def test_deleted_in_the_manager_it_leaves_and_does_not_come_back() -> None:
    async with cluster(11) as one:
        await one.rows_of(11)
        one.manager.dismiss()
        await asyncio.wait_for(one.collector.task, 5)
        assert one.collector.node.state is State.DISMISSED
        await one.manager.until(lambda: not one.manager.peers)
        await asyncio.sleep(0.2)
        assert len(one.manager.history) == 1


@in_loop
async def test_leaving_it_tells_the_manager() -> None:
    async with cluster(11) as one:
        await one.rows_of(11)
        peer = one.manager.peers[-1]
        one.collector.task.cancel()
        await one.manager.until(lambda: not one.manager.peers)
        assert (peer.received[-1].type, peer.received[-1].identity) == (Type.GO_OFFLINE, "py-wire")


# What goes wrong with connections


def cut_in_a_message(manager: FakeManager) -> None:
    peer = manager.peers[-1]
    peer.raw(peer.bytes_of(Message(Type.ISSUE_CYCLIC_TASK, msg=json.dumps(rig.job()).encode()))[:-20])
    peer.close()


FAULTS: dict[str, Callable[[FakeManager], object]] = {
    "closed": lambda manager: manager.peers[-1].close(),
    "reset": lambda manager: manager.peers[-1].reset(),
    "cut in a message": cut_in_a_message,
    "garbage": lambda manager: manager.peers[-1].raw(b"HTTP/1.1 400 Bad Request\r\n\r\n" * 10),
    "an endless length": lambda manager: manager.peers[-1].raw(manager.peers[-1].packed(b"\xff" * 9)),
    "half-open": lambda manager: setattr(manager, "is_mute", True),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_it_comes_back_with_what_is_assigned(fault: str) -> None:
    @in_loop
    async def test() -> None:
        async with cluster(11, 12) as one:
            await one.rows_of(11)
            await one.rows_of(12)
            del one.manager.monitors[12]
            one.manager.monitors[13] = one.job(13)
            FAULTS[fault](one.manager)
            await one.manager.until(lambda: len(one.manager.history) > 1)
            one.manager.is_mute = False
            await one.rows_of(13)
            await one.online(monitors=2)
            assert [each.type for each in one.manager.history[-1].received[:2]] == [Type.GO_OFFLINE, Type.GO_ONLINE]

    test()


@in_loop
async def test_a_manager_that_restarts_finds_its_collector_again(caplog: pytest.LogCaptureFixture) -> None:
    async with cluster(11) as one:
        await one.rows_of(11)
        async with restarted(one.manager):
            await asyncio.sleep(0.3)
        one.manager.add(one.job(12), send=False)
        await one.rows_of(12)
        assert one.collector.node.monitors == 2
    assert "connection refused: is the manager running" in caplog.text


@in_loop
async def test_a_manager_that_accepts_and_closes_is_not_hammered(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeManager() as manager:
        manager.closes_at_once = True
        tries = 0
        accept = manager._accept

        async def count(*streams: Any) -> None:
            nonlocal tries
            tries += 1
            await accept(*streams)

        monkeypatch.setattr(manager, "_accept", count)
        await manager.stop()
        await manager.start()
        async with joined(manager.port, first_wait=0.05):
            await asyncio.sleep(1.0)
        assert 2 <= tries <= 6


@in_loop
async def test_rows_that_were_ready_during_a_cut_are_sent_after_it() -> None:
    async with cluster(first_wait=0.5) as one:
        await one.online()
        one.api.delay = 0.2
        one.manager.add(one.job(11, defaultInterval=600))
        await asyncio.sleep(0.1)
        one.manager.peers[-1].reset()
        await one.rows_of(11, name="detail")
        assert one.api.asked == {"/basic": 1, "/detail": 1}


@in_loop
async def test_a_round_that_runs_over_a_short_cut_is_not_asked_for_again() -> None:
    async with cluster(first_wait=0.02) as one:
        await one.online()
        one.api.delay = 0.5
        one.manager.add(one.job(11, defaultInterval=600))
        await asyncio.sleep(0.1)
        one.manager.peers[-1].reset()
        await one.rows_of(11, name="detail")
        assert len(one.manager.history) == 2
        assert one.api.asked == {"/basic": 1, "/detail": 1}


@in_loop
async def test_nothing_is_asked_for_while_there_is_no_manager() -> None:
    async with cluster() as one:
        await one.online()
        one.manager.add(one.job(11, defaultInterval=1))
        await one.rows_of(11)
        async with restarted(one.manager):
            await asyncio.sleep(0.2)
            before = one.api.asked["/basic"]
            await asyncio.sleep(2.2)
            assert one.api.asked["/basic"] == before
        await one.rows_of(11, count=2)


@in_loop
async def test_two_collectors_of_one_name_are_told_of_each_other(caplog: pytest.LogCaptureFixture) -> None:
    async with cluster(11, first_wait=0.01) as one, joined(one.manager.port, first_wait=0.01):
        await eventually(lambda: "if another collector uses the same name" in caplog.text, 10)
        assert len(one.manager.history) < 30


@in_loop
async def test_a_manager_that_reads_slowly_delays_rows_and_loses_none() -> None:
    async with cluster() as one:
        await one.online()
        one.manager.hears.clear()
        for monitor_id in range(20, 40):
            one.manager.add(one.job(monitor_id))
        await asyncio.sleep(0.3)
        one.manager.hears.set()
        for monitor_id in range(20, 40):
            await one.rows_of(monitor_id)


@in_loop
async def test_a_manager_that_never_answers_the_greeting_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    async with FakeManager() as manager:
        monkeypatch.setattr(manager, "_go_online", lambda *_: None)
        async with joined(manager.port):
            await manager.until(lambda: len(manager.history) > 1, 5)


# Secrets


@in_loop
async def test_a_key_that_the_manager_sends_in_clear_is_kept_secret_too(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with cluster() as one:
        one.api.bodies["/basic"] = {"error": {"message": "wrong key sess-fake-4711"}}
        await one.online()
        job = one.job(11)
        bearer = {"type": "Bearer Token", "bearerTokenToken": "^_^token^_^"}
        job["metrics"][0]["http"]["authorization"] = bearer
        job["params"].append({"field": "token", "type": "text", "name": {"en-US": "Key"}})
        job["configmap"].append({"key": "token", "value": "sess-fake-4711", "type": 1})
        one.manager.add(job)
        seen = await one.rows_of(11)
        assert "wrong key ***" in seen.metadata["msg"]
        assert one.api.authorizations == ["Bearer sess-fake-4711"]
    assert "sess-fake-4711" not in caplog.text


@in_loop
async def test_no_secret_is_logged_or_told(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with cluster(11) as one:
        one.api.bodies["/detail"] = {"error": {"message": "wrong password s3cret-pw"}}
        await one.rows_of(11, name="detail")
        told = " ".join(each.metadata.get("msg", "") for each in one.manager.seen)
        assert "wrong password ***" in told
        one.manager.peers[-1].reset()
        await one.online()
    for secret in (rig.PASSWORD, rig.encrypt(rig.PASSWORD, rig.KEY), rig.KEY, "Ym9iOnMzY3JldC1wdw"):
        assert secret not in caplog.text


@in_loop
async def test_cells_that_resemble_a_user_name_or_a_password_are_sent_as_they_are() -> None:
    async with cluster() as one:
        body = [{"name": "elasticsearch", "temp": "a classic one"}, {"name": "elastic", "temp": "classic"}]
        one.api.bodies["/basic"] = body
        await one.online()
        job = one.job(11)
        given = {"username": "elastic", "password": rig.encrypt("classic", rig.KEY)}
        for entry in job["configmap"]:
            entry["value"] = given.get(entry["key"], entry["value"])
        one.manager.add(job)
        seen = await one.rows_of(11)
        cells = [(row["name"], row["temp"]) for row in seen.rows]
        assert cells == [("elasticsearch", "a classic one"), ("elastic", "***")]
