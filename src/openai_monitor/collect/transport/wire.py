"""A request as it stands on the wire: what the transport adds to it, and what it refuses to write."""

import re
from typing import TYPE_CHECKING

from openai_monitor.collect.transport.body import ACCEPT_ENCODING
from openai_monitor.collect.transport.proxies import netloc
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

if TYPE_CHECKING:
    from openai_monitor.collect.request import Request

RawHeader = tuple[bytes, bytes]

_DEFAULT_PORTS = {"http": 80, "https": 443}
_WITH_BODY = ("POST", "PUT", "PATCH")
_TARGET = re.compile(r"[\x21-\x7e]+")
_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")


def checked_host(request: "Request") -> str:
    """Return the host in ASCII; raises CollectionError where host, port or target can't be asked for."""
    if not 0 < request.port < 65536:
        raise CollectionError(Code.UN_CONNECTABLE, f"{request.port} is no port: give one from 1 to 65535")
    if not _TARGET.fullmatch(request.target):
        raise CollectionError(
            Code.FAIL,
            "nothing was sent: the address holds blanks or more than ASCII; check url and params",
        )
    if request.host.isascii():
        return request.host
    try:
        return request.host.encode("idna").decode("ascii")
    except UnicodeError:
        pass
    raise CollectionError(Code.UN_CONNECTABLE, f"{request.host} can't be the name of a host: check the host")


def wire_headers(request: "Request", host: str, user_agent: str, proxy_authorization: str | None) -> list[RawHeader]:
    """Return the headers of a request and before them those that describe the transfer, where it has none.

    Raises CollectionError for a header that can't be written; it shows neither name nor value, since a key
    may have slipped into either.
    """
    given = {name.lower() for name, _ in request.headers}
    if "content-length" in given:
        raise CollectionError(
            Code.UN_CONNECTABLE, "nothing was sent: Content-Length is the collector's own, take it out of the headers"
        )
    ours = {
        "Host": _authority(request.scheme, host, request.port),
        "User-Agent": user_agent,
        "Accept-Encoding": ACCEPT_ENCODING,
        "Connection": "keep-alive",
    }
    if "transfer-encoding" not in given and (request.body is not None or request.method in _WITH_BODY):
        ours["Content-Length"] = str(len(request.body or b""))
    if proxy_authorization is not None:
        ours["Proxy-Authorization"] = proxy_authorization
    _check_framing(request, ours["Host"])
    added = [(name, value) for name, value in ours.items() if name.lower() not in given]
    return [_raw(name, value) for name, value in (*added, *request.headers)]


def address_of(request: "Request") -> str:
    """Return the address that is asked, without its query."""
    return f"{request.scheme}://{netloc(request.host, request.port)}{request.target.partition('?')[0]}"


def _check_framing(request: "Request", place: str) -> None:
    """Refuse what would leave open where the request ends or to whom it goes."""
    hosts = [name for name, _ in request.headers if name.lower() == "host"]
    codings = [value.strip().lower() for name, value in request.headers if name.lower() == "transfer-encoding"]
    if len(hosts) > 1 or codings not in ([], ["chunked"]):
        raise CollectionError(
            Code.FAIL,
            f"nothing was sent: the request to {place} is no valid HTTP: check its headers, "
            f"above all Host and Transfer-Encoding",
        )


def is_writable(value: str) -> bool:
    """Whether a header can have this value, given in Latin-1."""
    return _VALUE.fullmatch(value) is not None


def _raw(name: str, value: str) -> RawHeader:
    if not _NAME.fullmatch(name) or not is_writable(value):
        raise CollectionError(
            Code.FAIL,
            "nothing was sent: a header's name is none, or its value holds a line break or control character",
        )
    return name.encode("ascii"), value.strip(" \t").encode("latin-1")


def _authority(scheme: str, host: str, port: int) -> str:
    place = netloc(host, port)
    return place.removesuffix(f":{port}") if port == _DEFAULT_PORTS.get(scheme) else place
