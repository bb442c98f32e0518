"""The outputs by name: each can be made from what a monitors file says, and each keeps a sink's promises."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from tests.sinks.events import BILLING, CREDIT, down, event

from openai_monitor.errors import SettingsError
from openai_monitor.sinks import SINKS, Surroundings

GIVEN: dict[str, dict[str, object]] = {
    "prometheus": {},
    "textfile": {"path": "a.prom"},
    "influx": {"path": "a.influx"},
    "ndjson": {"path": "a.ndjson"},
    "csv": {"folder": "csv"},
    "webhook": {"url": "http://127.0.0.1:9/"},
    "otlp": {"url": "http://127.0.0.1:9/"},
}


def test_every_output_is_tried_here() -> None:
    assert GIVEN.keys() == SINKS.keys()


@pytest.mark.parametrize("name", SINKS)
def test_a_sink_takes_rounds_before_it_starts_and_ends_in_time(name: str, tmp_path: Path) -> None:
    settings = SINKS[name].settings.model_validate(GIVEN[name], context={"folder": tmp_path})
    sink = SINKS[name].make(settings, Surroundings())
    assert sink.name == name == sink.health().name
    assert not list(tmp_path.iterdir())

    async def main() -> None:
        sink.offer(event(CREDIT, BILLING))
        await sink.start()
        sink.offer(event(down("credit_grants")))
        sink.forget("acme")
        sink.forget("never there")
        async with asyncio.timeout(3):
            await sink.close(0.5)
        assert sink.health().buffered == 0

    asyncio.run(main())


@pytest.mark.parametrize("name", SINKS)
def test_unknown_settings_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match="Extra inputs"):
        SINKS[name].settings.model_validate({**GIVEN[name], "colour": "red"})


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("webhook", {"url": "https://x/hook-fake", "headers": {"Authorization": "Bearer hook-fake"}}),
        ("influx", {"url": "https://x/?token=hook-fake", "token": "hook-fake"}),
        ("otlp", {"headers": {"api-key": "hook-fake"}}),
    ],
)
def test_what_may_be_a_secret_is_not_in_the_repr_of_settings(name: str, given: dict[str, object]) -> None:
    assert "fake" not in repr(SINKS[name].settings.model_validate(given))


@pytest.mark.parametrize("name", SINKS)
def test_settings_can_be_described(name: str) -> None:
    schema = SINKS[name].settings.model_json_schema()
    assert schema["additionalProperties"] is False
    assert all(
        key == "include" or "description" in each for key, each in schema["properties"].items() if key != "headers"
    )


@pytest.mark.parametrize("name", ["prometheus", "textfile"])
def test_without_prometheus_client_the_message_says_what_to_install(
    name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("openai_monitor.sinks.prometheus.find_spec", lambda _: None)
    settings = SINKS[name].settings.model_validate(GIVEN[name], context={"folder": tmp_path})
    with pytest.raises(SettingsError, match=r"install .*\[service\]"):
        SINKS[name].make(settings, Surroundings())


def test_what_an_output_needs_is_imported_when_it_is_made() -> None:
    heavy = {"prometheus_client", "opentelemetry", "httpcore", "h11"}
    code = f"import sys, openai_monitor.sinks; print(sorted({heavy} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
