"""``run`` with a section ``hertzbeat:``: monitors of the file and of the cluster in one process."""

import asyncio
from pathlib import Path

import pytest
from tests.hertzbeat_cluster import rig
from tests.hertzbeat_cluster.api import FakeApi
from tests.hertzbeat_cluster.loop import eventually, in_loop
from tests.hertzbeat_cluster.manager import FakeManager, like
from tests.hertzbeat_cluster.test_hosting import OWN

from openai_monitor.service.reading import MonitorsFileError, read_setup
from openai_monitor.service.service import Service


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


def test_the_section_is_checked_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(MonitorsFileError) as caught:
        read_setup(write(tmp_path, 1, "http://h:1158"))
    assert "monitors.yml:7:" in str(caught.value)
    assert "is no address of a manager" in str(caught.value)
