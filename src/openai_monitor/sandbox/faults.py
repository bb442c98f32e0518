"""What can go wrong, each a named switch: a fault takes the answer to be sent and returns a worse one.

A switch is written ``[endpoint=]fault[:number][*times]``: ``429``, ``usage=429:0``, ``slow:2.5``, ``500*2``
(the first two requests only). Without an endpoint it holds for all of them. Several switches add up, in
their order.
"""

import json
import re
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache, partial
from types import MappingProxyType
from typing import Any, NamedTuple

from openai_monitor.errors import SettingsError
from openai_monitor.sandbox.exchange import Call, Reply, error_reply, http_date, json_reply, render_head
from openai_monitor.sandbox.gateway import failed_lookup
from openai_monitor.sandbox.openai_dashboard import unknown_key, wrong_kind_of_key
from openai_monitor.sandbox.openai_organization import missing_scope
from openai_monitor.sandbox.routes import ENDPOINTS

Change = Callable[[Reply, Call, float], Reply]

_MEBIBYTE = 2**20
_PIECE = 65536
_LOGIN_PAGE = b"<!DOCTYPE html><html><head><title>Sign in</title></head><body>Sign in to go on.</body></html>"
_BAD_GATEWAY = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"
_GARBAGE = b"220 mail.example.com ESMTP ready\r\n"


class Fault(NamedTuple):
    """One thing that can go wrong; ``number`` is used when none is given, ``unit`` is what it counts."""

    description: str
    change: Change
    number: float = 0.0
    unit: str = ""


@dataclass(slots=True)
class Switch:
    """A fault that is on: for one endpoint or (None) for all, ``left`` more times or (None) for ever."""

    fault: Fault
    number: float
    endpoint: str | None = None
    left: int | None = None

    def holds(self, endpoint: str) -> bool:
        """Tell whether this request meets the fault; counts it."""
        if self.endpoint not in {None, endpoint} or self.left == 0:
            return False
        if self.left is not None:
            self.left -= 1
        return True


def _too_often(seconds: str) -> Reply:
    message = "Rate limit reached for requests. Please try again later."
    reply = error_reply(429, message, "requests", "rate_limit_exceeded")
    return reply._replace(headers=(("Retry-After", seconds),))


def _unauthorized(_reply: Reply, call: Call, _number: float) -> Reply:
    return unknown_key(call.bearer)


def _session_key(_reply: Reply, call: Call, _number: float) -> Reply:
    return wrong_kind_of_key(call)


def _forbidden(_reply: Reply, _call: Call, _number: float) -> Reply:
    return missing_scope()


def _not_found(_reply: Reply, call: Call, _number: float) -> Reply:
    return error_reply(404, f"Invalid URL ({call.method} {call.path})")


def _limited(_reply: Reply, _call: Call, number: float) -> Reply:
    return _too_often(f"{number:.0f}")


def _limited_until(_reply: Reply, call: Call, number: float) -> Reply:
    return _too_often(http_date(call.now + timedelta(seconds=number)))


def _limited_silently(_reply: Reply, _call: Call, _number: float) -> Reply:
    return _too_often("")._replace(headers=())


def _server_error(_reply: Reply, _call: Call, _number: float) -> Reply:
    return error_reply(500, "The server had an error while processing your request.", "server_error")


def _bad_gateway(_reply: Reply, _call: Call, _number: float) -> Reply:
    return Reply(502, _BAD_GATEWAY, "text/html")


def _login_page(_reply: Reply, _call: Call, _number: float) -> Reply:
    return Reply(200, _LOGIN_PAGE, "text/html; charset=utf-8")


def _lookup(_reply: Reply, _call: Call, _number: float) -> Reply:
    return failed_lookup()


def _empty(reply: Reply, _call: Call, _number: float) -> Reply:
    return reply._replace(body=b"")


def _truncated(reply: Reply, _call: Call, _number: float) -> Reply:
    return reply._replace(body=reply.body[: len(reply.body) // 2])


def _cut_off(reply: Reply, call: Call, _number: float) -> Reply:
    head = render_head(reply, call.now, close=True)
    return reply._replace(raw=head + reply.body[: len(reply.body) // 2])


def _slow(reply: Reply, _call: Call, number: float) -> Reply:
    return reply._replace(delay=number)


def _drip(reply: Reply, _call: Call, number: float) -> Reply:
    return reply._replace(pace=number)


def _reset(reply: Reply, _call: Call, _number: float) -> Reply:
    return reply._replace(abort=True)


def _hang_up(reply: Reply, _call: Call, _number: float) -> Reply:
    return reply._replace(raw=b"")


def _garbage(reply: Reply, _call: Call, _number: float) -> Reply:
    return reply._replace(raw=_GARBAGE)


def _padded(size: int) -> Iterator[bytes]:
    yield b'{"object":"list","padding":"'
    piece = b"0" * _PIECE
    for left in range(size, 0, -_PIECE):
        yield piece[:left]
    yield b'"}'


def _huge(reply: Reply, _call: Call, number: float) -> Reply:
    return reply._replace(pieces=partial(_padded, int(number)))


@lru_cache(maxsize=2)
def _compressed(size: int) -> bytes:
    packer = zlib.compressobj(wbits=31)
    return b"".join([*map(packer.compress, _padded(size)), packer.flush()])


def _gzip_bomb(_reply: Reply, _call: Call, number: float) -> Reply:
    body = _compressed(int(number))
    return Reply(200, body, headers=(("Content-Encoding", "gzip"),))


def _redirect(reply: Reply, call: Call, _number: float) -> Reply:
    if call.moved:
        return reply
    scheme, _, authority = call.url.partition("://")
    host, _, port = authority.rpartition(":")
    elsewhere = "127.0.0.1" if call.headers.get("host", host).startswith("localhost") else "localhost"
    query = f"?{call.query}" if call.query else ""
    target = f"{scheme}://{elsewhere}:{port}/moved{call.path}{query}"
    return Reply(307, b"", headers=(("Location", target),))


def _edit(change: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """Make a fault in the document itself: the answer's JSON object, changed; errors stay."""

    def edited(reply: Reply, _call: Call, _number: float) -> Reply:
        if reply.status != 200:
            return reply
        return reply._replace(body=json_reply(change(reply.document())).body)

    return edited


def _without(*names: str) -> Change:
    return _edit(lambda body: {name: value for name, value in body.items() if name not in names})


def _plan_null(body: dict[str, Any]) -> dict[str, Any]:
    return {**body, "plan": None} if "plan" in body else body


def _nulls(body: dict[str, Any]) -> dict[str, Any]:
    return {name: value if name == "object" else None for name, value in body.items()}


def _numbers_as_text(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _numbers_as_text(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_numbers_as_text(inner) for inner in value]
    return json.dumps(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


def _pages(next_page: Callable[[Reply, Call], str | None]) -> Change:
    def change(reply: Reply, call: Call, _number: float) -> Reply:
        body = reply.document()
        if reply.status != 200 or "has_more" not in body:
            return reply
        return json_reply({**body, "has_more": True, "next_page": next_page(reply, call)})

    return change


def _same_page(reply: Reply, call: Call) -> str | None:
    cursor: str = call.parameters().get("page", [""])[-1] or reply.document()["next_page"] or "page_1735689600"
    return cursor


def _one_more_page(_reply: Reply, call: Call) -> str | None:
    cursor = call.parameters().get("page", [""])[-1] or "page_4102444800"
    return f"page_{int(cursor.removeprefix('page_')) + 86400}"


FAULTS: Mapping[str, Fault] = MappingProxyType(
    {
        "401": Fault("the key is wrong or has expired", _unauthorized),
        "403": Fault("the key lacks the scope to read usage", _forbidden),
        "403-session-key": Fault("an API key was given where a session key is needed", _session_key),
        "404": Fault("no such address", _not_found),
        "429": Fault("asked too often, with Retry-After", _limited, 120, "seconds to wait"),
        "429-date": Fault("asked too often, with Retry-After as a date", _limited_until, 120, "seconds to wait"),
        "429-bare": Fault("asked too often, without Retry-After", _limited_silently),
        "500": Fault("a server error as JSON", _server_error),
        "502": Fault("a proxy's error as HTML", _bad_gateway),
        "html-200": Fault("a sign-in page with status 200", _login_page),
        "error-200": Fault("an error object with status 200, as gateways send it", _lookup),
        "empty": Fault("no body", _empty),
        "truncated": Fault("JSON that stops half-way", _truncated),
        "cut-off": Fault("the connection closes half-way through the body", _cut_off),
        "slow": Fault("waits before it answers", _slow, 30, "seconds"),
        "drip": Fault("sends the body byte by byte", _drip, 0.5, "seconds before each byte"),
        "reset": Fault("the connection is reset without an answer", _reset),
        "hang-up": Fault("the connection closes without an answer", _hang_up),
        "garbage": Fault("greets as a mail server does, which is not HTTP", _garbage),
        "huge": Fault("a body too large, streamed", _huge, 64 * _MEBIBYTE, "bytes"),
        "gzip-bomb": Fault("a small body that unpacks to a huge one", _gzip_bomb, 64 * _MEBIBYTE, "bytes"),
        "redirect": Fault("sent to another origin", _redirect),
        "no-daily-costs": Fault("usage with its total only, as gateways send it", _without("daily_costs")),
        "no-paid-available": Fault("credit as in bodies older than 2024", _without("total_paid_available")),
        "plan-null": Fault("a subscription whose plan is null", _edit(_plan_null)),
        "plan-missing": Fault("a subscription without a plan", _without("plan")),
        "nulls": Fault("every value null", _edit(_nulls)),
        "text-numbers": Fault("every number as text", _edit(_numbers_as_text)),
        "repeated-cursor": Fault("pages that lead to themselves", _pages(_same_page)),
        "missing-cursor": Fault("more pages announced, no cursor", _pages(lambda _reply, _call: None)),
        "endless-pages": Fault("always one more page", _pages(_one_more_page)),
    }
)
"""The faults by name."""

_SWITCH = re.compile(
    r"(?:(?P<endpoint>\w+)=)?(?P<name>[a-z0-9-]+)(?::(?P<number>\d+(?:\.\d+)?))?(?:\*(?P<times>\d+))?",
    re.ASCII,
)


def parse_faults(texts: Iterable[str]) -> list[Switch]:
    """Read switches such as ``usage=429``; raises SettingsError for what does not exist."""
    return [_switch(text) for text in texts]


def _switch(text: str) -> Switch:
    found = _SWITCH.fullmatch(text)
    if found is None:
        raise SettingsError(f"fault {text!r}: expected [endpoint=]fault[:number][*times], such as usage=429:0")
    fault, endpoint = FAULTS.get(found["name"]), found["endpoint"]
    if fault is None:
        raise SettingsError(f"fault {text!r}: there is no {found['name']!r}, only {', '.join(FAULTS)}")
    if endpoint is not None and endpoint not in ENDPOINTS:
        raise SettingsError(f"fault {text!r}: there is no endpoint {endpoint!r}, only {', '.join(ENDPOINTS)}")
    if found["number"] and not fault.unit:
        raise SettingsError(f"fault {text!r}: {found['name']!r} takes no number; leave out ':{found['number']}'")
    number = float(found["number"]) if found["number"] else fault.number
    return Switch(fault, number, endpoint, int(found["times"]) if found["times"] else None)


def spoil(reply: Reply, call: Call, endpoint: str, switches: Iterable[Switch]) -> Reply:
    """Put the answer through every fault that holds for this request."""
    for switch in switches:
        if switch.holds(endpoint):
            reply = switch.fault.change(reply, call, switch.number)
    return reply
