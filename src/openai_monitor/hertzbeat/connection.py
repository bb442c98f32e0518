"""One TCP connection to the manager, as messages."""

import asyncio
import errno
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.framing import FrameReader, FrameWriter
from openai_monitor.hertzbeat.messages import Message
from openai_monitor.schedule.monitors import is_this_machine

DEFAULT_PORT = 1158

_READ_BYTES = 2**16


@dataclass(frozen=True, slots=True)
class Address:
    """Where the manager listens. ``tls`` is for what stands before it: the manager itself has none."""

    host: str
    port: int = DEFAULT_PORT
    tls: bool = False
    ca_file: Path | None = None

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def is_this_machine(self) -> bool:
        """Whether it is surely this machine: localhost, or a loopback address."""
        return is_this_machine(self.host)

    def context(self) -> ssl.SSLContext | None:
        """What checks the other side's certificate; None without TLS. Raises SettingsError for unusable files."""
        if not self.tls:
            return None
        from openai_monitor.collect.transport.tls import client_context  # noqa: PLC0415 - only with TLS

        return client_context(self.ca_file)


class Connection:
    """An open connection; ``open`` makes one."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._incoming = FrameReader()
        self._outgoing = FrameWriter()

    @classmethod
    async def open(cls, address: Address, context: ssl.SSLContext | None, within: float) -> Self:
        """Connect; raises OSError (TimeoutError among them) when that fails."""
        name = address.host if context else None
        try:
            async with asyncio.timeout(within):
                streams = await asyncio.open_connection(address.host, address.port, ssl=context, server_hostname=name)
        except UnicodeError:
            raise OSError(errno.EINVAL, f"{address.host!r} is no host name") from None
        return cls(*streams)

    @property
    def is_sending(self) -> bool:
        """Whether bytes wait for the other side to read."""
        return self._writer.transport.get_write_buffer_size() > 0

    async def send(self, message: Message) -> None:
        """Send a message, and wait while the other side reads slowly."""
        self.push(message)
        await self._writer.drain()

    def push(self, message: Message) -> None:
        """Send a message without waiting."""
        self._writer.write(self._outgoing.write(messages.encode(message)))

    async def receive(self) -> Iterator[Message] | None:
        """The messages that come next, maybe none yet; None when the other side has closed.

        Raises ProtocolError, here or from the iterator, for bytes that are no messages.
        """
        data = await self._reader.read(_READ_BYTES)
        return map(messages.decode, self._incoming.feed(data)) if data else None

    async def close(self, within: float) -> None:
        """Let what was sent leave, then close."""
        self._writer.close()
        try:
            async with asyncio.timeout(within):
                await self._writer.wait_closed()
        except OSError:
            self.abort()

    def abort(self) -> None:
        """Close at once."""
        self._writer.transport.abort()
