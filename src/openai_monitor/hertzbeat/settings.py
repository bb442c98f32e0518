"""Which cluster to join, as it is written on the command line and in a monitors file."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, Field
from pydantic_core import PydanticCustomError

from openai_monitor.errors import SettingsError
from openai_monitor.hertzbeat.connection import DEFAULT_PORT, Address
from openai_monitor.hertzbeat.link import Membership
from openai_monitor.hertzbeat.messages import Mode
from openai_monitor.sinks.settings import FilePath, Settings

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:/\[\]@]+))(?::(?P<port>\d{1,5}))?")
_LONGEST_NAME = 200
MOST_RETRIES = 10
_VERSION = re.compile(r"v?(\d+)\.(\d+)(?:[.-].*)?")
DEFAULT_VERSION = "1.8"


def parse_manager(text: str) -> tuple[str, int]:
    """Host and port of ``HOST``, ``HOST:PORT``, ``[IPV6]`` or ``[IPV6]:PORT``. Raises SettingsError for other texts."""
    match = _ADDRESS.fullmatch(text.strip())
    port = int(match["port"] or DEFAULT_PORT) if match else 0
    if match is None or not 0 < port < 65536:
        raise SettingsError(
            f"{text!r} is no address of a manager: expected HOST or HOST:PORT, such as hertzbeat.example.com:1158"
        )
    return match["v6"] or match["host"], port


def check_identity(text: str) -> str:
    """A collector's name without outer blanks. Raises SettingsError for what the manager would not register."""
    name = text.strip()
    if not name or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise SettingsError(f"a collector's name has 1 to {_LONGEST_NAME} printable characters, and is its own")
    return name


def expects_lengths(version: str) -> bool:
    """Whether a manager of this version expects each metric set behind its length, which none can be asked.

    Raises SettingsError for a version that can't be joined, or is none.
    """
    match = _VERSION.fullmatch(version.strip())
    if match is None:
        raise SettingsError(f"{version!r} is no version of HertzBeat: expected one such as 1.8.0")
    number = int(match[1]), int(match[2])
    if number < (1, 7):
        raise SettingsError(
            f"HertzBeat {version.strip()} can't be joined: it takes rows as JSON, which is not written here; "
            "from 1.7.0 on it takes Arrow"
        )
    return number >= (1, 8)


def membership(
    manager: str,
    identity: str,
    *,
    mode: Mode = "private",
    tls: bool = False,
    ca_file: Path | None = None,
    version: str = DEFAULT_VERSION,
) -> Membership:
    """Read the settings of a collector; ``version`` is the manager's. Raises SettingsError."""
    host, port = parse_manager(manager)
    address = Address(host, port, tls, ca_file)
    return Membership(address, check_identity(identity), mode, lengths=expects_lengths(version))


def _checked(check: Callable[[str], object]) -> AfterValidator:
    """A check that raises SettingsError, as pydantic takes it."""

    def validate(text: str) -> str:
        try:
            check(text)
        except SettingsError as error:
            raise PydanticCustomError("value", "{sentence}", {"sentence": str(error)}) from None
        return text

    return AfterValidator(validate)


class HertzbeatSection(Settings):
    """Be a collector of a HertzBeat cluster too: run the monitors that are pinned to it there."""

    manager: Annotated[str, _checked(parse_manager)] = Field(
        description="Address of the manager's cluster port, `HOST:1158`."
    )
    identity: Annotated[str, _checked(check_identity)] = Field(
        description="Name of this collector in HertzBeat; no other may have it."
    )
    mode: Mode = Field("private", description="`private`: only monitors pinned to it; `public`: a share of all others.")
    tls: bool = Field(False, description="Speak TLS, for a tunnel or an ingress in front of the manager.")
    ca_file: FilePath | None = Field(None, description="Certificates to trust beside the system's.")
    retries: int = Field(
        0, ge=0, le=MOST_RETRIES, description="How often a GET that failed for a moment is asked again in its round."
    )
    manager_version: Annotated[str, _checked(expects_lengths)] = Field(
        DEFAULT_VERSION, description="Version of HertzBeat's manager, `1.7.3`; all from 1.8 on are the same here."
    )

    def membership(self) -> Membership:
        """What a Node takes."""
        return membership(
            self.manager,
            self.identity,
            mode=self.mode,
            tls=self.tls,
            ca_file=self.ca_file,
            version=self.manager_version,
        )
