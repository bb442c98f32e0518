"""The monitors file as a source of monitors: read at the start, and again when it changes or somebody says so."""

import asyncio
import logging
import signal
from collections.abc import Collection, Sequence
from hashlib import blake2b
from pathlib import Path

from openai_monitor.installed import how_to_add
from openai_monitor.schedule.health import Health
from openai_monitor.schedule.monitors import MonitorSpec
from openai_monitor.schedule.stats import Stats
from openai_monitor.service.entries import Definitions
from openai_monitor.service.reading import MonitorsFileError, Setup, read_setup

_log = logging.getLogger(__name__)

_SETTLE = 0.2
"""Seconds an editor gets to write the rest."""
LOOK_EVERY = 10.0
"""Seconds between two looks at the files, for changes that no watch tells: on network drives, or just then."""

_OR_BY_SIGNAL = ", or at once after SIGHUP" if hasattr(signal, "SIGHUP") else ""


class FileSource:
    """A MonitorSource. ``setup`` is what holds; why a newer file was not taken over is in ``health``.

    Raises MonitorsFileError when there is nothing to begin with.
    """

    def __init__(self, path: Path, stats: Stats | None = None, health: Health | None = None) -> None:
        self._path = path
        self._stats = stats or Stats()
        self._health = health or Health()
        self._definitions = Definitions()
        self._asked = asyncio.Event()
        self._told = False
        self.setup: Setup = read_setup(path, self._definitions)
        self._files = self.setup.files
        self._seen = _fingerprint(self._files)

    def monitors(self) -> Sequence[MonitorSpec]:
        """The monitors of the file."""
        return self.setup.monitors

    def reload(self) -> None:
        """Read the file again now, changed or not."""
        self._asked.set()

    async def changed(self) -> None:
        """Return when another setup holds. A file that can't be used is reported, and the old setup stays."""
        while True:
            await self.due()
            if await self.read():
                return

    async def due(self) -> None:
        """Return when the file is to be read again: somebody asked, or it has changed."""
        while not await self._wait() and _fingerprint(self._files) == self._seen:
            pass

    async def _wait(self) -> bool:
        """Wait until something may have changed; tells whether somebody asked."""
        tasks = [asyncio.ensure_future(self._watch()), asyncio.ensure_future(self._asked.wait())]
        try:
            await asyncio.wait(tasks, timeout=LOOK_EVERY, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        return self._asked.is_set()

    async def _watch(self) -> None:
        """Return when anything happens in a folder of the files; never when that can't be seen."""
        try:
            from watchfiles import awatch  # noqa: PLC0415 - an extra

            # The folders: a file that is replaced, as editors and Kubernetes do, is lost to who watches it alone.
            folders = {folder for path in self._files for folder in (path.parent, path.resolve().parent)}
            async for _ in awatch(*filter(Path.is_dir, folders), recursive=False, raise_interrupt=False):
                await asyncio.sleep(_SETTLE)
                return
        except ImportError:
            self._tell_once(f"watchfiles is not installed ({how_to_add('service')})")
        except OSError as error:
            self._tell_once(f"it can't be watched ({error.strerror or error})")
        await asyncio.Event().wait()

    def _tell_once(self, reason: str) -> None:
        if not self._told:
            when = f"within {LOOK_EVERY:g} s{_OR_BY_SIGNAL}"
            _log.info("a change of %s is noticed %s: %s", self._path, when, reason)
        self._told = True

    async def read(self) -> bool:
        """Read the file; tells whether another setup holds now. A file that can't be used is reported."""
        asked = self._asked.is_set()
        self._asked.clear()
        self._seen = _fingerprint(self._files)
        try:
            setup = await self._read_all()
        except MonitorsFileError as error:
            self._refuse(error)
            return False
        self._stats.reloads += 1
        self._health.reload_problem = None
        for problem in set(setup.warnings) - set(self.setup.warnings):
            _log.warning("%s", problem)
        if setup == self.setup:
            if asked:
                _log.info("%s was read again: nothing has changed", self._path)
            return False
        self.setup = setup
        return True

    async def _read_all(self) -> Setup:
        """Read until the files are known ones: what a new one held when it was read can not be told afterwards."""
        while True:
            before = self._files
            try:
                setup = await asyncio.to_thread(read_setup, self._path, self._definitions)
            except MonitorsFileError as error:
                self._files = self._files | error.files
                if self._files == before:
                    raise
            else:
                self._files = setup.files
                if self._files == before:
                    return setup
            self._seen = _fingerprint(self._files)

    def _refuse(self, error: MonitorsFileError) -> None:
        self._stats.failed_reloads += 1
        self._health.reload_problem = str(error)
        _log.error("%s\nthe configuration from before goes on; correct the file, it is read again then", error)


def _fingerprint(files: Collection[Path]) -> bytes:
    """What the files hold; one that can't be read counts as empty."""
    digest = blake2b()
    for path in sorted(files):
        try:
            data = path.read_bytes()
        except OSError:
            data = b""
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.digest()
