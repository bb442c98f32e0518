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
def local_account() -> Iterator[Account]:
    """The sandbox account, answering until the block ends."""
    with subprocess.Popen([sys.executable, "-c", _SERVER], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Account(int(process.stdout.readline()))
        finally:
            process.terminate()
