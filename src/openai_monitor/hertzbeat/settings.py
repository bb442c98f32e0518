"""Which cluster to join, as it is written on the command line and in a monitors file."""

import re
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field
from pydantic_core import PydanticCustomError

from openai_monitor.errors import SettingsError
from openai_monitor.hertzbeat.connection import DEFAULT_PORT, Address
from openai_monitor.hertzbeat.link import Membership
from openai_monitor.hertzbeat.messages import Mode

_ADDRESS = re.compile(r"(?:\[(?P<v6>[0-9A-Fa-f:.%\w]+)\]|(?P<host>[^\s:/\[\]@]+))(?::(?P<port>\d{1,5}))?")
_LONGEST_NAME = 200


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


def membership(
    manager: str, identity: str, *, mode: Mode = "private", tls: bool = False, ca_file: Path | None = None
) -> Membership:
    """Read the settings of a collector. Raises SettingsError."""
    host, port = parse_manager(manager)
    return Membership(Address(host, port, tls, ca_file), check_identity(identity), mode)


def _valid_manager(text: str) -> str:
    try:
        parse_manager(text)
    except SettingsError as error:
        raise PydanticCustomError("value", "{sentence}", {"sentence": str(error)}) from None
    return text


def _valid_identity(text: str) -> str:
    try:
        return check_identity(text)
    except SettingsError as error:
        raise PydanticCustomError("value", "{sentence}", {"sentence": str(error)}) from None


class HertzbeatSection(BaseModel):
    """Be a collector of a HertzBeat cluster too: run the monitors that are pinned to it there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    manager: Annotated[str, AfterValidator(_valid_manager)] = Field(
        description="Address of the manager's cluster port, `HOST:1158`."
    )
    identity: Annotated[str, AfterValidator(_valid_identity)] = Field(
        description="Name of this collector in HertzBeat; no other may have it."
    )
    mode: Mode = Field("private", description="`private`: only monitors pinned to it; `public`: a share of all others.")
    tls: bool = Field(False, description="Speak TLS, for a tunnel or an ingress in front of the manager.")
    ca_file: str | None = Field(None, description="Certificates to trust beside the system's.")

    def membership(self) -> Membership:
        """What a Node takes."""
        ca_file = Path(self.ca_file) if self.ca_file else None
        return membership(self.manager, self.identity, mode=self.mode, tls=self.tls, ca_file=ca_file)
