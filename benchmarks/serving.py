"""Processes of their own for the long benchmarks: the service, and what it asks. Each obeys lines on its stdin.

``python -m benchmarks.serving service FILE`` and ``… sandbox``: a line in, a line of JSON out.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from array import array
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import yaml

from openai_monitor.sandbox import serve
from openai_monitor.schedule.stats import Lag
from openai_monitor.service.service import Service

Facts = dict[str, Any]

_PAGE_SIZE = os.sysconf("SC_PAGE_SIZE")


# What the benchmarks see of them


class Obedient:
    """A process that answers each line with facts."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def ask(self, *words: str) -> Facts:
        """Say the words, and give what it answers."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(" ".join(words) + "\n")
        self._process.stdin.flush()
        answer: Facts = json.loads(self._process.stdout.readline())
        return answer


@contextmanager
def process(*words: str) -> Iterator[Obedient]:
    """Run one of the programs below; it ends with the block."""
    command = [sys.executable, "-m", "benchmarks.serving", *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True) as started:
        try:
            yield Obedient(started)
        finally:
            assert started.stdin is not None
            started.stdin.close()
            try:
                started.wait(30)
            finally:
                started.kill()


def write_monitors(path: Path, port: int, names: Sequence[str], period: float, **sections: Any) -> None:
    """Write a monitors file of OpenAI accounts at this port, each with a key of its own."""
    params = {"host": "127.0.0.1", "port": port, "ssl": False}
    content = {
        "defaults": {"params": params, "period": period},
        "monitors": [{"name": name, "params": {"token": {"file": "key"}}} for name in names],
        "web": {"listen": "127.0.0.1:0"},
        "outputs": {"prometheus": None},
        "history": {"path": str(path.parent / "history.sqlite")},
        **sections,
    }
    (path.parent / "key").write_text("sess-sandbox")
    draft = path.with_suffix(".new")
    draft.write_text(yaml.dump(content, Dumper=yaml.CSafeDumper, sort_keys=False))
    draft.replace(path)


# The programs


class _Program(Protocol):
    async def answer(self, words: list[str]) -> Facts:
        """Obey."""


class _ExactLag(Lag):
    """Keeps every lag, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.all = array("d")

    def add(self, seconds: float) -> None:
        super().add(seconds)
        self.all.append(seconds)

    def facts(self) -> Facts:
        ordered = sorted(self.all) or [0.0]
        return {"p50": ordered[len(ordered) // 2], "p99": ordered[len(ordered) * 99 // 100], "most": ordered[-1]}


class _ServiceProgram:
    def __init__(self, path: Path) -> None:
        self._lag = _ExactLag()
        self._service = Service(path)
        self._service.stats.lag = self._lag
        self._run = asyncio.create_task(self._service.run())

    async def answer(self, words: list[str]) -> Facts:
        match words:
            case ["ready"]:
                while not (self._service.health.ready and self._service.port) and not self._run.done():  # noqa: ASYNC110 - no event of ours
                    await asyncio.sleep(0.05)
            case ["fresh"]:
                del self._lag.all[:]
            case ["reload"]:
                self._service.source.reload()
            case ["stop"]:
                self._service.stop()
                await self._run
        return self._facts()

    def _facts(self) -> Facts:
        pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
        return {
            "cpu": time.process_time(),
            "wall": time.monotonic(),
            "rss": pages * _PAGE_SIZE / 1e6,
            "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e6,
            "tasks": len(asyncio.all_tasks()),
            "port": self._service.port,
            "lag": self._lag.facts(),
            **self._service.stats.snapshot(),
        }


class _SandboxProgram:
    """The sandbox account, which counts what it is asked."""

    def __init__(self) -> None:
        self._asked = 0
        self._faults: list[tuple[str, ...]] = []
        self._port: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self._run = asyncio.create_task(self._serve())

    async def answer(self, words: list[str]) -> Facts:
        if words[0] == "switch":
            self._faults.append(tuple(words[1:]))
        await asyncio.sleep(0.1)
        return {"port": await self._port, "asked": self._asked}

    async def _serve(self) -> None:
        async with serve() as server:
            self._port.set_result(server.port)
            while True:
                self._asked += len(server.requests)
                server.requests.clear()
                while self._faults:
                    server.switch(*self._faults.pop(0))
                await asyncio.sleep(0.02)


async def _lines() -> AsyncIterator[list[str]]:
    reader = asyncio.StreamReader()
    loop = asyncio.get_running_loop()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    while line := await reader.readline():
        yield line.decode().split()


async def _main(words: Sequence[str]) -> None:
    program: _Program = _ServiceProgram(Path(words[1])) if words[0] == "service" else _SandboxProgram()
    async for line in _lines():
        print(json.dumps(await program.answer(line)), flush=True)


if __name__ == "__main__":
    asyncio.run(_main(sys.argv[1:]))
