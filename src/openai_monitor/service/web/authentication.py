"""Who may see what rows say."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import time
from dataclasses import dataclass

from openai_monitor.schedule.secrets import SecretSource
from openai_monitor.service.web.settings import Authentication, Password, PasswordHash
from openai_monitor.sinks.aside import aside

KEPT_SECONDS = 10.0
"""So long a secret that was read is used: a command is not run for each request that anyone makes."""

_N, _R, _P = 2**14, 8, 1


def hash_password(password: str) -> str:
    """Make the text for ``hash:`` of a password or token."""
    salt = os.urandom(16)
    digest = hashlib.scrypt(password.encode(), salt=salt, n=_N, r=_R, p=_P, dklen=32)
    return (
        f"scrypt${_N}${_R}${_P}${base64.urlsafe_b64encode(salt).decode()}${base64.urlsafe_b64encode(digest).decode()}"
    )


@dataclass(slots=True)
class _Read:
    value: str
    until: float


class Guard:
    """Checks Authorization headers."""

    def __init__(self, settings: Authentication) -> None:
        self._settings = settings
        self._read: dict[SecretSource, _Read] = {}
        # Hashing is slow on purpose: one at a time, and not again for what was found right.
        self._hashing = asyncio.Lock()
        self._key = os.urandom(32)
        self._right: set[bytes] = set()

    @property
    def challenge(self) -> str:
        """The WWW-Authenticate header of a refusal."""
        kinds = {"Basic": self._settings.basic, "Bearer": self._settings.bearer}
        return ", ".join(f'{kind} realm="openai-monitor"' for kind, wanted in kinds.items() if wanted is not None)

    async def allows(self, header: str | None) -> bool:
        """Tell whether who sends this header is allowed. Raises SecretError when that can't be told."""
        kind, _, given = (header or "").partition(" ")
        if kind.lower() == "bearer" and self._settings.bearer is not None:
            return await self._is(given.strip(), self._settings.bearer)
        if kind.lower() == "basic" and self._settings.basic is not None:
            username, password = _user_and_password(given.strip())
            # Both are checked, so that the time tells nothing of the user name.
            right = await self._is(password, self._settings.basic.password)
            return _equal(username, self._settings.basic.username) and right
        return False

    async def _is(self, given: str, wanted: Password) -> bool:
        if isinstance(wanted, PasswordHash):
            return await self._hashes_to(given, wanted)
        return _equal(given, await self._value(wanted))

    async def _value(self, source: SecretSource) -> str:
        known = self._read.get(source)
        if known is None or time.monotonic() > known.until:
            known = self._read[source] = _Read(await source.read(), time.monotonic() + KEPT_SECONDS)
        return known.value

    async def _hashes_to(self, given: str, wanted: PasswordHash) -> bool:
        seen = hmac.digest(self._key, wanted.salt + given.encode("utf-8", "surrogatepass"), "sha256")
        async with self._hashing:
            if seen in self._right:
                return True
            digest = await aside(_scrypt, given, wanted)
            if not hmac.compare_digest(digest, wanted.digest):
                return False
            self._right.add(seen)
            return True


def _scrypt(text: str, like: PasswordHash) -> bytes:
    data = text.encode("utf-8", "surrogatepass")
    memory = 2 * 128 * like.n * like.r * like.p + 2**20
    return hashlib.scrypt(data, salt=like.salt, n=like.n, r=like.r, p=like.p, maxmem=memory, dklen=len(like.digest))


def _user_and_password(text: str) -> tuple[str, str]:
    try:
        username, _, password = base64.b64decode(text, validate=True).decode("utf-8").partition(":")
    except (binascii.Error, ValueError):
        return "", ""
    return username, password


def _equal(left: str, right: str) -> bool:
    """Compare in a time that tells nothing, not even the length."""
    hashed = (hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in (left, right))
    return hmac.compare_digest(*hashed)
