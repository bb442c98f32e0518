"""What the package exports is what its documentation names, and importing it costs nothing."""

import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from tests.corpus import ROOT

import openai_monitor
from openai_monitor.collect.parse import PARSE_TYPES
from openai_monitor.definition import model

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.mark.parametrize("name", openai_monitor.__all__)
def test_every_exported_name_exists_and_is_described(name: str) -> None:
    found = getattr(openai_monitor, name)
    assert name.startswith("_") or name == "Value" or found.__doc__


def test_every_exported_name_is_documented() -> None:
    text = (ROOT / "docs" / "library.md").read_text(encoding="utf-8")
    missing = [name for name in openai_monitor.__all__ if not name.startswith("_") and f"`{name}" not in text]
    assert missing == []


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        openai_monitor.nonsense  # noqa: B018


def heavy_modules(code: str) -> set[str]:
    script = f"import sys\n{code}\nprint(*[name for name in ('httpx', 'httpcore', 'pydantic', 'yaml', 'asyncio', 'lxml', 're2', 'jsonpath_ng', 'tenacity') if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(done.stdout.split("\n")[-2].split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert heavy_modules("import openai_monitor") == set()


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_load_no_http_client(option: str) -> None:
    code = f"from openai_monitor.cli import main\ntry:\n    main(['{option}'])\nexcept SystemExit:\n    pass"
    assert heavy_modules(code) == set()


def test_a_json_definition_loads_neither_lxml_nor_re2() -> None:
    code = "from openai_monitor import load_definition, make_plan; make_plan(load_definition('openai'), {'token': 'sess-x'})"
    assert heavy_modules(code).isdisjoint({"lxml", "re2", "httpx", "httpcore"})


def test_the_parse_types_of_the_language_and_of_the_engine_are_the_same() -> None:
    assert set(model.PARSE_TYPES) == set(PARSE_TYPES)


def imports() -> "Iterator[tuple[str, str]]":
    """(room, room it imports from) of every import in the source."""
    for path in (ROOT / "src" / "openai_monitor").rglob("*.py"):
        room = path.relative_to(ROOT / "src" / "openai_monitor").parts[0].removesuffix(".py")
        for line in path.read_text(encoding="utf-8").splitlines():
            words = line.split()
            if len(words) > 1 and words[0] == "from" and words[1].startswith("openai_monitor."):
                yield room, words[1].split(".")[1]


def test_imports_point_one_way_along_the_road() -> None:
    """Who asks, the work, the language, the rows: a room may import from those after it only."""
    below = {
        "rows": set(),
        "errors": {"rows"},
        "redact": {"rows"},
        "reached": {"rows"},
        "paths": set(),
        "definition": {"rows", "errors", "redact", "paths"},
        "threads": set(),
        "collect": {"rows", "errors", "redact", "reached", "threads", "definition"},
        "spend": {"rows", "errors"},
        "outputs": {"rows", "errors", "redact", "reached", "spend"},
        "sandbox": {"rows", "errors"},
    }
    wrong = {(room, other) for room, other in imports() if room in below and other != room and other not in below[room]}
    assert wrong == set()
