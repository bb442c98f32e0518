"""The one place where an event loop runs."""

import asyncio
import gc
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from openai_monitor.cli import interrupts

P = ParamSpec("P")
T = TypeVar("T")


def run_async(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, as asyncio.run does, and wait for none of the threads it leaves behind."""
    gc.freeze()  # what has been loaded stays, and need not be looked through for garbage, nor taken apart at the end
    # Ctrl-C raises nothing inside asyncio: it is only noted until there is a task that it can cancel.
    interrupts.cancel = lambda: None
    whole = _with_loose_threads(main)
    try:
        return asyncio.run(whole)
    except asyncio.CancelledError:
        interrupts.check()
        raise
    finally:
        whole.close()  # which never began where there could be no event loop
        main.close()
        interrupts.cancel = None
        interrupts.check()


async def _with_loose_threads(main: Coroutine[Any, Any, T]) -> T:
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    interrupts.cancel = lambda: task and loop.call_soon_threadsafe(task.cancel)
    if task and interrupts.came:
        task.cancel()
    loop.set_default_executor(_LooseThreads())
    # What a cancelled request leaves behind would be logged with a traceback; how it ended is in the result.
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        return await main
    finally:
        interrupts.cancel = lambda: None


class _LooseThreads(ThreadPoolExecutor):
    """Threads that the end of the process does not wait for.

    The loop looks up names in threads that nothing can stop. With the usual ones a resolver that hangs would
    hold a run that is over its time, or that was interrupted, for as long as it likes.
    """

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run the function in a thread of its own."""
        future: Future[T] = Future()

        def work() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = fn(*args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits for the future
                future.set_exception(error)
            else:
                future.set_result(result)

        threading.Thread(target=work, daemon=True).start()
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Wait for nothing."""
