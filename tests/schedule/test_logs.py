"""The log's formats, and that what may not be shown is not."""

import io
import json
import logging
import re

import pytest

from openai_monitor.redact import Redactor
from openai_monitor.schedule.logs import FORMATS, LEVELS, about, set_up

_log = logging.getLogger("openai_monitor.schedule.test")


def test_lines_for_people() -> None:
    set_up("info", "text", stream := io.StringIO())
    _log.info("acme: %s", "one\ntwo\x1b[31m")
    _log.debug("hidden")
    time, line = stream.getvalue().split(" ", 1)
    assert line == "INFO acme: one\n    two\N{REPLACEMENT CHARACTER}[31m\n"
    assert len(time) == len("2026-11-22T03:00:00Z")


def test_lines_for_machines() -> None:
    set_up("info", "json", stream := io.StringIO())
    with about("acme", "7f-1"):
        _log.warning('a "quoted"\nline', extra={"about": {"failures": 2}})
    _log.info("outside")
    first, second = map(json.loads, stream.getvalue().splitlines())
    assert first | {"time": ""} == {
        "time": "",
        "level": "warning",
        "message": 'a "quoted"\nline',
        "logger": "openai_monitor.schedule.test",
        "monitor": "acme",
        "round": "7f-1",
        "failures": 2,
    }
    assert "round" not in second


def test_lines_for_telegraf() -> None:
    set_up("debug", "telegraf", stream := io.StringIO())
    _log.critical("gone")
    _log.error("acme: %s", "one\ntwo\x1b[31m")
    _log.warning("key")
    _log.info("ready")
    with about("acme", "7f-1"):
        _log.debug("asked")
    assert stream.getvalue().splitlines() == [
        "E! gone",
        "E! acme: one",
        "E!     two\N{REPLACEMENT CHARACTER}[31m",
        "W! key",
        "I! ready",
        "D! asked [acme 7f-1]",
    ]


def test_a_line_for_telegraf_is_not_too_long_for_it() -> None:
    set_up("info", "telegraf", stream := io.StringIO())
    _log.info("\N{GRINNING FACE}" * 100_000)
    assert 10_000 < len(stream.getvalue().encode()) < 65_536


@pytest.mark.parametrize("style", FORMATS)
def test_secrets_are_masked_in_messages_and_tracebacks(style: str) -> None:
    set_up("debug", style, stream := io.StringIO())
    with about("acme", "7f-1") as context:
        context.redactor = Redactor(["fake-secret-key"])
        try:
            int("fake-secret-key and sess-abcdefghijk")
        except ValueError:
            _log.exception("failed with fake-secret-key", extra={"about": {"x": "fake-secret-key"}})
    text = stream.getvalue()
    assert "Traceback" in text
    assert "fake-secret" not in text
    assert "sess-***" in text


def test_debug_lines_name_their_round() -> None:
    set_up("debug", "text", stream := io.StringIO())
    with about("acme", "7f-1"):
        _log.debug("asked")
    assert stream.getvalue().endswith("DEBUG asked [acme 7f-1]\n")


def test_levels_and_format_may_change_and_others_are_quiet() -> None:
    set_up("debug", "text", stream := io.StringIO())
    set_up("error", "json", stream)
    _log.warning("not shown")
    logging.getLogger("httpx").info("https://example.com/?key=x")
    _log.error("shown")
    assert [json.loads(line)["message"] for line in stream.getvalue().splitlines()] == ["shown"]
    assert LEVELS == ("debug", "info", "warning", "error")


@pytest.mark.parametrize("style", FORMATS)
def test_no_line_turns_or_hides_text(style: str) -> None:
    set_up("debug", style, stream := io.StringIO())
    with about("acme", "7f-1"):
        _log.debug("say \u202e\u2066\u200b\x9b\x85\u2028", extra={"about": {"x": "\u202e"}})
    (line,) = stream.getvalue().splitlines()
    assert re.fullmatch("[ -~\N{REPLACEMENT CHARACTER}]+", line)
