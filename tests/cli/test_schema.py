import json
from pathlib import Path

from tests.cli.conftest import Command
from tests.corpus import ROOT


def test_the_schema_is_printed_or_saved(tmp_path: Path, command: Command) -> None:
    published = (ROOT / "schema" / "definition.schema.json").read_text(encoding="utf-8")
    done = command("schema")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == published
    assert command("schema", "--output", "s.json").returncode == 0
    assert (tmp_path / "s.json").read_text(encoding="utf-8") == published
    assert json.loads(published)["$schema"] == "https://json-schema.org/draft/2020-12/schema"
