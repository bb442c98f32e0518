"""Reads a HertzBeat-style YAML definition, asks an HTTP API for it, and emits typed metric rows.

::

    from openai_monitor import collect_once, load_definition

    outcome = collect_once(load_definition("openai"), {"token": "sess-…"})
    for result in outcome.results:
        print(result.name, result.code.name, list(result.records()))

Names are imported when they are first used, so that importing the package costs nothing.
"""

TYPE_CHECKING = False  # typing's own would load typing, and a Ctrl-C meanwhile would show a traceback

if TYPE_CHECKING:
    from openai_monitor.api import Collector, collect_once, collect_once_async
    from openai_monitor.collect.plan import Plan, make_plan
    from openai_monitor.collect.transport import TransportSettings
    from openai_monitor.definition.load import Definition
    from openai_monitor.definition.shipped import load_definition
    from openai_monitor.errors import (
        CollectionError,
        DefinitionError,
        MonitorError,
        ParameterError,
        Problem,
        SettingsError,
    )
    from openai_monitor.rows import Code, Field, FieldType, MetricSetResult, Round, Row, Skipped, Value

__version__ = "0.1.0"

_HOMES = {
    "openai_monitor.api": ("Collector", "collect_once", "collect_once_async"),
    "openai_monitor.collect.plan": ("Plan", "make_plan"),
    "openai_monitor.collect.transport": ("TransportSettings",),
    "openai_monitor.definition.load": ("Definition",),
    "openai_monitor.definition.shipped": ("load_definition",),
    "openai_monitor.errors": (
        "CollectionError",
        "DefinitionError",
        "MonitorError",
        "ParameterError",
        "Problem",
        "SettingsError",
    ),
    "openai_monitor.rows": (
        "Code",
        "Field",
        "FieldType",
        "MetricSetResult",
        "Round",
        "Row",
        "Skipped",
        "Value",
    ),
}

__all__ = [
    "Code",
    "CollectionError",
    "Collector",
    "Definition",
    "DefinitionError",
    "Field",
    "FieldType",
    "MetricSetResult",
    "MonitorError",
    "ParameterError",
    "Plan",
    "Problem",
    "Round",
    "Row",
    "SettingsError",
    "Skipped",
    "TransportSettings",
    "Value",
    "__version__",
    "collect_once",
    "collect_once_async",
    "load_definition",
    "make_plan",
]


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415 - as TYPE_CHECKING

    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
