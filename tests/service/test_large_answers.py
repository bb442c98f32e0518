"""Five monitors whose answers are as large, and made of as small pieces, as the limits let in: the service stays small."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from tests.cli.conftest import clean_environment
from tests.collect.transport.web import Asked, Server, ok

MEASURED = """
import re, sys
from pathlib import Path
from openai_monitor.cli import main
code = main(sys.argv[1:])
status = Path("/proc/self/status")
peak = re.search(r"VmHWM:\\s+(\\d+)", status.read_text()) if status.exists() else None
print("MEASURED", code, int(peak[1]) // 1024 if peak else 0, file=sys.stderr)
"""
SIZE = 4 * 2**20
MOST_MEGABYTES = 320
"""The shipped unit gives the service 512 MB."""

DEFINITION = """
category: custom
app: large
name: {en-US: Large}
params:
  - {field: host, name: {en-US: Host}, type: host, required: true}
  - {field: port, name: {en-US: Port}, type: number, required: true}
metrics:
  - name: rows
    priority: 0
    protocol: http
    fields: [FIELDS]
    http: {host: ^_^host^_^, port: ^_^port^_^, url: /, method: GET, ssl: false, parseType: TYPE, parseScript: SCRIPT}
"""


def full_of(piece: bytes, head: bytes = b"", tail: bytes = b"") -> bytes:
    return head + piece * ((SIZE - len(head) - len(tail)) // len(piece)) + tail


def wide_rows() -> bytes:
    rows = (
        b'{"f0":"x%d",%b}' % (row, b",".join(b'"f%d":%d' % (at, row) for at in range(1, 20))) for row in range(14_000)
    )
    return b"[%b]" % b",".join(rows)


def run(folder: Path, port: int, *, fields: int, kind: str, script: str) -> tuple[int, int, str]:
    """Exit code, MB at most, and log of a service that asks each of five monitors once."""
    named = ", ".join(f"{{field: f{at}, type: {0 if at else 1}, label: {str(not at).lower()}}}" for at in range(fields))
    text = DEFINITION.replace("FIELDS", named).replace("TYPE", kind).replace("SCRIPT", f"'{script}'")
    (folder / "large.yml").write_text(text)
    file = {
        "defaults": {"define": "./large.yml", "period": 60, "params": {"host": "127.0.0.1", "port": port}},
        "monitors": [{"name": f"m{number}"} for number in range(5)],
        "outputs": {"ndjson": {"path": "out/rows"}, "influx": {"path": "out/lines"}, "csv": {"folder": "out/csv"}},
        "history": {"path": "out/history.db"},
    }
    (folder / "monitors.yml").write_text(yaml.safe_dump(file))
    done = subprocess.run(
        [sys.executable, "-c", MEASURED, "run", "--once", "--config", "monitors.yml"],
        capture_output=True, encoding="utf-8", cwd=folder, env=clean_environment(), timeout=120, check=False,
    )  # fmt: skip
    log, _, figures = done.stderr.rpartition("MEASURED ")
    code, megabytes = map(int, figures.split())
    return code, megabytes, log


@pytest.mark.parametrize(
    ("body", "kind", "script"),
    [
        (lambda: full_of(b"{},", b"[", b"0]"), "jsonPath", "$[*]"),
        (lambda: full_of(b"0,", b"[", b"0]"), "jsonPath", "$[*]"),
        (lambda: full_of(b'{"f0":1},', b"[", b"0]"), "default", ""),
        (lambda: full_of(b"rows 1\n"), "prometheus", ""),
        (lambda: full_of(b"<a/>", b"<x>", b"</x>"), "xmlPath", "/x/a"),
    ],
)
def test_answers_of_the_smallest_rows_fail_in_little_memory(
    tmp_path: Path, body: Callable[[], bytes], kind: str, script: str
) -> None:
    data = body()

    def say(_: Asked) -> bytes:
        return ok(data)

    with Server(say) as server:
        code, megabytes, log = run(tmp_path, server.port, fields=1, kind=kind, script=script)
    assert code == 1
    assert log.count("ask for less") == 5
    assert megabytes < MOST_MEGABYTES


def test_as_many_cells_as_the_limits_let_in_are_written_in_little_memory(tmp_path: Path) -> None:
    data = wide_rows()
    with Server(lambda _: ok(data)) as server:
        code, megabytes, log = run(tmp_path, server.port, fields=20, kind="jsonPath", script="$[*]")
    assert code == 0, log
    assert megabytes < MOST_MEGABYTES
    assert (tmp_path / "out" / "rows").read_bytes().count(b"\n") == 5 * 14_000
