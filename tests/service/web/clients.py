"""A listener that runs, and what one can ask of it."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from typing import ClassVar, NamedTuple

from tests.sinks.events import COST, CREDIT, event

from openai_monitor.schedule.events import RoundEvent
from openai_monitor.service.web.settings import WebSettings
from openai_monitor.service.web.site import Exposition, Site, Web
from openai_monitor.sinks import Surroundings
from openai_monitor.sinks.prometheus import PrometheusSink
from openai_monitor.sinks.settings import PrometheusSettings


class Got(NamedTuple):
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


def sink_with(*events: RoundEvent) -> PrometheusSink:
    made = PrometheusSink(PrometheusSettings(), Surroundings())
    for each in events or (event(CREDIT, COST),):
        made.offer(each)
    return made


async def no_probe(name: str) -> RoundEvent:
    raise KeyError(name)


@asynccontextmanager
async def listening(
    exposition: Exposition | None = None,
    probe: Callable[[str], Awaitable[RoundEvent]] = no_probe,
    wait: Callable[[], str] = lambda: "",
    **given: object,
) -> AsyncIterator[Web]:
    settings = WebSettings.model_validate({"listen": "127.0.0.1:0", **given})
    web = Web(settings, Site(lambda: exposition, probe, wait))
    await web.start()
    try:
        yield web
    finally:
        await Client.close_all()
        await web.close(1)


class Client:
    """A connection that is kept."""

    opened: ClassVar[list["Client"]] = []

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self.opened.append(self)

    @classmethod
    async def close_all(cls) -> None:
        while cls.opened:
            with suppress(RuntimeError):  # of another test, which failed
                cls.opened.pop().close()
        await asyncio.sleep(0.01)  # a transport needs some turns of the loop to close

    async def send(self, text: str) -> None:
        self._writer.write(text.encode("latin-1"))
        await self._writer.drain()

    async def ask(self, path: str, method: str = "GET", **headers: str) -> Got:
        given = {"Host": "localhost", **headers}
        lines = [f"{method} {path} HTTP/1.1", *(f"{k.replace('_', '-')}: {v}" for k, v in given.items())]
        await self.send("\r\n".join(lines) + "\r\n\r\n")
        return await self.answer(has_body=method != "HEAD")

    async def answer(self, *, has_body: bool = True) -> Got:
        first, *lines = (await self._reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = {name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)}
        body = await self._reader.readexactly(int(headers["content-length"])) if has_body else b""
        return Got(int(first.split(" ")[1]), headers, body)

    async def is_closed(self) -> bool:
        """Wait until the other side has closed, and close."""
        try:
            return await self._reader.read(1) == b""
        except ConnectionError:
            return True
        finally:
            self.close()

    def close(self) -> None:
        self._writer.transport.abort()


async def connect(web: Web, tls: ssl.SSLContext | None = None) -> Client:
    return Client(*await asyncio.open_connection("127.0.0.1", web.port, ssl=tls))


async def get(web: Web, path: str, method: str = "GET", **headers: str) -> Got:
    client = await connect(web)
    try:
        return await client.ask(path, method, **headers)
    finally:
        client.close()
