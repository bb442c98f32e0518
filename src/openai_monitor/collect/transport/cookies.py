"""The cookies of one round, by origin."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openai_monitor.collect.answer import Headers, moment_of
from openai_monitor.collect.transport.wire import is_writable

if TYPE_CHECKING:
    from openai_monitor.collect.request import Request


@dataclass(frozen=True, slots=True)
class _Cookie:
    name: str
    value: str
    path: str


class Session:
    """One round's cookies. They go back to the very origin that set them and are gone with the round.

    HertzBeat keeps one store for all monitors, so that one account's cookie can reach another's requests.
    """

    __slots__ = ("_cookies",)

    def __init__(self) -> None:
        self._cookies: dict[tuple[str, str, int], dict[tuple[str, str], _Cookie]] = {}

    def dress(self, request: "Request") -> "Request":
        """Return the request with what it has to carry back, after its own Cookie header if it has one."""
        kept = self._cookies.get(request.origin) if self._cookies else None
        if not kept:
            return request
        path = request.target.partition("?")[0]
        matching = [cookie for cookie in kept.values() if _covers(cookie.path, path)]
        if not matching:
            return request
        matching.sort(key=lambda cookie: -len(cookie.path))
        own = [value for name, value in request.headers if name.lower() == "cookie"]
        headers = tuple(header for header in request.headers if header[0].lower() != "cookie")
        pairs = [*own, *(f"{cookie.name}={cookie.value}" for cookie in matching)]
        return replace(request, headers=(*headers, ("Cookie", "; ".join(pairs))), native=None)

    def keep(self, request: "Request", answered: Headers) -> None:
        """Take over what the answer sets or deletes."""
        for text in answered.all("set-cookie"):
            self._set(request, text)

    def _set(self, request: "Request", text: str) -> None:
        pair, *rest = text.split(";")
        name, equals, value = (part.strip() for part in pair.partition("="))
        attributes = dict(_attributes(rest))
        if not equals or not name or not is_writable(pair) or not _may_set(request, attributes):
            return
        path = attributes.get("path", "")
        if not path.startswith("/"):
            path = request.target.partition("?")[0].rpartition("/")[0] or "/"
        jar = self._cookies.setdefault(request.origin, {})
        if _is_deletion(attributes):
            jar.pop((name, path), None)
        else:
            jar[name, path] = _Cookie(name, value, path)

    def __repr__(self) -> str:
        return f"Session({sum(map(len, self._cookies.values()))} cookies)"


def _attributes(parts: Iterable[str]) -> Iterable[tuple[str, str]]:
    for part in parts:
        name, _, value = part.partition("=")
        yield name.strip().lower(), value.strip()


def _may_set(request: "Request", attributes: dict[str, str]) -> bool:
    if "secure" in attributes and request.scheme != "https":
        return False
    host, domain = request.host.lower(), attributes.get("domain", "").lower().lstrip(".")
    return not domain or host == domain or host.endswith(f".{domain}")


def _is_deletion(attributes: dict[str, str]) -> bool:
    if "max-age" in attributes:
        try:
            return int(attributes["max-age"]) <= 0
        except ValueError:
            return False
    expires = moment_of(attributes.get("expires", ""))
    return expires is not None and expires <= datetime.now(UTC)


def _covers(cookie_path: str, path: str) -> bool:
    return path == cookie_path or path.startswith(cookie_path.removesuffix("/") + "/")
