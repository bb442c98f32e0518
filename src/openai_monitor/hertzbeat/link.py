"""Staying connected to the manager: heartbeats, silence, cuts, coming back."""

import asyncio
import logging
import socket
import ssl
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from dataclasses import dataclass

from openai_monitor import __version__
from openai_monitor.hertzbeat import messages
from openai_monitor.hertzbeat.assignments import Assignments
from openai_monitor.hertzbeat.backoff import SUSPICIOUS, Backoff
from openai_monitor.hertzbeat.connection import Address, Connection
from openai_monitor.hertzbeat.errors import ProtocolError
from openai_monitor.hertzbeat.messages import Message, Mode, Type
from openai_monitor.hertzbeat.outbox import Outbox
from openai_monitor.hertzbeat.session import Session, State
from openai_monitor.schedule.supervision import Supervisor

_BREATH = 0.02
"""Seconds of taking jobs in after which others get a turn."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Membership:
    """Which collector this is, and in which cluster.

    ``lengths`` is whether the manager expects each metric set behind its length, as those from 1.8 on do.
    """

    manager: Address
    identity: str
    mode: Mode = "private"
    version: str = f"openai-monitor {__version__}"
    lengths: bool = True


@dataclass(frozen=True, slots=True)
class Timings:
    """In seconds. ``silence`` is how long the manager may say nothing; it answers every heartbeat at once."""

    connect: float = 10.0
    heartbeat: float = 5.0
    silence: float = 15.0
    silence_while_sending: float = 60.0
    farewell: float = 2.0


class _Over(Exception):
    """The conversation is over; the text says why."""


class Link:
    """Keeps one collector connected until the manager dismisses it."""

    def __init__(
        self,
        membership: Membership,
        assignments: Assignments,
        outbox: Outbox,
        *,
        timings: Timings | None = None,
        backoff: Backoff | None = None,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        supervisor: Supervisor | None = None,
    ) -> None:
        self._supervisor = supervisor or Supervisor()
        self._membership = membership
        self._assignments = assignments
        self._outbox = outbox
        self._timings = timings or Timings()
        self._backoff = backoff or Backoff()
        self._sleep = sleep
        self._heard = 0.0
        self._session = self._new_session()

    @property
    def state(self) -> State:
        """How the manager sees us, as far as we know."""
        return self._session.state

    async def run(self) -> None:
        """Stay connected; returns when the manager has deleted this collector.

        Raises SettingsError for certificates that can't be used. When it is cancelled, the manager is told.
        """
        context = self._membership.manager.context()
        self._session = self._new_session()  # it may have run before
        while True:
            began = time.monotonic()
            reason = await self._converse(context)
            if self.state is State.DISMISSED:
                _log.warning("the manager deleted the collector %s: leaving", self._membership.identity)
                return
            wait = self._wait_after(reason, time.monotonic() - began)
            self._session = self._new_session()
            await self._sleep(wait)

    def _new_session(self) -> Session:
        who = self._membership
        return Session(
            who.identity,
            who.mode,
            who.version,
            self._assignments,
            self._supervisor,
            heartbeat_greets=not who.lengths,  # 1.7.3, which has no lengths either, greets before the first heartbeat
        )

    async def _converse(self, context: ssl.SSLContext | None) -> str:
        """One connection from its beginning to its end; gives the reason of the end."""
        connection: Connection | None = None
        try:
            connection = await Connection.open(self._membership.manager, context, self._timings.connect)
            await _first_of(self._receive(connection), self._send(connection), self._beat())
        except asyncio.CancelledError:
            if connection is not None and self.state is not State.GREETING:
                connection.push(messages.go_offline(self._membership.identity))
                await connection.close(self._timings.farewell)
            raise
        except (OSError, ProtocolError, _Over) as error:
            return _reason(error)
        finally:
            self._outbox.hold()
            self._assignments.question()
            if connection is not None:
                connection.abort()
        return ""

    # The three things that go on beside each other

    async def _receive(self, connection: Connection) -> None:
        while self.state is not State.DISMISSED:
            received = await self._patiently(connection)
            if received is None:
                raise _Over("the manager closed the connection")
            began = time.monotonic()
            for message in received:
                self._take(message)
                if time.monotonic() - began > _BREATH:
                    await asyncio.sleep(0)
                    began = time.monotonic()

    async def _send(self, connection: Connection) -> None:
        for message in self._session.opening():
            await connection.send(message)
        while True:
            await connection.send(await self._outbox.next())

    async def _beat(self) -> None:
        """Heartbeats. A manager that answers them, but neither greets nor issues jobs, has not taken us in."""
        self._heard = time.monotonic()
        while self.state is not State.GREETING or time.monotonic() - self._heard < self._timings.silence:
            await asyncio.sleep(self._timings.heartbeat)
            self._outbox.answer(messages.heartbeat(self._membership.identity))
        raise _Over(
            "the manager answers, but not the greeting: one before 1.7.3 never does; tell the version of 1.7.0 to "
            "1.7.2 with --manager-version (manager_version in a monitors file); 1.6 and older can't be joined"
        )

    async def _patiently(self, connection: Connection) -> Iterator[Message] | None:
        """What comes next. A manager that says nothing is gone, whatever the connection looks like."""
        waited, patience = 0.0, self._timings.silence
        while True:
            try:
                async with asyncio.timeout(patience):
                    return await connection.receive()
            except TimeoutError:
                waited += patience
                patience = self._timings.silence_while_sending - waited
                if patience <= 0 or not connection.is_sending:
                    raise _Over(f"the manager has been silent for {waited:g} s") from None

    def _take(self, message: Message) -> None:
        before = self.state
        if message.type != Type.HEARTBEAT:
            self._heard = time.monotonic()
        answer = self._session.receive(message)
        if answer is not None:
            self._outbox.answer(answer)
        if self.state is State.ONLINE and (before is State.GREETING or message.type == Type.GO_ONLINE):
            self._outbox.open()
            if before is State.GREETING:
                who, count = self._membership, len(self._assignments.jobs)
                _log.info("collector %s is online at %s with %d monitors", who.identity, who.manager, count)

    # Coming back

    def _wait_after(self, reason: str, lasted: float) -> float:
        who = self._membership
        if self.state is State.GREETING:
            wait = self._backoff.after_failure()
            if _is_worth_a_line(self._backoff.failures):
                tries = self._backoff.failures
                _log.warning("not online at %s (try %d): %s; next try in %.1f s", who.manager, tries, reason, wait)
            return wait
        wait = self._backoff.after_cut(lasted)
        _log.warning("the connection to %s ended after %.0f s: %s; back in %.1f s", who.manager, lasted, reason, wait)
        if self._backoff.looks_contested and _is_worth_a_line(self._backoff.cuts - SUSPICIOUS + 1):
            _log.error(
                "connections of %s end soon after the manager took it in, %d in a row: if another collector uses the "
                "same name, the two throw each other out, so give each its own --identity; else look at the network",
                who.identity,
                self._backoff.cuts,
            )
        return wait


async def _first_of(*parts: Coroutine[None, None, None]) -> None:
    """Run side by side until the first ends, as it ends; the others are cancelled."""
    tasks = [asyncio.create_task(part) for part in parts]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        ends = await asyncio.gather(*tasks, return_exceptions=True)
    for end in ends:
        if isinstance(end, Exception):
            raise end


def _is_worth_a_line(failures: int) -> bool:
    """The first ones, then ever fewer, then one in some ten minutes."""
    return failures & (failures - 1) == 0 or failures % 20 == 0


def _reason(error: Exception) -> str:
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted ({error.verify_message}): name its issuer with --ca-file"
    if isinstance(error, ssl.SSLError):
        return f"TLS failed ({error.reason or type(error).__name__}): does something there speak TLS?"
    if isinstance(error, TimeoutError):
        return "the connection was not made in time"
    if isinstance(error, socket.gaierror):
        return "its name is not known"
    if isinstance(error, ConnectionRefusedError):
        return "connection refused: is the manager running, and is this its cluster port?"
    if isinstance(error, ConnectionResetError):
        return "the connection was reset"
    if isinstance(error, OSError):
        return error.strerror or type(error).__name__
    return str(error)
