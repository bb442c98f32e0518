"""What the listener answers."""

import asyncio
import gzip
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol, cast
from urllib.parse import parse_qs

from openai_monitor.errors import MonitorError
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.secrets import SecretError
from openai_monitor.schedule.stats import Stats
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.service.web.authentication import Guard
from openai_monitor.service.web.hosts import Hosts, host_name
from openai_monitor.service.web.server import Ask, Reply, Server, text
from openai_monitor.service.web.settings import WebSettings, split_listen
from openai_monitor.service.web.tls import Certificate
from openai_monitor.threads import run_in_thread

PAGE_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PROBE_SECONDS = 60.0
"""For one that does not say how long it waits. Prometheus does."""

MOST_PROBES = 8
_MOST_QUERY_FIELDS = 20
_LEAST_ZIPPED = 1024
_KEPT_SECONDS = 1.0
"""For those who ask at once; a page of thousands of monitors is no small thing to keep."""

_log = logging.getLogger(__name__)


class Exposition(Protocol):
    """What makes pages; the sink ``prometheus``."""

    async def page(self) -> bytes:
        """Give the page of what holds at present."""

    async def probe(self, event: RoundEvent) -> bytes:
        """Give the page of one round."""


@dataclass(frozen=True, slots=True)
class Site:
    """What the listener asks of the service.

    ``exposition`` gives the prometheus output, None when there is none. ``probe`` collects a monitor now; it raises
    KeyError for a name that is no monitor's and MonitorError when it can't be now. ``wait`` says what the service is
    still waiting for; empty when it is ready. ``stats`` count the listener's mistakes. ``problems`` are sentences on
    outputs that can't write.
    """

    exposition: Callable[[], Exposition | None]
    probe: Callable[[str], Awaitable[RoundEvent]]
    wait: Callable[[], str]
    stats: Stats = field(default_factory=Stats)
    problems: Callable[[], Sequence[str]] = tuple


class Web:
    """The listener. Made and started it answers until it is closed."""

    def __init__(self, settings: WebSettings, site: Site) -> None:
        """Read the certificate, if any; raises SettingsError."""
        self._settings = settings
        self._site = site
        self._hosts = Hosts((split_listen(settings.listen)[0], *settings.hosts))
        certificate = Certificate(settings.tls) if settings.tls else None
        self._server = Server(self._answer, certificate.context if certificate else lambda: None, site.stats)
        self._guard = Guard(settings.authentication, self._server.evictable) if settings.authentication else None
        self._supervisor = Supervisor()
        self._probes = asyncio.Semaphore(MOST_PROBES)
        self._zipped: tuple[bytes, bytes] = (b"", b"")
        self._pages = {"/metrics": self._metrics, "/probe": self._probe}

    @property
    def port(self) -> int:
        """The port it listens on, which is another one than the settings say when they say 0."""
        return self._server.port

    async def start(self, supervisor: Supervisor | None = None) -> None:
        """Listen; ``supervisor`` looks after that, and /healthz tells of what it finds down. Raises SettingsError."""
        self._supervisor = supervisor or self._supervisor
        host, port = split_listen(self._settings.listen)
        self._server.start(host, port, self._supervisor)
        if self._guard is None and not _is_loopback(host):
            _log.warning(
                "web: %s is open to other machines without authentication: whoever reaches it can read what the "
                "monitors collect; set web.authentication, or listen on 127.0.0.1",
                self._settings.listen,
            )

    async def close(self, deadline: float) -> None:
        """Stop, and let answers end within so many seconds."""
        await self._server.close(deadline)

    async def _answer(self, ask: Ask) -> Reply:
        if ask.path == "/healthz":
            return self._healthz()
        if ask.path == "/readyz":
            reason = self._site.wait()
            return text(503, reason) if reason else text(200, "ready")
        page = self._pages.get(ask.path)
        refusal = await self._refusal(ask)
        if refusal is not None:
            return refusal
        if page is None:
            return text(200 if ask.path == "/" else 404, "/metrics  /probe?monitor=NAME  /healthz  /readyz")
        return await page(ask)

    async def _refusal(self, ask: Ask) -> Reply | None:
        if self._guard is None:
            return None if await self._hosts.know(ask.host) else self._misdirected(ask.host)
        try:
            if await self._guard.allows(ask.headers.get("authorization")):
                return None
        except SecretError as error:
            self._server.seldom.tell("requests that could not be let in", f"nobody is let in: {error}")
            return text(503, "It can't be checked who asks; the log says why.")
        return text(401, "Authorization is needed.", ("WWW-Authenticate", self._guard.challenge))

    def _healthz(self) -> Reply:
        """Not ok while a task of the service is down.

        An output that can't write is told, and no more: to restart the service would lose the rows that wait for it.
        """
        down = [f"{name} has failed and begins anew" for name in self._supervisor.down]
        problems = [*down, *self._site.problems()]
        advice = "; the log says why" if problems else ""
        state = "not ok: " if down else "ok, but " if problems else "ok"
        return text(503 if down else 200, f"{state}{', '.join(problems)}{advice}")

    def _misdirected(self, host: str) -> Reply:
        name = host_name(host)[:100]
        advice = "if that is right, add the name to `web.hosts` in the monitors file, or set `web.authentication`"
        self._server.seldom.tell(
            "requests under a name that is not known", f"a request for {name!r} was refused: {advice}"
        )
        return text(421, f"This listener is not known to be {name!r}: {advice}.")

    async def _metrics(self, ask: Ask) -> Reply:
        exposition = self._site.exposition()
        if exposition is None:
            return text(404, "There is no page: add `prometheus:` under `outputs:` in the monitors file.")
        return await self._page(ask, await exposition.page(), keep=True)

    async def _probe(self, ask: Ask) -> Reply:
        exposition = self._site.exposition()
        if exposition is None:
            return text(404, "There is no page: add `prometheus:` under `outputs:` in the monitors file.")
        try:
            names = parse_qs(ask.query, max_num_fields=_MOST_QUERY_FIELDS).get("monitor", [])
        except ValueError:
            names = []
        if len(names) != 1:
            return text(400, "Say which monitor: /probe?monitor=NAME")
        if self._probes.locked():
            return text(503, f"{MOST_PROBES} monitors are being probed already.", ("Retry-After", "10"))
        async with self._probes:
            event = await self._round(names[0], _patience(ask))
        return event if isinstance(event, Reply) else await self._page(ask, await exposition.probe(event))

    async def _round(self, name: str, seconds: float) -> RoundEvent | Reply:
        """Collect a monitor; or say why not."""
        try:
            async with asyncio.timeout(seconds):
                return await self._site.probe(name)
        except TimeoutError:
            return text(504, f"The round took longer than {seconds:g} s.")
        except KeyError:
            return text(404, "There is no monitor of this name.")
        except MonitorError as error:
            return text(503, str(error))
        except asyncio.CancelledError:
            if cast("asyncio.Task[object]", asyncio.current_task()).cancelling():
                raise
            return text(503, "The monitor was taken away meanwhile.")

    async def _page(self, ask: Ask, page: bytes, *, keep: bool = False) -> Reply:
        if len(page) < _LEAST_ZIPPED or not _takes_gzip(ask):
            return Reply(200, page, PAGE_TYPE)
        known, zipped = self._zipped
        if page is not known:
            zipped = await run_in_thread(gzip.compress, page, compresslevel=1, mtime=0)
            if keep:
                self._zipped = (page, zipped)
                asyncio.get_running_loop().call_later(_KEPT_SECONDS, self._drop)
        return Reply(200, zipped, PAGE_TYPE, (("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")))

    def _drop(self) -> None:
        self._zipped = (b"", b"")


def _takes_gzip(ask: Ask) -> bool:
    offers = ask.headers.get("accept-encoding", "").lower().split(",")
    return any(offer.split(";")[0].strip() == "gzip" and "q=0" not in offer.replace(" ", "").split(";")[1:]
               for offer in offers)  # fmt: skip


def _patience(ask: Ask) -> float:
    """Answer a little before Prometheus gives up."""
    with suppress(ValueError):
        seconds = float(ask.headers.get("x-prometheus-scrape-timeout-seconds", ""))
        if 0 < seconds < PROBE_SECONDS * 5:
            return max(0.5, seconds - 0.5)
    return PROBE_SECONDS


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
