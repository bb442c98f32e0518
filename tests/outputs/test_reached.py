"""What ``check`` prints: columns, a message that goes on below, and one sentence at the end."""

from dataclasses import replace
from datetime import UTC, datetime
from textwrap import dedent

import pytest

from openai_monitor.outputs import PLAIN, Style
from openai_monitor.outputs.reached_text import conclusion, render
from openai_monitor.outputs.text import width
from openai_monitor.reached import Reached, SetRead, Step

LOOKED_UP = Step("name", ok=True, seconds=0.0123, message="api.test is 192.0.2.7")
CONNECTED = Step("connect", ok=True, seconds=1.25, message="to 192.0.2.7:443")
REFUSED = Step(
    "tls", ok=False, seconds=0.5, message="the certificate of api.test:443 is not trusted: name it with --ca-file"
)
CLOCK = Step("clock", ok=False, seconds=None, message="3 hours behind the server's: set it")
WAY = Reached(
    "openai", "https://api.test:443/credit", None, None, datetime(2026, 11, 22, 20, tzinfo=UTC), (LOOKED_UP, CONNECTED)
)
SETS = (
    SetRead("credit", ok=True, seconds=0.03, message="", rows=1),
    SetRead("cost", ok=False, seconds=None, message="no"),
)


def test_a_line_for_each_step_and_set() -> None:
    assert render(replace(WAY, sets=SETS), PLAIN) == dedent("""\
        openai, https://api.test:443/credit, no proxy, 2026-11-22T20:00:00Z

          ok      name     12 ms  api.test is 192.0.2.7
          ok      connect  1.2 s  to 192.0.2.7:443

          ok      credit   30 ms  1 row
          FAILED  cost            no

        This machine reaches the API; 1 of 2 metric sets can be read.
        """)


def test_the_proxy_stands_in_the_first_line() -> None:
    head = render(replace(WAY, proxy="proxy.test:3128", proxy_from="HTTPS_PROXY"), PLAIN).splitlines()[0]
    assert ", through the proxy proxy.test:3128 (from HTTPS_PROXY), " in head


def test_a_narrow_terminal_is_kept_to() -> None:
    shown = render(replace(WAY, steps=(LOOKED_UP, REFUSED)), Style(width=60))
    assert max(map(width, shown.splitlines()[1:])) <= 60
    lines = shown.splitlines()[3:6]
    assert lines[0].startswith("  FAILED  tls   500 ms  the certificate of")
    assert lines[1].startswith(" " * 24 + "not trusted")


def test_colours_are_for_what_failed() -> None:
    shown = render(replace(WAY, steps=(LOOKED_UP, REFUSED)), Style(width=100, color=True))
    assert "\x1b[31mFAILED\x1b[0m" in shown
    assert "\x1b" not in render(WAY, PLAIN)


def test_nothing_a_server_said_commands_the_terminal() -> None:
    step = replace(LOOKED_UP, message="\x1b[2J")
    assert "\\x1b[2J" in render(replace(WAY, steps=(step,)), PLAIN)


@pytest.mark.parametrize(
    ("reached", "sentence"),
    [
        (WAY, "This machine reaches the API."),
        (
            replace(WAY, wants_key=True),
            "This machine reaches the API; with a key (as for `collect`) this says what it may read.",
        ),
        (replace(WAY, steps=(LOOKED_UP, REFUSED)), "The way to the API ends at the step 'tls'."),
        (replace(WAY, steps=(LOOKED_UP, CLOCK)), "This machine reaches the API, but the clock is wrong."),
    ],
)
def test_what_it_comes_to(reached: Reached, sentence: str) -> None:
    assert conclusion(reached) == sentence
    assert reached.ok is ("wrong" not in sentence and "ends" not in sentence)
