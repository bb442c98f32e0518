"""Where the recorded answers of a real HertzBeat lie: beside the project, or the part of them that is kept here."""

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
OWN = ROOT / "tests" / "data" / "hertzbeat"
SHARED = ROOT.parent / "shared" / "hertzbeat"


def own_files() -> list[Path]:
    """The recorded cases that belong to this project."""
    return sorted(OWN.glob("*.json"))


def shared(*parts: str) -> Path:
    """A file or folder of the larger collection; skips the test where it is not at hand."""
    path = SHARED.joinpath(*parts)
    if not path.exists():
        pytest.skip("the shared collection of HertzBeat's answers is not on this machine")
    return path
