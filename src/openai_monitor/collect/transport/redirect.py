"""Where an answer points, and what may go along."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import quote, urljoin, urlsplit

from openai_monitor.collect.answer import Headers
from openai_monitor.collect.transport.proxies import netloc
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

if TYPE_CHECKING:
    from openai_monitor.collect.request import Request

MOST_REDIRECTS = 50
"""HertzBeat's bound."""

_FOLLOWED = {"GET": (301, 302, 303, 307, 308), "POST": (303,)}
_DEFAULT_PORTS = {"http": 80, "https": 443}
_OUR_ACCEPTS = frozenset({"application/json", "text/html,application/xml", "*/*"})
_OF_A_BODY = frozenset({"content-type", "content-length", "content-encoding", "transfer-encoding", "expect"})
_URI = re.compile(r"(?:[A-Za-z0-9\-_.!~*'();/?:@&=+$,\[\]#]|%[0-9A-Fa-f]{2}|[\x80-\xff])*")
"""What may stand in a Location; HertzBeat refuses blanks and the like there."""
_NO_HOST = re.compile(r"https?:(?!//[^/?#])", re.IGNORECASE)


def is_redirect(method: str, status: int, headers: Headers) -> bool:
    """Whether this answer is followed: GET follows all five, POST only 303, the others none.

    A 302 without Location is an answer like any other, as with HertzBeat; the other four then fail.
    """
    return status in _FOLLOWED.get(method, ()) and (status != 302 or headers.get("location") is not None)


def next_request(request: "Request", headers: Headers, seen: set[str]) -> "Request":
    """Return the request that follows the Location; ``seen`` collects addresses.

    To the same origin everything goes along. To another one no header of the user's and no credential does.
    Raises CollectionError (UN_CONNECTABLE) when there is no way to follow.
    """
    here = netloc(request.host, request.port)
    location = headers.get("location")
    if location is None:
        raise _stuck(f"{here} redirects without saying where to: check the url")
    address = _resolve(request, location, here)
    if address in seen:
        raise _stuck(f"{here} redirects in a circle: check the url, and whether the API wants a login")
    if len(seen) >= MOST_REDIRECTS:
        raise _stuck(f"{here} redirects more than {MOST_REDIRECTS} times: check the url")
    seen.add(address)
    following = _addressed(request, address, here)
    return following if following.origin == request.origin else _anonymous(following)


def _resolve(request: "Request", location: str, here: str) -> str:
    if not _URI.fullmatch(location):
        raise _stuck(f"{here} redirects to an address with characters that are not allowed there")
    if _NO_HOST.match(location):
        raise _unreadable(here)
    # What came as Latin-1 is written as the bytes it was.
    location = quote(location.encode("latin-1"), safe="!\"#$%&'()*+,/:;<=>?@[\\]^_`{|}~")
    try:
        return urljoin(f"{request.scheme}://{here}{request.target}", location).partition("#")[0]
    except ValueError:
        pass
    raise _unreadable(here)


def _addressed(request: "Request", address: str, here: str) -> "Request":
    try:
        parts = urlsplit(address)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    else:
        if parts.scheme not in _DEFAULT_PORTS:
            raise _stuck(f"{here} redirects to an address that is neither http nor https")
    if not host:
        raise _unreadable(here)
    return replace(
        request,
        method="GET",
        scheme=parts.scheme,
        host=host,
        port=port or _DEFAULT_PORTS[parts.scheme],
        target=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
        headers=tuple(
            header for header in request.headers if request.method == "GET" or header[0].lower() not in _OF_A_BODY
        ),
        body=None,
        native=None,
    )


def _anonymous(request: "Request") -> "Request":
    accepted = tuple(
        (name, value)
        for name, value in request.headers
        if name.lower() == "accept" and value.strip().lower() in _OUR_ACCEPTS
    )
    return replace(request, headers=accepted or (("Accept", "*/*"),), digest=None, sensitive=False)


def _unreadable(here: str) -> CollectionError:
    return _stuck(f"{here} redirects to an address that can't be read: check the url")


def _stuck(message: str) -> CollectionError:
    return CollectionError(Code.UN_CONNECTABLE, message)
