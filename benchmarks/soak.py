"""(i) 1,000 monitors every 10 s while everything goes wrong in turn: nothing is lost and nothing stays; three minutes.

Faults of the API switch every two seconds, the monitors file changes and is broken at times, and the receiver of an
output is away for a while. Then all is well again for a little more than a period.
"""

import random
import tempfile
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from benchmarks.measure import Ratio
from benchmarks.serving import Facts, Obedient, process, write_monitors

MONITORS = 1_000
PERIOD = 10
SECONDS = 150
WARM = 50
"""Seconds until memory should stay as it is."""
CALM = 25
FAULTS = (
    "401", "403", "403-session-key", "404", "429:0", "429:2", "429-date:2", "429-bare", "500", "502", "html-200",
    "error-200", "empty", "truncated", "cut-off", "slow:0.5", "drip:0.001", "reset", "hang-up", "garbage",
    "nulls",
)  # fmt: skip
ENDPOINTS = ("credit_grants", "usage", "subscription")


class Receiver:
    """Takes what the webhook sends, and can be away."""

    def __init__(self) -> None:
        self.rows = 0
        self._server = self._start(0)
        self.port = self._server.server_port

    def away(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()

    def back(self) -> None:
        """Listen again at the same port."""
        self._server = self._start(self.port)

    def _start(self, port: int) -> ThreadingHTTPServer:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["Content-Length"]))
                receiver.rows += 1
                self.send_response(204)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        return server


class Trouble:
    """What goes wrong, second by second; the same in every run."""

    def __init__(self, path: Path, api: Obedient, port: int, service: Obedient, receiver: Receiver) -> None:
        self._random = random.Random(7)  # noqa: S311 - troubles, not keys
        self._path = path
        self._api = api
        self._port = port
        self._service = service
        self._receiver = receiver
        self.reloads = self.switches = 0

    def make(self, second: int, most: int) -> None:
        """Make the troubles of this second of so many."""
        if second % 2 == 0:
            self._switch()
        if second % 15 == 5:
            self._reload(broken=second % 45 == 20)
        if second == most // 3:
            self._receiver.away()
        if second == most // 2:
            self._receiver.back()

    def end(self) -> None:
        """Have all well again, and every monitor there."""
        self._api.ask("switch")
        self._write(MONITORS)

    def _switch(self) -> None:
        faults = [f"{each}={self._random.choice(FAULTS)}" for each in ENDPOINTS if self._random.random() < 0.4]
        self._api.ask("switch", *faults)
        self.switches += 1

    def _reload(self, *, broken: bool) -> None:
        if broken:
            self._path.write_text("monitors: [{name: [}]")
        else:
            self._write(self._random.randrange(MONITORS * 9 // 10, MONITORS + 1))
        self._service.ask("reload")
        self.reloads += 1

    def _write(self, monitors: int) -> None:
        names = [f"account-{number}" for number in range(monitors)]
        outputs = {"prometheus": None, "webhook": {"url": f"http://127.0.0.1:{self._receiver.port}/"}}
        limits = {"deadline": 5, "in_flight": 64, "per_host": 64}
        write_monitors(self._path, self._port, names, PERIOD, outputs=outputs, limits=limits)


def run() -> Iterator[Ratio]:
    """What is left when it is over."""
    with tempfile.TemporaryDirectory() as folder, process("sandbox") as api:
        path, receiver, port = Path(folder) / "monitors.yml", Receiver(), api.ask("facts")["port"]
        trouble = Trouble(path, api, port, api, receiver)
        trouble.end()
        with process("service", str(path)) as service:
            trouble = Trouble(path, api, port, service, receiver)
            service.ask("ready")
            samples = _suffer(trouble, service)
            trouble.end()
            service.ask("reload")
            time.sleep(CALM)
            calm, end = service.ask("facts"), service.ask("stop")
        asked = api.ask("facts")["asked"]
        receiver.away()
    yield from _verdict(samples, calm, end, asked)
    detail = f"{trouble.switches} switches of faults, {trouble.reloads} reloads, {receiver.rows:,} posts taken"
    yield Ratio("the soak's rounds", end["rounds_due_total"], None, detail)


def _suffer(trouble: Trouble, service: Obedient) -> list[Facts]:
    began, samples = time.monotonic(), []
    for second in range(SECONDS):
        trouble.make(second, SECONDS)
        if second >= WARM and second % 5 == 0:
            samples.append(service.ask("facts"))
        time.sleep(max(0.0, began + second + 1 - time.monotonic()))
    return samples


def _verdict(samples: list[Facts], calm: Facts, end: Facts, asked: int) -> Iterator[Ratio]:
    parts = [end[f"rounds_{name}_total"] for name in ("collected", "failed", "skipped")]
    detail = f"{parts[0]:,} collected, {parts[1]:,} failed, {parts[2]:,} skipped"
    yield Ratio("rounds accounted for / rounds due", sum(parts) / end["rounds_due_total"], None, detail)
    detail = f"{end['requests_total']:,} against {asked:,}; {end['request_retries_total']:,} were retries"
    yield Ratio("requests sent / requests the server counted", end["requests_total"] / asked, None, detail)
    first, last = samples[: len(samples) // 4], samples[-(len(samples) // 4) :]
    memory = [sum(each["rss"] for each in some) / len(some) for some in (first, last)]
    detail = f"{memory[0]:.0f} MB, then {memory[1]:.0f} MB, {calm['rss']:.0f} MB when calm"
    yield Ratio("memory in the last quarter / in the first after the warm-up", memory[1] / memory[0], 1.05, detail)
    most = max(each["tasks"] for each in samples)
    yield Ratio("tasks when calm", calm["tasks"], None, f"at most {most}; {calm['rounds_running']} rounds running")
