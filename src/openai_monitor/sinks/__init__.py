"""Where the rows of the service go: one file an output, one registry.

A sink is offered every finished round. It never makes the rounds wait: what it can't write at once it buffers, in
bounds, and what does not fit it drops and counts. Sinks know nothing of each other.

::

    settings.py       what the monitors file says of each
    private.py        the fields that stay at home
    readings.py       rows as labels and values; what becomes of rows with equal labels
    buffered.py       the bounded buffer and the second tries of those that send
    prometheus.py, textfile.py       what holds at present:
        latest.py         of each monitor, and when it stops holding
        present.py        as a page: series.py (rows), own.py (sets, monitors, the service), figures.py (money)
        naming.py         Prometheus's names
        exposition.py     Prometheus's text
    influx.py         line_protocol.py
    files.py          ndjson and csv
    webhook.py, otlp.py
    posting.py, rotating.py          HTTP; files that are put aside
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import import_module
from types import MappingProxyType
from typing import Protocol, cast

from openai_monitor.schedule.events import RoundEvent
from openai_monitor.schedule.supervision import Supervisor
from openai_monitor.sinks.settings import (
    CsvSettings,
    InfluxSettings,
    NdjsonSettings,
    OtlpSettings,
    PrometheusSettings,
    Settings,
    TextfileSettings,
    WebhookSettings,
)

__all__ = ["SINKS", "Settings", "Sink", "SinkHealth", "SinkKind", "Stats", "Surroundings"]


@dataclass(frozen=True, slots=True)
class SinkHealth:
    """How an output is. ``detail`` says what is wrong; ``dropped`` and ``buffered`` count rows.

    A round without rows, such as a failed one, counts as one.
    """

    name: str
    ok: bool
    detail: str = ""
    dropped: int = 0
    buffered: int = 0


class Sink(Protocol):
    """An output of the service. Every method is called in the event loop."""

    name: str

    async def start(self, supervisor: Supervisor | None = None) -> None:
        """Begin; ``supervisor`` looks after what runs from now on.

        Raises SettingsError for what will never work; what may come back, it waits for.
        """

    def offer(self, event: RoundEvent) -> None:
        """Take a round. Never blocks and never raises; what can't be kept is counted as dropped."""

    def forget(self, monitor: str) -> None:
        """Let go of a monitor that there is no more."""

    async def close(self, deadline: float) -> None:
        """Write what is still to be written, within so many seconds."""

    def health(self) -> SinkHealth:
        """Tell how it is."""


class Stats(Protocol):
    """The service's own figures, by name in Prometheus's style; a name that ends in ``_total`` only counts up."""

    def snapshot(self) -> Mapping[str, float]:
        """Give the figures as they are now."""


class _NoStats:
    def snapshot(self) -> Mapping[str, float]:
        return {}


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What sinks see of the service: figures, the outputs' health, the clock (aware, UTC), failures by task."""

    stats: Stats = field(default_factory=_NoStats)
    healths: Callable[[], Iterable[SinkHealth]] = tuple
    now: Callable[[], datetime] = _now
    failures: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SinkKind:
    """An output as the monitors file names it: the model of its settings, and the function that makes it."""

    settings: type[Settings]
    factory: str

    def make(self, settings: Settings, surroundings: Surroundings) -> Sink:
        """Make the sink; writes nothing yet. Raises SettingsError when a library it needs is missing."""
        module, function = self.factory.split(".")
        make = getattr(import_module(f"{__name__}.{module}"), function)
        return cast("Callable[[Settings, Surroundings], Sink]", make)(settings, surroundings)


SINKS: Mapping[str, SinkKind] = MappingProxyType(
    {
        "prometheus": SinkKind(PrometheusSettings, "prometheus.make"),
        "textfile": SinkKind(TextfileSettings, "textfile.make"),
        "influx": SinkKind(InfluxSettings, "influx.make"),
        "ndjson": SinkKind(NdjsonSettings, "files.make_ndjson"),
        "csv": SinkKind(CsvSettings, "files.make_csv"),
        "webhook": SinkKind(WebhookSettings, "webhook.make"),
        "otlp": SinkKind(OtlpSettings, "otlp.make"),
    }
)
"""The names under ``outputs:`` in the monitors file. A module is imported when its sink is made."""
