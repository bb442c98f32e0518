"""What comes from outside: end (once, and at once; by a signal or with the input), and read the monitors file again."""

import asyncio
import contextlib
import os
import select
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from types import FrameType

from openai_monitor.schedule.secrets import end_commands

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


def when_input_ends(handle: int, on_end: Callable[[], None]) -> None:
    """Call this in the running event loop when nothing more can be read there; what is read meanwhile is dropped."""
    loop = asyncio.get_running_loop()

    def read() -> None:
        with contextlib.suppress(OSError):
            while _read(handle):
                pass
        with contextlib.suppress(RuntimeError):  # the loop was closed before
            loop.call_soon_threadsafe(on_end)

    # A thread can wait for any input, an event loop can not; the end of the process does not wait for this one.
    threading.Thread(target=read, daemon=True).start()


def _read(handle: int) -> bytes:
    """Read some of it, once there is some; nothing at its end."""
    while True:
        try:
            return os.read(handle, 4096)
        except BlockingIOError:
            select.select([handle], [], [])


def leave_at_once(number: int) -> None:
    """End the process without waiting for anything; what is on disk is whole at any moment."""
    end_commands()
    with contextlib.suppress(Exception):
        sys.stderr.flush()
    os._exit(128 + number)


def _install(loop: asyncio.AbstractEventLoop, number: int, handler: Handler) -> Callable[[], object]:
    before = signal.getsignal(number)
    try:
        loop.add_signal_handler(number, handler, number)
    except NotImplementedError:  # Windows

        def call(found: int, _frame: FrameType | None) -> None:
            loop.call_soon_threadsafe(handler, found)

        signal.signal(number, call)
        return lambda: signal.signal(number, before)

    def undo() -> None:
        loop.remove_signal_handler(number)  # which leaves the system's own behind
        signal.signal(number, before)

    return undo
