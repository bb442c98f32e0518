"""What the surroundings decide about a run's requests."""

from dataclasses import dataclass, field
from pathlib import Path

from openai_monitor import __version__
from openai_monitor.collect.answer import AnswerLimits

ALLOW_PLAINTEXT = "--allow-plaintext-token (network.allow_plaintext_token in a monitors file)"
CA_FILE = "--ca-file (network.ca_file in a monitors file)"
"""How a person gives these settings, for advice."""


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Settings of a transport.

    ``ca_file`` is trusted beside the system's certificates. ``limits`` bound an answer.
    ``trust_env`` is whether HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are honoured;
    ``proxy`` is an address that takes their place.
    ``max_connections`` bounds what is in flight at once; further requests wait, outside their own timeout.
    ``lean`` asks for the engine that costs least, where its library is installed.
    """

    ca_file: Path | None = None
    allow_plaintext_token: bool = False
    limits: AnswerLimits = field(default_factory=AnswerLimits)
    user_agent: str = f"openai-monitor/{__version__}"
    trust_env: bool = True
    proxy: str | None = field(default=None, repr=False)
    max_connections: int = 32
    lean: bool = False
