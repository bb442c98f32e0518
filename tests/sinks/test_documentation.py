"""docs/outputs.md says what a scrape of an OpenAI account finds, and what the monitors file takes."""

import asyncio
import re
from datetime import UTC, datetime

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.corpus import ROOT

from openai_monitor.api import collect_once_async
from openai_monitor.definition.shipped import load_definition
from openai_monitor.sandbox.server import serve
from openai_monitor.schedule.events import MonitorIdentity, RoundEvent
from openai_monitor.service.web.settings import WebSettings
from openai_monitor.sinks import SINKS, Surroundings
from openai_monitor.sinks.present import Page
from openai_monitor.sinks.settings import PrometheusSettings

TEXT = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
SET_SERIES = re.compile(r"^\| `(openai_(?!monitor_)\w+)(?:\{([\w,]+)\})?` \|", re.MULTILINE)
EXAMPLES = [yaml.safe_load(block) for block in re.findall(r"```yaml\n(.*?)```", TEXT, re.DOTALL)]


def scraped() -> dict[str, set[str]]:
    """Scrape a monitor of the sandbox: the names of its series, and the labels each has."""

    async def collect() -> RoundEvent:
        async with serve() as server:
            given = {"host": server.host, "port": str(server.port), "ssl": "false", "token": "sess-sandbox"}
            collected = await collect_once_async(load_definition("openai"), given)
        now = datetime.now(UTC)
        return RoundEvent(MonitorIdentity("acme", "openai", collected.host), collected, now, now, now)

    page = Page(PrometheusSettings(), Surroundings())
    page.latest.offer(asyncio.run(collect()))
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(page.build(page.take()).decode()):
        for sample in family.samples:
            found.setdefault(sample.name, set()).update(sample.labels.keys() - {"monitor"})
    return {name: labels for name, labels in found.items() if not name.startswith("openai_monitor_")}


def test_the_series_of_the_three_sets_are_those_of_a_scrape() -> None:
    documented = {name: set(filter(None, labels.split(","))) for name, labels in SET_SERIES.findall(TEXT)}
    found = scraped()
    # The sandbox's account says nothing of this one, as many do.
    assert documented.pop("openai_billing_subscription_delinquent") == set()
    assert found == documented


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: next(iter(next(iter(example.values())))))
def test_every_example_is_accepted(example: dict[str, dict[str, object]]) -> None:
    for name, section in example.get("outputs", {}).items():
        SINKS[name].settings.model_validate(section)
    if "web" in example:
        hashed = re.sub(
            r"scrypt\$…", f"scrypt$16384$8$1${'A' * 24}${'A' * 44}", yaml.safe_dump(example["web"], allow_unicode=True)
        )
        WebSettings.model_validate(yaml.safe_load(hashed))


def test_every_output_has_a_section() -> None:
    for name in SINKS:
        assert f"[`{name}`](#" in TEXT
