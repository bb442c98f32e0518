"""Whose a key is, told by how it begins: the one table of it, for every command.

What the vendors' own documentation and keys show. A key that begins with ``sk-`` and nothing more is nobody's: OpenAI's
old user keys, DeepSeek's, Moonshot's and those of most gateways look alike.
"""

from collections.abc import Iterable
from typing import NamedTuple

from openai_monitor.errors import OtherVendor


class KeyKind(NamedTuple):
    """Keys that begin alike: whose they are, what they are called, and the shipped definitions they are for.

    One without ``definitions`` sees nothing about money; ``advice`` says then what does. ``renewal`` is how to get a
    new one.
    """

    prefix: str
    vendor: str
    name: str
    definitions: tuple[str, ...] = ()
    advice: str = ""
    renewal: str = ""


_ADMIN = (
    "it sees nothing about money (OpenAI answers 403): ask an owner of the organization for an admin key (sk-admin-…), "
    "or use the key of a browser session (sess-…)"
)

KINDS = (
    KeyKind("sess-", "OpenAI", "the key of a browser session", ("openai", "openai_spend"),
            renewal="sign in at https://platform.openai.com/usage and copy it from a request of the page again"),
    KeyKind("sk-admin-", "OpenAI", "an organization's admin key", ("openai_organization",),
            renewal="an owner makes one at https://platform.openai.com/settings/organization/admin-keys"),
    KeyKind("sk-proj-", "OpenAI", "a project's key", advice=_ADMIN),
    KeyKind("sk-svcacct-", "OpenAI", "a service account's key", advice=_ADMIN),
    KeyKind("sk-service-", "OpenAI", "a service account's key", advice=_ADMIN),
    KeyKind("sk-None-", "OpenAI", "a user's key", advice=_ADMIN),
    KeyKind("sk-ant-admin", "Anthropic", "an organization's admin key", ("anthropic",),
            renewal="an admin makes one at https://console.anthropic.com/settings/admin-keys"),
    KeyKind(
        "sk-ant-", "Anthropic", "an API key",
        advice="it sees nothing about money: an admin of the organization can make an admin key (sk-ant-admin…)",
    ),
    KeyKind("sk-or-", "OpenRouter", "a key", ("openrouter",), renewal="make one at https://openrouter.ai/settings/keys"),
    KeyKind("xai-", "xAI", "a key", advice="there is no definition for xAI yet: write one with `new`"),
    KeyKind("gsk_", "Groq", "a key", advice="Groq has no address that tells what was spent"),
    KeyKind("AIza", "Google", "a key", advice="Google has no address that tells what was spent with such a key"),
    KeyKind("pplx-", "Perplexity", "a key", advice="there is no definition for Perplexity: write one with `new`"),
    KeyKind("hf_", "Hugging Face", "a token", advice="there is no definition for Hugging Face: write one with `new`"),
)  # fmt: skip

_SOMEBODYS = KeyKind("sk-", "", "a key", ("openai_gateway", "new_api"))
"""Its definitions demand the host; without one nothing is known of the key."""

_HOSTS = {
    "api.openai.com": "OpenAI",
    "api.anthropic.com": "Anthropic",
    "openrouter.ai": "OpenRouter",
    "api.deepseek.com": "DeepSeek",
    "api.x.ai": "xAI",
    "management-api.x.ai": "xAI",
    "api.groq.com": "Groq",
    "api.moonshot.ai": "Moonshot",
    "api.moonshot.cn": "Moonshot",
}
"""Hosts at which one vendor answers, and no gateway."""


def kind_of(key: str) -> KeyKind | None:
    """The kind of a key, by the longest beginning that is known; None for any other, such as ``sk-`` alone."""
    fitting = [kind for kind in KINDS if key.startswith(kind.prefix)]
    return max(fitting, key=lambda kind: len(kind.prefix), default=None)


def how_to_renew(key: str) -> str:
    """How to get another key in the place of one that begins like this and is refused."""
    kind = kind_of(key)
    return (kind and kind.renewal) or "get a new one from where it came from; a gateway says so of a used-up key too"


def definitions_for(key: str) -> tuple[str, ...]:
    """The shipped definitions that a key is for, best first."""
    kind = kind_of(key) or (_SOMEBODYS if key.startswith(_SOMEBODYS.prefix) else None)
    return kind.definitions if kind else ()


def vendor_at(host: str) -> str | None:
    """Whose host this is, with or without a scheme; None for any other, such as a gateway's."""
    return _HOSTS.get(host.strip().lower().rpartition("//")[2].partition("/")[0].partition(":")[0].rstrip("."))


def refuse_other_vendors(keys: Iterable[tuple[str, str]], hosts: Iterable[str]) -> None:
    """Raise OtherVendor for a key that would go to another vendor than its own.

    ``keys`` are (parameter, key), ``hosts`` are asked with all of them, with or without a scheme.
    """
    asked = [(host, vendor) for host in hosts if (vendor := vendor_at(host))]
    for parameter, key in keys:
        kind = kind_of(key.strip())
        for host, vendor in asked if kind else ():
            if kind is not None and kind.vendor != vendor:
                fitting = f"use --define {' or '.join(kind.definitions)}" if kind.definitions else kind.advice
                raise OtherVendor(
                    f"parameter {parameter} begins with {kind.prefix}: it is {kind.name} of {kind.vendor}, "
                    f"and {host} is {vendor}'s, so nothing was sent; {fitting}"
                )
