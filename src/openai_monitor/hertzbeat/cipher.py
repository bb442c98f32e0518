"""Passwords as a manager sends them: AES in CBC mode with PKCS#7 padding, in base64.

Up to 1.8 the initialization vector is the key itself. Later ones send ``HBA2``, a random vector, then the ciphertext;
they still accept the older form, so the four bytes tell which one it is.
"""

import base64
import binascii

from openai_monitor.hertzbeat.errors import JobError
from openai_monitor.hertzbeat.extras import load

DEFAULT_KEY = "tomSun28HaHaHaHa"
"""What HertzBeat uses when no key was set: built into every copy of it, so no secret."""

_MARK = b"HBA2"
_BLOCK = 16
_KEY_LENGTHS = (16, 24, 32)


def decrypt(value: str, key: str | None) -> str:
    """The password of an encrypted value; a value that can't be a ciphertext is taken as it is, as HertzBeat does.

    Where ``key`` (None: the manager sent none) does not fit, HertzBeat's built-in key is tried. Raises JobError when
    neither fits: the ciphertext itself would be a wrong password, and is none of the monitored API's business.
    """
    data = _ciphertext(value)
    if data is None:
        return value
    for candidate in dict.fromkeys((key or DEFAULT_KEY, DEFAULT_KEY)):
        plain = _open(data, candidate.encode(errors="replace"))  # as Java does
        if plain is not None:
            return plain
    raise JobError("it does not open with the key of this manager: save the monitor there again")


def _ciphertext(value: str) -> bytes | None:
    """The bytes of base64 text that could be a ciphertext; None for any other text."""
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None
    length = len(data) - (len(_MARK) if data.startswith(_MARK) else 0)
    return data if length >= _BLOCK and length % _BLOCK == 0 else None


def _open(data: bytes, key: bytes) -> str | None:
    """Decrypt with one key; None when it does not fit."""
    if len(key) not in _KEY_LENGTHS:
        return None
    if data.startswith(_MARK) and len(data) >= len(_MARK) + 2 * _BLOCK:
        vector, body = data[len(_MARK) : len(_MARK) + _BLOCK], data[len(_MARK) + _BLOCK :]
    else:
        vector, body = key[:_BLOCK], data
    if len(body) % _BLOCK:
        return None
    try:
        return _unpadded(_aes(key, vector, body))
    except ValueError:
        return None


def _aes(key: bytes, vector: bytes, body: bytes) -> bytes:
    ciphers = load("cryptography.hazmat.primitives.ciphers")
    cipher = ciphers.Cipher(ciphers.algorithms.AES(key), ciphers.modes.CBC(vector)).decryptor()
    plain: bytes = cipher.update(body) + cipher.finalize()
    return plain


def _unpadded(plain: bytes) -> str:
    """Take the PKCS#7 padding off. Raises ValueError when it is none, or what it pads is no text."""
    count = plain[-1]
    if not 1 <= count <= _BLOCK or plain[-count:] != bytes([count]) * count:
        raise ValueError
    return plain[:-count].decode()
