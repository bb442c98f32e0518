"""At most so many requests at once, in all and to one host, above the client: what waits there costs nothing below."""

import asyncio
import logging
import time
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from openai_monitor.collect.answer import Answer
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
        self._total = asyncio.Semaphore(total)
        self._per_host = per_host
        # A host's semaphore lives as long as somebody holds it or waits for it.
        self._hosts: WeakValueDictionary[tuple[str, str, int], asyncio.Semaphore] = WeakValueDictionary()

    async def send(self, request: "Request", session: "Session") -> Answer:
        """Wait for a place, then ask; raises CollectionError as the sender does."""
        origin = request.origin
        host = self._hosts.get(origin)
        if host is None:
            self._hosts[origin] = host = asyncio.Semaphore(self._per_host)
        # The host first: a request to a slow host must not hold a place of all while it waits for its own.
        async with host, self._total:
            stats = self._stats
            stats.requests += 1
            stats.in_flight += 1
            try:
                return await self._ask(request, session)
            finally:
                stats.in_flight -= 1

    async def _ask(self, request: "Request", session: "Session") -> Answer:
        if not _log.isEnabledFor(logging.DEBUG):
            return await self._sender.send(request, session)
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
