"""The service as a whole, in this process, against a sandbox over real HTTP."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.service.running import KEY, write_file

from openai_monitor.sandbox import Server, serve
from openai_monitor.schedule.events import Trouble
from openai_monitor.service.fleet import NotNow, Share
from openai_monitor.service.reading import MonitorsFileError
from openai_monitor.service.service import Options, Service


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:], root.level = handlers, level
    logging.getLogger("openai_monitor").setLevel(logging.NOTSET)


@asynccontextmanager
async def running(path: Path, options: Options | None = None) -> AsyncIterator[Service]:
    """A service that runs and is ready; ended, with all rounds accounted for, at the end."""
    service = Service(path, options)
    task = asyncio.ensure_future(service.run())
    try:
        await until(lambda: (service.health.ready and service.health.monitors != {}) or task.done())
        yield service
    finally:
        service.stop()
        assert await task == 0
        stats = service.stats
        assert stats.collected + stats.failed + stats.skipped == stats.due
        assert (stats.running, stats.queued, stats.in_flight) == (0, 0, 0)


async def until(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.01)


def together(test: Callable[[Server], Any], *faults: str) -> None:
    """Run a test beside a sandbox, and see that it leaves no task behind."""

    async def main() -> None:
        async with serve(faults=faults) as server:
            await test(server)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def monitors(*names: str, **more: Any) -> list[dict[str, Any]]:
    return [{"name": name, "period": 0.5, **more} for name in names]


def test_rows_flow_and_every_round_and_request_is_accounted_for(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        path = write_file(tmp_path, server, monitors("a", "b", "c"), outputs={"ndjson": {"path": "rows.ndjson"}})
        async with running(path) as service:
            await until(lambda: service.stats.collected >= 9)
            assert set(service.health.monitors) == {"a", "b", "c"}
            assert all(state.rounds > 1 for state in service.health.monitors.values())
        assert service.stats.requests == len(server.requests) == 3 * service.stats.collected
        rows = [json.loads(line) for line in (tmp_path / "rows.ndjson").read_text().splitlines()]
        assert {row["name"] for row in rows} == {"a", "b", "c"}
        assert {row["metrics"] for row in rows} == {"credit_grants", "model_cost", "billing_subscription"}

    together(test)


def test_a_changed_file_disturbs_only_what_changed(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        path = write_file(tmp_path, server, monitors("same", "tagged", "gone", "other"))
        async with running(path) as service:
            before = dict(service.health.monitors)
            changed = [
                *monitors("same"),
                *monitors("tagged", tags={"team": "x"}),
                *monitors("other", metrics={"include": ["credit_grants"]}),
                *monitors("new"),
            ]
            write_file(tmp_path, server, changed)
            service.source.reload()
            await until(lambda: "new" in service.health.monitors)
            after = service.health.monitors
            assert set(after) == {"same", "tagged", "other", "new"}
            assert after["same"] is before["same"]
            assert after["tagged"] is before["tagged"]
            assert after["other"] is not before["other"]
            await until(lambda: after["new"].rounds > 0 and after["other"].rounds > 0)
            assert (service.stats.monitors, service.stats.reloads) == (4, 1)

    together(test)


def test_a_broken_file_changes_nothing_and_is_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def test(server: Server) -> None:
        path = write_file(tmp_path, server, monitors("a"))
        async with running(path) as service:
            path.write_text("monitors:\n  - name: a\n    define: nothing\n")
            service.source.reload()
            await until(lambda: service.health.reload_problem is not None)
            rounds = service.health.monitors["a"].rounds
            await until(lambda: service.health.monitors["a"].rounds > rounds)
            write_file(tmp_path, server, monitors("a", "b"))
            service.source.reload()
            await until(lambda: "b" in service.health.monitors)
            assert service.health.reload_problem is None

    together(test)
    assert any("monitors.yml:3:13: error[no-definition]" in record.message for record in caplog.records)


def test_outputs_come_and_go_with_the_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def test(server: Server) -> None:
        path = write_file(tmp_path, server, monitors("a"))
        async with running(path) as service:
            assert service.outputs.healths() == ()
            write_file(
                tmp_path, server, monitors("a"), outputs={"ndjson": {"path": "rows.ndjson"}}, limits={"in_flight": 2}
            )
            service.source.reload()
            await until((tmp_path / "rows.ndjson").exists)

    together(test)
    messages = [record.message for record in caplog.records]
    assert any(message.endswith("a changed section `limits` takes effect after a restart") for message in messages)
    assert any(message.endswith("0 monitors added, 0 changed, 0 removed, 1 go on as they were") for message in messages)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (Options(), {"free"}),
        (Options(Share("eu")), {"free", "mine"}),
        (Options(Share("eu", assigned_only=True)), {"mine"}),
        (Options(Share("us")), {"free", "theirs"}),
    ],
)
def test_a_collector_runs_its_own_and_the_unassigned(options: Options, expected: set[str], tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        entries = [
            *monitors("free"),
            *monitors("mine", collector="eu"),
            *monitors("theirs", collector="us"),
            *monitors("off", enabled=False),
        ]
        async with running(write_file(tmp_path, server, entries), options) as service:
            assert set(service.health.monitors) == expected

    together(test)


@pytest.mark.parametrize(("faults", "code"), [((), 0), (("usage=404",), 1)])
def test_once_is_one_round_of_each(faults: tuple[str, ...], code: int, tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        path = write_file(
            tmp_path, server, monitors("a", "b"), defaults={"period": 300}, outputs={"ndjson": {"path": "rows.ndjson"}}
        )
        service = Service(path, Options(once=True))
        async with asyncio.timeout(10):
            assert await service.run() == code
        assert service.stats.due == 2
        assert len(server.requests) == 6
        assert (tmp_path / "rows.ndjson").read_text().count("credit_grants") == 2

    together(test, *faults)


def test_once_tells_of_an_output_that_lost_rows(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        outputs = {"ndjson": {"path": "rows.ndjson"}, "webhook": {"url": "http://127.0.0.1:9/"}}
        path = write_file(tmp_path, server, monitors("a"), defaults={"period": 300}, outputs=outputs)
        async with asyncio.timeout(30):
            assert await Service(path, Options(once=True)).run() == 1
        assert (tmp_path / "rows.ndjson").read_text().count("credit_grants") == 1

    together(test)


def test_a_service_that_is_cancelled_leaves_nothing_running(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        service = Service(write_file(tmp_path, server, monitors("a", "b")))
        task = asyncio.ensure_future(service.run())
        await until(lambda: len(server.requests) > 0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        stats = service.stats
        assert stats.collected + stats.failed + stats.skipped == stats.due
        assert (stats.running, stats.queued, stats.in_flight) == (0, 0, 0)

    together(test, "slow:0.5")


def test_once_without_monitors_ends(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with asyncio.timeout(5):
            assert await Service(write_file(tmp_path, server, []), Options(once=True)).run() == 0

    together(test)


def test_a_probe_is_a_round_now_or_the_one_that_runs(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        entries = [{"name": "a", "period": 600}]
        async with running(write_file(tmp_path, server, entries)) as service:
            rounds = service.health.monitors["a"].rounds
            server.switch("slow:0.1")
            first, second = await asyncio.gather(service.fleet.probe("a"), service.fleet.probe("a"))
            assert first is second
            assert service.health.monitors["a"].rounds == rounds + 1
            with pytest.raises(KeyError):
                await service.fleet.probe("unknown")

    together(test)


def test_a_monitor_that_was_asked_too_often_is_not_probed(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        async with running(write_file(tmp_path, server, monitors("a"))) as service:
            assert service.health.monitors["a"].trouble is Trouble.RATE_LIMITED
            with pytest.raises(NotNow, match="a was asked too often and waits"):
                await service.fleet.probe("a")
            assert len(server.requests) == 1

    together(test, "429:120")


def test_an_answer_past_the_limit_fails_its_set(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        path = write_file(tmp_path, server, monitors("a", metrics={"include": ["credit_grants"]}), limits={"answer": 1})
        async with running(path) as service:
            await until(lambda: service.stats.failed > 0)
            assert service.health.monitors["a"].trouble is Trouble.BAD_ANSWER
            assert "larger than the limit of 1 MiB" in service.health.monitors["a"].message

    together(test, f"huge:{2 * 2**20}")


def test_rounds_that_last_too_long_are_cut_at_the_end(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        path = write_file(tmp_path, server, monitors("a", "b"), limits={"shutdown": 0.4})
        service = Service(path)
        task = asyncio.ensure_future(service.run())
        await until(lambda: service.stats.running == 2)
        service.stop()
        async with asyncio.timeout(3):
            assert await task == 0
        stats = service.stats
        assert stats.failed == 2
        assert stats.collected + stats.failed + stats.skipped == stats.due

    together(test, "slow:30")


def test_the_listener_tells_of_the_service(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        path = write_file(
            tmp_path,
            server,
            [{"name": "a", "period": 600}],
            web={"listen": "127.0.0.1:0"},
            outputs={"prometheus": None},
        )
        server.switch("slow:0.3")
        service = Service(path)
        task = asyncio.ensure_future(service.run())
        await until(lambda: service.port is not None)
        url = f"http://127.0.0.1:{service.port}"
        async with httpx.AsyncClient(trust_env=False) as client:
            assert (await client.get(f"{url}/readyz")).status_code == 503
            await until(lambda: service.health.ready)
            assert (await client.get(f"{url}/readyz")).status_code == 200
            assert (await client.get(f"{url}/healthz")).status_code == 200
            page = (await client.get(f"{url}/metrics")).text
            assert "openai_monitor_rounds_due_total 1.0" in page
            probe = await client.get(f"{url}/probe", params={"monitor": "a"})
            assert "openai_credit_grants_total_available" in probe.text
        service.stop()
        assert await task == 0

    together(test)


def test_a_file_that_can_not_be_used_ends_it_before_it_begins(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        with pytest.raises(MonitorsFileError):
            Service(tmp_path / "none.yml")

    together(test)


def test_under_every_fault_nothing_is_lost_and_nothing_stays(tmp_path: Path) -> None:
    """A small soak: faults switch while forty monitors run and the file changes."""
    faults = ["401", "403", "429:0", "500", "502", "html-200", "slow:0.2", "reset", "garbage", "truncated", "hang-up"]

    async def test(server: Server) -> None:
        names = [f"m{number}" for number in range(40)]
        path = write_file(tmp_path, server, monitors(*names), limits={"deadline": 1, "shutdown": 2})
        async with running(path) as service:
            for number, fault in enumerate(faults):
                server.switch(f"credit_grants={fault}", f"usage={faults[-number - 1]}")
                if number % 4 == 0:
                    write_file(tmp_path, server, monitors(*names[number:]), limits={"deadline": 1, "shutdown": 2})
                    service.source.reload()
                await asyncio.sleep(0.4)
            (tmp_path / "key").write_text(KEY)
            server.switch()
            before = service.stats.collected
            await until(lambda: service.stats.collected > before + 40)
            assert service.stats.failed > 40
            assert len(asyncio.all_tasks()) < 80
        assert service.stats.requests == len(server.requests)
        assert service.stats.retries > 0

    together(test)
