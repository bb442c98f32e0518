"""Who may see a secret: never anything in clear but this machine itself."""

import ipaddress
from typing import TYPE_CHECKING

from openai_monitor.collect.transport.proxies import Proxy, netloc
from openai_monitor.collect.transport.settings import ALLOW_PLAINTEXT
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

if TYPE_CHECKING:
    from openai_monitor.collect.request import Request


def is_in_clear(request: "Request") -> bool:
    """Whether anyone on the way could read a secret of this request."""
    return request.scheme == "http" and (request.sensitive or request.digest is not None)


def is_loopback(address: str) -> bool:
    """Whether the address (not a name) is this machine: 127/8 or ::1."""
    ip = ipaddress.ip_address(address)
    mapped = ip.ipv4_mapped if isinstance(ip, ipaddress.IPv6Address) else None
    return (mapped or ip).is_loopback


def plaintext_refused(host: str, port: int) -> CollectionError:
    """Say why a destination that is not this machine gets nothing."""
    return CollectionError(
        Code.FAIL,
        f"nothing was sent: this request carries a key, and plain http would show it to everyone on the way "
        f"to {netloc(host, port)}; set ssl to true (with a port that speaks TLS), "
        f"or allow it with {ALLOW_PLAINTEXT}",
    )


def proxy_refused(host: str, port: int, proxy: Proxy) -> CollectionError:
    """Say why a proxy that would read along gets nothing."""
    return CollectionError(
        Code.FAIL,
        f"nothing was sent: this request carries a key, and plain http to {netloc(host, port)} would show it "
        f"to {proxy}; set ssl to true, name {host} in NO_PROXY if it is this machine, "
        f"or allow it with {ALLOW_PLAINTEXT}",
    )
