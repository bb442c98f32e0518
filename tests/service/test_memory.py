"""Telling the C library how to keep memory."""

import ctypes
import sys
from types import SimpleNamespace

import pytest

from openai_monitor.service import memory


def test_glibc_is_told_and_takes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: SimpleNamespace(mallopt=lambda *words: told.append(words)))
    memory.give_back()
    assert told == [(-3, 131_072), (-8, 1)]


@pytest.mark.parametrize(("platform", "library"), [("darwin", None), ("win32", None), ("linux", SimpleNamespace())])
def test_elsewhere_nothing_happens(platform: str, library: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    memory.give_back()
