"""What the listener answers."""

import asyncio
import gc
import gzip
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from tests.service.web.clients import Got, connect, get, listening, sink_with
from tests.sinks.events import COST, CREDIT, event

from openai_monitor.errors import MonitorError
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.service.web import site
from openai_monitor.service.web.server import Ask
from openai_monitor.service.web.settings import WebSettings
from openai_monitor.service.web.site import Site, Web


def test_metrics_are_a_page_prometheus_reads() -> None:
    async def main() -> Got:
        async with listening(sink_with()) as web:
            return await get(web, "/metrics")

    got = asyncio.run(main())
    assert got.status == 200
    assert got.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    names = {family.name for family in text_string_to_metric_families(got.text)}
    assert {"openai_credit_grants_total_available_usd", "openai_model_cost_usd"} <= names


def test_a_page_is_zipped_for_those_who_take_it() -> None:
    async def main() -> None:
        async with listening(sink_with()) as web:
            plain = await get(web, "/metrics")
            zipped = await get(web, "/metrics", accept_encoding="deflate, gzip;q=0.5")
            assert zipped.headers["content-encoding"] == "gzip"
            assert gzip.decompress(zipped.body) == plain.body
            assert len(zipped.body) < len(plain.body) / 2
            assert "content-encoding" not in (await get(web, "/metrics", accept_encoding="gzip;q=0")).headers

    asyncio.run(main())


def test_those_who_ask_at_once_get_one_page() -> None:
    async def main() -> None:
        sink = sink_with()
        async with listening(sink) as web:
            pages = await asyncio.gather(*(get(web, "/metrics") for _ in range(10)))
            assert len({got.body for got in pages}) == 1

    asyncio.run(main())


def test_a_page_is_made_beside_the_event_loop() -> None:
    async def main() -> float:
        sink = sink_with(*(event(CREDIT, COST, name=str(number)) for number in range(1000)))
        longest = 0.0

        async def watch() -> None:
            nonlocal longest
            while True:
                before = time.perf_counter()
                await asyncio.sleep(0)
                longest = max(longest, time.perf_counter() - before)

        async with listening(sink) as web:
            watcher = asyncio.create_task(watch())
            began = time.perf_counter()
            await get(web, "/metrics")
            took = time.perf_counter() - began
            watcher.cancel()
            return longest / took

    assert asyncio.run(main()) < 0.5


def test_without_the_output_there_is_no_page_but_a_hint() -> None:
    async def main() -> None:
        async with listening(None) as web:
            for path in ("/metrics", "/probe?monitor=a"):
                got = await get(web, path)
                assert (got.status, "add `prometheus:`" in got.text) == (404, True)

    asyncio.run(main())


def test_health_and_readiness() -> None:
    async def main() -> None:
        waits = ["2 first rounds are still to come"]
        async with listening(None, wait=lambda: waits[0]) as web:
            assert (await get(web, "/healthz")).text == "ok\n"
            assert await _status(web, "/readyz") == 503
            assert "2 first rounds" in (await get(web, "/readyz")).text
            waits[0] = ""
            assert (await get(web, "/readyz")).text == "ready\n"

    asyncio.run(main())


async def _status(web: site.Web, path: str, method: str = "GET", **headers: str) -> int:
    return (await get(web, path, method, **headers)).status


def test_a_probe_collects_now() -> None:
    asked: list[str] = []

    async def probe(name: str) -> RoundEvent:
        asked.append(name)
        return event(CREDIT, name=name)

    async def main() -> Got:
        async with listening(sink_with(), probe) as web:
            return await get(web, "/probe?monitor=a%20b")

    got = asyncio.run(main())
    assert got.status == 200
    assert asked == ["a b"]
    assert "probe_success 1.0" in got.text
    assert 'openai_credit_grants_total_available_usd{monitor="a b",team="ml"} 12.75' in got.text


def test_a_probe_that_can_not_be_says_why() -> None:
    async def probe(name: str) -> RoundEvent:
        if name == "busy":
            raise MonitorError("busy was collected 3 s ago: ask again in 27 s")
        if name == "removed":
            future: asyncio.Future[RoundEvent] = asyncio.get_running_loop().create_future()
            asyncio.get_running_loop().call_later(0.01, future.cancel)
            return await future
        raise KeyError(name)

    async def main() -> None:
        async with listening(sink_with(), probe) as web:
            assert await _status(web, "/probe") == 400
            assert await _status(web, "/probe?monitor=a&monitor=b") == 400
            assert await _status(web, "/probe?monitor=x") == 404
            busy = await get(web, "/probe?monitor=busy")
            assert (busy.status, busy.text) == (503, "busy was collected 3 s ago: ask again in 27 s\n")
            assert await _status(web, "/probe?monitor=removed") == 503

    asyncio.run(main())


@pytest.mark.parametrize("steps", range(5))
@pytest.mark.parametrize("removed", [True, False])
def test_a_probe_ends_with_its_connection_whatever_becomes_of_it_then(removed: bool, steps: int) -> None:
    strays: list[dict[str, object]] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(lambda _, context: strays.append(context))
        ended: asyncio.Future[RoundEvent] = loop.create_future()

        async def probe(name: str) -> RoundEvent:
            return await ended

        web = Web(WebSettings.model_validate({"listen": "127.0.0.1:0"}), Site(lambda: None, probe, lambda: ""))
        asked = asyncio.create_task(web._round("a", 5))
        for _ in range(3):
            await asyncio.sleep(0)
        if removed:
            ended.cancel()
        else:
            ended.set_exception(MonitorError("busy"))
        loop.call_soon(_later, steps, asked.cancel)
        await asyncio.wait((asked,))
        assert not asked.cancelling() or asked.cancelled()
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())
    gc.collect()
    assert strays == []


def _later(steps: int, do: Callable[[], object]) -> None:
    if steps:
        asyncio.get_running_loop().call_soon(_later, steps - 1, do)
    else:
        do()


@pytest.mark.parametrize(
    ("told", "seconds"),
    [("10", 9.5), ("1", 0.5), ("0.1", 0.5), ("soon", site.PROBE_SECONDS), ("-1", site.PROBE_SECONDS)],
)
def test_a_probe_has_a_little_less_time_than_prometheus(told: str, seconds: float) -> None:
    ask = Ask("GET", "/probe", "", {"x-prometheus-scrape-timeout-seconds": told})
    assert site._patience(ask) == seconds


def test_a_probe_answers_before_prometheus_gives_up() -> None:
    async def probe(name: str) -> RoundEvent:
        never: asyncio.Future[RoundEvent] = asyncio.get_running_loop().create_future()
        return await never

    async def main() -> None:
        async with listening(sink_with(), probe) as web:
            began = time.monotonic()
            assert await _status(web, "/probe?monitor=a", X_Prometheus_Scrape_Timeout_Seconds="1") == 504
            assert time.monotonic() - began < site.PROBE_SECONDS / 2

    asyncio.run(main())


def test_there_is_a_bound_on_probes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(site, "MOST_PROBES", 2)
    free = asyncio.Event()

    async def probe(name: str) -> RoundEvent:
        await free.wait()
        return event(CREDIT, name=name)

    async def main() -> None:
        async with listening(sink_with(), probe) as web:
            running = [asyncio.create_task(get(web, f"/probe?monitor={name}")) for name in "ab"]
            await asyncio.sleep(0.1)
            assert await _status(web, "/probe?monitor=c") == 503
            free.set()
            assert [got.status for got in await asyncio.gather(*running)] == [200, 200]

    asyncio.run(main())


def test_other_paths_and_methods() -> None:
    async def main() -> None:
        async with listening(sink_with()) as web:
            assert "/metrics" in (await get(web, "/")).text
            assert await _status(web, "/nothing") == 404
            refused = await get(web, "/metrics", "POST", content_length="0")
            assert (refused.status, refused.headers["allow"]) == (405, "GET, HEAD")
            head = await get(web, "/metrics", "HEAD")
            assert (head.status, head.body) == (200, b"")
            assert int(head.headers["content-length"]) > 100
            assert await _status(web, "http://x/healthz") == 200

    asyncio.run(main())


def test_a_mistake_of_ours_is_an_answer_and_the_listener_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def probe(name: str) -> RoundEvent:
        raise RuntimeError("sess-fake")

    async def main() -> None:
        async with listening(sink_with(), probe) as web:
            client = await connect(web)
            got = await client.ask("/probe?monitor=a")
            assert (got.status, "fake" in got.text) == (500, False)
            assert (await client.ask("/healthz")).status == 200
            assert web._site.stats.snapshot()["listener_errors_total"] == 1
            client.close()

    asyncio.run(main())
    assert "a mistake of ours at /probe (RuntimeError in test_site.py, line" in caplog.text
    assert "Traceback" not in caplog.text
    assert "fake" not in caplog.text


PROMETHEUS = """
global: {scrape_interval: 1s, scrape_timeout: 1s}
scrape_configs:
  - job_name: openai
    static_configs: [{targets: ["127.0.0.1:PORT"]}]
"""


def test_a_real_prometheus_scrapes_it(tmp_path: Path) -> None:
    program, tool = shutil.which("prometheus"), shutil.which("promtool")
    if program is None or tool is None:
        pytest.skip("Prometheus is not here: Debian's package prometheus has it")

    def ask(port: int, query: str) -> str:
        address = f"http://127.0.0.1:{port}"
        done = subprocess.run([tool, "query", "instant", address, query], capture_output=True, text=True, check=False)
        return done.stdout

    async def main() -> None:
        async with listening(sink_with()) as web, listening(sink_with()) as other:
            port = other.port
            await other.close(0)  # now the port is free
            (tmp_path / "prometheus.yml").write_text(PROMETHEUS.replace("PORT", str(web.port)))
            process = await asyncio.create_subprocess_exec(
                program, "--config.file=prometheus.yml", "--storage.tsdb.path=data", f"--web.listen-address=127.0.0.1:{port}",
                cwd=tmp_path, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
            )  # fmt: skip
            try:
                found = ""
                async with asyncio.timeout(30):
                    while "12.75" not in found:
                        await asyncio.sleep(0.3)
                        found = await asyncio.to_thread(ask, port, "openai_credit_grants_total_available_usd")
                assert 'monitor="acme"' in found
                assert "=> 1 @" in await asyncio.to_thread(ask, port, 'up{job="openai"}')
                rows = await asyncio.to_thread(ask, port, "scrape_samples_scraped")
                assert int(rows.split("=> ")[1].split(" ")[0]) > 10
            finally:
                process.kill()
                await process.wait()

    asyncio.run(main())


def test_h11_is_imported_only_where_there_is_a_listener() -> None:
    code = "import sys, openai_monitor.service.web.settings; print('h11' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
