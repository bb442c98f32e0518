import csv
import io
import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.cli.conftest import Command

from openai_monitor.cli import main
from openai_monitor.sandbox import running
from openai_monitor.sandbox.server import Server

SETS = ["credit_grants", "model_cost", "billing_subscription"]
KEY = "sess-sandbox"


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as found:
        yield found


def at(server: Server, *more: str) -> list[str]:
    address = ["--param", f"host={server.host}", "--param", f"port={server.port}", "--param", "ssl=false"]
    return ["collect", *address, *more]


def test_json_of_the_sandbox_has_every_figure(command: Command) -> None:
    done = command("collect", "--sandbox", "--format", "json", "--name", "demo", "--tag", "a=b", "--tag", "c=d=e")
    assert done.returncode == 0
    assert done.stderr == ""
    document = json.loads(done.stdout)
    assert document["name"] == "demo"
    assert document["tags"] == {"a": "b", "c": "d=e"}
    assert document["host"] == "127.0.0.1"
    assert [each["name"] for each in document["metrics"]] == SETS
    credit, cost, subscription = (each["rows"] for each in document["metrics"])
    assert credit == [{"total_granted": 18, "total_used": 5.25, "total_available": 12.75, "total_paid_available": 10}]
    assert cost == [
        {"model_name": "Instruct models", "cost": 0},
        {"model_name": "Chat models", "cost": 1.06619},
        {"model_name": "GPT-4", "cost": 0},
        {"model_name": "Image models", "cost": 0.02},
    ]
    assert len(subscription[0]) == 26
    assert subscription[0]["po_number"] is None


def test_a_pipe_gets_ndjson(command: Command) -> None:
    lines = [json.loads(line) for line in command("collect", "--sandbox").stdout.splitlines()]
    assert [line["metrics"] for line in lines] == [
        "credit_grants",
        *["model_cost"] * 4,
        "billing_subscription",
    ]
    assert {line["app"] for line in lines} == {"openai"}


def test_metrics_chooses(command: Command) -> None:
    done = command("collect", "--sandbox", "--metrics", "model_cost", "--format", "csv")
    assert [row["cost"] for row in csv.DictReader(io.StringIO(done.stdout))][1] == "1.06619"
    two = command("collect", "--sandbox", "--metrics", "model_cost", "credit_grants", "--format", "json")
    assert {each["name"] for each in json.loads(two.stdout)["metrics"]} == {"model_cost", "credit_grants"}


def test_csv_of_all_goes_to_a_folder(command: Command, tmp_path: Path) -> None:
    assert command("collect", "--sandbox", "--format", "csv").returncode == 2
    assert command("collect", "--sandbox", "--format", "csv", "--output", "out").returncode == 0
    assert names_in(tmp_path / "out") == sorted(f"{name}.csv" for name in SETS)


def test_a_condition_that_holds_is_exit_code_3_and_a_sentence(command: Command) -> None:
    done = command("collect", "--sandbox", "--metrics", "model_cost", "--fail-if", "credit_grants.total_available < 20")
    assert done.returncode == 3
    assert done.stderr == ("openai-monitor: credit_grants.total_available < 20 holds: total_available is $12.75\n")
    assert '"metrics": "credit_grants"' not in done.stdout
    assert command("collect", "--sandbox", "--fail-if", "credit_grants.total_available < 2").returncode == 0


def test_a_null_can_not_be_judged(command: Command) -> None:
    done = command("collect", "--sandbox", "--fail-if", "billing_subscription.po_number < 3")
    assert done.returncode == 1
    assert "could not be judged: billing_subscription.po_number has no value" in done.stderr


@pytest.mark.parametrize("name", ["table", "json", "ndjson", "csv"])
def test_failures_are_told_in_every_format(
    name: str,
    server: Server,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", KEY)
    server.switch("usage=401")
    more = ["--output", str(tmp_path / "out")] if name == "csv" else []
    assert main(at(server, "--format", name, *more)) == 1
    shown = capsys.readouterr()
    assert "HTTP 401" in (shown.out if name == "table" else shown.err)
    assert KEY not in shown.out + shown.err


def test_a_failed_priority_skips_the_rest_with_its_reason(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", KEY)
    server.switch("credit_grants=500")
    assert main(at(server, "--format", "json")) == 1
    shown = capsys.readouterr()
    document = json.loads(shown.out)
    assert document["metrics"][0]["code"] == "FAIL"
    assert all(
        name in shown.err
        for name in (
            "credit_grants failed (FAIL): HTTP 500",
            *(f"{s['name']} was skipped" for s in document["skipped"]),
        )
    )


def test_verbose_shows_requests_without_their_secrets(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", KEY)
    server.switch("subscription=reset")
    assert main(at(server, "-v", "--format", "json")) == 1
    lines = capsys.readouterr().err.splitlines()
    start = f"openai-monitor: GET {server.url}/dashboard/billing"
    assert any(line.startswith(f"{start}/credit_grants: 200, ") and line.endswith(" ms") for line in lines)
    assert any(line.startswith(f"{start}/usage: 200, ") for line in lines)
    assert f"{start}/subscription: FAIL" in lines
    assert not any(KEY in line or "start_date" in line for line in lines)


def test_the_timeout_is_for_the_whole_run(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", KEY)
    server.switch("slow:20")
    assert main(at(server, "--timeout", "0.3", "--format", "json")) == 1
    assert json.loads(capsys.readouterr().out)["metrics"][0]["code"] == "TIMEOUT"


def test_the_key_comes_from_standard_input(server: Server, command: Command) -> None:
    done = command(*at(server, "--token-stdin", "--metrics", "credit_grants"), stdin=f"{KEY}\n")
    assert done.returncode == 0
    assert server.requests[-1].headers["authorization"] == f"Bearer {KEY}"


def test_a_key_of_another_kind_is_warned_of_and_tried(
    server: Server, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", "sk-fake")
    assert main(at(server, "--format", "json")) == 1
    assert "warning: parameter token does not begin with sess-" in capsys.readouterr().err
    assert server.requests


def test_the_sandbox_needs_no_environment_and_heeds_none(command: Command) -> None:
    surroundings = {
        "OPENAI_TOKEN": "sess-real",
        "OPENAI_MONITOR_HOST": "api.openai.com",
        "OPENAI_PORT": "tcp://10.0.0.1:443",
        "HTTP_PROXY": "http://127.0.0.1:9",
        "ALL_PROXY": "socks5://127.0.0.1:9",
    }
    done = command("collect", "--sandbox", "--metrics", "credit_grants", **surroundings)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_definition_without_a_host_can_not_use_the_sandbox(tmp_path: Path, command: Command) -> None:
    text = (
        "category: custom\napp: fixed\nname: {en-US: F}\nparams: []\nmetrics:\n"
        "  - {name: a, priority: 0, protocol: http, fields: [{field: x, type: 0}],\n"
        "     http: {host: localhost, port: 1, url: /, method: GET, parseType: jsonPath, parseScript: $}}\n"
    )
    (tmp_path / "f.yml").write_text(text)
    done = command("collect", "--sandbox", "--define", "f.yml")
    assert done.returncode == 2
    assert "--sandbox needs a definition with a parameter host and port" in done.stderr


@pytest.mark.parametrize(("key", "says"), [("sk-sandbox", "must be made with a session key"), ("sess-nobody", "401")])
def test_a_refused_key_points_to_how_to_get_one(server: Server, command: Command, key: str, says: str) -> None:
    done = command(*at(server), OPENAI_TOKEN=key)
    assert done.returncode == 1
    assert says in done.stderr
    assert "which key this needs, and how to get one: openai-monitor params --define openai" in done.stderr
    assert "https://platform.openai.com/usage" in command("params", "--define", "openai").stdout.replace("\n", " ")


def test_another_vendors_key_is_refused_before_anything_is_sent(command: Command) -> None:
    done = command("collect", OPENAI_TOKEN="sk-ant-admin01-fake")
    assert done.returncode == 2
    assert done.stderr == (
        "openai-monitor: error: parameter token begins with sk-ant-admin: it is an organization's admin key of Anthropic, "
        "and api.openai.com is OpenAI's, so nothing was sent; use --define anthropic (--send-anyway sends it all the same)\n"
    )


def test_a_gateway_gets_whatever_key_it_is_given(server: Server, command: Command) -> None:
    done = command(*at(server, "--metrics", "credit_grants"), OPENAI_TOKEN="sk-ant-admin01-fake")
    assert "credit_grants" in done.stderr
    assert "nothing was sent" not in done.stderr
