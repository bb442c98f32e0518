"""Who may see what rows say."""

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from openai_monitor.schedule.secrets import SecretError, SecretSource
from openai_monitor.service.web.settings import Authentication, Password, PasswordHash
from openai_monitor.threads import run_in_thread

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


_MOST_WRONG = 1000
"""Wrong passwords that are known to be so, and are not hashed again."""

_GUESSES_SECONDS = 5.0
SLOWER = 0.1
"""Seconds by which each wrong password of the last five seconds holds up the answer to the next: whoever guesses on
all connections makes some ten guesses a second, which leaves room to hash one that is right."""


@dataclass(slots=True)
class _Read:
    value: str | SecretError
    until: float


class Guard:
    """Checks Authorization headers. In the context that ``waiting`` gives, whoever asks may be sent away for others."""

    def __init__(
        self, settings: Authentication, waiting: Callable[[], AbstractContextManager[None]] = nullcontext
    ) -> None:
        self._settings = settings
        self._waiting = waiting
        self._guesses: deque[float] = deque()
        self._read: dict[SecretSource, _Read] = {}
        self._reading = asyncio.Lock()
        self._hashing = _Turns()
        self._key = os.urandom(32)
        self._right: set[bytes] = set()
        self._wrong: OrderedDict[bytes, None] = OrderedDict()

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
        async with self._reading:
            known = self._read.get(source)
            if known is None or time.monotonic() > known.until:
                known = self._read[source] = _Read(await _value_or_error(source), time.monotonic() + KEPT_SECONDS)
        if isinstance(known.value, SecretError):
            raise known.value
        return known.value

    async def _hashes_to(self, given: str, wanted: PasswordHash) -> bool:
        """Hashing is slow on purpose, so nothing is hashed twice: what was right once waits for no other's guess."""
        seen = hmac.digest(self._key, wanted.salt + given.encode("utf-8", "surrogatepass"), "sha256")
        if self._is_known(seen):
            return seen in self._right
        with self._waiting():
            await self._hashing.take()
        try:
            if self._is_known(seen):
                return seen in self._right
            digest = await run_in_thread(_scrypt, given, wanted)
        finally:
            self._hashing.give_on()
        if hmac.compare_digest(digest, wanted.digest):
            self._right.add(seen)
            return True
        self._wrong[seen] = None
        if len(self._wrong) > _MOST_WRONG:
            self._wrong.popitem(last=False)
        with self._waiting():
            await asyncio.sleep(self._delay())
        return False

    def _delay(self) -> float:
        now = time.monotonic()
        self._guesses.append(now)
        while self._guesses[0] < now - _GUESSES_SECONDS:
            self._guesses.popleft()
        return SLOWER * len(self._guesses)

    def _is_known(self, seen: bytes) -> bool:
        return seen in self._right or seen in self._wrong  # both hold digests under a key that nobody has


class _Turns:
    """One at a time; in turn the one that came last and the one that came first.

    So whoever comes while many guess is next but one, and none waits for ever.
    """

    def __init__(self) -> None:
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._is_taken = False
        self._is_newest_next = False

    async def take(self) -> None:
        """Wait for a turn."""
        if not self._is_taken:
            self._is_taken = True
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self.give_on()
            raise

    def give_on(self) -> None:
        """End the turn."""
        while self._waiting:
            self._is_newest_next = not self._is_newest_next
            turn = self._waiting.pop() if self._is_newest_next else self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._is_taken = False


async def _value_or_error(source: SecretSource) -> str | SecretError:
    try:
        return await source.read()
    except SecretError as error:
        return error


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
