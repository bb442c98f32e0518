"""``otlp``: gauges to an OpenTelemetry collector, by the OpenTelemetry SDK's exporter over HTTP.

A number is the gauge ``APP.SET.FIELD`` in the unit the definition gives it; a text ``true`` or ``false`` is one that is
1 or 0. The monitor, its tags and the fields that are labels are attributes. ``APP.SET.up`` and ``APP.SET.duration``
tell how each set went. Where no ``url`` is given, the SDK's own variables ``OTEL_EXPORTER_OTLP_…`` say where to.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from openai_monitor import __version__
from openai_monitor.errors import SettingsError
from openai_monitor.installed import how_to_add
from openai_monitor.rows import MetricSetResult
from openai_monitor.schedule.events import RoundEvent, trouble_of_set
from openai_monitor.schedule.secrets import SecretError, SecretSource
from openai_monitor.sinks import Sink, Surroundings
from openai_monitor.sinks.buffered import Buffered, OutputDown
from openai_monitor.sinks.line_protocol import nanoseconds
from openai_monitor.sinks.readings import FLAGS, clean_text, finite, label_text, readings, shape_of
from openai_monitor.sinks.settings import OtlpSettings
from openai_monitor.threads import run_in_thread

if TYPE_CHECKING:
    from opentelemetry.sdk.metrics.export import MetricExporter, MetricsData, NumberDataPoint

SERVICE = "openai-monitor"


@dataclass(frozen=True, slots=True)
class Destination:
    """Where an exporter sends to, with its secrets read. None is what the SDK's variables say."""

    url: str | None
    headers: Mapping[str, str]


MakeExporter = Callable[[OtlpSettings, Destination], "MetricExporter"]


@dataclass(frozen=True, slots=True)
class Point:
    """One value of one gauge."""

    name: str
    unit: str
    attributes: Mapping[str, str]
    time_ns: int
    value: float


def make(settings: OtlpSettings, surroundings: Surroundings) -> Sink:  # noqa: ARG001 - every sink is made so
    """Make the sink. Raises SettingsError without the OpenTelemetry SDK, or for a secret that would go in clear."""
    if find_spec("opentelemetry") is None or find_spec("opentelemetry.exporter.otlp.proto.http") is None:
        raise SettingsError(
            f"the output otlp needs the OpenTelemetry SDK: {how_to_add('otlp')}, or take otlp out of the outputs"
        )
    _check_plaintext(settings)
    return Otlp(settings)


class Otlp(Buffered):
    """Exports rounds. ``make_exporter`` makes what sends; it is made again after a failure, with secrets read anew."""

    def __init__(self, settings: OtlpSettings, make_exporter: MakeExporter | None = None) -> None:
        super().__init__("otlp", settings.buffer_rows)
        self._settings = settings
        self._make = make_exporter or http_exporter
        self._exporter: MetricExporter | None = None

    async def release(self) -> None:
        """Close the connection."""
        exporter, self._exporter = self._exporter, None
        if exporter is not None:
            await run_in_thread(exporter.shutdown)

    async def deliver(self, events: Sequence[RoundEvent]) -> None:
        """Export them at once."""
        if self._exporter is None:
            self._exporter = self._make(self._settings, await self._destination())
        if not await run_in_thread(self._export, self._exporter, events):
            await self.release()
            raise OutputDown("the collector did not take it; what it said is in the log, from opentelemetry")

    def _export(self, exporter: "MetricExporter", events: Sequence[RoundEvent]) -> bool:
        from opentelemetry.sdk.metrics.export import MetricExportResult  # noqa: PLC0415 - optional

        include, leave_out = self._settings.include, self._settings.leave_out
        found = [point for event in events for point in points_of(event, include=include, leave_out=leave_out)]
        data = metrics_data(found, self._settings.resource)
        return exporter.export(data, timeout_millis=self._settings.timeout * 1000) is MetricExportResult.SUCCESS

    async def _destination(self) -> Destination:
        settings = self._settings
        try:
            return Destination(settings.url, {name: await _read(value) for name, value in settings.headers.items()})
        except SecretError as error:
            raise OutputDown(str(error)) from None


def http_exporter(settings: OtlpSettings, destination: Destination) -> "MetricExporter":
    """Make the SDK's exporter over HTTP."""
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter  # noqa: PLC0415 - optional

    return OTLPMetricExporter(
        endpoint=destination.url,
        certificate_file=str(settings.ca_file) if settings.ca_file else None,
        headers=dict(destination.headers) or None,
        timeout=settings.timeout,
    )


def points_of(event: RoundEvent, include: Sequence[str] = (), leave_out: Sequence[str] = ()) -> Iterator[Point]:
    """Give the values of a round, and how each of its sets went."""
    base = {"monitor": label_text(event.monitor.name)}
    base |= {name if name not in base else f"tag_{name}": label_text(value) for name, value in event.monitor.tags}
    for result in event.round.results:
        stem, time = f"{event.monitor.app}.{result.name}", nanoseconds(result.time)
        trouble = trouble_of_set(result)
        told = {**base, "trouble": trouble.value} if trouble else base
        yield Point(f"{stem}.up", "1", told, time, float(result.ok))
        yield Point(f"{stem}.duration", "s", base, time, result.duration)
        if result.ok:
            yield from _values(stem, result, base, include, leave_out)


def _values(
    stem: str, result: MetricSetResult, base: Mapping[str, str], include: Sequence[str], leave_out: Sequence[str]
) -> Iterator[Point]:
    shape, time = shape_of(result.fields, include, leave_out), nanoseconds(result.time)
    names = [name if (name := shape.fields[index].name) not in base else f"field_{name}" for index in shape.labels]
    for key, row in readings(shape, result.rows, complete=result.complete).rows.items():
        attributes = {**base, **dict(zip(names, key, strict=True))}
        for index in shape.values:
            cell, field = row[index], shape.fields[index]
            value = FLAGS.get(cell) if isinstance(cell, str) else finite(cell)
            if value is not None:
                yield Point(f"{stem}.{field.name}", field.unit or "", attributes, time, value)


def metrics_data(points: Iterable[Point], resource: Mapping[str, str]) -> "MetricsData":
    """Bring the points of each gauge together, as the SDK's exporters want them."""
    from opentelemetry.sdk.metrics import export  # noqa: PLC0415 - optional
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415 - optional
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope  # noqa: PLC0415 - optional

    gauges: dict[tuple[str, str], list[NumberDataPoint]] = {}
    for point in points:
        data = export.NumberDataPoint(dict(point.attributes), point.time_ns, point.time_ns, point.value)
        gauges.setdefault((clean_text(point.name), clean_text(point.unit)), []).append(data)
    metrics = [export.Metric(name, "", unit, export.Gauge(found)) for (name, unit), found in gauges.items()]
    scope = export.ScopeMetrics(InstrumentationScope(SERVICE, __version__), metrics, "")
    told = Resource.create({"service.name": SERVICE, "service.version": __version__, **resource})
    return export.MetricsData([export.ResourceMetrics(told, [scope], "")])


def _check_plaintext(settings: OtlpSettings) -> None:
    """Refuse what would send a secret in clear, where that can be told before sending."""
    url = settings.url
    secret = any(isinstance(value, SecretSource) for value in settings.headers.values())
    if url is not None and secret and not settings.allow_plaintext_token and not _is_safe(url):
        raise SettingsError(
            "the output otlp would send a secret header in clear over plain http: give an https address, "
            "or set allow_plaintext_token: true"
        )


def _is_safe(url: str) -> bool:
    parts = urlsplit(url)
    if parts.scheme == "https" or parts.hostname == "localhost":
        return True
    try:
        return ip_address(parts.hostname or "").is_loopback
    except ValueError:
        return False


async def _read(value: str | SecretSource) -> str:
    return value if isinstance(value, str) else await value.read()
