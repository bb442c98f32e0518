"""Which proxy the environment names for a destination."""

import ipaddress
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from openai_monitor.errors import SettingsError

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


@dataclass(frozen=True, slots=True)
class Proxy:
    """A proxy; ``source`` is the variable that names it. Its credentials are never shown."""

    scheme: str
    host: str
    port: int
    source: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)

    @property
    def is_socks(self) -> bool:
        """Whether it speaks SOCKS5, not HTTP."""
        return self.scheme.startswith("socks")

    def __str__(self) -> str:
        return f"the proxy {netloc(self.host, self.port)} (from {self.source})"


def netloc(host: str, port: int) -> str:
    """Host and port as a URL writes them: an IPv6 address in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


class Proxies:
    """The proxies of HTTPS_PROXY, HTTP_PROXY, ALL_PROXY, and NO_PROXY's exemptions; small letters win.

    ``given`` is an address of --proxy: it is used for all destinations, and the environment for none.
    HTTP_PROXY in capitals is not trusted in a CGI process, where it is a request header of the client.
    """

    def __init__(self, environ: Mapping[str, str] = os.environ, given: str | None = None) -> None:
        self._given = given
        self._environ = dict(environ)
        self._exemptions = [_exemption(entry) for entry in re.split(r"[,\s]+", self._value("no_proxy")[1]) if entry]

    def find(self, scheme: str, host: str, port: int) -> Proxy | None:
        """Return the proxy for this destination; raises SettingsError for one that can't be used."""
        if self._given is not None:
            return _parse(self._given, "--proxy")
        source, address = self._value(f"{scheme}_proxy")
        if not address:
            source, address = self._value("all_proxy")
        if not address or any(exemption.covers(host, port) for exemption in self._exemptions):
            return None
        return _parse(address, source)

    def _value(self, name: str) -> tuple[str, str]:
        if name in self._environ:
            return name, self._environ[name].strip()
        capitals = name.upper()
        if capitals == "HTTP_PROXY" and "REQUEST_METHOD" in self._environ:
            return capitals, ""
        return capitals, self._environ.get(capitals, "").strip()


def _parse(address: str, source: str) -> Proxy:
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    else:
        if host and parts.scheme in _PORTS:
            return Proxy(
                scheme=parts.scheme,
                host=host,
                port=port or _PORTS[parts.scheme],
                source=source,
                username=unquote(parts.username or ""),
                password=unquote(parts.password or ""),
            )
    raise SettingsError(
        f"{source} holds no proxy address: expected http://host:port, https://, socks5:// or socks5h://"
    )


@dataclass(frozen=True, slots=True)
class _Exemption:
    """One entry of NO_PROXY: a host and what lies below it, an address, a network, or ``*``; maybe a port."""

    name: str
    port: int | None
    network: ipaddress.IPv4Network | ipaddress.IPv6Network | None

    def covers(self, host: str, port: int) -> bool:
        if self.port not in (None, port):
            return False
        if self.network is not None:
            return _is_in(host, self.network)
        host = host.lower().rstrip(".")
        return self.name in ("*", host) or host.endswith(f".{self.name}")


def _exemption(entry: str) -> _Exemption:
    match = re.fullmatch(r"(\[.*\]|[^:]*):(\d+)", entry)
    name, port = (match[1], int(match[2])) if match else (entry, None)
    name = name.strip("[]").lower()
    try:
        return _Exemption(name, port, ipaddress.ip_network(name, strict=False))
    except ValueError:
        return _Exemption(name.removeprefix("*.").strip("."), port, None)


def _is_in(host: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(host) in network
    except ValueError:
        return False
