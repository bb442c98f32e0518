"""The unit file: systemd's own tools find nothing wrong with it, and what it says of the service is true."""

import re
from pathlib import Path

from tests.examples.programs import EXAMPLES, program, run

from openai_monitor.cli.parser import parse
from openai_monitor.schedule.scheduler import DEAD_AFTER
from openai_monitor.service.config import Limits

UNIT = EXAMPLES / "systemd" / "openai-monitor.service"
TEXT = UNIT.read_text(encoding="utf-8")
COMMAND = "/opt/openai-monitor/bin/openai-monitor"


def value(key: str) -> str:
    (found,) = re.findall(rf"^{key}=(.*)$", TEXT, re.MULTILINE)
    return str(found)


def test_systemd_can_read_it(tmp_path: Path) -> None:
    tool = program("systemd-analyze")
    here = tmp_path / UNIT.name
    here.write_text(TEXT.replace(COMMAND, "/bin/true"))  # the program itself is not installed here
    assert run(tool, "verify", "--man=no", here) == (0, "")


def test_systemd_thinks_it_safe() -> None:
    code, said = run(program("systemd-analyze"), "security", "--offline=true", "--threshold=20", UNIT)
    assert code == 0, said


def test_it_begins_with_what_the_command_line_takes() -> None:
    for key in ("ExecStart", "ExecStartPre"):
        head, *arguments = value(key).split()
        assert head == COMMAND
        parse(arguments)  # a wrong option would exit


def test_it_starts_a_service_anew_that_hangs_and_waits_until_it_is_ready() -> None:
    assert value("Type") == "notify"
    assert value("NotifyAccess") == "main"
    assert value("Restart") == "on-failure"  # of which a watchdog that was not told is one
    assert float(value("WatchdogSec")) > 2 * DEAD_AFTER


def test_it_stops_later_than_the_service_does_by_itself() -> None:
    assert float(value("TimeoutStopSec")) > Limits().shutdown


def test_keys_come_as_credentials_and_never_by_the_environment() -> None:
    assert value("LoadCredential").startswith("acme:")
    assert not re.search(r"^Environment(File)?=", TEXT, re.MULTILINE)
    assert f"/run/credentials/{UNIT.name}/acme" in TEXT


def test_state_is_kept_where_the_service_looks_for_it() -> None:
    assert (value("StateDirectory"), value("DynamicUser"), value("ProtectSystem")) == (
        "openai-monitor",
        "yes",
        "strict",
    )
