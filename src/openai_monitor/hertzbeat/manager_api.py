"""A manager's HTTP API, as far as definitions go. It answers 200 to refusals too: with a ``code`` other than 0."""

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Any, Self
from urllib.parse import quote, urlsplit

from openai_monitor.collect.answer import Answer
from openai_monitor.collect.asking import Sender
from openai_monitor.collect.request import Request
from openai_monitor.collect.transport import Session
from openai_monitor.errors import MonitorError, SettingsError
from openai_monitor.redact import Redactor

_LOGIN = "/api/account/auth/form"
_DEFINE = "/api/apps/define/yml"
_SECONDS = 30.0
_LONGEST_REFUSAL = 300
_PORTS = {"http": 80, "https": 443}
_APP = re.compile(r"\w[\w.-]*", re.ASCII)


class ManagerError(MonitorError):
    """The manager refused something, or is none; the message says what it said."""


@dataclass(frozen=True, slots=True)
class Url:
    """Where a manager's pages are."""

    scheme: str
    host: str
    port: int
    path: str = ""

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read ``http://localhost:1157``. Raises SettingsError for what is no such address."""
        try:
            parts = urlsplit(text.strip())
            port = parts.port
        except ValueError:
            parts, port = urlsplit(""), None
        if parts.scheme not in _PORTS or not parts.hostname or parts.username is not None:
            raise SettingsError(f"{_shown(text)} is no address: expected one such as https://hertzbeat.example.com")
        path = quote(parts.path.rstrip("/"), safe="/%:@!$&'()*+,;=~-._")
        return cls(parts.scheme, parts.hostname, port or _PORTS[parts.scheme], path)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path}"


@dataclass(slots=True)
class ManagerApi:
    """Talks to one manager. ``log_in`` first; everything raises ManagerError or CollectionError."""

    url: Url
    sender: Sender
    _session: Session = field(default_factory=Session)
    _token: str = field(default="", repr=False)
    _redactor: Redactor = field(default_factory=lambda: Redactor(()))

    async def log_in(self, user: str, password: str) -> None:
        """Get a token for the user."""
        self._redactor = Redactor((password,))
        data = await self._ask("POST", _LOGIN, {"type": 1, "identifier": user, "credential": password})
        token = data.get("token") if isinstance(data, dict) else None
        if not isinstance(token, str) or not token:
            raise ManagerError(f"{self.url} answered a login without a token: is this HertzBeat?")
        self._token = token
        self._redactor = Redactor((password, token))

    async def definition(self, app: str) -> str | None:
        """The text of a definition; None when the manager has none of that name."""
        answer = await self._send("GET", f"/api/apps/{quote(check_app(app))}/define/yml", None)
        code, _, data = self._read(answer)
        return data if code == 0 and isinstance(data, str) and data.strip() else None

    async def create(self, text: str) -> None:
        """Put a new definition in; refused for a name that is there."""
        await self._ask("POST", _DEFINE, {"define": text})

    async def replace(self, text: str) -> None:
        """Put a definition in the place of the one of its name."""
        await self._ask("PUT", _DEFINE, {"define": text})

    async def _ask(self, method: str, path: str, body: object) -> Any:
        code, message, data = self._read(await self._send(method, path, body))
        if code != 0:
            said = self._redactor.clean(message) or "without saying why"
            raise ManagerError(f"the manager at {self.url} refused (code {code}): {_one_line(said)}")
        return data

    async def _send(self, method: str, path: str, body: object) -> Answer:
        headers = [("Accept", "application/json")]
        if self._token:
            headers.append(("Authorization", f"Bearer {self._token}"))
        payload = None
        if body is not None:
            headers.append(("Content-Type", "application/json"))
            payload = json.dumps(body).encode()
        url = self.url
        target = url.path + path
        request = Request(
            method, url.scheme, url.host, url.port, target, tuple(headers), payload, None, None, sensitive=True
        )
        try:
            async with asyncio.timeout(_SECONDS):
                return await self.sender.send(request, self._session)
        except TimeoutError:
            raise ManagerError(
                f"{self.url} did not answer within {_SECONDS:g} s: is it the address of the manager's pages, such as "
                "http://localhost:1157?"
            ) from None

    def _read(self, answer: Answer) -> tuple[int, str, Any]:
        """Code, message and data of an answer."""
        if answer.status in (401, 403):
            raise ManagerError(f"the manager at {self.url} answered {answer.status}: is the user allowed to do this?")
        try:
            data = json.loads(answer.body)
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict) or type(data.get("code")) is not int:
            raise ManagerError(f"{self.url} answered {answer.status} with something else than HertzBeat's JSON")
        message = data.get("msg")
        return data["code"], message if isinstance(message, str) else "", data.get("data")


def check_app(app: str) -> str:
    """A definition's name. Raises SettingsError for what can be none."""
    if not _APP.fullmatch(app):
        raise SettingsError(f"{_shown(app)} is no definition's name: expected one such as openai")
    return app


def _one_line(text: str) -> str:
    """What a manager says of a refusal, which may be a page of Java: its first words."""
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST_REFUSAL else f"{line[: _LONGEST_REFUSAL - 1]}…"


def _shown(text: str) -> str:
    """A text without what may be a password in it."""
    return repr(re.sub(r"//[^/@]*@", "//***@", text))
