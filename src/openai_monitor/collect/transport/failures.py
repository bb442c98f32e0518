"""What goes wrong below, in our words: the one edge where foreign exceptions become ours.

A sentence names the peer (host and port, or the proxy) and what to do next. None holds anything else of the
request or the answer, nor a foreign text, since those quote headers. Codes are HertzBeat's: 2 for an unknown
host, 3 for no connection, no TLS, no HTTP or a timeout, 4 for an answer that broke off or never came.
"""

import errno
import socket
import ssl

from openai_monitor import system
from openai_monitor.collect.transport.settings import CA_FILE
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code


class ClosedWithoutAnswer(Exception):
    """The peer closed the connection before the first byte of an answer."""


class SpokeTls(Exception):
    """The peer answered plain HTTP with a TLS record."""


class CertificateRefused(CollectionError):
    """The certificate of the peer does not hold."""


class NotHttp(Exception):
    """What the peer sent is no HTTP, or is none any more."""


class ConnectionCut(Exception):
    """The connection broke; its cause may be an SSLError."""


class WriteCut(ConnectionCut):
    """The peer takes no more, though it may have answered."""


class BodyUnreadable(Exception):
    """The body can't be decompressed; the text says how."""


class BodyTooLarge(Exception):
    """The body is over the limit."""

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit


_NO_ROUTE = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN, errno.EHOSTDOWN)

_EXPIRED, _NOT_YET_VALID = 10, 9
_OTHER_NAME = (62, 64)
_ILL_FORMED = {
    79: "signed by one that is not marked as a CA",
    85: "no authority key identifier",
    86: "a CA without a subject key identifier",
    89: "a CA whose basic constraints are not critical",
    92: "a CA without key usage",
}
"""X509_V_ERR_* of OpenSSL. Python is strict about the last ones from 3.13 on."""

_NOT_TLS = (
    "WRONG_VERSION_NUMBER",
    "RECORD_LAYER_FAILURE",
    "UNKNOWN_PROTOCOL",
    "HTTP_REQUEST",
    "PACKET_LENGTH_TOO_LONG",
    "BAD_RECORD_TYPE",
    "UNEXPECTED_RECORD",
)
_OLD_TLS = ("UNSUPPORTED_PROTOCOL", "TLSV1_ALERT_PROTOCOL_VERSION", "NO_PROTOCOLS_AVAILABLE")
_WANTS_CERTIFICATE = ("TLSV13_ALERT_CERTIFICATE_REQUIRED", "SSLV3_ALERT_HANDSHAKE_FAILURE")


def while_connecting(error: Exception, host: str, peer: str, timeout: float | None) -> CollectionError:
    """Say why there is no connection: the name, the network, the port or the patience."""
    if isinstance(error, socket.gaierror | UnicodeError):
        return CollectionError(Code.UN_REACHABLE, _no_address(host, peer))
    if isinstance(error, TimeoutError):
        return _timed_out(f"connecting to {peer}", timeout, "check host, port and firewall")
    if isinstance(error, ConnectionRefusedError):
        return _unconnectable(f"{peer} refused the connection: check host and port, and that it runs there")
    if isinstance(error, OSError) and error.errno in _NO_ROUTE:
        return _unconnectable(f"no way leads to {peer}: check the network, or set HTTPS_PROXY if it needs one")
    if local := system.shortage(error):
        return _unconnectable(f"no connection to {peer}: {local}")
    if isinstance(error, OSError | OverflowError):
        return _unconnectable(f"no connection to {peer}: check host and port, and that it runs there")
    return unexpected(error, peer)


def in_handshake(error: Exception, peer: str, timeout: float | None) -> CollectionError:
    """Say why there is a connection, but no TLS on it."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return CertificateRefused(Code.UN_CONNECTABLE, _certificate(error.verify_code, peer))
    if isinstance(error, TimeoutError | ConnectionAbortedError):
        return _timed_out(f"the TLS handshake with {peer}", timeout, "check that the port speaks TLS")
    if isinstance(error, ssl.SSLError) and not isinstance(error, ssl.SSLEOFError):
        return _unconnectable(_handshake(error.reason or "", peer))
    if isinstance(error, OSError):
        return _unconnectable(
            f"{peer} closed the connection in the TLS handshake: check that the port speaks TLS, "
            f"and that no firewall cuts it"
        )
    return unexpected(error, peer)


def in_exchange(error: Exception, peer: str, timeout: float | None, *, answered: bool) -> CollectionError:
    """Say what failed on a connection while asking or, when ``answered``, while the body came."""
    if isinstance(error, TimeoutError):
        return _timed_out(f"the answer of {peer}", timeout, "try again, or raise the parameter timeout")
    if isinstance(error, ClosedWithoutAnswer):
        return CollectionError(
            Code.FAIL,
            f"{peer} closed the connection without an answer: check that the port speaks HTTP, and try again",
        )
    if isinstance(error, SpokeTls):
        return _unconnectable(f"{peer} speaks TLS, but was asked in plain http: set ssl to true")
    if isinstance(error, BodyTooLarge):
        return CollectionError(
            Code.FAIL,
            f"the answer of {peer} is larger than the limit of {_size(error.limit)}: ask for less",
        )
    if isinstance(error, BodyUnreadable):
        return CollectionError(Code.FAIL, f"the answer of {peer} can't be decompressed: {error}")
    if answered and isinstance(error, NotHttp | ConnectionCut):
        return CollectionError(
            Code.FAIL,
            f"the answer of {peer} broke off before its end: try again, or see the server's log",
        )
    return _in_head(error, peer)


def not_http(peer: str) -> CollectionError:
    """Say that the peer answers something else than HTTP."""
    return _unconnectable(f"what {peer} answered is no HTTP: check that host and port are those of the API")


def unexpected(error: Exception, peer: str) -> CollectionError:
    """Whatever no rule names; its text is not shown, since it may quote the request."""
    if local := system.shortage(error):
        return CollectionError(Code.FAIL, f"asking {peer} failed: {local}")
    return CollectionError(
        Code.FAIL, f"asking {peer} failed in an unforeseen way ({type(error).__name__}): please report it"
    )


def _in_head(error: Exception, peer: str) -> CollectionError:
    if isinstance(error, NotHttp):
        return not_http(peer)
    if isinstance(error.__cause__, ssl.SSLError):
        return _unconnectable(_handshake(error.__cause__.reason or "", peer))
    if isinstance(error, ConnectionCut):
        return CollectionError(Code.FAIL, f"{peer} cut the connection before it answered: try again")
    return unexpected(error, peer)


def _no_address(host: str, peer: str) -> str:
    if not peer.startswith(host):  # a proxy, which says what it is and where it is named
        return f"{peer} can't be found: {host} has no address; check that variable, and this machine's DNS"
    return (
        f"the host name {host} has no address: check the host, this machine's DNS, "
        f"or set HTTPS_PROXY if the way out is a proxy"
    )


def _certificate(verify_code: int, peer: str) -> str:
    if verify_code == _EXPIRED:
        return f"the certificate of {peer} has expired: its owner has to renew it; check this clock too"
    if verify_code == _NOT_YET_VALID:
        return f"the certificate of {peer} is not valid yet: check this machine's clock"
    if verify_code in _OTHER_NAME:
        return f"the certificate of {peer} is made out to another name: check the host"
    if flaw := _ILL_FORMED.get(verify_code):
        return (
            f"the certificate of {peer}, or of its CA, breaks RFC 5280 ({flaw}): its owner has to have it made anew; "
            f"Python checks such things from 3.13 on"
        )
    return (
        f"the certificate of {peer} is not trusted: if your company signs its own or looks into TLS, "
        f"name its certificate with {CA_FILE}"
    )


def _handshake(reason: str, peer: str) -> str:
    if reason in _NOT_TLS:
        return f"{peer} does not speak TLS: check the port, or set ssl to false if it is plain http"
    if reason in _OLD_TLS:
        return f"{peer} speaks only TLS older than 1.2, which is not safe: its owner has to update it"
    if reason in _WANTS_CERTIFICATE:
        return f"{peer} refused the TLS handshake: it may want a client certificate, which is not supported"
    return f"the TLS handshake with {peer} failed ({reason or 'no reason given'}): check port and server"


def _timed_out(what: str, timeout: float | None, advice: str) -> CollectionError:
    patience = f"took longer than {timeout:g} s" if timeout else "took too long"
    return _unconnectable(f"{what} {patience}: {advice}")


def _unconnectable(message: str) -> CollectionError:
    return CollectionError(Code.UN_CONNECTABLE, message)


def _size(count: int) -> str:
    for unit, factor in (("MiB", 2**20), ("KiB", 2**10)):
        if count >= factor and count % factor == 0:
            return f"{count // factor} {unit}"
    return f"{count} bytes"
