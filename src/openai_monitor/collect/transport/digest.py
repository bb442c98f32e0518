"""Digest authentication (RFC 7616, and RFC 2069 for servers without qop): one challenge, one answer."""

import hashlib
import re
import secrets
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from openai_monitor.collect.transport.wire import is_writable

if TYPE_CHECKING:
    from openai_monitor.collect.request import Credentials

_LONGEST = 4096

_PART = re.compile(
    r"""(?<![\w-])
        (?:(?P<scheme>[\w-]++)[ \t]++)?
        (?P<name>[\w-]++)[ \t]*+=[ \t]*+
        (?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^\s,"]++))""",
    re.VERBOSE | re.ASCII,
)


def _md5(data: bytes) -> str:
    return hashlib.md5(data, usedforsecurity=False).hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


_HASHES: dict[str, Callable[[bytes], str]] = {
    "SHA-256": _sha256,
    "SHA-256-SESS": _sha256,
    "MD5": _md5,
    "MD5-SESS": _md5,
}
"""By algorithm, the strongest first."""


def authorization(
    credentials: "Credentials", method: str, target: str, challenges: Iterable[str], client_nonce: str = ""
) -> str | None:
    """Return the Authorization header that answers the strongest Digest challenge, if any can be answered.

    ``challenges`` are the values of WWW-Authenticate. A Basic challenge is never answered: Digest was chosen
    so that the password does not travel.
    """
    challenge = _choose(challenges)
    if challenge is None:
        return None
    parts = {
        "username": _quoted(_wire(credentials.username)),
        "realm": f'"{challenge.get("realm", "")}"',
        "nonce": f'"{challenge["nonce"]}"',
        "uri": f'"{target}"',
    }
    client_nonce = client_nonce or secrets.token_hex(8)
    parts["response"] = f'"{_response(credentials, method, target, challenge, client_nonce)}"'
    if "algorithm" in challenge:
        parts["algorithm"] = challenge["algorithm"]
    if "opaque" in challenge:
        parts["opaque"] = f'"{challenge["opaque"]}"'
    if "qop" in challenge or _is_session(challenge):
        parts |= {"qop": "auth", "nc": "00000001"} if "qop" in challenge else {}
        parts["cnonce"] = f'"{client_nonce}"'
    return "Digest " + ", ".join(f"{name}={value}" for name, value in parts.items())


def _choose(challenges: Iterable[str]) -> dict[str, str] | None:
    texts = [text for text in challenges if is_writable(text)]
    found = [challenge for text in texts for challenge in _digests(text) if _is_answerable(challenge)]
    ranks = list(_HASHES)
    return min(found, key=lambda challenge: ranks.index(_algorithm(challenge)), default=None)


def _digests(text: str) -> list[dict[str, str]]:
    """Return the Digest challenges of one header value, which may hold challenges of several schemes."""
    found: list[dict[str, str]] = []
    scheme = ""
    for part in _PART.finditer(text[:_LONGEST]):
        if part["scheme"]:
            scheme = part["scheme"].lower()
            if scheme == "digest":
                found.append({})
        if scheme == "digest":
            value = part["token"] if part["quoted"] is None else part["quoted"]
            found[-1].setdefault(part["name"].lower(), value)
    return found


def _is_answerable(challenge: dict[str, str]) -> bool:
    qops = [qop.strip().lower() for qop in challenge.get("qop", "auth").split(",")]
    return "nonce" in challenge and "auth" in qops and _algorithm(challenge) in _HASHES


def _algorithm(challenge: dict[str, str]) -> str:
    return challenge.get("algorithm", "MD5").upper()


def _is_session(challenge: dict[str, str]) -> bool:
    return _algorithm(challenge).endswith("-SESS")


def _response(
    credentials: "Credentials", method: str, target: str, challenge: dict[str, str], client_nonce: str
) -> str:
    def digest(*parts: str) -> str:
        return _HASHES[_algorithm(challenge)](":".join(parts).encode("latin-1"))

    nonce = challenge["nonce"]
    secret = digest(_wire(credentials.username), challenge.get("realm", ""), _wire(credentials.password))
    if _is_session(challenge):
        secret = digest(secret, nonce, client_nonce)
    asked = digest(method, target)
    if "qop" in challenge:
        return digest(secret, nonce, "00000001", client_nonce, "auth", asked)
    return digest(secret, nonce, asked)


def _wire(text: str) -> str:
    """Text whose Latin-1 bytes are the UTF-8 of the given one: what the header and the hash both hold."""
    return text.encode().decode("latin-1")


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
