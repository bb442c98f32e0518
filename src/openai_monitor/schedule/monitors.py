"""A monitor: a definition, parameters and a period; and where monitors come from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from typing import Protocol

from openai_monitor.collect.retry import RETRIES
from openai_monitor.definition.definition import Definition
from openai_monitor.schedule.intervals import Dues
from openai_monitor.schedule.secrets import SecretError, SecretSource

Value = str | SecretSource | None
"""A parameter as it is configured: a text, where a secret stands, or a given null."""


@dataclass(frozen=True, slots=True)
class MonitorSpec:
    """One monitor as it is configured. Two that are equal do the same, so that a reload leaves such ones alone.

    ``period`` is in seconds. ``metrics`` names the sets to collect, None means all. ``collector`` is who is to run
    it, None leaves it to those that take unassigned ones. ``retries`` is how often a request is asked again.
    Definitions are equal when they are the same object.
    """

    name: str
    definition: Definition = field(repr=False)
    params: tuple[tuple[str, Value], ...] = field(repr=False)
    period: float
    tags: tuple[tuple[str, str], ...] = ()
    description: str | None = None
    enabled: bool = True
    collector: str | None = None
    metrics: tuple[str, ...] | None = None
    retries: int = RETRIES

    @property
    def host(self) -> str | None:
        """The host that is asked, as far as the configuration tells."""
        return host_of(self.definition, dict(self.params))

    def dues(self) -> Dues:
        """When which of its sets are due."""
        wanted = self.metrics
        return Dues(
            (
                (each.name or "", max(0, each.interval))
                for each in self.definition.sets
                if wanted is None or each.name in wanted
            ),
            self.period,
        )

    def asks_like(self, other: "MonitorSpec") -> bool:
        """Whether the two ask the same at the same pace; what is left are names for people, and tags."""
        mine = (self.definition, self.params, self.period, self.metrics, self.retries)
        return mine == (other.definition, other.params, other.period, other.metrics, other.retries)

    def sources(self) -> list[SecretSource]:
        """Where its secrets stand."""
        return [value for _, value in self.params if isinstance(value, SecretSource)]


class MonitorSource(Protocol):
    """Where monitors come from: a monitors file, or a HertzBeat cluster."""

    def monitors(self) -> Sequence[MonitorSpec]:
        """Give the monitors as they are now, names unique."""

    async def changed(self) -> None:
        """Return when ``monitors`` gives something else; may be cancelled."""


async def read_params(params: Sequence[tuple[str, Value]]) -> dict[str, str | None]:
    """The parameters with their secrets read. Raises SecretError that names the parameter."""
    given: dict[str, str | None] = {}
    for name, value in params:
        given[name] = value if value is None or isinstance(value, str) else await _read(name, value)
    return given


async def _read(name: str, source: SecretSource) -> str:
    try:
        return await source.read()
    except SecretError as error:
        raise SecretError(f"parameter {name}: {error}") from None


def host_of(definition: Definition, params: dict[str, Value]) -> str | None:
    """The host a definition asks with these parameters; None when it can't be told without a secret."""
    spec = next((spec for spec in definition.params if spec.field == "host"), None)
    if spec is not None:
        host = params.get("host", spec.default_value)
        return host.strip() if isinstance(host, str) else None
    hosts = {metric_set.http.host for metric_set in definition.sets if metric_set.http}
    only = hosts.pop() if len(hosts) == 1 else None
    return None if only is None or "^_^" in only else only.strip()


def is_this_machine(host: str | None) -> bool:
    """Whether a host is the machine itself: localhost, or a loopback address."""
    name = (host or "").removeprefix("http://").removeprefix("https://").strip("[]").lower()
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(name).is_loopback
    except ValueError:
        return False
