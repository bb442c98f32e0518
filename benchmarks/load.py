"""(d) Reading and checking define/openai.yml, against yaml's own C loader reading it unchecked."""

from collections.abc import Iterator

import yaml

from benchmarks.measure import Ratio, compare
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.shipped import shipped_folder


def run() -> Iterator[Ratio]:
    """CPU; nothing is kept from one reading to the next."""
    text = (shipped_folder() / "openai.yml").read_text(encoding="utf-8")
    yield compare(
        "loading define/openai.yml / yaml.load with the C loader (CPU)",
        lambda: [parse_definition(text, "openai.yml") for _ in range(10)],
        lambda: [yaml.load(text, yaml.CSafeLoader) for _ in range(10)],
        goal=None,
        rounds=15,
    )
