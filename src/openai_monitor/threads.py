"""Work that may wait for a disk or a machine, beside the event loop."""

import asyncio
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

Given = ParamSpec("Given")
Result = TypeVar("Result")


async def run_in_thread(function: Callable[Given, Result], /, *args: Given.args, **kwargs: Given.kwargs) -> Result:
    """Call the function in a thread of its own, and give what it returns or raise what it raises.

    Not in asyncio's pool: the process waits for its threads when it ends, and one that waits for a disk that hangs, or
    for the reader of a pipe, would keep it from ending.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.cancelled():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)  # type: ignore[arg-type]

    def work() -> None:
        result, failure = None, None
        try:
            result = function(*args, **kwargs)
        except BaseException as error:  # noqa: BLE001 - it is raised where the result is awaited
            failure = error
        try:
            loop.call_soon_threadsafe(settle, result, failure)
        except RuntimeError:  # the loop ended meanwhile, and with it whoever waited
            return

    threading.Thread(target=work, name=f"openai-monitor {function.__qualname__}", daemon=True).start()
    return await future
