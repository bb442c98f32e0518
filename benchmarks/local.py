"""A sandbox account in a process of its own, so that its work is not counted as ours."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_SERVER = """
import asyncio
from openai_monitor.sandbox.accounts import demo
from openai_monitor.sandbox import Account, serve

async def main():
    async with serve(demo()) as server:
        print(server.port, flush=True)
        await asyncio.Event().wait()

asyncio.run(main())
"""


_CANNED = """
import asyncio
from urllib.request import Request, urlopen
from openai_monitor.sandbox import running

PATHS = ("credit_grants", "usage?start_date=2026-01-01&end_date=2026-01-02", "subscription")
answers = {}
with running() as server:
    for path in PATHS:
        asked = Request(f"{server.url}/dashboard/billing/{path}", headers={"Authorization": "Bearer sess-sandbox"})
        with urlopen(asked) as answer:
            kept = [f"{name}: {value}" for name, value in answer.headers.items() if name.lower() != "connection"]
            body, head = answer.read(), "\\r\\n".join(["HTTP/1.1 200 OK", *kept, "", ""])
        target = f"/dashboard/billing/{path}".partition("?")[0].encode()
        answers[target] = head.encode() + body

class Canned(asyncio.Protocol):
    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.transport.write(answers[data.split(b" ", 2)[1].partition(b"?")[0]])

async def main():
    server = await asyncio.get_running_loop().create_server(Canned, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()

asyncio.run(main())
"""


@dataclass(frozen=True)
class Account:
    """Where the account answers and the key it takes."""

    port: int
    token: str = "sess-sandbox"

    @property
    def url(self) -> str:
        """The base address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def parameters(self) -> dict[str, str | None]:
        """What define/openai.yml needs to collect from it."""
        return {"host": "127.0.0.1", "port": str(self.port), "ssl": "false", "token": self.token}


@contextmanager
def local_account(*, canned: bool = False) -> Iterator[Account]:
    """The sandbox account, answering until the block ends; ``canned``: always the same, and faster than any client."""
    program = _CANNED if canned else _SERVER
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Account(int(process.stdout.readline()))
        finally:
            process.terminate()
