"""One way to supervise: what a long-lived task meets is told, counted and shown, and the task begins anew.

What runs as long as the program does is begun by ``Supervisor.start``. What goes on likewise and is not a task, such as
a timer or a thread, tells of itself by ``failed`` and ``works``. What fails for one monitor, one job or one connection,
and ends nothing else, is told by ``met``.
"""

import asyncio
import logging
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openai_monitor import system

_log = logging.getLogger(__name__)

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 60.0
AGAIN_AFTER = 3600.0
"""Seconds until the same failure at the same place is logged again, with how often it was met meanwhile."""

_PACKAGE = Path(__file__).parent.parent


class Supervisor:
    """Keeps the long-lived tasks of one program running, and tells how they are.

    ``failures`` counts what each met since the start. ``clock`` gives seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.failures: Counter[str] = Counter()
        self._clock = clock
        self._down: dict[str, bool] = {}  # and whether the log tells of it
        self._in_a_row: dict[str, int] = {}
        self._calm_after: dict[str, float] = {}
        self._told: dict[tuple[str, str], tuple[float, int]] = {}

    @property
    def down(self) -> list[str]:
        """The tasks that do not do their work at present."""
        return sorted(self._down)

    def start(
        self, name: str, run: Callable[[], Coroutine[Any, Any, None]], *, final: tuple[type[Exception], ...] = ()
    ) -> "asyncio.Task[None]":
        """Run a task until it returns or is cancelled; whatever else ends it, it begins anew after a pause.

        It counts as down until it has gone on for as long as the pause was. ``final`` are errors that no other try
        mends: the task ends with them, and stays down.
        """
        self.failures[name] += 0  # known from the beginning
        return asyncio.create_task(self._keep(name, run, final), name=name)

    @asynccontextmanager
    async def running(self, tasks: Mapping[str, Callable[[], Coroutine[Any, Any, None]]]) -> AsyncIterator[None]:
        """Run tasks, by their names, for as long as the context lasts."""
        started = [self.start(name, run) for name, run in tasks.items()]
        try:
            yield
        finally:
            for task in started:
                task.cancel()
            await asyncio.gather(*started, return_exceptions=True)

    def failed(self, name: str, error: BaseException) -> float:
        """Note that a task is down; gives the seconds until it should be tried again."""
        now = self._clock()
        if now >= self._calm_after.get(name, now):
            self._in_a_row[name] = 0
        pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2.0 ** min(self._in_a_row[name], 10))
        self._in_a_row[name] += 1
        self._calm_after[name] = now + pause + LONGEST_PAUSE
        told = self.met(name, error, f"it begins anew in {pause:g} s")
        self._down[name] = told or self._down.get(name, False)
        return pause

    def works(self, name: str) -> None:
        """Note that a task does its work."""
        if self._down.pop(name, False):
            _log.info("%s: works again", name)

    def met(self, name: str, error: BaseException, then: str = "the rest goes on") -> bool:
        """Count a failure, and log it with its place; tells whether it did, as it does the same once in AGAIN_AFTER.

        Neither the error's text nor anything else that may quote data is shown.
        """
        self.failures[name] += 1
        what = mistake(error)
        since, more = self._told.get((name, what), (None, 0))
        now = self._clock()
        if since is not None and now - since < AGAIN_AFTER:
            self._told[name, what] = since, more + 1
            return False
        self._told[name, what] = now, 0
        again = f", {more} more times since it was last told" if more else ""
        _log.error("%s: %s%s; %s", name, what, again, then)
        _log.debug("%s: it came through %s", name, "; ".join(map(_named, traceback.extract_tb(error.__traceback__))))
        return True

    def take_up_stray(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Be the event loop's exception handler.

        A callback of ours that raised is a failure like others. What else nobody waited for is mostly a request's
        remains after it was cut; its text may quote anything.
        """
        error = context.get("exception")
        if "handle" in context and isinstance(error, Exception) and is_ours(error):
            self.met("event loop", error)
        else:
            _log.debug("event loop: %s (%s)", context.get("message"), type(error).__name__)

    async def _keep(
        self, name: str, run: Callable[[], Coroutine[Any, Any, None]], final: tuple[type[Exception], ...]
    ) -> None:
        loop, pause = asyncio.get_running_loop(), 0.0
        while True:
            settled = loop.call_later(pause, self.works, name)
            try:
                await run()
            except final as error:
                self._down[name] = self.met(name, error, "it does not begin anew")
                raise
            except asyncio.CancelledError as error:
                task = asyncio.current_task()
                if task is None or task.cancelling():
                    self._down.pop(name, None)
                    raise
                pause = self.failed(name, error)  # what it waited for was cancelled, and not the task itself
            except Exception as error:  # noqa: BLE001 - told, and begun anew: that is what this is for
                pause = self.failed(name, error)
            else:
                self.works(name)
                return
            finally:
                settled.cancel()
            await asyncio.sleep(pause)


def mistake(error: BaseException) -> str:
    """What an error that nobody foresaw means to a person; nothing of its text, which may quote data."""
    place = place_of(error)
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.strerror):
        return f"{system.words(error)} (in {place})"
    return f"internal error ({type(error).__name__} in {place}): please report it"


def is_ours(error: BaseException) -> bool:
    """Whether an error came through this package."""
    return any(_is_here(frame.filename) for frame in traceback.extract_tb(error.__traceback__))


def place_of(error: BaseException) -> str:
    """Where in this package an error came up: file, function and line; where else, if it did not come through it."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "an unknown place"
    return _named(next((frame for frame in reversed(frames) if _is_here(frame.filename)), frames[-1]))


def _named(frame: traceback.FrameSummary) -> str:
    path = Path(frame.filename)
    file = path.relative_to(_PACKAGE).as_posix() if _is_here(frame.filename) else path.name
    return f"{file}, {frame.name}, line {frame.lineno}"


def _is_here(file: str) -> bool:
    return Path(file).is_relative_to(_PACKAGE)
