"""What the surroundings decide about a run's requests."""

from dataclasses import dataclass, field
from pathlib import Path

from openai_monitor import __version__

ALLOW_PLAINTEXT = "--allow-plaintext-token (network.allow_plaintext_token in a monitors file)"
CA_FILE = "--ca-file (network.ca_file in a monitors file)"
"""How a person gives these settings, for advice."""


@dataclass(frozen=True, slots=True)
class TransportSettings:
    """Settings of a transport.

    ``ca_file`` is trusted beside the system's certificates. ``max_body`` counts bytes after decompression.
    ``trust_env`` is whether HTTPS_PROXY, HTTP_PROXY, ALL_PROXY and NO_PROXY are honoured;
    ``proxy`` is an address that takes their place.
    ``max_connections`` bounds what is in flight at once; further requests wait, outside their own timeout.
    ``lean`` asks for the engine that costs least, where its library is installed.
    """

    ca_file: Path | None = None
    allow_plaintext_token: bool = False
    max_body: int = 32 * 2**20
    user_agent: str = f"openai-monitor/{__version__}"
    trust_env: bool = True
    proxy: str | None = field(default=None, repr=False)
    max_connections: int = 32
    lean: bool = False
