"""Under which names the listener is asked, where no authentication tells who asks.

A page of the web can make its own name lead to this machine (DNS rebinding), and then a browser lets it read what is
answered. It can't do so with an address, nor with a name that is not its own; so those are answered, and no others.
"""

import asyncio
import re
import socket
from collections.abc import Iterable
from ipaddress import ip_address

from openai_monitor.threads import run_in_thread

_HOST = re.compile(r"(?:\[(?P<address>[^\[\]]*)\]|(?P<name>[^\[\]:]*))(?::\d*)?")


def host_name(host: str) -> str:
    """The name or address in a Host header, in small letters; the header itself when it is not a valid one."""
    match = _HOST.fullmatch(host.strip())
    return (match["address"] or match["name"] or "").lower().rstrip(".") if match else host


class Hosts:
    """Knows the ``names``, this machine's own, ``localhost``, and all addresses."""

    def __init__(self, names: Iterable[str]) -> None:
        self._names = {"localhost", socket.gethostname().lower(), *map(str.lower, names)}
        self._full_name = asyncio.Lock()
        self._is_complete = False

    async def know(self, host: str) -> bool:
        """Tell whether this is a Host header of ours; none at all is, as browsers always send one."""
        name = host_name(host)
        if not name or name in self._names or name.endswith(".localhost") or _is_address(name):
            return True
        async with self._full_name:
            if not self._is_complete:  # asks a name server, so it is done once, and only for those that need it
                self._names.add((await run_in_thread(socket.getfqdn)).lower())
                self._is_complete = True
        return name in self._names


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
