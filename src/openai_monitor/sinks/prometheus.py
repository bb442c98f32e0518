"""``prometheus``: the page that the listener serves at ``/metrics``."""

import asyncio
from importlib.util import find_spec

from openai_monitor.errors import SettingsError
from openai_monitor.installed import how_to_add
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.sinks import SinkHealth, Surroundings
from openai_monitor.sinks.settings import Present, PrometheusSettings
from openai_monitor.threads import run_in_thread

KEPT_SECONDS = 1.0
"""A page is given to whoever asks within this time after it was made."""


def make(settings: PrometheusSettings, surroundings: Surroundings) -> "PrometheusSink":
    """Make the sink. Raises SettingsError without prometheus_client."""
    return PrometheusSink(settings, surroundings)


def check_library(output: str) -> None:
    """Raise SettingsError, with what to do, when prometheus_client is missing."""
    if find_spec("prometheus_client") is None:
        raise SettingsError(
            f"the output {output} needs prometheus_client: {how_to_add('service')}, or take {output} out of the outputs"
        )


class PrometheusSink:
    """Keeps what holds at present, and makes a page of it when one is asked for, off the event loop."""

    name = "prometheus"

    def __init__(self, settings: Present, surroundings: Surroundings) -> None:
        check_library(self.name)
        from openai_monitor.sinks.present import Page  # noqa: PLC0415 - imports prometheus_client

        self._page = Page(settings, surroundings)
        self._made: bytes = b""
        self._making: asyncio.Task[bytes] | None = None

    async def start(self, supervisor: Supervisor | None = None) -> None:
        """Do nothing: nobody asked yet."""

    def offer(self, event: RoundEvent) -> None:
        """Take a round."""
        self._page.latest.offer(event)

    def forget(self, monitor: str) -> None:
        """Take a monitor off the page."""
        self._page.latest.forget(monitor)

    async def close(self, deadline: float) -> None:
        """Do nothing: there is nothing to be written."""

    def health(self) -> SinkHealth:
        """Tell that it is well: it depends on nothing."""
        return SinkHealth(self.name, ok=True)

    async def page(self) -> bytes:
        """Give the page. Those who ask at the same time get the same one."""
        if self._made:
            return self._made
        if self._making is None or self._making.done():
            self._making = asyncio.create_task(self._make(), name="page")
        return await asyncio.shield(self._making)

    async def probe(self, event: RoundEvent) -> bytes:
        """Give the page of one round."""
        return await run_in_thread(self._page.probe, event)

    async def _make(self) -> bytes:
        self._made = page = await run_in_thread(self._page.build, self._page.take())
        asyncio.get_running_loop().call_later(KEPT_SECONDS, self._drop)
        return page

    def _drop(self) -> None:
        self._made = b""
