"""Faults that nobody foresaw, put into a running service: what they end begins anew, and everything else goes on."""

import asyncio
import faulthandler
import json
import os
import signal
import socket
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.service.running import write_file
from tests.service.test_service import _log_as_before as _log_as_before  # noqa: PLC0414 - a fixture
from tests.service.test_service import monitors, running, together, until

import openai_monitor.schedule.supervision as supervision_module
from openai_monitor.sandbox import Server
from openai_monitor.schedule.events import Trouble
from openai_monitor.schedule.intervals import Dues
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.service.history import place
from openai_monitor.service.outputs import Outputs
from openai_monitor.service.service import Service
from openai_monitor.service.source import FileSource
from openai_monitor.sinks.files import NdjsonFile

SECRET = "sess-never-shown"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervision_module, "FIRST_PAUSE", 0.2)


class Once:
    """In the place of a function: raises the first time, and does then what the function does."""

    def __init__(self, real: Callable[..., Any], error: Exception | None = None) -> None:
        self.real = real
        self.error = error or RuntimeError(SECRET)
        self.raised = 0

    def __get__(self, instance: object, _owner: object) -> Callable[..., Any]:
        return lambda *given, **named: self(instance, *given, **named)

    def __call__(self, *given: Any, **named: Any) -> Any:
        if not self.raised:
            self.raised += 1
            raise self.error
        return self.real(*given, **named)


async def healthz(service: Service) -> tuple[int, str]:
    async with httpx.AsyncClient() as client:
        answer = await client.get(f"http://127.0.0.1:{service.port}/healthz")
        return answer.status_code, answer.text


LISTEN = {"web": {"listen": "127.0.0.1:0"}, "outputs": {"prometheus": {}}}


@pytest.mark.parametrize("place", [(FileSource, "due"), (FileSource, "read"), (Outputs, "use")])
@pytest.mark.parametrize("by_signal", [True, False])
def test_a_follower_that_raised_takes_over_the_next_change_and_the_one_it_missed(
    place: tuple[type, str], by_signal: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    async def test(server: Server) -> None:
        path = write_file(tmp_path, server, monitors("a"), **LISTEN)
        async with running(path) as service:
            with monkeypatch.context() as patch:
                patch.setattr(place[0], place[1], once := Once(getattr(*place)))
                write_file(tmp_path, server, monitors("a", "b"), **LISTEN)
                os.kill(os.getpid(), signal.SIGHUP)
                await until(lambda: once.raised == 1 and "monitors file" in service.supervisor.down)
                code, text = await healthz(service)
                assert (code, text) == (503, "not ok: monitors file has failed and begins anew; the log says why\n")
                await until(lambda: set(service.fleet) == {"a", "b"})
            write_file(tmp_path, server, monitors("a", "c"), **LISTEN)
            if by_signal:
                os.kill(os.getpid(), signal.SIGHUP)
            await until(lambda: set(service.fleet) == {"a", "c"})
            await until(lambda: not service.supervisor.down)
            assert await healthz(service) == (200, "ok\n")
            assert service.supervisor.failures["monitors file"] == 1
            async with httpx.AsyncClient() as client:
                page = (await client.get(f"http://127.0.0.1:{service.port}/metrics")).text
            assert 'openai_monitor_task_failures_total{task="monitors file"} 1.0' in page
        assert "monitors file: internal error (RuntimeError in " in caplog.text
        assert SECRET not in caplog.text

    together(test)


def test_one_monitor_that_cant_be_scheduled_is_told_and_stops_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(server: Server) -> None:
        real = MonitorSpec.dues

        def dues(self: MonitorSpec) -> Dues:
            if self.name == "b":
                raise OverflowError(SECRET)
            return real(self)

        with monkeypatch.context() as patch:
            patch.setattr(MonitorSpec, "dues", dues)
            path = write_file(tmp_path, server, monitors("a", "b", "c"), outputs={"ndjson": {"path": "rows.ndjson"}})
            async with running(path) as service:
                await until(lambda: service.stats.collected >= 4)
                state = service.health.monitors["b"]
                assert state.trouble is Trouble.CONFIGURATION
                assert "internal error (OverflowError in " in state.message
                assert SECRET not in state.message
                assert service.health.monitors["a"].trouble is service.health.monitors["c"].trouble is None
                patch.undo()
                write_file(tmp_path, server, monitors("a", "b", "c", period=0.6), outputs={})
                service.source.reload()
                await until(lambda: service.health.monitors["b"].trouble is None)

    together(test)


def test_a_scheduler_that_cant_go_on_with_one_monitor_says_so_in_its_state_and_history(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        history = {"path": str(tmp_path / "history.sqlite")}
        path = write_file(tmp_path, server, monitors("a", "b"), history=history)
        async with running(path) as service:
            service._scheduler._entries["b"].spread = None  # type: ignore[assignment]
            await until(lambda: service.health.monitors["b"].trouble is Trouble.CONFIGURATION)
            before = service.health.monitors["a"].rounds
            await until(lambda: service.health.monitors["a"].rounds > before + 1)
        with sqlite3.connect(tmp_path / "history.sqlite") as connection:
            troubles = connection.execute(
                "SELECT monitor.name, trouble FROM round JOIN monitor ON monitor.id = monitor_id WHERE trouble NOT NULL"
            ).fetchall()
        connection.close()
        assert [name for name, _ in troubles] == ["b"]

    together(test)


def test_an_outputs_writer_that_raised_goes_on_with_what_waited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(server: Server) -> None:
        monkeypatch.setattr(NdjsonFile, "_write_batch", Once(NdjsonFile._write_batch))
        path = write_file(tmp_path, server, monitors("a"), outputs={"ndjson": {"path": "rows.ndjson"}})
        async with running(path) as service:
            await until(lambda: service.supervisor.failures["output ndjson"] == 1)
            await until(lambda: not service.supervisor.down and service.outputs["ndjson"].health().buffered == 0)
        rows = [json.loads(line) for line in (tmp_path / "rows.ndjson").read_text().splitlines()]
        assert len({row["time"] for row in rows if row["metrics"] == "credit_grants"}) == service.stats.collected

    together(test)


def test_a_history_that_raised_what_nobody_foresaw_loses_no_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(server: Server) -> None:
        monkeypatch.setattr(place, "make_private", Once(place.make_private))
        path = write_file(tmp_path, server, monitors("a"), history={"path": str(tmp_path / "history.sqlite")})
        async with running(path) as service:
            await until(lambda: service.supervisor.failures["history"] == 1 and not service.supervisor.down)
        assert rounds_in(tmp_path / "history.sqlite") == service.stats.collected + service.stats.failed

    together(test)


def test_every_round_that_the_end_cut_is_in_the_history(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        path = write_file(
            tmp_path, server, [*monitors("a", "b"), {"name": "slow", "params": {"port": silent}, "period": 60}],
            history={"path": str(tmp_path / "history.sqlite")}, limits={"shutdown": 0.5},
        )  # fmt: skip
        service = Service(path)
        task = asyncio.ensure_future(service.run())
        await until(lambda: service.stats.collected >= 4 and "slow" in service._scheduler._running)
        service.stop()
        await task
        assert service.stats.failed == 1
        assert rounds_in(tmp_path / "history.sqlite") == service.stats.collected + 1
        assert service.health.monitors["slow"].trouble is Trouble.TIMEOUT
        with sqlite3.connect(tmp_path / "history.sqlite") as connection:
            (reason,) = connection.execute("SELECT DISTINCT message FROM result WHERE message NOT NULL").fetchall()
        connection.close()
        assert reason[0] == "cut: the service ended before the round did"

    with socket.create_server(("127.0.0.1", 0)) as listening:
        silent = int(listening.getsockname()[1])  # it never answers
        together(test)


def test_healthz_tells_of_outputs_that_cant_write_and_stays_ok(tmp_path: Path) -> None:
    async def test(server: Server) -> None:
        (tmp_path / "history.sqlite").mkdir()
        (tmp_path / "rows.ndjson").mkdir()
        path = write_file(
            tmp_path, server, monitors("a"), web={"listen": "127.0.0.1:0"},
            history={"path": str(tmp_path / "history.sqlite")}, outputs={"ndjson": {"path": "rows.ndjson"}},
        )  # fmt: skip
        async with running(path) as service:
            await until(lambda: len(service._problems()) == 2)
            assert await healthz(service) == (
                200,
                "ok, but history can't write, ndjson can't write; the log says why\n",
            )

    together(test)


def test_systemd_hears_of_start_reload_and_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(faulthandler, "enable", lambda: None)  # this process's own stays
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as systemd:
        systemd.bind(str(tmp_path / "notify"))
        systemd.setblocking(False)
        monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "notify"))
        monkeypatch.setenv("WATCHDOG_USEC", "200000")
        heard: list[str] = []

        def hear() -> list[str]:
            while True:
                try:
                    heard.append(systemd.recv(4096).decode().partition("\n")[0])
                except BlockingIOError:
                    return [each for each in heard if each[:6] not in ("STATUS", "WATCHD")]

        async def test(server: Server) -> None:
            path = write_file(tmp_path, server, monitors("a"))
            async with running(path):
                await until(lambda: hear() == ["READY=1"])
                os.kill(os.getpid(), signal.SIGHUP)  # nothing has changed: systemd waits for an end of it all the same
                await until(lambda: hear() == ["READY=1", "RELOADING=1", "READY=1"])
                path.write_text("monitors: [", encoding="utf-8")
                os.kill(os.getpid(), signal.SIGHUP)
                await until(lambda: hear()[3:5] == ["RELOADING=1", "READY=1"])
                await until(lambda: heard.count("WATCHDOG=1") > 2)
            assert hear()[-1] == "STOPPING=1"

        together(test)


def rounds_in(path: Path) -> int:
    with sqlite3.connect(path) as connection:
        (count,) = connection.execute("SELECT count(*) FROM round").fetchone()
    connection.close()
    return int(count)
