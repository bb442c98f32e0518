"""What a person types. Nothing here knows more than the terminal; the work is done by the library."""

import _signal  # type: ignore[import-not-found]  # the part of `signal` that every process has loaded already
import os
import sys

TYPE_CHECKING = False  # nothing loads before `main` watches for Ctrl-C

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import FrameType

INTERRUPTED = 130


class Interrupts:
    """Sees that no Ctrl-C is lost, and that none shows a traceback, from the first instruction to the last.

    ``came`` tells whether one has. By itself Python raises KeyboardInterrupt wherever the program stands. That is lost,
    or shown with a traceback, in places where nobody can catch it, of which the machinery that imports has most.
    """

    def __init__(self) -> None:
        self.came = False
        self.cancel: Callable[[], object] | None = None  # set while an event loop runs: how to end what it does
        self._is_over = False
        self._hook = sys.unraisablehook

    def watch(self) -> None:
        """Begin, unless the program around us has another use for the signal, or keeps it from us."""
        self.came, self.cancel, self._is_over = False, None, False
        try:
            if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
                _signal.signal(_signal.SIGINT, self._take)
                self._hook, sys.unraisablehook = sys.unraisablehook, self._take_unraisable
        except ValueError:  # not in the main thread, where signals do not come
            pass

    def end(self, *, is_process_over: bool) -> None:
        """Have everything as it was; where the process ends now, Ctrl-C only ends it sooner."""
        self._is_over = is_process_over
        if sys.unraisablehook == self._take_unraisable:
            sys.unraisablehook = self._hook
        if not is_process_over and _signal.getsignal(_signal.SIGINT) == self._take:
            _signal.signal(_signal.SIGINT, _signal.default_int_handler)

    def check(self) -> None:
        """Raise the KeyboardInterrupt that came and was swallowed on its way."""
        if self.came:
            raise KeyboardInterrupt

    def _take(self, _number: int, frame: "FrameType | None") -> None:
        is_first, self.came = not self.came, True
        if is_first and self.cancel is not None:
            self.cancel()
        elif self._is_over or _is_importing(frame):
            os._exit(INTERRUPTED)  # there is nothing yet, or nothing any more, that would be lost
        else:
            raise KeyboardInterrupt

    def _take_unraisable(self, what: "sys.UnraisableHookArgs") -> None:
        """Leave with a KeyboardInterrupt that came where Python ignores what is raised, such as in a finalizer.

        What else it ignores there, it would show with a traceback, which helps nobody but us.
        """
        if what.exc_type is KeyboardInterrupt:
            os._exit(INTERRUPTED)
        if self._hook is not sys.__unraisablehook__ or "OPENAI_MONITOR_DEBUG" in os.environ:
            self._hook(what)


def _is_importing(frame: "FrameType | None") -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _say_the_least(error: Exception) -> None:
    """Say what is wrong without loading anything, for want of memory or file handles."""
    reason = getattr(error, "strerror", None) or f"{type(error).__name__}, before anything could be done"
    try:
        os.write(2, f"openai-monitor: error: {reason}\n".encode("utf-8", "replace"))
    except OSError:  # nobody reads it
        return


interrupts = Interrupts()


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one command line (by default the process's own) and return its exit code. Raises nothing."""
    try:
        interrupts.watch()
        # ruff: noqa: PLC0415 - Ctrl-C may come while these load, and must not show a traceback
        from openai_monitor.cli.run import run

        return run(argv)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001 - what explains errors could not be loaded itself
        _say_the_least(error)
        return 1
    finally:
        interrupts.end(is_process_over=argv is None)
