"""(h) 1,000 accounts every 30 s with history and /metrics: memory, processor, a scrape; two and a half minutes."""

import statistics
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.local import local_account
from benchmarks.many import figures, scrape_until
from benchmarks.measure import Ratio
from benchmarks.serving import process, write_monitors

MONITORS = 1_000
PERIOD = 30
SECONDS = 120


def run() -> Iterator[Ratio]:
    """The figures of four periods."""
    what = f"{MONITORS:,} accounts every {PERIOD} s"
    with local_account(canned=True) as account, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "monitors.yml"
        write_monitors(path, account.port, [f"account-{number}" for number in range(MONITORS)], PERIOD)
        with process("service", str(path)) as service:
            service.ask("ready")
            time.sleep(PERIOD)
            before = service.ask("fresh")
            scrapes = scrape_until(before["port"], time.monotonic() + SECONDS)
            time.sleep(2)  # a page is kept for a second
            after = service.ask("facts")
            service.ask("stop")
    yield from figures(what, before, after, most_memory=80)
    seconds, sizes = zip(*scrapes, strict=True)
    detail = f"median of {len(seconds)}, at most {max(seconds):.2f} s; {max(sizes) / 1e6:.1f} MB"
    yield Ratio(f"{what}: a scrape of /metrics (s)", statistics.median(seconds), None, detail)
