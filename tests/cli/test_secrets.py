"""The key is in nothing that a run leaves behind, whatever goes wrong."""

import base64
import json
from pathlib import Path
from urllib.parse import quote

import pytest

from openai_monitor.cli import main
from openai_monitor.sandbox import FAULTS, running

SECONDS = "0.4"
KEY = "sess-sandbox"
PASTED = f'"Bearer {KEY}"\n'


@pytest.fixture(scope="module", autouse=True)
def _everything_is_loaded() -> None:
    """Let no first import eat the short time a run has here."""
    assert main(["collect", "--sandbox", "--format", "table"]) == 0


def spellings(key: str) -> list[str]:
    """The key, its telling part, and what base64 makes of it at each of the three places it can begin."""
    codes = [base64.b64encode(b"-" * before + key.encode()).decode()[4:-4] for before in range(3)]
    urls = [quote(key, safe=""), key.replace("-", "%2d"), key.replace("-", "\\u002d")]
    return [key, key.removeprefix("sess-"), json.dumps(key)[1:-1], *urls, *codes]


@pytest.mark.parametrize("fault", [*FAULTS, "none"])
@pytest.mark.parametrize("debug", ["", "1"])
def test_no_failure_shows_the_key(
    fault: str, debug: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("OPENAI_MONITOR_DEBUG", debug)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "key").write_text(PASTED)
    with running(faults=[] if fault == "none" else [fault]) as server:
        address = ["--param", f"host={server.host}", "--param", f"port={server.port}", "--param", "ssl=false"]
        common = ["collect", *address, "--token-file", "key", "--timeout", SECONDS, "-v"]
        codes = {main([*common, "--format", "table"]), main([*common, "--format", "json", "--output", "out"])}
        codes.add(main(["check", *address, "--token-file", "key", "--timeout", SECONDS]))
        assert server.requests
    assert codes <= {0, 1}
    (tmp_path / "key").unlink()
    shown = "".join(capfd.readouterr())
    left = "".join(path.read_text() for path in tmp_path.iterdir())
    assert "credit_grants" in shown
    for spelling in spellings(KEY):
        assert spelling not in shown
        assert spelling not in left
