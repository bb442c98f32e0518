"""What an HTTP engine does: it writes a request on a connection of its own, and reads the one answer."""

import ssl
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.transport.dial import Dialer
from openai_monitor.collect.transport.wire import RawHeader

KEEP_ALIVE = 30.0
"""Seconds an idle connection is kept: less than most servers keep theirs."""


@dataclass(frozen=True, slots=True)
class Wire:
    """A request as it stands on the wire. ``timeout`` bounds the whole of it, in seconds; None waits for ever."""

    method: str
    target: str = field(repr=False)
    headers: Sequence[RawHeader] = field(repr=False)
    body: bytes | None = field(repr=False)
    timeout: float | None


class Connection(Protocol):
    """One connection, made when it is first asked, and lent to one request at a time."""

    answered: bool
    """Whether the head of the present answer has come."""

    async def ask(self, prepared: object, limit: int) -> tuple[int, Headers, bytes]:
        """Send what ``Engine.prepare`` made, and read status, headers and body, which ``limit`` bounds in bytes.

        Raises CollectionError, TimeoutError, and the errors of ``failures``.
        """

    def is_available(self) -> bool:
        """Whether another request may follow."""

    def has_expired(self) -> bool:
        """Whether it was idle for too long, or the server has closed it."""

    async def aclose(self) -> None:
        """Close it at once."""


@dataclass(eq=False, slots=True, weakref_slot=True)
class Way:
    """How one server is reached, and the idle connections to it."""

    scheme: str
    host: str
    port: int
    dialer: Dialer
    context: ssl.SSLContext | None
    idle: list[Connection] = field(default_factory=list)


class Engine(Protocol):
    """Makes connections of one kind."""

    def prepare(self, wire: Wire, way: Way) -> object:
        """Give the request as a connection of this engine takes it, again and again."""

    def connect(self, way: Way) -> Connection:
        """Give a new connection."""
