"""(g) 10,000 monitors every 120 s: processor, start lag and memory of the service; it takes more than four minutes.

The service is a process of its own, with /metrics and history, and asks a local server in another one.
"""

import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.local import local_account
from benchmarks.measure import Ratio
from benchmarks.serving import Facts, process, write_monitors

MONITORS = 10_000
PERIOD = 120
SECONDS = 120
"""Measured from a period after the first rounds, when each monitor has its own place."""


def run() -> Iterator[Ratio]:
    """The figures of a whole period."""
    few, _, _ = _measured(10, 1, seconds=1)
    first, before, after = _measured(MONITORS, PERIOD, seconds=SECONDS)
    yield from figures(f"{MONITORS:,} monitors every {PERIOD} s", before, after, most_memory=300)
    lag = first["lag"]
    detail = f"p99 {lag['p99']:.2f} s, at most {lag['most']:.2f} s: all want their first round within 5 s"
    yield Ratio("start lag of the first rounds, p50 (s)", lag["p50"], None, detail)
    each = (after["rss"] - few["rss"]) / MONITORS * 1000
    yield Ratio("memory of a monitor (KB)", each, None, f"{few['rss']:.0f} MB with ten monitors")


def _measured(monitors: int, period: float, *, seconds: float) -> tuple[Facts, Facts, Facts]:
    """The facts when all had their first round, when the measuring began, and when it ended."""
    with local_account(canned=True) as account, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "monitors.yml"
        write_monitors(path, account.port, [f"account-{number}" for number in range(monitors)], period)
        with process("service", str(path)) as service:
            first = service.ask("ready")
            time.sleep(period)
            before = service.ask("fresh")
            scrape_until(before["port"], time.monotonic() + seconds)
            time.sleep(2)  # a page is kept for a second
            after = service.ask("facts")
            service.ask("stop")
            return first, before, after


def figures(what: str, before: Facts, after: Facts, *, most_memory: float) -> Iterator[Ratio]:
    """What the service cost between two facts."""
    wall, cpu = after["wall"] - before["wall"], after["cpu"] - before["cpu"]
    rounds = after["rounds_started_total"] - before["rounds_started_total"]
    detail = f"{rounds:,} rounds in {wall:.0f} s, {cpu / rounds * 1e3:.2f} ms each, scraped every 15 s"
    yield Ratio(f"{what}: share of a core", cpu / wall, None, detail)
    lag = after["lag"]
    yield Ratio(f"{what}: start lag, p99 (s)", lag["p99"], 1, f"p50 {lag['p50']:.4f} s, at most {lag['most']:.2f} s")
    failed = after["rounds_failed_total"]
    detail = f"at most {after['peak']:.0f}; {failed} rounds failed"
    yield Ratio(f"{what}: memory (MB)", after["rss"], most_memory, detail)


def scrape_until(port: int, end: float) -> list[tuple[float, int]]:
    """Scrape every 15 s as Prometheus does; gives the seconds and bytes of each."""
    scrapes = []
    while (left := end - time.monotonic()) > 0:
        time.sleep(min(15, left))
        began = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=60) as answer:
            size = len(answer.read())
        scrapes.append((time.perf_counter() - began, size))
    return scrapes
