"""Things that are almost right: files, bytes and JSON values, changed by chance, the same in every run.

``MUTATIONS`` is how many of each kind the suite tries, ``MUTATIONS_SEED`` which ones::

    MUTATIONS=2000 MUTATIONS_SEED=7 python -m pytest tests/test_mutations.py
"""

import json
import os
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

COUNT = int(os.environ.get("MUTATIONS", "400"))
SEED = int(os.environ.get("MUTATIONS_SEED", "0"))

MOST_SECONDS = 2.0
"""Of processor time for one of them; most take some milliseconds."""

NASTY = (
    "[", "]", "{", "}", ":", "- ", "'", '"', "&a ", "*a ", "!!python/object:os.system ", "!x ", "|", ">", "%YAML 9.9\n", "---\n",
    "\t", "\0", "\ufeff", "\ud7ff", "\U0010ffff", "<<: *a\n", "? ", "~", "null", "0x1f", "1e999", "-1", "99999999999999999999",
    "^_^", "^_^host^_^", "^o^x^o^", "${@date+99999999y}", "$[", "$..[?(@.a", "$.['", "`parent`", "`key`", "((((((", "a = 5",
    "x.class.y", "matches(a, '(a+)+$')", "=~ '(?=x)'", "B->XX", "=->", "jsonPath", "xmlPath", "prometheus", "PromQL", "icmp",
    "annotations: {s.next_page: ']'}\n", "metrics: []\n", "params: ~\n", "fields: {}\n", "priority: 300\n", "http: [1]\n",
    "9" * 5_000, "1e400", ".inf", ".nan", "2038-01-19", "12:30:45", "0.1e-400", "^_^a" * 50, "${" * 50, "\u202e", "\x1b[2J",
)  # fmt: skip

ODD: tuple[Any, ...] = (
    None, True, False, 0, -1, 0.1, -0.0, 1e308, 5e-324, float("nan"), float("inf"), 2**31, 2**63, -(2**63) - 1, 10**400, 10**4_000,
    "", " ", "\0", "\ud800", "\u202e", "9" * 5_000, "1e999", "NaN", "-", "x" * 100_000, "ÿ" * 300, [], {}, [[]], [None], {"": None},
    {"\ud800": "\udfff"}, "^_^host^_^", "^o^name^o^", "^_^", "${@date+99999999y}", "$..*", "$[", "(((", "a=b/0", "//*[", "host:0x1f",
    ["a"] * 1_000, {f"k{n}": n for n in range(300)}, "http://[", "http://a:b@c/", "2026-13-45T99:99:99Z", "1900-01-01", "\r\nX: y",
)  # fmt: skip

TextMutation = Callable[[random.Random, str], str]


def dice_of(kind: str, number: int) -> random.Random:
    """Chance that is the same for this one in every run."""
    return random.Random(f"{SEED} {kind} {number}")  # noqa: S311 - no secret comes of it


@contextmanager
def soon(what: str) -> Iterator[None]:
    """Fail when what is done here takes too much of the processor."""
    began = time.process_time()
    yield
    taken = time.process_time() - began
    assert taken < MOST_SECONDS, f"{what}: {taken:.1f} s"


# Texts


def delete_line(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    del lines[dice.randrange(len(lines))]
    return "".join(lines)


def repeat_line(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    lines.insert(dice.randrange(len(lines)), dice.choice(lines))
    return "".join(lines)


def shift_line(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = dice.randrange(len(lines))
    lines[at] = " " * dice.randrange(1, 5) + lines[at] if dice.random() < 0.5 else lines[at].lstrip()
    return "".join(lines)


def insert(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text))
    return text[:at] + dice.choice(NASTY) + text[at:]


def replace_value(dice: random.Random, text: str) -> str:
    lines = text.splitlines(keepends=True)
    at = dice.choice([number for number, line in enumerate(lines) if ":" in line] or [0])
    key, colon, _ = lines[at].partition(":")
    lines[at] = f"{key}{colon} {dice.choice(NASTY)}\n"
    return "".join(lines)


def misspell(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def cut(dice: random.Random, text: str) -> str:
    return text[: dice.randrange(len(text))]


def flip(dice: random.Random, text: str) -> str:
    at = dice.randrange(len(text))
    return text[:at] + chr(dice.randrange(0x3000)) + text[at + 1 :]


_TEXT: tuple[TextMutation, ...] = (delete_line, repeat_line, shift_line, insert, replace_value, misspell, cut, flip)


def mutated_text(dice: random.Random, text: str, *, least: str) -> bytes:
    """A file that was changed in a few places, sometimes in its bytes too. ``least`` stands for one that is empty."""
    for _ in range(dice.randrange(1, 5)):
        text = dice.choice(_TEXT)(dice, text or " ")
        if len(text) < 3:
            text = least
    data = bytearray(text.encode("utf-8", "surrogatepass"))
    if dice.random() < 0.05:
        data[dice.randrange(len(data))] = dice.randrange(256)
    return bytes(data)


# Bytes


def mutated_bytes(dice: random.Random, data: bytes) -> bytes:
    """Bytes that were changed in a few places: other ones, fewer, more, some of them again."""
    for _ in range(dice.randrange(1, 4)):
        start = dice.randrange(len(data) + 1)
        end = min(len(data), start + dice.choice((0, 1, 1, 2, 8, 64)))
        between = dice.choice(
            (
                b"", bytes([dice.randrange(256)]), dice.randbytes(dice.randrange(9)), data[start:end] * dice.choice((2, 3, 1_000)),
                dice.choice(NASTY).encode("utf-8", "surrogatepass"), b"\xff" * 11, b"\r\n", b"\0" * 4,
            )
        )  # fmt: skip
        data = data[:start] + between + data[end:]
        if dice.random() < 0.1:
            data = data[: dice.randrange(len(data) + 1)]
    return data


# JSON


def mutated_value(dice: random.Random, value: Any) -> Any:
    """A copy of a JSON value in which a few parts are odd, missing, or there twice."""
    value = deepcopy(value)
    for _ in range(dice.randrange(1, 5)):
        places = list(_places(value))
        if not places:
            return dice.choice(ODD)
        holder, key = dice.choice(places)
        chance = dice.random()
        if chance < 0.6:
            holder[key] = deepcopy(dice.choice(ODD))
        elif chance < 0.7:
            del holder[key]
        elif chance < 0.8 and isinstance(holder, list):
            holder.append(deepcopy(holder[key]))
        elif chance < 0.9:
            holder[key] = [holder[key]]
        else:
            other, name = dice.choice(places)
            holder[key] = deepcopy(other[name])
    return value


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    for key in keys:
        yield value, key
        yield from _places(value[key])


def as_json(value: Any) -> bytes:
    """The value as JSON; lone surrogates escaped, as other programs write them too."""
    return json.dumps(value).encode()
