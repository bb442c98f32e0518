"""One request as a whole: cookies, the Digest challenge, redirects."""

from dataclasses import replace
from types import TracebackType
from typing import TYPE_CHECKING, Self

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.transport import failures
from openai_monitor.collect.transport.client import Client, Reply
from openai_monitor.collect.transport.cookies import Session
from openai_monitor.collect.transport.proxies import netloc
from openai_monitor.collect.transport.redirect import is_redirect, next_request
from openai_monitor.collect.transport.settings import TransportSettings
from openai_monitor.collect.transport.wire import address_of
from openai_monitor.errors import MonitorError

if TYPE_CHECKING:
    import httpx

    from openai_monitor.collect.request import Request
    from openai_monitor.collect.transport.over_httpx import HttpxClient


class Transport:
    """Sends requests over kept connections; use it as an async context manager, one a run.

    ``over`` is a transport of httpx to go through instead of connections of our own; it is not closed here.
    """

    def __init__(
        self, settings: TransportSettings | None = None, *, over: "httpx.AsyncBaseTransport | None" = None
    ) -> None:
        settings = settings or TransportSettings()
        self._client = _client(settings, over)
        self._limits = settings.limits

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
        await self._client.aclose()

    async def send(self, request: "Request", session: Session) -> Answer:
        """Ask, follow redirects, and give the complete answer, whatever its status.

        Raises CollectionError, whose message holds nothing of the request but host and port, and
        SettingsError for a proxy or certificate file that can't be used. May be cancelled at any time.
        """
        try:
            return await self._follow(request, session)
        except MonitorError as error:
            failure = error
        except Exception as error:  # noqa: BLE001 - this is the edge
            failure = failures.unexpected(error, netloc(request.host, request.port))
        # Neither the chain nor the frames of the traceback may hold what requests and answers hold.
        failure.__cause__ = failure.__context__ = None
        raise failure.with_traceback(None)

    async def _follow(self, request: "Request", session: Session) -> Answer:
        seen: set[str] = set()
        allowed, seconds = request.timeout, 0.0
        while True:
            reply = await self._ask_once(request, session)
            if reply.status == 401 and request.digest is not None:
                reply = await self._answer_challenge(reply, request, session)
            seconds += reply.seconds
            if not is_redirect(request.method, reply.status, reply.headers):
                milliseconds = round(seconds * 1000)
                return Answer(
                    reply.status, reply.headers, reply.body, milliseconds, address_of(request), limits=self._limits
                )
            request = _within(allowed, seconds, next_request(request, reply.headers, seen))

    async def _answer_challenge(self, reply: Reply, request: "Request", session: Session) -> Reply:
        """Ask with the Digest that the reply wants; where it wants another one, it stands."""
        from openai_monitor.collect.transport.digest import authorization  # noqa: PLC0415 - only when challenged

        challenges = reply.headers.all("www-authenticate")
        answer = authorization(request.digest, request.method, request.target, challenges) if request.digest else None
        if answer is None:
            return reply
        headers = tuple(header for header in request.headers if header[0].lower() != "authorization")
        authorized = replace(request, headers=(*headers, ("Authorization", answer)), native=None)
        authorized = _within(request.timeout, reply.seconds, authorized)
        again = await self._ask_once(authorized, session)
        return replace(again, seconds=reply.seconds + again.seconds)

    async def _ask_once(self, request: "Request", session: Session) -> Reply:
        reply = await self._client.send(session.dress(request))
        session.keep(request, reply.headers)
        return reply


def _within(allowed: float | None, used: float, following: "Request") -> "Request":
    """The following request, in what is left of ``allowed`` seconds; raises CollectionError when nothing is."""
    if not allowed:
        return following
    if used >= allowed:
        raise failures.in_exchange(TimeoutError(), netloc(following.host, following.port), allowed, answered=False)
    return replace(following, timeout=allowed - used, native=None)


def _client(settings: TransportSettings, over: "httpx.AsyncBaseTransport | None") -> "Client | HttpxClient":
    if over is None:
        return Client(settings)
    from openai_monitor.collect.transport.over_httpx import HttpxClient  # noqa: PLC0415 - who brings none loads no httpx

    return HttpxClient(over, settings)
