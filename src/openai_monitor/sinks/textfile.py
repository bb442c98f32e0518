"""``textfile``: the page of ``/metrics`` as a file for node_exporter, which reads it whole: it is replaced at once."""

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from openai_monitor.owned import refuse_link
from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.sinks import Sink, SinkHealth, Surroundings
from openai_monitor.sinks.buffered import reason
from openai_monitor.sinks.prometheus import check_library
from openai_monitor.sinks.settings import TextfileSettings
from openai_monitor.threads import run_in_thread

MODE = 0o644
"""node_exporter runs as another user."""

_TASK = "output textfile"


def make(settings: TextfileSettings, surroundings: Surroundings) -> Sink:
    """Make the sink. Raises SettingsError without prometheus_client."""
    return Textfile(settings, surroundings)


class Textfile:
    """Writes the page again and again. What holds at present is all it tells, so nothing is buffered or dropped."""

    name = "textfile"

    def __init__(self, settings: TextfileSettings, surroundings: Surroundings) -> None:
        check_library(self.name)
        from openai_monitor.sinks.present import Page  # noqa: PLC0415 - imports prometheus_client

        self._settings = settings
        self._page = Page(settings, surroundings)
        self._trouble = ""
        self._closing = asyncio.Event()
        self._supervisor = Supervisor()
        self._task: asyncio.Task[None] | None = None

    async def start(self, supervisor: Supervisor | None = None) -> None:
        """Begin to write."""
        self._supervisor = supervisor or self._supervisor
        self._task = self._supervisor.start(_TASK, self._work)

    def offer(self, event: RoundEvent) -> None:
        """Take a round."""
        self._page.latest.offer(event)

    def forget(self, monitor: str) -> None:
        """Take a monitor off the page."""
        self._page.latest.forget(monitor)

    async def close(self, deadline: float) -> None:
        """Write a last time, so that the file holds the last rounds."""
        if self._task is None:
            return
        self._closing.set()
        await asyncio.wait((self._task,), timeout=deadline)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def health(self) -> SinkHealth:
        """Tell how it is."""
        return SinkHealth(self.name, not self._trouble, self._trouble)

    async def _work(self) -> None:
        # One after the other, the last one too: what a thread has begun can't be stopped, and would replace it later.
        is_last = False
        while not is_last:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._settings.interval):
                    await self._closing.wait()
            is_last = self._closing.is_set()
            await self._write()

    async def _write(self) -> None:
        moment = self._page.take()
        try:
            await run_in_thread(lambda: replace_file(self._settings.path, self._page.build(moment)))
        except OSError as error:
            self._trouble = reason(error)
        except Exception as error:  # noqa: BLE001 - logged
            self._supervisor.met(_TASK, error, "it is written again at its next time")
            self._trouble = f"a mistake of ours ({type(error).__name__}), see the log"
        else:
            self._trouble = ""


def replace_file(path: Path, data: bytes) -> None:
    """Put the data in the file's place: whoever reads it gets the old or the new whole.

    Raises OSError, also for a link, which would be a file afterwards.
    """
    refuse_link(path)
    # node_exporter reads what ends in .prom, so the unfinished one must not.
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".new", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(MODE)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
