"""The recorded messages of real managers and collectors, read where they lie beside the project.

Tests that need them are marked ``recorded``, and skipped where they are not at hand.
"""

import base64
import json
from typing import Any

import pytest
from tests.corpus import SHARED

FOLDER = SHARED / "wire" / "samples"
recorded = pytest.mark.skipif(not FOLDER.is_dir(), reason="the recorded cluster messages are not on this machine")


def sample(number: int) -> dict[str, Any]:
    """One sample, by the number its file begins with."""
    [path] = FOLDER.glob(f"{number:02}-*.json")
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded


def numbers(key: str) -> list[int]:
    """The samples that have a key."""
    return [int(path.name[:2]) for path in sorted(FOLDER.glob("*.json")) if key in json.loads(path.read_text("utf-8"))]


def frame(number: int) -> bytes:
    """The frame of a sample: the length, then the message."""
    return bytes.fromhex(sample(number)["frame_hex"])


def job(number: int) -> dict[str, Any]:
    """The job in a sample."""
    found: dict[str, Any] = sample(number)["decoded"]["msg"]
    return found


def key(number: int = 2) -> str:
    """The key in an answer to a greeting."""
    found: str = sample(number)["decoded"]["msg"]["aesSecret"]
    return found


def arrow_payload(number: int) -> bytes:
    """The rows in a sample, as they were sent."""
    return base64.b64decode(sample(number)["decoded"]["msg_base64"])
