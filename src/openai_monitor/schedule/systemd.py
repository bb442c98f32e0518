"""Telling systemd how the service is, by its own protocol (sd_notify): lines in a datagram to the socket it names.

Nothing is sent where there is no ``NOTIFY_SOCKET``.
"""

import asyncio
import faulthandler
import logging
import os
import socket
import time
from collections.abc import Callable, MutableMapping
from contextlib import suppress

_log = logging.getLogger(__name__)

_SECONDS = 0.05
"""How long sending may take: systemd reads at once, and the event loop waits meanwhile."""


class Notifier:
    """Sends states to systemd; what can't be sent is logged once and does no harm.

    The variables are taken out of ``environment``: the programs that the service starts must not speak for it.
    ``watchdog`` is the seconds within which systemd wants to hear of us, None where it does not.
    """

    def __init__(self, environment: MutableMapping[str, str] = os.environ) -> None:
        address = environment.pop("NOTIFY_SOCKET", "")
        microseconds, process = environment.pop("WATCHDOG_USEC", ""), environment.pop("WATCHDOG_PID", "")
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._is_told = False
        self._status = ""
        self.watchdog: float | None = None
        is_ours = not process or process == str(os.getpid())
        if address and is_ours and microseconds.isdecimal() and 0 < len(microseconds) < 16 and int(microseconds):
            self.watchdog = int(microseconds) / 1e6

    def ready(self) -> None:
        """The service has started, or has read its configuration again."""
        self._send("READY=1")

    def reloading(self) -> None:
        """The configuration is being read again; ``ready`` tells the end of that."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self) -> None:
        """The service is ending."""
        self._send("STOPPING=1")

    def status(self, line: str) -> None:
        """What ``systemctl status`` shows."""
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    async def keep_alive(self, is_alive: Callable[[], bool]) -> None:
        """Tell systemd's watchdog, twice in its time, that the event loop turns; not while something is dead."""
        if self.watchdog is None:
            return
        with suppress(OSError, RuntimeError):  # there may be no standard error
            faulthandler.enable()  # what systemd ends with SIGABRT says where it hung
        while True:
            if is_alive():
                self._send("WATCHDOG=1")
            await asyncio.sleep(self.watchdog / 2)

    def _send(self, state: str) -> None:
        if not self._address:
            return
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
                sender.settimeout(_SECONDS)
                sender.sendto(state.encode("utf-8", "replace"), self._address)
        except (OSError, ValueError, AttributeError) as error:  # ValueError: not a path; AttributeError: Windows
            if not self._is_told:
                reason = getattr(error, "strerror", None) or type(error).__name__
                _log.warning("systemd can't be told how the service is (NOTIFY_SOCKET: %s)", reason)
            self._is_told = True
