"""What systemd is told, over a real socket."""

import asyncio
import faulthandler
import os
import socket
import time
from collections.abc import Iterator
from pathlib import Path
from secrets import token_hex

import pytest

from openai_monitor.schedule.systemd import Notifier

pytestmark = pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="there is no systemd here")


class Systemd:
    """Its end of the socket."""

    def __init__(self, address: str) -> None:
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind("\0" + address[1:] if address.startswith("@") else address)
        self.socket.setblocking(False)
        self.address = address

    def heard(self) -> list[str]:
        """What was said since the last time."""
        said: list[str] = []
        while True:
            try:
                said.append(self.socket.recv(4096).decode())
            except BlockingIOError:
                return said


@pytest.fixture(params=["a path", "an abstract name"])
def systemd(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Systemd]:
    if request.param == "an abstract name" and not Path("/proc").exists():
        pytest.skip("only Linux has abstract names")
    found = Systemd(f"@{token_hex(8)}" if request.param == "an abstract name" else str(tmp_path / "notify"))
    yield found
    found.socket.close()


def test_states_are_told_in_systemds_words(systemd: Systemd) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": systemd.address})
    before = time.monotonic_ns() // 1000
    notifier.ready()
    notifier.reloading()
    notifier.ready()
    notifier.status("3 monitors, 0 in trouble")
    notifier.status("3 monitors, 0 in trouble")
    notifier.stopping()
    ready, reloading, *rest = systemd.heard()
    assert ready == "READY=1"
    state, _, moment = reloading.partition("\nMONOTONIC_USEC=")
    assert state == "RELOADING=1"
    assert before <= int(moment) <= time.monotonic_ns() // 1000
    assert rest == ["READY=1", "STATUS=3 monitors, 0 in trouble", "STOPPING=1"]


def test_without_its_socket_nothing_is_told_and_nothing_waits() -> None:
    notifier = Notifier({"WATCHDOG_USEC": "1000000"})
    notifier.ready()
    asyncio.run(notifier.keep_alive(lambda: True))  # ends at once
    assert notifier.watchdog is None


def test_its_variables_are_not_left_to_programs_that_the_service_starts(systemd: Systemd) -> None:
    environment = {"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "1", "WATCHDOG_PID": "1", "PATH": "/bin"}
    Notifier(environment)
    assert environment == {"PATH": "/bin"}


@pytest.mark.parametrize("address", ["/nowhere/at/all", "vsock:2:1234", "x" * 200, "/a\0b", "@"])
def test_an_address_that_cant_be_used_is_told_once_and_harms_nobody(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": address})
    notifier.ready()
    notifier.stopping()
    (record,) = caplog.records
    assert record.message.startswith("systemd can't be told how the service is")


@pytest.mark.parametrize(
    ("microseconds", "process", "seconds"),
    [
        ("30000000", "", 30),
        ("30000000", str(os.getpid()), 30),
        ("30000000", "1", None),
        ("0", "", None),
        ("many", "", None),
        ("9" * 5000, "", None),
    ],
)
def test_the_watchdog_is_for_the_process_it_names(microseconds: str, process: str, seconds: float | None) -> None:
    environment = {"NOTIFY_SOCKET": "@x", "WATCHDOG_USEC": microseconds, "WATCHDOG_PID": process}
    assert Notifier(environment).watchdog == seconds


def test_the_watchdog_hears_of_a_loop_that_turns_and_not_of_one_that_hangs_or_a_dead_scheduler(
    systemd: Systemd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(faulthandler, "enable", lambda: None)  # this process's own stays
    alive = True

    async def main() -> None:
        nonlocal alive
        notifier = Notifier({"NOTIFY_SOCKET": systemd.address, "WATCHDOG_USEC": "40000"})
        task = asyncio.create_task(notifier.keep_alive(lambda: alive))
        await asyncio.sleep(0.3)
        assert set(heard := systemd.heard()) == {"WATCHDOG=1"}
        assert len(heard) > 2
        time.sleep(0.2)  # noqa: ASYNC251 - it is the loop that hangs
        assert systemd.heard() == []
        alive = False
        await asyncio.sleep(0.1)
        assert systemd.heard() == []
        alive = True
        await asyncio.sleep(0.1)
        assert "WATCHDOG=1" in systemd.heard()
        task.cancel()

    asyncio.run(main())
