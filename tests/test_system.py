"""What the system refuses is told in its words, with what to do where it is about this machine."""

import errno
import os

import pytest

from openai_monitor.system import shortage, words


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.EROFS, errno.ENOSPC, errno.ENOMEM])
def test_what_this_machine_lacks_is_told_with_what_to_do(number: int) -> None:
    said = words(OSError(number, os.strerror(number), "/some/secret/place"))
    assert said.startswith(f"{os.strerror(number)}: ")
    assert len(said) > len(os.strerror(number)) + 10
    assert "secret" not in said


def test_memory_is_told_too() -> None:
    assert words(MemoryError()) == "Not enough memory: ask for less, or give this process more"


@pytest.mark.parametrize(
    ("error", "said"),
    [(FileNotFoundError(errno.ENOENT, "No such file"), "No such file"), (OSError("odd"), "OSError")],
)
def test_others_are_told_as_they_are(error: OSError, said: str) -> None:
    assert (words(error), shortage(error)) == (said, "")
