"""``influx``: line protocol to a server, to a file, or to standard output for Telegraf's execd."""

import os
import select
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.secrets import SecretSource
from openai_monitor.sinks import Sink, Surroundings
from openai_monitor.sinks.buffered import Buffered
from openai_monitor.sinks.files import encoded, make_folder
from openai_monitor.sinks.line_protocol import lines_of
from openai_monitor.sinks.posting import Poster
from openai_monitor.sinks.rotating import RotatingFile
from openai_monitor.sinks.settings import InfluxSettings
from openai_monitor.threads import run_in_thread

_LINES_AT_ONCE = 1000
CONTENT_TYPE = "text/plain; charset=utf-8"


def make(settings: InfluxSettings, surroundings: Surroundings) -> Sink:  # noqa: ARG001 - every sink is made so
    """Make the sink for where the settings say to write."""
    if settings.url is not None:
        return InfluxServer(settings, settings.url)
    if settings.path is not None:
        return InfluxStream(settings, RotatingFile(settings.path, settings.rotate_bytes, settings.keep).append)
    return InfluxStream(settings, write_stdout)


class _Influx(Buffered):
    def __init__(self, settings: InfluxSettings) -> None:
        super().__init__("influx", settings.buffer_rows)
        self._settings = settings

    def _lines(self, events: Sequence[RoundEvent]) -> Iterator[bytes]:
        include, leave_out = self._settings.include, self._settings.leave_out
        return (encoded(line) for event in events for line in lines_of(event, include, leave_out))


class InfluxServer(_Influx):
    """Posts lines to a server."""

    def __init__(self, settings: InfluxSettings, url: str | SecretSource) -> None:
        super().__init__(settings)
        self._url = url
        self._poster: Poster | None = None

    async def open(self) -> None:
        """Make what posts."""
        self._poster = Poster(self._url, {}, self._settings, self._settings.token)

    async def release(self) -> None:
        """Close the connection."""
        if self._poster is not None:
            await self._poster.close()

    async def deliver(self, events: Sequence[RoundEvent]) -> None:
        """Post them in one request."""
        if self._poster is not None:
            body = await run_in_thread(lambda: b"".join(self._lines(events)))
            await self._poster.post(body, CONTENT_TYPE)


class InfluxStream(_Influx):
    """Appends lines to a file, or to standard output."""

    def __init__(self, settings: InfluxSettings, write: Callable[[Iterable[bytes]], None]) -> None:
        super().__init__(settings)
        self._write = write

    async def open(self) -> None:
        """Make the file's folder."""
        if self._settings.path is not None:
            await run_in_thread(make_folder, self._settings.path.parent)

    async def deliver(self, events: Sequence[RoundEvent]) -> None:
        """Append them."""
        await run_in_thread(lambda: self._write(self._lines(events)))


def write_stdout(lines: Iterable[bytes]) -> None:
    """Write all of them to standard output, however slowly it is read. Raises OSError."""
    handle, waiting = sys.stdout.fileno(), iter(lines)
    while piece := b"".join(islice(waiting, _LINES_AT_ONCE)):
        rest = memoryview(piece)
        while rest:
            try:
                rest = rest[os.write(handle, rest) :]
            except BlockingIOError:
                select.select([], [handle], [])
