"""``make service-demo`` shows money going and a key that is refused."""

import asyncio
import importlib.util
import re

import pytest
from tests.corpus import ROOT

PATH = ROOT / "examples" / "service_demo.py"


def test_it_shows_what_it_says(capsys: pytest.CaptureFixture[str]) -> None:
    spec = importlib.util.spec_from_file_location("service_demo", PATH)
    assert spec is not None
    assert spec.loader is not None
    demo = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(demo)
    assert asyncio.run(demo.main(scrapes=2, seconds=0.1)) == 0
    shown = capsys.readouterr().out
    rows = [line.split() for line in shown.splitlines() if re.match(r" +\d", line)]
    assert [row[0] for row in rows] == ["1", "2"]
    assert all(39 < float(row[1]) <= 40 and float(row[2]) >= 2 for row in rows)
    assert 'trouble="key_refused"} 1.0' in shown
    assert "sess-" not in shown


def test_make_knows_it() -> None:
    assert "examples/service_demo.py" in (ROOT / "Makefile").read_text(encoding="utf-8")
