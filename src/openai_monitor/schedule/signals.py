"""The signals of the process: end (once, and at once), and read the monitors file again."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from types import FrameType

Handler = Callable[[int], None]


@contextlib.contextmanager
def handled(on_end: Handler, on_reload: Callable[[], None]) -> Iterator[None]:
    """Call these in the running event loop when signals come; a second one to end ends the process on the spot."""
    loop = asyncio.get_running_loop()
    ending = False

    def end(number: int) -> None:
        nonlocal ending
        if ending:
            leave_at_once(number)
        ending = True
        on_end(number)

    handlers: dict[int, Handler] = {signal.SIGTERM: end, signal.SIGINT: end}
    if hasattr(signal, "SIGBREAK"):
        handlers[signal.SIGBREAK] = end
    if hasattr(signal, "SIGHUP"):
        handlers[signal.SIGHUP] = lambda _: on_reload()
    undo = [_install(loop, number, handler) for number, handler in handlers.items()]
    try:
        yield
    finally:
        for step in undo:
            step()


def leave_at_once(number: int) -> None:
    """End the process without waiting for anything; what is on disk is whole at any moment."""
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    os._exit(128 + number)


def _install(loop: asyncio.AbstractEventLoop, number: int, handler: Handler) -> Callable[[], object]:
    try:
        loop.add_signal_handler(number, handler, number)
    except NotImplementedError:  # Windows

        def call(found: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(handler, found)

        before = signal.signal(number, call)
        return lambda: signal.signal(number, before)
    return lambda: loop.remove_signal_handler(number)
