import base64
import html
import json
import re
import string
import time
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from openai_monitor.redact import CellMask, Redactor

if TYPE_CHECKING:
    from openai_monitor.rows import Row

SECRET = 'sess-fa/ke+"ü& key'


@pytest.mark.parametrize(
    "spelling",
    [
        SECRET,
        quote(SECRET),
        quote(SECRET, safe=""),
        quote_plus(SECRET),
        re.sub("%..", lambda escape: escape[0].lower(), quote(SECRET, safe="")),
        json.dumps(SECRET)[1:-1],
        json.dumps(SECRET, ensure_ascii=False)[1:-1],
        html.escape(SECRET),
        repr(SECRET.encode())[2:-1],
    ],
)
def test_a_secret_is_masked_in_every_spelling(spelling: str) -> None:
    assert Redactor([SECRET]).clean(f"<{spelling}>") == "<***>"


@pytest.mark.parametrize("before", ["", "u", "us", "user:", "Aladdin:"])
@pytest.mark.parametrize("after", ["", "x", "xy"])
def test_a_secret_is_masked_inside_base64_wherever_it_stands(before: str, after: str) -> None:
    secret = "open-sesame-fake"
    code = base64.b64encode(f"{before}{secret}{after}".encode()).decode()
    cleaned = Redactor([secret]).clean(f"Basic {code}")
    masked = len(f"Basic {code}") - len(cleaned.replace("***", ""))
    assert masked >= len(secret) * 8 // 6 - 1
    url_safe = code.replace("+", "-").replace("/", "_")
    assert "***" in Redactor([secret]).clean(url_safe)


@pytest.mark.parametrize("pasted", ["Bearer sess-fake", "'sess-fake'", ' "Bearer sess-fake"\n', "sess-fake\r\n"])
def test_a_pasted_key_is_masked_without_its_clothes(pasted: str) -> None:
    assert Redactor([pasted]).clean("got sess-fake here") == "got *** here"


def test_the_longer_of_two_secrets_is_masked_whole() -> None:
    assert Redactor(["sess", "sess-fake"]).clean("sess-fake") == "***"


def test_without_secrets_or_with_a_tiny_one_texts_stay() -> None:
    assert Redactor([]).clean("text") == "text"
    assert Redactor(["", "e", " "]).clean("a text here") == "a text here"


def test_a_redactor_does_not_show_what_it_hides() -> None:
    assert "sess" not in repr(Redactor(["sess-fake"]))


# Other forms, and parts

KEYS = st.text(string.ascii_letters + string.digits + "-_+/=", min_size=16, max_size=80).map("sess-{}".format)
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "other case": str.swapcase,
    "hex": lambda text: text.encode().hex(),
    "hex dump": lambda text: text.encode().hex(":"),
    "HEX": lambda text: text.encode().hex().upper(),
    "percent-encoded": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "every second one percent-encoded": lambda text: "".join(
        f"%{ord(c):02X}" if at % 2 else c for at, c in enumerate(text)
    ),
    "JSON": lambda text: "".join(f"\\u{ord(c):04x}" for c in text),
    "JSON of some": lambda text: json.dumps(text)[1:-1].replace("/", "\\/"),
    "bytes": lambda text: "".join(f"\\x{byte:02x}" for byte in text.encode()),
    "HTML": lambda text: "".join(f"&#{ord(c)};" for c in text),
    "HTML in hex": lambda text: "".join(f"&#x{ord(c):x};" for c in text),
}


@pytest.mark.parametrize("form", FORMS)
@given(key=KEYS, data=st.data())
def test_a_part_of_eight_characters_is_masked_in_every_form(form: str, key: str, data: st.DataObject) -> None:
    first = data.draw(st.integers(5, len(key) - 8))
    part = key[first : data.draw(st.integers(first + 8, len(key)))]
    assume(len(set(part[-8:].lower())) > 3)
    assume(len(set(part[-8:].encode().hex())) > 3)
    said = FORMS[form](part)
    assert Redactor([key]).clean(f"<{said}>") != f"<{said}>"
    assert FORMS[form](part[-8:]) not in Redactor([key]).clean(f"wrong key {said}!")


@given(key=KEYS, data=st.data(), before=st.text(max_size=5), after=st.text(max_size=5))
def test_a_part_is_masked_inside_base64(key: str, data: st.DataObject, before: str, after: str) -> None:
    first = data.draw(st.integers(5, len(key) - 10))
    part = key[first : first + 10]
    code = base64.b64encode(f"{before}{part}{after}".encode()).decode()
    assume(len(set(part)) > 6)
    assert "***" in Redactor([key]).clean(f"Basic {code}")


@given(st.text(), st.lists(KEYS, max_size=2))
def test_what_is_no_secret_stays_as_it_is(text: str, keys: list[str]) -> None:
    assume(not any(key[at : at + 5].lower() in text.lower() for key in keys for at in range(len(key))))
    assert Redactor(keys).clean(text) == text


@pytest.mark.parametrize(
    "said", ["sess-1f0c…9e2d", "sess-1f0****9e2d", "sess-1f0...9e2d", "sess-xxxxxxxx9e2d", "SESS-1F0\\u20269E2D"]
)
def test_a_key_with_its_middle_left_out_is_masked(said: str) -> None:
    key = "sess-1f0c77aa41b2c3d49e2d"
    assert Redactor([key]).clean(f"Incorrect API key provided: {said}.") == "Incorrect API key provided: ***."


@pytest.mark.parametrize(
    ("key", "text"),
    [
        ("sk-proj-A1b2C3d4E5f6G7h8", "a project's key (sk-proj-…) sees nothing about money; sk-admin-… does"),
        ("sk-ant-api03-A1b2C3d4E5f6G7h8", "keys begin with sk-ant-api03- here"),
        ("sk-or-v1-0123456789abcdef0123", "a key like this fits --define openrouter (sk-or-v1-…)"),
        ("https://hooks.example.com/T0/B0/x1y2z3", "https://hooks.example.com can't be reached"),
        ("00000000-0000-4000-8000-a1b2c3d4e5f6", "request 00000000 failed, --------"),
        ("monitoring1", "the monitoring is down, Monitori"),
    ],
)
def test_what_all_keys_of_a_kind_have_in_common_is_shown(key: str, text: str) -> None:
    assert Redactor([key]).clean(text) == text


def test_a_part_that_is_the_name_of_the_host_is_shown() -> None:
    text = "no address for api.example.com"
    assert Redactor(["api.example.com-2f9d81aa"], public=["API.example.com", None]).clean(text) == text
    assert Redactor(["api.example.com-2f9d81aa"]).clean(text) != text


def test_a_user_name_is_masked_as_a_whole_only() -> None:
    redactor = Redactor(["hunter22"], names=["elasticsearch-reader"])
    assert redactor.clean("elasticsearch refused elasticsearch-reader") == "elasticsearch refused ***"


def test_more_secrets_are_masked_by_another_redactor() -> None:
    redactor = Redactor(["first-secret-1"], names=["somebody"], public=["later-se.example"])
    assert redactor.also(["another-9f8e7d6c"]).clean("first-secret-1 another-9f8e7d6c somebody") == "*** *** ***"
    assert redactor.clean("another-9f8e7d6c") == "another-9f8e7d6c"


@pytest.mark.parametrize("piece", ["a", "%41", "aa:", "..a", "s", "sess-…", "***", "é", "\\", "&#1;"])
def test_cleaning_takes_time_by_the_length_of_the_text(piece: str) -> None:
    redactor = Redactor(["sess-aaaaaaaaaaaaaaab..aas%41\\\\"])
    redactor.clean("ready")

    def seconds(size: int) -> float:
        text = piece * (size // len(piece))
        began = time.process_time()
        redactor.clean(text)
        return time.process_time() - began

    assert seconds(200_000) < 20 * max(seconds(20_000), 0.01)


# Rows


def test_a_cell_is_masked_where_it_is_the_secret_and_not_where_it_resembles_it() -> None:
    mask = CellMask(["classic", "elastic"])
    rows: list[Row] = [("elasticsearch", "classic", "a classic queue", None, 7), ("hertzbeat", "Classic", "", 1.5, 0)]
    assert mask.clean(rows) == [
        ("elasticsearch", "***", "a classic queue", None, 7),
        ("hertzbeat", "Classic", "", 1.5, 0),
    ]


def test_a_long_secret_is_masked_wherever_it_stands_in_a_cell() -> None:
    key = "sess-0123456789a"
    rows: list[Row] = [(f"https://api.example.com/?key={key}&n=1", key[:-1]), (f"{key} {key}", "x")]
    assert CellMask([f" 'Bearer {key}'\n"]).clean(rows) == [
        ("https://api.example.com/?key=***&n=1", key[:-1]),
        ("*** ***", "x"),
    ]
    assert CellMask([key[:-1]]).clean(rows) == [(*rows[0][:1], "***"), rows[1]]


def test_rows_without_a_secret_are_given_back_as_they_are() -> None:
    rows: list[Row] = [("a", 1), ("b", None)]
    assert CellMask(["sess-0123456789a", "abc", ""]).clean(rows) is rows
    assert CellMask([]).clean(rows) is rows
    assert "sess" not in repr(CellMask(["sess-0123456789a"]))
