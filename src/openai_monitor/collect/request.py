"""From a metric set to the HTTP request it stands for, with its authorization."""

import base64
import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from openai_monitor.collect.target import (
    check_filled,
    endpoint_of,
    has_text,
    target_of,
    timed,
)
from openai_monitor.collect.verdict import listed_codes
from openai_monitor.definition.model import Authorization, Http, MetricSet
from openai_monitor.definition.placeholder import parameter_names
from openai_monitor.definition.timeexpr import has_times
from openai_monitor.errors import CollectionError
from openai_monitor.rows import Code

Header = tuple[str, str]

_METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH")
_WITH_BODY = ("POST", "PUT")
_LONGEST_TIMEOUT_MS = 2**31 - 1

_ACCEPT = {
    "default": "application/json",
    "jsonPath": "application/json",
    "xmlPath": "text/html,application/xml",
}
_ACCEPT_ANY = "*/*"
_BODY_TYPE = "text/plain; charset=UTF-8"

_HEADER_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_LINE_BREAKS = re.compile(r"[\n\v\f\r]")
_NOT_LATIN_1 = re.compile(r"[^\t\x20-\x7e\xa0-\xff]")
KEY_HEADERS = ("authorization", "proxy-authorization", "x-api-key", "api-key")

_AROUND_TOKEN = re.compile(r"^(?:[\s\"'`]+|bearer(?:\s+|$))+|[\s\"'`]+$", re.IGNORECASE)
_TOKEN = re.compile(r"[\x20-\x7e]+")


@dataclass(frozen=True, slots=True)
class Credentials:
    """The user name and password with which the transport answers a challenge; ``repr`` shows neither."""

    kind: Literal["basic", "digest"]
    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(slots=True, eq=False, repr=False)
class Request:
    """One HTTP request, ready to be sent.

    ``host`` has no brackets; ``target`` is exactly what stands on the request line, ASCII. ``headers`` are
    complete but for those that describe the transfer (Host, User-Agent, Accept-Encoding, Connection,
    Content-Length), which the transport sets where they are absent; their texts are Latin-1. ``timeout`` is
    in seconds, None leaves only the round's deadline. ``sensitive``: a credential or password stands
    somewhere in it, so it goes in clear to no other machine. ``accepts`` are the statuses that are declared a
    success beside 200. ``native`` is the transport's own, for a form of the request that it keeps.
    """

    method: str
    scheme: str
    host: str
    port: int
    target: str
    headers: tuple[Header, ...]
    body: bytes | None
    timeout: float | None
    digest: Credentials | None
    sensitive: bool
    accepts: frozenset[int] = frozenset()
    native: object = None

    @property
    def origin(self) -> tuple[str, str, int]:
        """Scheme, host in small letters, and port."""
        return self.scheme, self.host.lower(), self.port

    def __repr__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        path = self.target.partition("?")[0]
        return f"Request({self.method} {self.scheme}://{host}:{self.port}{path})"


def build_request(metric_set: MetricSet, *, now: datetime, sensitive: bool) -> Request:
    """Return the request of a metric set in which all placeholders are replaced.

    ``now`` is aware, in the zone that time expressions are read in. ``sensitive`` tells that a password
    parameter stands in the set; an authorization makes the request sensitive in any case. Raises
    CollectionError with HertzBeat's code when no request can be made; its message holds no header, token or
    query.
    """
    http = metric_set.http
    if http is None:
        raise CollectionError(Code.FAIL, "the set has no http section: add one with host, port and url")
    method = _method(http.method)
    target = target_of(http, now)
    scheme, host, port = endpoint_of(http)
    body = timed(http.payload, now).encode("utf-8", "replace") if http.payload and method in _WITH_BODY else None
    authorization, digest = _authorization(http.authorization)
    headers = _headers(http, authorization, has_body=body is not None)
    return Request(
        method=method,
        scheme=scheme,
        host=host,
        port=port,
        target=target,
        headers=headers,
        body=body,
        timeout=_timeout(http.timeout),
        digest=digest,
        sensitive=sensitive or digest is not None or any(name.lower() in KEY_HEADERS for name, _ in headers),
        accepts=listed_codes(http),
    )


def texts_with_times(metric_set: MetricSet) -> tuple[str, ...]:
    """The texts of the set's request that depend on the clock; without any, it can be built once and kept."""
    http = metric_set.http
    texts = (*(http.params or {}).values(), http.payload) if http is not None else ()
    return tuple(text for text in texts if text is not None and has_times(text))


def clean_token(text: str) -> str:
    """Return a pasted token without the blanks, line ends, quotes and ``Bearer`` around it.

    Raises CollectionError (FAIL) when nothing is left, or when it holds control characters or non-ASCII; the
    message never shows it.
    """
    token = _AROUND_TOKEN.sub("", text)
    if not token:
        raise CollectionError(
            Code.FAIL,
            "the bearer token is empty: give the parameter in http.authorization.bearerTokenToken a value",
        )
    if not _TOKEN.fullmatch(token):
        raise CollectionError(
            Code.FAIL,
            "the bearer token holds a line end, another control character or a character outside ASCII: "
            "copy the key again, it is one line of plain letters, digits and signs",
        )
    return token


def _method(method: str | None) -> str:
    name = (method or "").upper()
    if name not in _METHODS:
        found = repr(method) if method and len(method) <= 20 else "another text" if method else "none"
        raise CollectionError(
            Code.FAIL, f"the method is {found}: expected one of {', '.join(_METHODS)}, check http.method"
        )
    return name


def _timeout(text: str | None) -> float | None:
    """Return milliseconds as text to seconds; zero, less, or what can't be read is none."""
    try:
        milliseconds = int(float(text or "0"))
    except (ValueError, OverflowError):
        return None
    return min(milliseconds, _LONGEST_TIMEOUT_MS) / 1000 if milliseconds > 0 else None


# Headers


def _headers(http: Http, authorization: str | None, *, has_body: bool) -> tuple[Header, ...]:
    headers = _own_headers(http, has_body=has_body)
    given = {name.lower() for name, _ in headers}
    if "accept" not in given:
        headers.append(("Accept", _ACCEPT.get(http.parse_type or "", _ACCEPT_ANY)))
    if authorization is not None:
        headers.append(("Authorization", authorization))
    if has_body and "content-type" not in given:
        headers.append(("Content-Type", _BODY_TYPE))
    return tuple(headers)


def _own_headers(http: Http, *, has_body: bool) -> list[Header]:
    """Return the headers of the definition, those without a text left out."""
    headers = []
    for position, (name, value) in enumerate((http.headers or {}).items(), start=1):
        if value is None or not has_text(value):
            continue
        _check_header_name(name, position, has_body=has_body)
        headers.append((name, _header_value(value)))
    return headers


def _check_header_name(name: str, position: int, *, has_body: bool) -> None:
    # A name is not shown: in a key-value parameter it may be a key that slipped to the wrong side.
    if not _HEADER_NAME.fullmatch(name):
        raise CollectionError(
            Code.FAIL,
            f"the name of header {position} under http.headers is no header name: use letters, digits and hyphens",
        )
    if name.lower() == "content-length" or (has_body and name.lower() == "transfer-encoding"):
        raise CollectionError(
            Code.UN_CONNECTABLE,
            f"the header {name} is set by the collector itself: take it out of http.headers",
        )


def _header_value(value: str) -> str:
    """Return a value as it can be sent: a line break is a blank, what Latin-1 lacks a ``?``, trimmed."""
    return _NOT_LATIN_1.sub("?", _LINE_BREAKS.sub(" ", value)).strip()


# Authorization


def _authorization(settings: Authorization | None) -> tuple[str | None, Credentials | None]:
    """Return the value of the Authorization header and what Digest needs, either of them None.

    Bearer ignores case, Basic and Digest are written exactly so. Basic and Digest without a user name or a
    password send nothing, and so does a type that is empty or a parameter without a value.
    """
    kind = _given(settings.type) if settings else None
    if settings is None or kind is None:
        return None, None
    if kind.lower() == "bearer token":
        return f"Bearer {_bearer_token(settings.bearer_token_token)}", None
    if kind == "Basic Auth":
        return _basic(settings.basic_auth_username, settings.basic_auth_password), None
    if kind == "Digest Auth":
        return None, _digest(settings.digest_auth_username, settings.digest_auth_password)
    raise CollectionError(
        Code.FAIL,
        "http.authorization.type is unknown: expected Bearer Token, Basic Auth or Digest Auth, written so",
    )


def _given(text: str | None) -> str | None:
    """Return a text with something in it; a placeholder that is still there has no value."""
    return text if text is not None and has_text(text) and not parameter_names(text) else None


def _bearer_token(token: str | None) -> str:
    check_filled(token, "the bearer token")
    return clean_token(token or "")


def _basic(username: str | None, password: str | None) -> str | None:
    name, word = _given(username), _given(password)
    if name is None or word is None:
        return None
    return "Basic " + base64.b64encode(f"{name}:{word}".encode("utf-8", "replace")).decode("ascii")


def _digest(username: str | None, password: str | None) -> Credentials | None:
    name, word = _given(username), _given(password)
    if name is None or word is None:
        return None
    if not name.isprintable():
        raise CollectionError(
            Code.FAIL,
            "the user name for Digest Auth holds a line end or another control character: take it out",
        )
    return Credentials("digest", name, word)
