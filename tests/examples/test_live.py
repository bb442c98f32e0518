"""A real Prometheus scrapes the service over the sandbox: it answers every query of the dashboard, and the rules work."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml
from tests.examples.programs import EXAMPLES, program
from tests.service.running import write_file

from openai_monitor.sandbox import serve
from openai_monitor.service.service import Service

DASHBOARD = json.loads((EXAMPLES / "grafana" / "dashboard.json").read_text(encoding="utf-8"))
MONITORS: list[dict[str, Any]] = [
    {"name": "acme", "define": "openai_spend", "tags": {"team": "search"}},
    {"name": "acme-models", "define": "openai"},
    {"name": "forgotten", "define": "openai", "params": {"token": {"file": "old-key"}}},
]


def targets() -> Iterator[tuple[str, str]]:
    """Title of the panel, and its query with Grafana's variables filled in."""
    for panel in DASHBOARD["panels"]:
        for target in panel.get("targets", ()):
            yield panel["title"], target["expr"].replace("$monitor", ".*").replace("$__rate_interval", "10s")


def configuration(port: int) -> str:
    shipped = yaml.safe_load((EXAMPLES / "prometheus" / "prometheus.yml").read_text(encoding="utf-8"))
    (job,) = shipped["scrape_configs"]
    job |= {"scrape_interval": "1s", "scrape_timeout": "1s", "static_configs": [{"targets": [f"127.0.0.1:{port}"]}]}
    return str(yaml.safe_dump({**shipped, "global": {"evaluation_interval": "1s"}}))


class Prometheus:
    """Asks a Prometheus that runs."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def ask(self, path: str, **parameters: str) -> Any:
        answer = await self._client.get(f"/api/v1/{path}", params=parameters)
        answer.raise_for_status()
        return answer.json()["data"]

    async def query(self, query: str) -> list[Any]:
        return list((await self.ask("query", query=query))["result"])

    async def until(self, query: str) -> None:
        """Wait until a query has an answer."""
        for _ in range(300):
            try:
                if await self.query(query):
                    return
            except httpx.HTTPError:  # it is not ready yet
                pass
            await asyncio.sleep(0.2)
        pytest.fail(f"after a minute Prometheus has no answer to {query}")


@asynccontextmanager
async def prometheus(folder: Path, port: int) -> AsyncIterator[Prometheus]:
    (folder / "prometheus.yml").write_text(configuration(port))
    (folder / "alerts.yml").write_text((EXAMPLES / "prometheus" / "alerts.yml").read_text(encoding="utf-8"))
    own = free_port()
    process = await asyncio.create_subprocess_exec(
        program("prometheus"), "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{own}",
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{own}", trust_env=False, timeout=10) as client:
            yield Prometheus(client)
    finally:
        process.kill()
        await process.wait()


def free_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


@asynccontextmanager
async def service(folder: Path) -> AsyncIterator[int]:
    """The service over a sandbox; gives the port of its listener."""
    (folder / "old-key").write_text("sess-expired")
    async with serve() as server:
        listen = {"listen": "127.0.0.1:0"}
        path = write_file(
            folder, server, MONITORS, outputs={"prometheus": None}, web=listen, defaults={"period": 1}, log={"level": "error"}
        )  # fmt: skip
        running = Service(path)
        task = asyncio.create_task(running.run())
        try:
            for _ in range(300):
                if running.port is not None:
                    break
                await asyncio.sleep(0.1)
            assert running.port is not None
            yield running.port
        finally:
            running.stop()
            await task


def test_a_real_prometheus_answers_the_dashboard_and_fires_the_alerts(tmp_path: Path) -> None:
    program("prometheus")

    async def main() -> None:
        async with service(tmp_path) as port, prometheus(tmp_path, port) as asked:
            # Two scrapes since the first rounds ended, so that there are rates.
            await asked.until("count_over_time(openai_spend_forecast[1m]) > 2")
            await asked.until("rate(openai_monitor_rounds_failed_total[10s]) > 0")
            unanswered = [(title, query) for title, query in targets() if not await asked.query(query)]
            assert unanswered == []
            names = [each["metric"]["monitor"] for each in await asked.query("openai_monitor_up")]
            assert sorted(names) == ["acme", "acme-models", "forgotten"]
            await asked.until('ALERTS{alertname="OpenAIKeyRefused",alertstate="firing",monitor="forgotten"}')
            rules = [rule for group in (await asked.ask("rules"))["groups"] for rule in group["rules"]]
            assert {rule["health"] for rule in rules} == {"ok"}
            firing = {(alert["labels"]["alertname"], alert["labels"]["monitor"], alert["state"])
                      for rule in rules for alert in rule["alerts"]}  # fmt: skip
            assert ("OpenAICreditLow", "acme", "pending") in firing  # the demo account has $12.75
            assert not {each for each in firing if each[0] == "OpenAICollectionFailing"}

    asyncio.run(main())


# What can be said of the dashboard without any program


def panels() -> list[Any]:
    return list(DASHBOARD["panels"])


def test_the_dashboard_can_be_imported_anywhere() -> None:
    text = json.dumps(DASHBOARD)
    uids = {target["datasource"]["uid"] for panel in panels() for target in panel.get("targets", ())}
    assert uids == {"${datasource}"}
    assert [variable["name"] for variable in DASHBOARD["templating"]["list"]] == ["datasource", "monitor"]
    assert DASHBOARD["uid"] == "openai-monitor"
    assert '"id": null' not in text


def test_panels_have_names_of_their_own_and_do_not_overlap() -> None:
    ids = [panel["id"] for panel in panels()]
    assert len(set(ids)) == len(ids)
    taken: set[tuple[int, int]] = set()
    for panel in panels():
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        assert max(x for x, _ in cells) < 24
        taken |= cells


def test_every_query_keeps_to_the_chosen_monitors() -> None:
    own = ("openai_monitor_rounds", "openai_monitor_request", "openai_monitor_output", "openai_monitor_round_lag")
    for panel in panels():
        for target in panel.get("targets", ()):
            assert 'monitor=~"$monitor"' in target["expr"] or any(name in target["expr"] for name in own), panel[
                "title"
            ]
