"""What the README shows is what the commands print."""

import re
import subprocess
import sys
from pathlib import Path

from tests.corpus import ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


def run(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "openai_monitor", *arguments], capture_output=True, text=True, cwd=cwd, check=False
    )


def block(first_line: str) -> list[str]:
    """The lines of the console block that begins with this line."""
    found = re.search(rf"```console\n\$ {re.escape(first_line)}\n(.*?)```", README, re.DOTALL)
    assert found is not None
    return found[1].splitlines()


def test_the_account_at_the_top() -> None:
    printed = run("collect", "--sandbox", "--format", "table").stdout
    head, *shown = block("openai-monitor collect")
    assert head.startswith("openai, api.openai.com, ")
    *pieces, rest = "\n".join(shown).split("\n  …")
    assert [piece for piece in pieces if f"{piece}\n" not in printed] == []
    assert rest == ""


def test_the_condition() -> None:
    command = "openai-monitor collect --metrics credit_grants --fail-if 'credit_grants.total_available < 20'"
    sentence, question, code = block(command)
    condition = "credit_grants.total_available < 20"
    done = run("collect", "--sandbox", "--metrics", "credit_grants", "--fail-if", condition)
    assert done.stderr.splitlines() == [sentence]
    assert question == "$ echo $?"
    assert done.returncode == int(code)


def test_ten_lines_of_yaml(tmp_path: Path) -> None:
    diff = re.search(r"```diff\n(.*?)```", README, re.DOTALL)
    assert diff is not None
    lines = diff[1].splitlines()
    added = [line[1:] for line in lines if line.startswith("+")]
    assert len(added) == 10
    text = (ROOT / "define" / "openai.yml").read_text(encoding="utf-8")
    head, tail = text.split("    protocol: http\n", 1)
    assert head.endswith("\n".join(line[1:] for line in lines[:2]) + "\n")
    (tmp_path / "my-openai.yml").write_text(head + "\n".join(added) + "\n    protocol: http\n" + tail, encoding="utf-8")
    command = ["collect", "--define", "my-openai.yml", "--metrics", "credit_grants"]
    shown = block(f"openai-monitor {' '.join(command)}")
    done = run(*command, "--sandbox", "--format", "table", cwd=tmp_path)
    assert shown[1] in done.stdout.splitlines()


def test_every_file_it_links_to_exists() -> None:
    pages = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]
    missing = [
        f"{page.name}: {target}"
        for page in pages
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text(encoding="utf-8"))
        if not (page.parent / target).exists()
    ]
    assert missing == []
