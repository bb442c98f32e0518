"""The section ``web`` of the monitors file."""

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator, ValidationInfo, WithJsonSchema, model_validator
from pydantic_core import PydanticCustomError

from openai_monitor.schedule.secrets import SECRET_SCHEMA, SecretSource, parse_source
from openai_monitor.sinks.settings import FilePath, Settings

_HOST_AND_PORT = re.compile(r"(?:\[([0-9a-fA-F:.%\w]+)\]|([^\[\]:]*)):(\d{1,5})")
_HASH = re.compile(r"scrypt\$(\d{1,7})\$(\d{1,2})\$(\d{1,2})\$([\w+/=-]{16,})\$([\w+/=-]{40,})", re.ASCII)
_MOST_MEMORY = 64 * 2**20


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """A password or token as scrypt has it: it can be checked and not be read."""

    n: int
    r: int
    p: int
    salt: bytes = field(repr=False)
    digest: bytes = field(repr=False)


Password = SecretSource | PasswordHash


def parse_hash(text: str) -> PasswordHash:
    """Read ``scrypt$N$R$P$SALT$HASH``. Raises PydanticCustomError, which does not show it."""
    match = _HASH.fullmatch(text.strip())
    if match is None:
        raise PydanticCustomError("hash", "expected `scrypt$N$R$P$SALT$HASH`, as docs/outputs.md shows how to make one")
    n, r, p = (int(match[index]) for index in (1, 2, 3))
    if n < 2 or n & (n - 1) or not r or not p or 128 * n * r * p > _MOST_MEMORY:
        raise PydanticCustomError("hash", "the hash asks for too much work, or for none: expected 16384, 8 and 1")
    try:
        return PasswordHash(n, r, p, base64.urlsafe_b64decode(match[4]), base64.urlsafe_b64decode(match[5]))
    except (binascii.Error, ValueError):
        raise PydanticCustomError("hash", "salt and hash are not in base64") from None


def _password(value: Any, info: ValidationInfo) -> Password:
    if isinstance(value, SecretSource | PasswordHash):
        return value
    if isinstance(value, Mapping) and set(value) == {"hash"} and isinstance(value["hash"], str):
        return parse_hash(value["hash"])
    if isinstance(value, Mapping) and "hash" not in value:
        return parse_source(value, Path((info.context or {}).get("folder") or ""))
    raise PydanticCustomError(
        "password", "expected `{file: PATH}`, `{env: NAME}` or `{hash: scrypt$…}`: no password stands in the file"
    )


PasswordField = Annotated[
    Password,
    PlainValidator(_password),
    WithJsonSchema(
        {
            "oneOf": [
                *SECRET_SCHEMA["oneOf"],
                {
                    "type": "object",
                    "description": "The password as scrypt has it.",
                    "properties": {"hash": {"type": "string", "pattern": "^scrypt\\$"}},
                    "required": ["hash"],
                    "additionalProperties": False,
                },
            ]
        }
    ),
]


def split_listen(text: str) -> tuple[str, int]:
    """Split ``HOST:PORT``; the host is empty for every address. Raises PydanticCustomError."""
    match = _HOST_AND_PORT.fullmatch(text.strip())
    if match is None or int(match[3]) > 65535:
        raise PydanticCustomError("listen", "expected HOST:PORT, such as `127.0.0.1:9464` or `[::1]:9464`")
    return match[1] or match[2] or "", int(match[3])


def _checked_listen(text: str) -> str:
    split_listen(text)
    return text


_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


def _checked_host(text: str) -> str:
    name = text.strip().lower().rstrip(".")
    if not _NAME.fullmatch(name):
        raise PydanticCustomError(
            "host", "expected the name of a host as in `prometheus.example.com`, without scheme and port"
        )
    return name


HostName = Annotated[str, AfterValidator(_checked_host), WithJsonSchema({"type": "string", "minLength": 1})]


def _checked_username(text: str) -> str:
    if not text or ":" in text:
        raise PydanticCustomError("username", "expected a user name without `:`, where its password would begin")
    return text


class Basic(Settings):
    """Basic authentication."""

    username: Annotated[
        str, AfterValidator(_checked_username), WithJsonSchema({"minLength": 1, "pattern": "^[^:]+$", "type": "string"})
    ] = Field(description="The user name.")
    password: PasswordField


class Authentication(Settings):
    """Who may see what rows say. With both, either will do."""

    bearer: PasswordField | None = Field(None, description="The token of `Authorization: Bearer …`.")
    basic: Basic | None = Field(None, description="A user name and a password.")

    @model_validator(mode="after")
    def _one_at_least(self) -> "Authentication":
        if self.bearer is None and self.basic is None:
            raise PydanticCustomError("authentication", "expected `bearer` or `basic`")
        return self


class Tls(Settings):
    """The listener's certificate. Both files are read again when they change."""

    certificate: FilePath = Field(description="The certificate and those it rests on, in PEM.")
    key: FilePath = Field(description="Its key, in PEM, without a password.")


class WebSettings(Settings):
    """The listener for /metrics, /probe, /healthz and /readyz."""

    listen: Annotated[str, AfterValidator(_checked_listen)] = Field(
        "127.0.0.1:9464", description="HOST:PORT; without a host: every address of this machine."
    )
    hosts: list[HostName] = Field(
        default=[],
        description="Names under which it is asked, without authentication; addresses and this machine's own name, "
        "and `localhost`, are known.",
    )
    authentication: Authentication | None = Field(
        None, description="For /metrics and /probe; /healthz and /readyz hold nothing of a monitor and need none."
    )
    tls: Tls | None = Field(None, description="Speak https.")
