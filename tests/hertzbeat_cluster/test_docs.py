"""The page about clusters says what is so."""

import re
import shlex

import yaml
from tests.corpus import ROOT

from openai_monitor.cli.parser import parse
from openai_monitor.hertzbeat import backoff, tables
from openai_monitor.hertzbeat.settings import HertzbeatSection

PAGE = (ROOT / "docs" / "hertzbeat-cluster.md").read_text(encoding="utf-8")


def fences(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def test_its_commands_are_commands() -> None:
    lines = re.findall(r"^openai-monitor .+ --.+$", PAGE, re.MULTILINE)
    assert len(lines) == 4
    for line in lines:
        parse(shlex.split(line)[1:])


def test_its_yaml_is_what_it_says() -> None:
    [section] = map(yaml.safe_load, fences("yaml"))
    assert HertzbeatSection.model_validate(section["hertzbeat"]).identity == "billing"
    optional = set(HertzbeatSection.model_fields) - {"manager", "identity"}
    assert [name for name in optional if f"`{name}`" not in PAGE] == []


def test_the_example_starts_a_collector_and_keeps_the_cluster_port_inside() -> None:
    text = (ROOT / "examples" / "hertzbeat" / "compose.yml").read_text(encoding="utf-8")
    services = yaml.safe_load(text)["services"]
    parse(shlex.split(services["billing"]["command"]))
    assert "1158" not in str(services["hertzbeat"]["ports"])
    [push] = re.findall(r"^#   openai-monitor (.+)$", text, re.MULTILINE)
    parse(shlex.split(push))


def test_its_bounds_are_the_programs() -> None:
    assert f"{tables.MOST_ROWS:,} rows and {tables.MOST_TEXT // 2**20} MiB of text" in PAGE
    assert backoff.LONGEST == 30
    assert "at least every half minute" in PAGE
