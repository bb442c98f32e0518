"""Who a server's certificate is made out to, by whom, and until when."""

import ssl
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from openai_monitor.errors import CollectionError

if TYPE_CHECKING:
    from openai_monitor.collect.transport.stream import Stream

_NO_CHECK_TIME = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME of OpenSSL."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What stands in a certificate; ``expires`` is aware, UTC."""

    subject: str
    issuer: str
    expires: datetime
    days_left: int

    def __str__(self) -> str:
        return f"certificate of {self.subject} by {self.issuer}, {self._lifetime()}"

    def _lifetime(self) -> str:
        if self.days_left < 0:
            return f"expired on {self.expires:%Y-%m-%d}"
        return f"{self.days_left} day{'' if self.days_left == 1 else 's'} left"

    def facts(self) -> Mapping[str, object]:
        """Give it for machines."""
        expires = self.expires.isoformat().replace("+00:00", "Z")
        return {"subject": self.subject, "issuer": self.issuer, "expires": expires, "days_left": self.days_left}


def certificate_of(stream: "Stream") -> Certificate:
    """Read the certificate of the peer, which the handshake has checked."""
    return _read(stream.get_extra_info("ssl_object").getpeercert())


async def presented_certificate(
    connect: Callable[[], Awaitable["Stream"]], host: str, patience: float | None
) -> Certificate | None:
    """Look at a certificate that was refused; None where that is impossible. Nothing is sent over these connections.

    Python reads a certificate only once it trusts it: the first handshake fetches it, the second trusts just this one.
    """
    try:
        stream = await _handshake(connect, _fetching(), host, patience)
        raw = stream.get_extra_info("ssl_object").getpeercert(binary_form=True)
        stream.abort()
        stream = await _handshake(connect, _trusting(raw), host, patience)
        certificate = certificate_of(stream)
        stream.abort()
    except (CollectionError, ssl.SSLError, ValueError):
        return None
    return certificate


async def _handshake(
    connect: Callable[[], Awaitable["Stream"]], context: ssl.SSLContext, host: str, patience: float | None
) -> "Stream":
    stream = await connect()
    await stream.start_tls(context, host, patience)
    return stream


def _fetching() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _trusting(raw: bytes) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cadata=raw)
    context.verify_flags |= ssl.VerifyFlags(ssl.VERIFY_X509_PARTIAL_CHAIN | _NO_CHECK_TIME)
    return context


def _read(found: Mapping[str, Any]) -> Certificate:
    expires = ssl.cert_time_to_seconds(found["notAfter"])
    names = [name for kind, name in found.get("subjectAltName", ()) if kind in ("DNS", "IP Address")]
    subject, issuer = _parts(found.get("subject", ())), _parts(found.get("issuer", ()))
    return Certificate(
        subject=subject.get("commonName") or next(iter(names), "nobody"),
        issuer=" ".join(filter(None, map(issuer.get, ("organizationName", "commonName")))) or "nobody",
        expires=datetime.fromtimestamp(expires, UTC),
        days_left=int((expires - time.time()) // 86400),
    )


def _parts(name: Any) -> dict[str, str]:
    return {key: value for relative in name for key, value in relative}
