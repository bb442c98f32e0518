"""The monitored API: answers the recorded jobs' requests, and counts them."""

import asyncio
import contextlib
import json
from collections import Counter
from typing import Any, Self

BASIC = [
    {"name": "a", "load": "1.5", "temp": "21.25C"},
    {"name": "b", "load": None, "temp": None},
    {"name": "ünï", "load": 3, "temp": ""},
]
DETAIL = [{"name": "a", "up": 100}, {"name": "b", "up": 200}]


class FakeApi:
    """Use ``async with FakeApi() as api``. ``bodies`` are JSON by path, ``statuses`` other than 200 by path."""

    def __init__(self) -> None:
        self.port = 0
        self.bodies: dict[str, Any] = {"/basic": BASIC, "/detail": DETAIL}
        self.texts: dict[str, str] = {}
        self.statuses: dict[str, int] = {}
        self.delay = 0.0
        self.asked: Counter[str] = Counter()
        self.authorizations: list[str] = []
        self.targets: list[str] = []
        self._server: asyncio.Server | None = None
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for writer in list(self._writers):
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
                target = head.split(" ", 2)[1]
                writer.write(await self._answer(target, head))
                await writer.drain()
        self._writers.discard(writer)
        writer.close()

    async def _answer(self, target: str, head: str) -> bytes:
        path = target.partition("?")[0]
        self.asked[path] += 1
        self.targets.append(target)
        self.authorizations += [
            line.partition(": ")[2] for line in head.split("\r\n") if line.lower().startswith("authorization:")
        ]
        if self.delay:
            await asyncio.sleep(self.delay)
        body = (self.texts.get(path) or json.dumps(self.bodies.get(path, {}))).encode()
        status = self.statuses.get(path, 200)
        return (
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
