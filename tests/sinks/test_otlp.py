"""Gauges for an OpenTelemetry collector: what is exported, and what happens when it is not."""

import asyncio
import importlib.util
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("opentelemetry.sdk.metrics", reason="the extra otlp is not installed")

from opentelemetry.sdk.metrics.export import MetricExporter, MetricExportResult, MetricsData, NumberDataPoint
from tests.sinks.events import BILLING, COST, CREDIT, PRIVATE, SECRET, event, refused
from tests.sinks.receiver import receiver, until

from openai_monitor.errors import SettingsError
from openai_monitor.sinks import SINKS, Surroundings, buffered
from openai_monitor.sinks.otlp import Destination, Otlp, make
from openai_monitor.sinks.settings import OtlpSettings


class InMemory(MetricExporter):
    """Keeps what it is given, or fails."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[MetricsData] = []
        self.fails = False
        self.ended = 0

    def export(self, metrics_data: MetricsData, timeout_millis: float | None = 10_000, **_: Any) -> MetricExportResult:
        if self.fails:
            return MetricExportResult.FAILURE
        self.given.append(metrics_data)
        return MetricExportResult.SUCCESS

    def force_flush(self, timeout_millis: float = 10_000) -> bool:
        return True

    def shutdown(self, timeout_millis: float = 30_000, **_: Any) -> None:
        self.ended += 1


def export(*events_given: Any, **given: Any) -> dict[tuple[str, str], list[tuple[dict[str, Any], float, int]]]:
    exporter = InMemory()

    async def main() -> None:
        made = Otlp(OtlpSettings.model_validate(given), lambda *_: exporter)
        for each in events_given:
            made.offer(each)
        await made.start()
        await made.close(5)

    asyncio.run(main())
    assert exporter.ended == 1
    (data,) = exporter.given
    (of_resource,) = data.resource_metrics
    assert of_resource.resource.attributes["service.name"] == "openai-monitor"
    (of_scope,) = of_resource.scope_metrics
    return {
        (metric.name, metric.unit or ""): [
            (dict(point.attributes or {}), point.value, point.time_unix_nano)
            for point in metric.data.data_points
            if isinstance(point, NumberDataPoint)
        ]
        for metric in of_scope.metrics
    }


def test_numbers_are_gauges_with_unit_labels_and_time() -> None:
    found = export(event(CREDIT, COST))
    base = {"monitor": "acme", "team": "ml"}
    assert found["openai.credit_grants.total_available", "USD"] == [(base, 12.75, 1_795_377_000_120_000_000)]
    costs = found["openai.model_cost.cost", "USD"]
    assert [(point[0]["model_name"], point[1]) for point in costs] == [("gpt-4o", 1.06619), ("o1, input", 0.02)]


def test_each_set_tells_how_it_went() -> None:
    found = export(event(CREDIT, refused("model_cost")))
    assert found["openai.credit_grants.up", "1"][0][:2] == ({"monitor": "acme", "team": "ml"}, 1.0)
    assert found["openai.model_cost.up", "1"][0][:2] == (
        {"monitor": "acme", "team": "ml", "trouble": "key_refused"},
        0.0,
    )
    assert found["openai.credit_grants.duration", "s"][0][1] == 0.0314


def test_flags_are_numbers_and_nothing_private_is_exported() -> None:
    found = export(event(BILLING))
    assert found["openai.billing_subscription.canceled", ""][0][1] == 0.0
    assert not [cell for cell in (*PRIVATE, SECRET) if cell in repr(found)]


def test_a_collector_that_fails_is_tried_again_with_secrets_read_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(buffered, "FIRST_PAUSE", 0.01)
    monkeypatch.setattr(buffered, "LONGEST_PAUSE", 0.01)
    (tmp_path / "key").write_text("key-fake-1")
    exporters: list[tuple[Destination, InMemory]] = []

    def make_exporter(settings: OtlpSettings, destination: Destination) -> InMemory:
        exporter = InMemory()
        exporter.fails = len(exporters) < 2
        exporters.append((destination, exporter))
        (tmp_path / "key").write_text(f"key-fake-{len(exporters) + 1}")
        return exporter

    async def main() -> None:
        given = {"url": "https://example.com/v1/metrics", "headers": {"api-key": {"file": str(tmp_path / "key")}}}
        made = Otlp(OtlpSettings.model_validate(given), make_exporter)
        await made.start()
        made.offer(event(CREDIT))
        await until(lambda: len(exporters) == 3 and made.health().ok)
        await made.close(1)
        assert made.health().dropped == 0

    asyncio.run(main())
    assert [destination.headers["api-key"] for destination, _ in exporters] == [f"key-fake-{n}" for n in (1, 2, 3)]
    assert [exporter.ended for _, exporter in exporters] == [1, 1, 1]


def test_the_sdks_own_exporter_posts_it() -> None:
    async def main() -> None:
        async with receiver() as server:
            server.status = 200
            settings = OtlpSettings(url=f"http://127.0.0.1:{server.port}/v1/metrics", headers={"x-team": "ml"})
            made = make(settings, Surroundings())
            await made.start()
            made.offer(event(CREDIT))
            await until(lambda: server.posted)
            await made.close(5)
            assert made.health().ok
        (posted,) = server.posted
        assert posted.target == "/v1/metrics"
        assert posted.headers["content-type"] == "application/x-protobuf"
        assert posted.headers["x-team"] == "ml"
        assert b"openai.credit_grants.total_available" in posted.body

    asyncio.run(main())


def test_without_the_sdk_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai_monitor.sinks.otlp.find_spec", lambda _: None)
    with pytest.raises(SettingsError, match=r"install .*\[otlp\]"):
        SINKS["otlp"].make(OtlpSettings(), Surroundings())
    assert importlib.util.find_spec("opentelemetry") is not None


@pytest.mark.parametrize(
    ("url", "refused_at_once"),
    [
        ("http://example.com/", True),
        ("https://example.com/", False),
        ("http://127.0.0.1:4318/", False),
        ("http://localhost/", False),
    ],
)
def test_a_secret_header_does_not_go_in_clear(url: str, refused_at_once: bool) -> None:
    settings = OtlpSettings.model_validate({"url": url, "headers": {"api-key": {"env": "KEY_FAKE"}}})
    if refused_at_once:
        with pytest.raises(SettingsError, match="in clear"):
            make(settings, Surroundings())
    else:
        make(settings, Surroundings())
