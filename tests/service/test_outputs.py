"""Sinks that fail in every way they can: none of it reaches the rounds or the other sinks."""

import asyncio
import logging
from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import BaseModel

from openai_monitor.errors import SettingsError
from openai_monitor.rows import Round
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.service import outputs as outputs_module
from openai_monitor.service.outputs import Outputs
from openai_monitor.sinks import Sink, SinkHealth

NOW = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)
EVENT = RoundEvent(MonitorIdentity("m", "app", None), Round("app", None, NOW, ()), NOW, NOW, NOW)


class Settings(BaseModel):
    fails: str = ""
    number: int = 0


class Fake:
    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.fails = settings.fails
        self.took: list[RoundEvent] = []
        self.forgot: list[str] = []
        self.closed: list[float] = []
        self.ok = True
        self._fail("make")

    def _fail(self, step: str) -> None:
        if self.fails == step:
            raise RuntimeError("a bug")
        if self.fails == f"settings at {step}":
            raise SettingsError("a library is missing: install it")

    async def start(self, supervisor: Supervisor | None = None) -> None:
        self._fail("start")
        if self.fails == "hang at start":
            await asyncio.sleep(3600)

    def offer(self, event: RoundEvent) -> None:
        self._fail("offer")
        self.took.append(event)

    def forget(self, monitor: str) -> None:
        self._fail("forget")
        self.forgot.append(monitor)

    async def close(self, deadline: float) -> None:
        self._fail("close")
        if self.fails == "hang at close":
            await asyncio.sleep(3600)
        if self.fails == "slow at close":
            await asyncio.sleep(0.1)
        self.closed.append(deadline)

    def health(self) -> SinkHealth:
        return SinkHealth(self.name, self.ok, "" if self.ok else "the disk is full", dropped=3)


class Made:
    """Outputs of fakes, which it remembers."""

    def __init__(self) -> None:
        self.fakes: dict[str, Fake] = {}
        self.outputs = Outputs(self._make)

    def _make(self, name: str, settings: Any) -> Sink:
        self.fakes[name] = fake = Fake(name, settings)
        return fake


@pytest.mark.parametrize(
    "step",
    [
        "make",
        "start",
        "settings at make",
        "settings at start",
        "hang at start",
        "offer",
        "forget",
        "close",
        "hang at close",
    ],
)
def test_one_that_fails_stops_no_other(
    step: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outputs_module, "START_SECONDS", 0.05)

    async def main() -> None:
        made = Made()
        await made.outputs.use({"bad": Settings(fails=step), "good": Settings()}, deadline=1)
        made.outputs.offer(EVENT)
        made.outputs.forget("m")
        healths = {health.name: health for health in made.outputs.healths()}
        assert set(healths) == {"bad", "good"}
        assert healths["bad"].ok is (step in {"offer", "forget", "close", "hang at close"})
        await made.outputs.close(0.05)
        good = made.fakes["good"]
        assert (good.took, good.forgot, good.closed) == ([EVENT], ["m"], [0.05])
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    assert any("output bad" in record.message for record in caplog.records)
    assert not any("output good" in record.message for record in caplog.records)


def test_a_new_setup_disturbs_only_what_changed() -> None:
    async def main() -> None:
        made = Made()
        await made.outputs.use({"a": Settings(), "b": Settings(), "c": Settings()}, deadline=1)
        before = dict(made.fakes)
        await made.outputs.use({"a": Settings(), "b": Settings(number=1), "d": Settings()}, deadline=1)
        made.outputs.offer(EVENT)
        assert made.fakes["a"] is before["a"]
        assert made.fakes["b"] is not before["b"]
        assert [len(before[name].closed) for name in "abc"] == [0, 1, 1]
        assert [len(made.fakes[name].took) for name in "abcd"] == [1, 1, 0, 1]
        await made.outputs.close(1)

    asyncio.run(main())


@pytest.mark.parametrize("steps", range(4))
def test_one_that_writes_its_last_rows_does_so_though_the_new_setup_is_given_up(steps: int) -> None:
    """The service is told to end while it takes a new setup over."""

    async def main() -> None:
        made = Made()
        await made.outputs.use({"a": Settings(fails="slow at close"), "b": Settings()}, deadline=1)
        before = dict(made.fakes)
        taking = asyncio.create_task(made.outputs.use({"a": Settings(), "b": Settings()}, deadline=1))
        for _ in range(steps):
            await asyncio.sleep(0)
        taking.cancel()
        await asyncio.wait((taking,))
        await made.outputs.close(2)
        assert len(before["a"].closed) == len(before["b"].closed) == 1
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_a_broken_one_is_tried_again_when_its_section_changes() -> None:
    async def main() -> None:
        made = Made()
        await made.outputs.use({"a": Settings(fails="settings at start")}, deadline=1)
        assert made.outputs.get("a") is None
        await made.outputs.use({"a": Settings()}, deadline=1)
        assert made.outputs.get("a") is made.fakes["a"]
        assert [health.ok for health in made.outputs.healths()] == [True]
        await made.outputs.close(1)

    asyncio.run(main())


def test_that_one_is_down_is_told_once_and_so_is_its_recovery(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)

    async def main() -> None:
        made = Made()
        await made.outputs.use({"a": Settings()}, deadline=1)
        for ok in (True, False, False, True, True):
            made.fakes["a"].ok = ok
            made.outputs.tell()
        await made.outputs.close(1)

    asyncio.run(main())
    assert [record.message for record in caplog.records] == [
        "output a: the disk is full; collecting goes on",
        "output a: works again; 3 rows were dropped",
    ]
