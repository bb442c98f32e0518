"""Posting to a web address, with what the answer means for what was posted."""

import re
from collections.abc import Mapping
from urllib.parse import quote, urlsplit

from pydantic_core import PydanticCustomError

from openai_monitor.collect.answer import Answer, AnswerLimits
from openai_monitor.collect.request import Request
from openai_monitor.collect.transport import Session, Transport, TransportSettings
from openai_monitor.errors import CollectionError
from openai_monitor.schedule.secrets import SecretError, SecretSource
from openai_monitor.sinks.buffered import OutputDown, OutputRefused
from openai_monitor.sinks.settings import Sending, check_address

LARGEST_ANSWER = 2**20

Text = str | SecretSource

_KEY_HEADER = re.compile(r"(?:proxy-)?authorization|cookie|.*(?:key|token|secret).*", re.IGNORECASE)

_REFUSES_THIS = (400, 405, 406, 413, 415, 422)
"""Answers that the same again would get again; others, such as 401 and 404, are put right by someone."""


class Poster:
    """Posts over a kept connection. Addresses and headers that are secrets are read each time.

    ``token`` goes as ``Authorization: Token …``. What carries a secret goes over plain http to this machine only.
    """

    def __init__(
        self,
        address: Text,
        headers: Mapping[str, Text],
        settings: Sending,
        token: Text | None = None,
    ) -> None:
        self._address = address
        self._headers = headers
        self._token = token
        self._timeout = settings.timeout
        self._is_secret = (
            token is not None
            or any(isinstance(value, SecretSource) for value in (address, *headers.values()))
            or any(_KEY_HEADER.fullmatch(name) for name in headers)
        )
        self._transport = Transport(
            TransportSettings(
                ca_file=settings.ca_file,
                allow_plaintext_token=settings.allow_plaintext_token,
                limits=AnswerLimits(body=LARGEST_ANSWER),
            )
        )

    async def post(self, body: bytes, content_type: str) -> None:
        """Post once. Raises OutputDown or OutputRefused; no message holds more of the address than host and port."""
        try:
            request = await self._request(body, content_type)
            answer = await self._transport.send(request, Session())
        except SecretError as error:
            raise OutputDown(str(error)) from None
        except CollectionError as error:
            raise OutputDown(_in_our_words(str(error))) from None
        _check(answer)

    async def close(self) -> None:
        """Close the connection."""
        await self._transport.aclose()

    async def _request(self, body: bytes, content_type: str) -> Request:
        scheme, host, port, target = split_address(await _read(self._address))
        headers = [(name, _latin(await _read(value))) for name, value in self._headers.items()]
        if self._token is not None:
            headers.append(("Authorization", f"Token {_latin(await _read(self._token))}"))
        return Request(
            method="POST",
            scheme=scheme,
            host=host,
            port=port,
            target=target,
            headers=(("Content-Type", content_type), *headers),
            body=body,
            timeout=self._timeout,
            digest=None,
            sensitive=self._is_secret,
        )


def split_address(address: str) -> tuple[str, str, int, str]:
    """Split into scheme, host, port and target. Raises OutputDown, which does not show it."""
    try:
        check_address(address)
    except PydanticCustomError as error:
        raise OutputDown(f"the address can't be used: {error.message()}") from None
    parts = urlsplit(address)
    target = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._") + (f"?{parts.query}" if parts.query else "")
    return parts.scheme, parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80), target


async def _read(value: Text) -> str:
    return value if isinstance(value, str) else await value.read()


def _latin(text: str) -> str:
    """Headers are Latin-1 on the wire; what is not goes as the UTF-8 bytes it has."""
    return text.encode("utf-8", "replace").decode("latin-1")


def _check(answer: Answer) -> None:
    if 200 <= answer.status < 300:
        return
    if answer.status in _REFUSES_THIS:
        raise OutputRefused(f"it answered {answer.status}: it does not take what was sent")
    if 300 <= answer.status < 400:
        raise OutputDown(f"it answered {answer.status}: give the address that it redirects to")
    if answer.status in (401, 403):
        raise OutputDown(f"it answered {answer.status}: check the token or the Authorization header")
    if answer.status == 404:
        raise OutputDown("it answered 404: check the path of the address")
    raise OutputDown(f"it answered {answer.status}", _seconds(answer.headers.get("retry-after")))


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isascii() and text.isdigit() and len(text) < 10 else None


def _in_our_words(message: str) -> str:
    """Say what is to be done in this file's words where the transport speaks of definitions."""
    if "plain http" in message:
        return (
            "nothing was sent: a secret would go in clear over plain http; give an https address, "
            "or set allow_plaintext_token: true"
        )
    return message
