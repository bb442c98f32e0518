"""(f) What compiled paths and expressions cost against the plain Python they stand for; loading many definitions."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from benchmarks.measure import Ratio, compare
from openai_monitor.definition.expression import compile_expression
from openai_monitor.definition.load import parse_definition
from openai_monitor.definition.path import compile_path
from openai_monitor.definition.shipped import shipped_folder

_ROWS = [("gpt", number / 7, 5000.0) for number in range(2000)]
_DOCUMENT: dict[str, list[dict[str, Any]]] = {
    "data": [{"id": f"u-{number}", "cost": {"amount": number / 7}, "n": number % 11} for number in range(2000)]
}
_HERTZBEAT = Path(__file__).resolve().parents[2] / "shared" / "hertzbeat" / "define"


def run() -> Iterator[Ratio]:
    """CPU; expressions per row, paths over 2,000 objects."""
    yield from _expressions()
    yield from _paths()
    yield _loading()


def _expressions() -> Iterator[Ratio]:
    names = ["name", "cost", "total"]
    for text, plain in (
        ("cost / 100", lambda row: row[1] / 100),
        ("cost / total", lambda row: row[1] / row[2]),
        ("cost > 5", lambda row: row[1] > 5),
        ("total != null ? total : cost", lambda row: row[2] if row[2] is not None else row[1]),
        ("(1 - cost / total) * 100", lambda row: (1 - row[1] / row[2]) * 100),
    ):
        closure = compile_expression(text).bind(names)
        yield compare(
            f"expression {text} / lambda (CPU)",
            lambda closure=closure: [closure(row) for row in _ROWS],  # type: ignore[misc]
            lambda plain=plain: [plain(row) for row in _ROWS],  # type: ignore[misc]
            goal=3,
            rounds=25,
        )


def _paths() -> Iterator[Ratio]:
    data = _DOCUMENT["data"]
    for text, plain in (
        ("$.data[*]", lambda: list(data)),
        ("$.data[*].cost.amount", lambda: [item["cost"]["amount"] for item in data]),
        ("$.data[?(@.n > 5)]", lambda: [item for item in data if item["n"] > 5]),
        (
            "$.data[?(@.n > 5 && @.cost.amount < 200)]",
            lambda: [item for item in data if item["n"] > 5 and item["cost"]["amount"] < 200],
        ),
        ("$.data[?(@.n in [1, 2, 3])]", lambda: [item for item in data if item["n"] in [1, 2, 3]]),
        ('$.data[?(@.id == "u-7")].cost', lambda: [item["cost"] for item in data if item["id"] == "u-7"]),
    ):
        select = compile_path(text).select
        yield compare(
            f"path {text} / list comprehension (CPU)",
            lambda select=select: [select(_DOCUMENT) for _ in range(5)],  # type: ignore[misc]
            lambda plain=plain: [plain() for _ in range(5)],  # type: ignore[misc]
            goal=3,
            rounds=25,
        )


def _loading() -> Ratio:
    """All of HertzBeat's own definitions where they are at hand, else ours."""
    folder = _HERTZBEAT if _HERTZBEAT.is_dir() else shipped_folder()
    texts = [path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.yml")) if ".test." not in path.name]
    return compare(
        f"loading {len(texts)} definitions / yaml.load with the C loader (CPU)",
        lambda: [parse_definition(text, "x.yml") for text in texts],
        lambda: [yaml.load(text, yaml.CSafeLoader) for text in texts],
        goal=4,
        rounds=5,
    )
