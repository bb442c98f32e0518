"""``join`` as a person runs it: a process of its own."""

import asyncio
import signal
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import trustme
from tests.hertzbeat_cluster import rig
from tests.hertzbeat_cluster.api import FakeApi
from tests.hertzbeat_cluster.cluster import joined
from tests.hertzbeat_cluster.loop import eventually, in_loop
from tests.hertzbeat_cluster.manager import FakeManager, like
from tests.hertzbeat_cluster.processes import ended, process

from openai_monitor.cli import main
from openai_monitor.errors import SettingsError
from openai_monitor.hertzbeat import extras
from openai_monitor.hertzbeat.connection import Address
from openai_monitor.hertzbeat.messages import Type
from openai_monitor.hertzbeat.session import State
from openai_monitor.hertzbeat.settings import HertzbeatSection, membership, parse_manager
from openai_monitor.installed import how_to_add


@in_loop
async def test_a_process_joins_collects_and_leaves_when_it_is_told_to() -> None:
    async with FakeApi() as api, FakeManager() as manager:
        manager.add(like(rig.job(), 11, config={"port": str(api.port)}), send=False)
        async with process("join", "--manager", f"127.0.0.1:{manager.port}", "--identity", "py-wire") as running:
            await manager.until(lambda: manager.rows_of(11), 15)
            assert manager.infos[0] | {"version": ""} == {"name": "py-wire", "ip": "", "version": "", "mode": "private"}
            assert manager.infos[0]["version"].startswith("openai-monitor ")
            running.send_signal(signal.SIGTERM)
            code, said = await ended(running)
        assert code == 0
        assert "collector py-wire is online at 127.0.0.1" in said
        assert manager.history[0].received[-1].type == Type.GO_OFFLINE
        assert "s3cret" not in said


@in_loop
async def test_deleted_in_the_manager_the_process_ends() -> None:
    async with FakeManager() as manager:
        async with process(
            "join", "--manager", f"127.0.0.1:{manager.port}", "--identity", "py-wire", "--log-format", "json"
        ) as running:
            await manager.until(lambda: manager.infos, 15)
            manager.dismiss()
            code, said = await ended(running)
        assert code == 0
        assert '"message": "the manager deleted the collector py-wire: leaving"' in said


@in_loop
async def test_ctrl_c_ends_it_while_it_waits_for_a_manager() -> None:
    async with process("join", "--manager", "127.0.0.1:1", "--identity", "x") as running:
        assert running.stderr is not None
        line = await asyncio.wait_for(running.stderr.readline(), 15)
        assert b"connection refused: is the manager running" in line
        running.send_signal(signal.SIGINT)
        code, _ = await ended(running)
    assert code == 130


# Settings


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("h.example.com", ("h.example.com", 1158)),
        ("h:80", ("h", 80)),
        (" 10.0.0.1:1158 ", ("10.0.0.1", 1158)),
        ("[::1]", ("::1", 1158)),
        ("[fe80::1%eth0]:9", ("fe80::1%eth0", 9)),
    ],
)
def test_addresses_of_managers(text: str, address: tuple[str, int]) -> None:
    assert parse_manager(text) == address
    assert parse_manager(str(Address(*address))) == address


@pytest.mark.parametrize("text", ["", ":1158", "h:0", "h:65536", "h:x", "http://h:1158", "a b", "me:pw@h:1", "::1"])
def test_what_is_no_address_of_a_manager(text: str) -> None:
    with pytest.raises(SettingsError, match="is no address of a manager"):
        parse_manager(text)


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "x" * 201])
def test_a_name_that_a_manager_would_not_register(name: str) -> None:
    with pytest.raises(SettingsError, match="a collector's name"):
        membership("h", name)


def test_the_section_of_a_monitors_file_means_the_same() -> None:
    section = HertzbeatSection.model_validate({"manager": "h:1", "identity": " me ", "tls": True, "ca_file": "ca.pem"})
    assert section.membership() == membership("h:1", "me", tls=True, ca_file=Path("ca.pem"))
    with pytest.raises(ValueError, match="is no address of a manager"):
        HertzbeatSection.model_validate({"manager": "http://h", "identity": "me"})


@pytest.mark.parametrize(
    ("version", "lengths"), [("1.7", False), ("v1.7.3", False), ("1.8.0", True), ("1.9.0-rc1", True), ("2.0", True)]
)
def test_the_managers_version_tells_the_form_of_rows(version: str, lengths: bool) -> None:
    section = HertzbeatSection.model_validate({"manager": "h", "identity": "me", "manager_version": version})
    assert section.membership().lengths is lengths


@pytest.mark.parametrize(
    ("version", "why"),
    [("1.6.1", "takes rows as JSON"), ("0.9", "can't be joined"), ("new", "is no version"), ("", "is no version")],
)
def test_a_manager_that_can_not_be_joined(version: str, why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["join", "--manager", "127.0.0.1:1", "--identity", "x", "--manager-version", version]) == 2
    assert why in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "here"),
    [("localhost", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("h.example.com", False)],
)
def test_this_machine(host: str, here: bool) -> None:
    assert Address(host).is_this_machine is here


@pytest.mark.parametrize("module", extras.MODULES)
def test_a_missing_extra_is_told_of_before_anything_begins(
    module: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == module]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    extras.load.cache_clear()
    try:
        assert main(["join", "--manager", "127.0.0.1:1", "--identity", "x"]) == 2
    finally:
        extras.load.cache_clear()
    said = capsys.readouterr().err
    assert f"needs {module}, which is not installed: {how_to_add('hertzbeat')}" in said


# TLS, for what stands before the manager


@asynccontextmanager
async def tls_manager(tmp_path: Path, name: str = "127.0.0.1") -> AsyncIterator[tuple[FakeManager, Path]]:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    authority.issue_cert(name).configure_cert(context)
    manager = FakeManager()
    manager.tls = context
    async with manager:
        yield manager, tmp_path / "ca.pem"


@in_loop
async def test_through_a_tunnel_with_a_certificate_it_trusts(tmp_path: Path) -> None:
    async with tls_manager(tmp_path) as (manager, ca_file):
        address = Address("127.0.0.1", manager.port, tls=True, ca_file=ca_file)
        async with joined(manager.port, address=address) as collector:
            await eventually(lambda: collector.node.state is State.ONLINE)


@in_loop
async def test_a_certificate_it_does_not_trust_gets_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with tls_manager(tmp_path) as (manager, _):
        async with joined(manager.port, address=Address("127.0.0.1", manager.port, tls=True)):
            await eventually(lambda: "its certificate is not trusted" in caplog.text)
        assert manager.infos == []


@in_loop
async def test_a_certificate_of_another_name_gets_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with tls_manager(tmp_path, "other.example.com") as (manager, ca_file):
        address = Address("127.0.0.1", manager.port, tls=True, ca_file=ca_file)
        async with joined(manager.port, address=address):
            await eventually(lambda: "its certificate is not trusted" in caplog.text)
        assert manager.infos == []


@in_loop
async def test_tls_to_a_port_that_speaks_none(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with FakeManager() as manager:
        async with joined(manager.port, address=Address("127.0.0.1", manager.port, tls=True)):
            await eventually(lambda: "not online at" in caplog.text)
        assert manager.infos == []


@in_loop
async def test_a_ca_file_that_can_not_be_used_ends_it(tmp_path: Path) -> None:
    async with FakeManager() as manager:
        address = Address("127.0.0.1", manager.port, tls=True, ca_file=tmp_path / "missing.pem")
        async with joined(manager.port, address=address) as collector:
            with pytest.raises(SettingsError, match="which does not exist"):
                await collector.task
