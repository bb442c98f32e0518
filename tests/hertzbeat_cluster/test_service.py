"""``run`` with a section ``hertzbeat:``: monitors of the file and of the cluster in one process."""

import asyncio
import signal
from pathlib import Path

import pytest
from tests.hertzbeat_cluster import rig
from tests.hertzbeat_cluster.api import FakeApi
from tests.hertzbeat_cluster.loop import eventually, in_loop
from tests.hertzbeat_cluster.manager import FakeManager, like
from tests.hertzbeat_cluster.processes import ended, process
from tests.hertzbeat_cluster.test_hosting import OWN

from openai_monitor.errors import SettingsError
from openai_monitor.hertzbeat import extras
from openai_monitor.hertzbeat.messages import Type
from openai_monitor.hertzbeat.settings import membership
from openai_monitor.service.reading import MonitorsFileError, read_setup
from openai_monitor.service.service import Service
from openai_monitor.sinks.files import NdjsonFile


def write(folder: Path, api_port: int, manager: str) -> Path:
    (folder / "own.yml").write_text(OWN, encoding="utf-8")
    path = folder / "monitors.yml"
    path.write_text(
        f"""
monitors:
  - {{name: mine, define: own.yml, params: {{host: 127.0.0.1, port: {api_port}}}, period: 300}}
outputs:
  ndjson: {{path: rows.ndjson}}
history: {{enabled: false}}
hertzbeat: {{manager: '{manager}', identity: py-wire}}
""",
        encoding="utf-8",
    )
    return path


@in_loop
async def test_a_service_can_be_a_collector_too(tmp_path: Path) -> None:
    async with FakeApi() as api, FakeManager() as manager:
        api.bodies["/own"] = {"name": "mine"}
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}), send=False)
        service = Service(write(tmp_path, api.port, f"127.0.0.1:{manager.port}"))
        running = asyncio.create_task(service.run())
        await manager.until(lambda: manager.rows_of(11, "detail"))
        await eventually(lambda: api.asked["/own"] == 1)
        await eventually(lambda: set(service.health.monitors) == {"mine", "monitor-11"})
        service.stop()
        assert await running == 0
        await eventually(lambda: not manager.peers)
        assert service.stats.collected == 2
    written = (tmp_path / "rows.ndjson").read_text(encoding="utf-8")
    assert '"monitor-11"' in written
    assert '"mine"' in written
    assert "s3cret" not in written


@in_loop
async def test_an_output_that_starts_slowly_gets_the_first_rows_of_the_cluster_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def open_slowly(sink: NdjsonFile) -> None:
        await asyncio.sleep(0.5)

    monkeypatch.setattr(NdjsonFile, "open", open_slowly)
    async with FakeApi() as api, FakeManager() as manager:
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}), send=False)
        service = Service(write(tmp_path, api.port, f"127.0.0.1:{manager.port}"))
        running = asyncio.create_task(service.run())
        await manager.until(lambda: manager.rows_of(11, "detail"))
        service.stop()
        assert await running == 0
    assert '"monitor-11"' in (tmp_path / "rows.ndjson").read_text(encoding="utf-8")


@in_loop
async def test_without_its_extra_the_service_begins_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise SettingsError("a HertzBeat cluster needs nanoarrow")

    monkeypatch.setattr(extras, "check", refuse)
    async with FakeApi() as api:
        service = Service(write(tmp_path, api.port, "127.0.0.1:1"))
        with pytest.raises(SettingsError, match="nanoarrow"):
            await service.run()
        assert (service.outputs.healths(), service.stats.due) == ((), 0)


@in_loop
async def test_run_serves_a_file_and_a_cluster_until_it_is_told_to_end(tmp_path: Path) -> None:
    async with FakeApi() as api, FakeManager() as manager:
        api.bodies |= {"/own": {"name": "mine"}, "/second": {"name": "second"}}
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}), send=False)
        file = write(tmp_path, api.port, f"127.0.0.1:{manager.port}")
        async with process("run", "--config", str(file)) as running:
            await manager.until(lambda: manager.rows_of(11, "detail"), 20)
            await eventually(lambda: api.asked["/own"] == 1)
            manager.add(like(rig.job(), 12, config={"port": str(api.port)}))
            await manager.until(lambda: manager.rows_of(12, "detail"))

            (tmp_path / "second.yml").write_text(OWN.replace("/own", "/second"), encoding="utf-8")
            second = f"  - {{name: second, define: second.yml, params: {{host: 127.0.0.1, port: {api.port}}}}}\n"
            file.write_text(file.read_text("utf-8").replace("outputs:", f"{second}outputs:"), encoding="utf-8")
            running.send_signal(signal.SIGHUP)
            await eventually(lambda: api.asked["/second"] == 1, 15)
            assert (api.asked["/own"], len(manager.history)) == (1, 1), "what did not change goes on undisturbed"

            running.send_signal(signal.SIGTERM)
            code, said = await ended(running)
        assert code == 0, said
        assert manager.history[0].received[-1].type == Type.GO_OFFLINE
        assert "collector py-wire is online" in said
        assert rig.PASSWORD not in said
    written = (tmp_path / "rows.ndjson").read_text(encoding="utf-8")
    assert [name for name in ("mine", "second", "monitor-11", "monitor-12") if f'"{name}"' not in written] == []


@in_loop
async def test_a_collector_that_was_deleted_leaves_the_monitors_of_the_file(tmp_path: Path) -> None:
    async with FakeApi() as api, FakeManager() as manager:
        api.bodies["/own"] = {"name": "mine"}
        file = write(tmp_path, api.port, f"127.0.0.1:{manager.port}")
        file.write_text(file.read_text("utf-8").replace("period: 300", "period: 1"), encoding="utf-8")
        service = Service(file)
        running = asyncio.create_task(service.run())
        await manager.until(lambda: manager.infos)
        manager.dismiss()
        await manager.until(lambda: not manager.peers)
        before = api.asked["/own"]
        await eventually(lambda: api.asked["/own"] > before)
        service.stop()
        assert await running == 0
        assert len(manager.history) == 1


def test_certificates_lie_beside_the_file(tmp_path: Path) -> None:
    file = write(tmp_path, 1, "h:1158")
    file.write_text(file.read_text("utf-8").replace("py-wire}", "me, tls: true, ca_file: ca.pem}"), encoding="utf-8")
    section = read_setup(file).hertzbeat
    assert section is not None
    assert section.membership() == membership("h:1158", "me", tls=True, ca_file=tmp_path / "ca.pem")


def test_the_section_is_checked_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(MonitorsFileError) as caught:
        read_setup(write(tmp_path, 1, "http://h:1158"))
    assert "monitors.yml:7:" in str(caught.value)
    assert "is no address of a manager" in str(caught.value)
