"""What keeps a service of months small: large pieces of memory go back to the system when they are let go."""

import ctypes
import sys
from contextlib import suppress

_MMAP_THRESHOLD, _ARENA_MAX = -3, -8
"""Of glibc's malloc.h."""


def give_back() -> None:
    """Have the C library map large pieces by themselves, and keep one heap for all threads.

    Left alone, glibc takes the pages that are made for Prometheus for small pieces after the first of them, and keeps
    them in a heap for each thread that made one: a tenth of the memory of a thousand monitors. Elsewhere this does
    nothing.
    """
    if sys.platform != "linux":
        return
    with suppress(OSError, AttributeError):
        library = ctypes.CDLL(None)
        library.mallopt(_MMAP_THRESHOLD, 131_072)
        library.mallopt(_ARENA_MAX, 1)
