"""What the routes and the faults see of HTTP: a call comes in, a reply goes out."""

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, date, datetime
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from openai_monitor.sandbox.account import Account, Keys, Ledger

_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Call(NamedTuple):
    """One request: its path without a ``/moved`` prefix, its query as sent, its headers by lower-case name.

    ``moved`` tells that the caller followed the redirect of the fault ``redirect``; ``url`` is the server's
    own.
    """

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    ledger: Ledger
    now: datetime
    url: str = ""
    moved: bool = False

    @property
    def account(self) -> Account:
        """The account asked about."""
        return self.ledger.account

    @property
    def keys(self) -> Keys:
        """The keys of the account."""
        return self.ledger.account.keys

    @property
    def today(self) -> date:
        """The UTC day of the call."""
        return self.now.astimezone(UTC).date()

    @property
    def bearer(self) -> str:
        """The key of ``Authorization: Bearer``; empty when there is none."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    def parameters(self) -> dict[str, list[str]]:
        """Read the query's values by name; a list may be written ``name=``, ``name[]=`` or with commas."""
        found: dict[str, list[str]] = {}
        for name, values in parse_qs(self.query, keep_blank_values=True).items():
            found.setdefault(name.removesuffix("[]"), []).extend(values)
        return found


class Reply(NamedTuple):
    """One answer, and how it is sent.

    ``delay`` is seconds before the first byte, ``pace`` seconds before each byte of the body. With
    ``pieces`` the body is what that yields, sent chunked. With ``raw`` those bytes are sent in place of an
    HTTP answer and the connection closes; ``abort`` closes it with a reset instead.
    """

    status: int
    body: bytes
    content_type: str = "application/json"
    headers: tuple[tuple[str, str], ...] = ()
    delay: float = 0.0
    pace: float = 0.0
    pieces: Callable[[], Iterator[bytes]] | None = None
    raw: bytes | None = None
    abort: bool = False

    @property
    def plain(self) -> bool:
        """Whether the whole answer can be written at once."""
        return not (self.delay or self.pace or self.abort) and self.pieces is None and self.raw is None

    def document(self) -> Any:
        """Read the body as JSON."""
        return json.loads(self.body)


def json_reply(document: object, status: int = 200) -> Reply:
    """Answer with a JSON body."""
    return Reply(status, json.dumps(document, separators=(",", ":")).encode())


def error_reply(
    status: int,
    message: str,
    kind: str = "invalid_request_error",
    code: str | None = None,
    param: str | None = None,
) -> Reply:
    """Answer with an error as OpenAI words them: an object ``error`` at the root."""
    return json_reply({"error": {"message": message, "type": kind, "param": param, "code": code}}, status)


def render_head(reply: Reply, now: datetime, *, close: bool, chunked: bool = False) -> bytes:
    """Write the status line and the headers, up to and with the empty line."""
    length = "Transfer-Encoding: chunked\r\n" if chunked else f"Content-Length: {len(reply.body)}\r\n"
    more = "".join(f"{name}: {value}\r\n" for name, value in reply.headers)
    return (
        f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}\r\n"
        f"Date: {http_date(now)}\r\nContent-Type: {reply.content_type}\r\n{length}{more}"
        f"{'Connection: close' if close else 'Connection: keep-alive'}\r\n\r\n"
    ).encode("latin-1")


def http_date(moment: datetime) -> str:
    """Write a moment as HTTP headers do."""
    moment = moment.astimezone(UTC)
    day, month = _DAYS[moment.weekday()], _MONTHS[moment.month - 1]
    return f"{day}, {moment.day:02} {month} {moment:%Y %H:%M:%S} GMT"


def masked(key: str) -> str:
    """Write a key as error texts repeat it: enough to recognise it, not enough to use it."""
    if len(key) < 20:
        return f"{key[:5]}{'*' * 6}"
    return f"{key[:8]}{'*' * 12}{key[-4:]}"
