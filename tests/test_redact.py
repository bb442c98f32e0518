import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

import pytest

from openai_monitor.redact import Redactor

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
