"""``check``: what it prints and how it exits, over real HTTP."""

import json
import os
import ssl
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from tests.cli.conftest import MODULE, Command, clean_environment
from tests.collect.transport.web import HttpProxy, Server, SocksProxy, closed_port, ok

from openai_monitor.cli import main
from openai_monitor.sandbox import running
from openai_monitor.sandbox.server import Server as Sandbox

Out = pytest.CaptureFixture[str]


def to(server: Server | Sandbox) -> list[str]:
    return ["check", "--host", server.host, "--param", f"port={server.port}", "--param", "ssl=false"]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running() as server:
        yield server


def steps(text: str) -> list[list[str]]:
    """The words of each indented line."""
    return [line.split() for line in text.splitlines() if line.startswith("  ")]


def report(capsys: Out) -> Any:
    return json.loads(capsys.readouterr().out)


def test_without_a_key(sandbox: Sandbox, capsys: Out) -> None:
    assert main(to(sandbox)) == 0
    shown = capsys.readouterr()
    assert [line[:2] for line in steps(shown.out)] == [
        ["ok", "name"], ["ok", "connect"], ["ok", "answer"], ["ok", "clock"],
    ]  # fmt: skip
    assert shown.out.startswith(f"openai, {sandbox.url}/dashboard/billing/credit_grants, no proxy, 20")
    assert "HTTP 401 without a key, as it should be\n" in shown.out
    assert shown.out.endswith(
        "\nThis machine reaches the API; with a key (as for `collect`) this says what it may read.\n"
    )
    assert shown.err == ""
    assert all("authorization" not in request.headers for request in sandbox.requests)


def test_with_a_key(sandbox: Sandbox, capsys: Out, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", "sess-sandbox")
    assert main(to(sandbox)) == 0
    shown = capsys.readouterr().out
    assert [line[1] for line in steps(shown)[4:]] == ["credit_grants", "model_cost", "billing_subscription"]
    assert shown.endswith("\nThis machine reaches the API; 3 of 3 metric sets can be read.\n")
    assert "12.75" not in shown  # what a set holds is nobody's business here


def test_a_key_that_may_not_read_everything(capsys: Out, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("sess-sandbox\n")
    with running(faults=["usage=403"]) as server:
        assert main([*to(server), "--token-file", str(tmp_path / "key")]) == 1
    shown = capsys.readouterr().out
    assert [line[:2] for line in steps(shown) if line[0] == "FAILED"] == [["FAILED", "model_cost"]]
    assert "HTTP 403: this key may not read this" in shown
    assert "2 of 3 metric sets can be read." in shown


def test_of_the_wrong_kind_of_key_every_set_says_so(sandbox: Sandbox, capsys: Out) -> None:
    """A round would end at the first set of priority 0 that fails."""
    assert main([*to(sandbox), "--param", "token=sk-sandbox", "--format", "json"]) == 1
    shown = capsys.readouterr()
    assert [(each["name"], each["ok"], each["status"]) for each in json.loads(shown.out)["sets"]] == [
        ("credit_grants", False, 403), ("model_cost", False, 403), ("billing_subscription", False, 403),
    ]  # fmt: skip
    assert shown.err.count("does not begin with sess-") == 1


def test_as_json(sandbox: Sandbox, capsys: Out) -> None:
    assert main([*to(sandbox), "--format", "json"]) == 0
    found = report(capsys)
    assert list(found) == ["app", "url", "proxy", "proxy_from", "time", "ok", "steps", "wants_key", "sets"]
    assert (found["ok"], found["proxy"], found["wants_key"], found["sets"]) == (True, None, True, None)
    assert [step["step"] for step in found["steps"]] == ["name", "connect", "answer", "clock"]
    assert found["steps"][2]["status"] == 401
    assert abs(found["steps"][3]["skew_s"]) < 60


def test_in_the_sandbox(capsys: Out) -> None:
    assert main(["check", "--sandbox"]) == 0
    assert "3 of 3 metric sets can be read." in capsys.readouterr().out


def test_the_way_ends_at_the_first_step_that_fails(capsys: Out) -> None:
    port = closed_port()
    assert main(["check", "--host", "127.0.0.1", "--param", f"port={port}", "--param", "token=sess-fake-key"]) == 1
    shown = capsys.readouterr().out
    assert [line[:2] for line in steps(shown)] == [["ok", "name"], ["FAILED", "connect"]]
    assert "refused the connection: check host and port, and that it runs there" in shown
    assert shown.endswith("\nThe way to the API ends at the step 'connect'.\n")


def test_a_login_page_instead_of_the_api(capsys: Out) -> None:
    with Server(ok(b"<html>Sign in", "Content-Type: text/html")) as server:
        assert main([*to(server), "--param", "token=sess-fake-key"]) == 1
        assert [asked.header("authorization") for asked in server.asked] == [None]
    assert "HTTP 200 with an HTML page, so it is not the API that speaks" in capsys.readouterr().out


def test_a_wrong_clock_is_a_failure_and_the_key_is_tried_all_the_same(capsys: Out) -> None:
    late = format_datetime(datetime(2026, 1, 1, tzinfo=UTC), usegmt=True)
    with Server(ok(b"{}", f"Date: {late}", status="401 Unauthorized")) as server:
        assert main([*to(server), "--param", "token=sess-fake-key"]) == 1
        assert server.asked[-1].header("authorization") == "Bearer sess-fake-key"
    shown = capsys.readouterr().out
    assert "FAILED  clock" in shown
    assert "set this machine's clock, best by NTP" in shown
    assert "This machine reaches the API, but the clock is wrong; 0 of 3" in shown


def test_a_server_that_is_too_slow(capsys: Out) -> None:
    with running(faults=["slow:30"]) as server:
        assert main([*to(server), "--timeout", "0.3"]) == 1
    assert "took longer than 0.3 s: try again" in capsys.readouterr().out


def test_through_a_proxy(sandbox: Sandbox, capsys: Out) -> None:
    with HttpProxy() as proxy:
        code = main([*to(sandbox), "--proxy", f"http://me:fake-pass@{proxy.place}", "--format", "json"])
    found = report(capsys)
    assert code == 0
    assert (found["proxy"], found["proxy_from"]) == (proxy.place, "--proxy")
    assert [step["step"] for step in found["steps"]] == ["name", "connect", "proxy", "answer", "clock"]
    assert "fake-pass" not in str(found)


@pytest.mark.parametrize("kind", ["http", "socks5"])
def test_with_a_key_through_a_tunnel(kind: str, capsys: Out, tmp_path: Path) -> None:
    authority, tls = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(tls)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with running(tls=tls) as server, HttpProxy() if kind == "http" else SocksProxy() as proxy:
        given = ["--host", server.host, "--param", f"port={server.port}", "--ca-file", str(tmp_path / "ca.pem")]
        code = main(["check", *given, "--proxy", f"{kind}://{proxy.place}", "--param", "token=sess-sandbox"])
    shown = capsys.readouterr().out
    assert code == 0, shown
    assert [line[1] for line in steps(shown)[:6]] == ["name", "connect", "proxy", "tls", "answer", "clock"]
    assert "certificate of 127.0.0.1 by trustme" in shown
    assert shown.endswith("3 of 3 metric sets can be read.\n")
    assert "sess-sandbox" not in str(proxy.asked)


def test_a_key_goes_in_clear_to_no_proxy(sandbox: Sandbox, capsys: Out) -> None:
    with HttpProxy() as proxy:
        assert main([*to(sandbox), "--proxy", f"http://{proxy.place}", "--param", "token=sess-fake-key"]) == 1
        assert all(asked.header("authorization") is None for asked in proxy.asked)
    assert "nothing was sent: this request carries a key" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--define", "nothing"), "no definition named 'nothing'"),
        (("--define", "openai_gateway"), "parameter host is missing"),
        (("--host", "bad host"), "the host holds a blank"),
        (("--param", "port=x"), "parameter port is 'x'; expected a number"),
        (("--proxy", "ftp://x"), "--proxy holds no proxy address"),
        (("--ca-file", "no.pem"), "no.pem"),
        (("--sandbox", "--proxy", "http://x"), "leave out one of the two"),
        (("--sandbox", "--host", "x"), "--sandbox brings its own host"),
        (("--param", "token=sess-fake\x07"), "parameter token: "),
        (("--timeout", "0"), "is no number of seconds above 0"),
    ],
)
def test_bad_usage_asks_nobody_anything(arguments: tuple[str, ...], message: str, command: Command) -> None:
    done = command("check", *arguments)
    assert (done.returncode, done.stdout) == (2, "")
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_nobody_is_asked_for_a_key(sandbox: Sandbox) -> None:
    """On a terminal `collect` would wait for one."""
    import pty

    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [*MODULE, *to(sandbox)], stdin=slave, capture_output=True, timeout=60, env=clean_environment(), check=False
        )
    finally:
        os.close(master)
        os.close(slave)
    assert done.returncode == 0
    assert b"reaches the API" in done.stdout


def test_what_a_server_says_of_the_key_is_masked(capsys: Out) -> None:
    body = b'{"error": {"message": "bad key sess-fake-key"}}'
    with Server(ok(body, status="403 Forbidden")) as server:
        assert main([*to(server), "--param", "token=sess-fake-key"]) == 1
    assert "sess-fake-key" not in "".join(capsys.readouterr())
