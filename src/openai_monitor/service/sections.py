"""The sections of the monitors file that other rooms own: outputs, history, the listener."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from pydantic import BaseModel

from openai_monitor.hertzbeat.settings import HertzbeatSection
from openai_monitor.schedule.stats import Stats
from openai_monitor.service.history.settings import HistorySettings
from openai_monitor.service.web.settings import WebSettings
from openai_monitor.sinks import SINKS, Settings, Sink, SinkHealth, Surroundings

HISTORY = "history"
PROMETHEUS = "prometheus"
"""The output whose page the listener serves."""


@dataclass(frozen=True, slots=True)
class SectionModels:
    """The model of each such section; ``outputs`` by the kind of output."""

    outputs: Mapping[str, type[BaseModel]]
    history: type[HistorySettings] = HistorySettings
    web: type[WebSettings] = WebSettings
    hertzbeat: type[HertzbeatSection] = HertzbeatSection


def section_models() -> SectionModels:
    """The models; importing them imports nothing that they describe."""
    return SectionModels({name: kind.settings for name, kind in SINKS.items()})


def make_sink(
    name: str,
    settings: BaseModel,
    stats: Stats,
    healths: Callable[[], Iterable[SinkHealth]],
    failures: Mapping[str, int],
) -> Sink:
    """The sink of a section. Raises SettingsError when it can't be made, such as for want of a library."""
    if name == HISTORY:
        from openai_monitor.service.history.writer import HistorySink  # noqa: PLC0415 - imports SQLite

        return HistorySink(cast("HistorySettings", settings))
    return SINKS[name].make(cast("Settings", settings), Surroundings(stats, healths, failures=failures))
