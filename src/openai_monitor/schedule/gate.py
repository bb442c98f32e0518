"""At most so many requests at once, in all and to one host, above the client: what waits there costs nothing below."""

import logging
import time
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.places import Places
from openai_monitor.errors import CollectionError
from openai_monitor.schedule.stats import Stats

if TYPE_CHECKING:
    from openai_monitor.collect.asking import Sender
    from openai_monitor.collect.request import Request
    from openai_monitor.collect.transport import Session

_log = logging.getLogger(__name__)


class Gate:
    """A Sender that lets requests through in their order, and counts them."""

    def __init__(self, sender: "Sender", stats: Stats, *, total: int, per_host: int) -> None:
        self._sender = sender
        self._stats = stats
        self._total = Places(total)
        self._per_host = per_host
        # A host's places live as long as somebody has one or waits for it.
        self._hosts: WeakValueDictionary[tuple[str, str, int], Places] = WeakValueDictionary()

    async def send(self, request: "Request", session: "Session") -> Answer:
        """Wait for a place, then ask; raises CollectionError as the sender does."""
        origin = request.origin
        host = self._hosts.get(origin)
        if host is None:
            self._hosts[origin] = host = Places(self._per_host)
        # The host first: a request to a slow host must not hold a place of all while it waits for its own.
        if not host.take():
            await host.wait()
        try:
            if not self._total.take():
                await self._total.wait()
            try:
                return await self._ask(request, session)
            finally:
                self._total.leave()
        finally:
            host.leave()

    async def _ask(self, request: "Request", session: "Session") -> Answer:
        stats = self._stats
        stats.requests += 1
        stats.in_flight += 1
        try:
            if _log.isEnabledFor(logging.DEBUG):
                return await self._ask_aloud(request, session)
            return await self._sender.send(request, session)
        finally:
            stats.in_flight -= 1

    async def _ask_aloud(self, request: "Request", session: "Session") -> Answer:
        began = time.perf_counter()
        try:
            answer = await self._sender.send(request, session)
        except CollectionError as error:
            _log.debug("%r: %s after %.0f ms", request, error.code.name, (time.perf_counter() - began) * 1000)
            raise
        theirs = answer.headers.get("x-request-id")
        known = f", x-request-id {theirs}" if theirs and theirs.isprintable() and len(theirs) <= 100 else ""
        _log.debug("%r: %d, %d bytes, %d ms%s", request, answer.status, len(answer.body), answer.elapsed_ms, known)
        return answer
