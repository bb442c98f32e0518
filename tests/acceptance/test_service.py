"""Issue 6, "The service": asked of the installed program, over real HTTP."""

import base64
import csv
import gzip
import json
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import jsonschema
import pytest
import trustme
import yaml
from prometheus_client.parser import text_string_to_metric_families
from tests.acceptance.conftest import Run, Write, metric_set, plain_environment, process
from tests.acceptance.servers import Answer, Answering, Asked, Origin, answer, http_proxy, origin, text
from tests.acceptance.test_main_job import CREDIT, CREDIT_PATH, SUBSCRIPTION, SUBSCRIPTION_PATH, USAGE, USAGE_PATH

from openai_monitor.sandbox import running

ROOT = Path(__file__).parents[2]
KEY = "sess-right-key-1234567890"
PATIENCE = 45.0
PRIVATE = {
    "billing_email": "ann@private.example",
    "po_number": "PO-PRIVATE-77",
    "tax_ids": [{"type": "eu_vat", "value": "VAT-PRIVATE-42"}],
    "billing_address": {"line1": "Private Street 5", "city": "Privateville"},
    "business_address": {"line1": "Private Road 6"},
}
SETS = ("credit_grants", "model_cost", "billing_subscription")


def until(condition: Callable[[], object], what: object = "") -> None:
    """Wait for what must come; a machine under load may take its time."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what() if callable(what) else what
        time.sleep(0.03)


class Page(NamedTuple):
    """An answer of the listener."""

    status: int
    body: str

    def samples(self) -> dict[str, list[tuple[dict[str, str], float]]]:
        found: dict[str, list[tuple[dict[str, str], float]]] = {}
        for family in text_string_to_metric_families(self.body):
            for sample in family.samples:
                found.setdefault(sample.name, []).append((sample.labels, sample.value))
        return found

    def value(self, name: str, **labels: str) -> float | None:
        """The value of the one series with these labels among its own."""
        values = [value for has, value in self.samples().get(name, []) if labels.items() <= has.items()]
        assert len(values) < 2, (name, labels)
        return values[0] if values else None


class Service:
    """A service in a process of its own."""

    def __init__(self, process: subprocess.Popen[bytes], path: Path, log: Path) -> None:
        self.process = process
        self.path = path
        self.folder = path.parent
        self._log = log

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8")

    def says(self, *words: str) -> None:
        until(lambda: any(all(word in line for word in words) for line in self.log.splitlines()), lambda: self.log)

    @property
    def address(self) -> str:
        self.says("listening on")
        found = re.search(r"listening on 127\.0\.0\.1, port (\d+)", self.log)
        assert found
        return f"127.0.0.1:{found[1]}"

    def get(self, path: str, trust: ssl.SSLContext | None = None, **headers: str) -> Page:
        scheme = "https" if trust else "http"
        request = urllib.request.Request(f"{scheme}://{self.address}{path}", headers=headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE, context=trust) as found:  # noqa: S310
                return Page(found.status, found.read().decode())
        except urllib.error.HTTPError as refused:
            with refused:
                return Page(refused.code, refused.read().decode())

    def metrics(self) -> Page:
        found = self.get("/metrics")
        assert found.status == 200
        return found

    def ready(self) -> None:
        until(lambda: self.get("/readyz").status == 200, lambda: self.log)

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


def write_config(folder: Path, monitors: list[dict[str, Any]], port: int = 9, **sections: Any) -> Path:
    """Write a monitors file whose monitors ask this machine; ``key`` is a file with the right key."""
    (folder / "key").write_text(f"{KEY}\n")
    params = {"host": "127.0.0.1", "port": port, "ssl": False, "token": {"file": "key"}}
    document = {
        "defaults": {"define": "openai", "period": 0.5, "params": params},
        "monitors": monitors,
        "web": {"listen": "127.0.0.1:0"},
        "history": {"path": "history.sqlite"},
        **sections,
    }
    path = folder / "monitors.yml"
    beside = folder / "monitors.new"
    beside.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    beside.replace(path)
    return path


@contextmanager
def serving(path: Path, *arguments: str, **environment: str) -> Iterator[Service]:
    log = path.parent / "log.txt"
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "openai_monitor", "run", "--config", str(path), *arguments],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream, env=plain_environment(**environment),
        )  # fmt: skip
    try:
        yield Service(process, path, log)
    finally:
        process.kill()
        process.wait()


class Api:
    """An OpenAI that knows one key, and can be told to answer worse."""

    def __init__(self) -> None:
        self.key = KEY
        self.worse: Answering | None = None
        self.documents: dict[str, object] = {
            CREDIT_PATH: CREDIT,
            USAGE_PATH: USAGE,
            SUBSCRIPTION_PATH: {**SUBSCRIPTION, **PRIVATE},
        }

    def answer(self, asked: Asked) -> Answer:
        if self.worse is not None:
            return self.worse if isinstance(self.worse, Answer) else self.worse(asked)
        if asked.headers.get("authorization") != f"Bearer {self.key}":
            return answer({"error": {"message": "Incorrect API key provided"}}, 401)
        return answer(self.documents[asked.path])

    def answers(self) -> dict[str, Answering]:
        return dict.fromkeys((CREDIT_PATH, USAGE_PATH, SUBSCRIPTION_PATH), self.answer)


@pytest.fixture
def api() -> Api:
    return Api()


@pytest.fixture
def server(api: Api) -> Iterator[Origin]:
    with origin(api.answers()) as found:
        yield found


def checked(run: Run, path: Path, **environment: str) -> tuple[int, str]:
    done = run("run", "--check", "--config", str(path), **environment)
    assert "Traceback" not in done.err
    assert KEY not in done.out + done.err
    return done.code, done.out + done.err


def once(run: Run, path: Path, *arguments: str, **environment: str) -> tuple[int, str]:
    done = run("run", "--once", "--config", str(path), *arguments, **environment)
    assert "Traceback" not in done.err
    assert KEY not in done.out + done.err
    return done.code, done.out + done.err


def lines_of(path: Path) -> list[dict[str, Any]]:
    """The whole lines of an NDJSON file that is being written."""
    content = path.read_text(encoding="utf-8") if path.exists() else ""
    return [json.loads(line) for line in content.splitlines(keepends=True) if line.endswith("\n")]


def collected(path: Path) -> set[tuple[str, str]]:
    return {(line["name"], line["metrics"]) for line in lines_of(path)}


NDJSON = {"ndjson": {"path": "rows.ndjson"}}


# The monitors file


def test_a_good_file_is_good_and_nothing_is_asked(run: Run, server: Origin, tmp_path: Path) -> None:
    code, _ = checked(run, write_config(tmp_path, [{"name": "acme"}], server.port))
    assert code == 0
    assert not server.asked


def test_all_that_is_wrong_is_told_with_its_place(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "monitors.yml"
    path.write_text(
        "monitors:\n"
        "  - name: acme\n"
        "    params: {host: 127.0.0.1, token: {env: KEY_A}}\n"
        "  - name: other\n"
        "    perod: 60\n"
        "  - name: acme\n"
        "    define: nothing-of-this-name\n"
        "    period: soon\n"
        "outputs:\n"
        "  carrier_pigeon: {}\n"
    )
    code, told = checked(run, path, KEY_A="x")
    assert code == 2
    for line, word in ((5, "perod"), (8, "period"), (10, "carrier_pigeon")):
        assert re.search(rf"monitors\.yml:{line}:\d+: error\S* .*{word}", told), (line, told)
    path.write_text(path.read_text().replace("    perod: 60\n", "").replace("soon", "300").partition("outputs")[0])
    code, told = checked(run, path, KEY_A="x")
    assert code == 2
    repeated = next(line for line in told.splitlines() if "`acme`" in line)
    assert "monitors.yml:5:" in repeated
    assert re.search(r"\b2:\d+", repeated)
    assert re.search(r"monitors\.yml:6:\d+: error\S* .*nothing-of-this-name", told)


def test_a_broken_definition_is_told_with_its_own_place(run: Run, tmp_path: Path, definition: Write) -> None:
    broken = definition(metric_set("m", {"n": 0}, {"parseType": "jsonPth"}))
    code, told = checked(run, write_config(tmp_path, [{"name": "acme", "define": broken.name}]))
    assert code == 2
    assert re.search(r"small\.yml:\d+:\d+: error\S* .*jsonPth", told)


@pytest.mark.parametrize(
    "secret", [{"env": "NOT_SET_ANYWHERE"}, {"file": "no-such-file"}, {"command": ["no-such-program-at-all"]}]
)
def test_a_secret_that_cant_be_read_is_told(run: Run, tmp_path: Path, secret: dict[str, Any]) -> None:
    code, told = checked(run, write_config(tmp_path, [{"name": "acme", "params": {"token": secret}}]))
    [words] = [word if isinstance(word, str) else word[0] for word in secret.values()]
    assert words in told
    assert "acme" in told
    assert code == 0


def test_certificates_that_cant_be_used_are_told(run: Run, tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("no certificate")
    web = {"listen": "127.0.0.1:0", "tls": {"certificate": "gone.pem", "key": "gone.key"}}
    path = write_config(tmp_path, [{"name": "acme"}], web=web, network={"ca_file": str(tmp_path / "ca.pem")})
    code, told = checked(run, path)
    assert code == 2
    assert "gone.pem" in told
    assert "ca.pem" in told


FAR = {"host": "api.openai.com", "port": 443, "ssl": True}


@pytest.mark.parametrize(
    ("period", "params", "code", "word"),
    [(5, FAR, 2, "30"), (60, FAR, 0, "429"), (300, FAR, 0, ""), (0.5, {}, 0, "")],
)
def test_periods(run: Run, tmp_path: Path, period: float, params: dict[str, Any], code: int, word: str) -> None:
    path = write_config(tmp_path, [{"name": "acme", "period": period, "params": params}])
    found, told = checked(run, path)
    assert found == code, told
    assert word in told
    assert bool(re.search(r"monitors\.yml:\d", told)) is bool(word), told


def test_the_schema_takes_the_example_and_refuses_a_typo() -> None:
    schema = json.loads((ROOT / "schema" / "monitors.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    document = yaml.safe_load((ROOT / "examples" / "monitors.yml").read_text(encoding="utf-8"))
    assert not list(validator.iter_errors(document))
    document["monitors"][0]["perod"] = 60
    assert list(validator.iter_errors(document))


# What one round does


def test_secrets_from_the_environment_a_file_and_a_command(run: Run, server: Origin, tmp_path: Path) -> None:
    command = [sys.executable, "-c", f"print('{KEY}')"]
    ways: dict[str, dict[str, Any]] = {
        "env": {"env": "ACME_KEY"},
        "file": {"file": "key"},
        "command": {"command": command},
    }
    monitors = [{"name": name, "params": {"token": secret}} for name, secret in ways.items()]
    path = write_config(tmp_path, monitors, server.port, outputs=NDJSON)
    code, told = once(run, path, ACME_KEY=KEY)
    assert code == 0, told
    assert {name for name, _ in collected(tmp_path / "rows.ndjson")} == set(ways)


def test_a_secret_is_read_again_at_once_after_a_401(run: Run, server: Origin, tmp_path: Path) -> None:
    script = tmp_path / "secret.py"
    script.write_text(
        "import pathlib\n"
        "seen = pathlib.Path(__file__).with_name('seen')\n"
        f"print('{KEY}' if seen.exists() else 'sess-expired')\n"
        "seen.touch()\n"
    )
    secret = {"command": [sys.executable, str(script)]}
    code, told = once(run, write_config(tmp_path, [{"name": "acme", "params": {"token": secret}}], server.port))
    assert code == 0, told
    assert [asked.headers["authorization"] for asked in server.asked[:2]] == ["Bearer sess-expired", f"Bearer {KEY}"]


def test_a_refused_key_is_not_tried_over_and_over(run: Run, api: Api, server: Origin, tmp_path: Path) -> None:
    api.key = "another"
    code, told = once(run, write_config(tmp_path, [{"name": "acme"}], server.port))
    assert code == 1
    assert len(server.asked) <= len(SETS)
    assert "acme" in told
    assert "key" in told


def test_server_errors_are_asked_again(run: Run, api: Api, server: Origin, tmp_path: Path) -> None:
    faults = iter([answer({}, 503), answer({}, 429, **{"Retry-After": "0"})])

    def moody(asked: Asked) -> Answer:
        fault = next(faults, None)
        if fault is None:
            api.worse = None
            return api.answer(asked)
        return fault

    api.worse = moody
    path = write_config(
        tmp_path, [{"name": "acme", "period": 60, "metrics": {"include": ["credit_grants"]}}], server.port
    )
    code, told = once(run, path)
    assert code == 0, told
    assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ((), {"free"}),
        (("--collector", "eu"), {"free", "mine"}),
        (("--collector", "eu", "--assigned-only"), {"mine"}),
    ],
)
def test_which_monitors_a_collector_runs(
    run: Run, server: Origin, tmp_path: Path, arguments: tuple[str, ...], names: set[str]
) -> None:
    monitors: list[dict[str, Any]] = [
        {"name": "free"},
        {"name": "mine", "collector": "eu"},
        {"name": "theirs", "collector": "us"},
        {"name": "asleep", "enabled": False},
    ]
    path = write_config(tmp_path, monitors, server.port, outputs=NDJSON)
    once(run, path, *arguments)
    assert {name for name, _ in collected(tmp_path / "rows.ndjson")} == names


def test_metric_sets_to_include_and_to_leave_out(run: Run, server: Origin, tmp_path: Path) -> None:
    monitors: list[dict[str, Any]] = [
        {"name": "some", "metrics": {"include": ["model_cost"]}},
        {"name": "most", "metrics": {"leave_out": ["billing_subscription"]}, "tags": {"team": "ml"}},
    ]
    path = write_config(tmp_path, monitors, server.port, outputs=NDJSON)
    assert once(run, path)[0] == 0
    rows = tmp_path / "rows.ndjson"
    assert collected(rows) == {("some", "model_cost"), ("most", "credit_grants"), ("most", "model_cost")}
    assert all(line["tags"] == {"team": "ml"} for line in lines_of(rows) if line["name"] == "most")


def test_an_unknown_metric_set_is_refused(run: Run, tmp_path: Path) -> None:
    code, told = checked(run, write_config(tmp_path, [{"name": "acme", "metrics": {"include": ["model_costs"]}}]))
    assert code == 2
    assert "model_costs" in told


def test_only_what_is_safe_is_asked_again(run: Run, tmp_path: Path, definition: Write) -> None:
    path = definition(metric_set("m", {"n": 0}, {"method": "POST"}))
    with origin({"/x": answer({}, 503)}) as server:
        assert once(run, write_config(tmp_path, [{"name": "acme", "define": path.name}], server.port))[0] == 1
        assert len(server.asked) == 1


@pytest.mark.parametrize(
    "http",
    [
        {"params": {"key": "^_^token^_^"}},
        {"headers": {"X-Api-Key": "^_^token^_^"}},
        {"url": "/x/^_^token^_^"},
        {"method": "POST", "payload": '{"key": "^_^token^_^"}'},
    ],
)
def test_a_key_shows_nowhere_wherever_it_stands(
    run: Run, tmp_path: Path, definition: Write, http: dict[str, Any]
) -> None:
    path = definition(metric_set("m", {"n": 0}, http))

    def parrot(asked: Asked) -> Answer:
        return answer({"error": {"message": f"not for {KEY}"}}, 403)

    with origin({"/x": parrot, f"/x/{KEY}": parrot}) as server:
        config = write_config(tmp_path, [{"name": "acme", "define": path.name}], server.port, outputs=NDJSON)
        code, _ = once(run, config, "--log-level", "debug")
        assert code == 1
        assert KEY in server.asked[0].everything
    done = run("history", "--config", str(config), "--format", "json")
    assert "403" in done.out
    assert KEY not in done.out
    assert KEY.encode() not in b"".join(found.read_bytes() for found in tmp_path.glob("history*"))


def test_names_and_labels_never_break_the_page(run: Run, server: Origin, tmp_path: Path, definition: Write) -> None:
    odd = definition(metric_set("a-set.of things", {"größe %": 0, "le": 1, "monitor": 1}, {}), app="9 odd-app")
    text_of_label = 'a"b\\c\nd'
    with origin({"/x": answer({"größe %": 5, "le": text_of_label, "monitor": "x"})}) as other:
        monitors: list[dict[str, Any]] = [
            {"name": 'qu"ote \\ über', "tags": {"monitor": "x", "le": "y"}},
            {"name": "odd", "define": odd.name, "params": {"port": other.port}},
        ]
        outputs = {"textfile": {"path": "page.prom", "info_labels": ["le", "monitor", "plan"]}}
        code, told = once(run, write_config(tmp_path, monitors, server.port, outputs=outputs))
    assert code == 0, told
    page = Page(200, (tmp_path / "page.prom").read_text(encoding="utf-8"))
    assert page.value("openai_credit_grants_up", monitor='qu"ote \\ über') == 1
    assert text_of_label in {
        text for series in page.samples().values() for labels, _ in series for text in labels.values()
    }
    assert any(
        labels.get("monitor") == "odd" and value == 5 for series in page.samples().values() for labels, value in series
    )


def test_money_where_the_account_gives_it(run: Run, tmp_path: Path) -> None:
    with running() as sandbox:
        token = tmp_path / "token"
        token.write_text("sess-sandbox")
        monitors = [{"name": "acme", "define": "openai_spend", "params": {"token": {"file": "token"}}}]
        path = write_config(tmp_path, monitors, sandbox.port, outputs={"textfile": {"path": "page.prom"}})
        code, told = once(run, path)
    assert code == 0, told
    page = Page(200, (tmp_path / "page.prom").read_text(encoding="utf-8"))
    assert page.value("openai_spend_credit_left_usd", monitor="acme") == 12.75
    for name in ("spent_today_usd", "spent_month_usd"):
        assert page.value(f"openai_spend_{name}", monitor="acme") is not None
    assert page.value("openai_spend_forecast", figure="days_left") is not None


def test_private_fields_only_where_they_are_named(run: Run, server: Origin, tmp_path: Path) -> None:
    outputs = {"ndjson": {"path": "rows.ndjson", "include": ["billing_email"], "leave_out": ["account_name"]}}
    assert once(run, write_config(tmp_path, [{"name": "acme"}], server.port, outputs=outputs))[0] == 0
    [row] = [line["row"] for line in lines_of(tmp_path / "rows.ndjson") if line["metrics"] == "billing_subscription"]
    assert row["billing_email"] == PRIVATE["billing_email"]
    assert not row.keys() & {"account_name", "po_number", "billing_address"}


def test_files_rotate(run: Run, server: Origin, tmp_path: Path) -> None:
    outputs = {"ndjson": {"path": "rows.ndjson", "rotate_bytes": 1000, "keep": 2}}
    path = write_config(tmp_path, [{"name": "acme"}], server.port, outputs=outputs)
    for _ in range(4):
        assert once(run, path)[0] == 0
    kept = sorted(found.name for found in tmp_path.glob("rows.ndjson*"))
    assert kept == ["rows.ndjson", "rows.ndjson.1", "rows.ndjson.2"]
    assert all(json.loads(line) for name in kept for line in (tmp_path / name).read_text().splitlines())


def test_line_protocol_on_standard_output_for_telegraf(server: Origin, tmp_path: Path) -> None:
    path = write_config(tmp_path, [{"name": "acme"}], server.port, outputs={"influx": {"stdout": True}})
    with process("run", "--once", "--config", str(path)) as started:
        out, err = started.communicate(timeout=PATIENCE)
    assert started.returncode == 0, err
    assert all(
        re.fullmatch(r"\w+(,(\\.|[^ \\])+)* (\\.|\"[^\"]*\"|[^ \\\"])+ \d{19}", line) for line in out.splitlines()
    ), out
    assert "openai_credit_grants,monitor=acme " in out


def test_a_certificate_authority_of_ones_own(run: Run, api: Api, tmp_path: Path) -> None:
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    with origin(api.answers(), tls=context) as server:
        monitors = [{"name": "acme", "params": {"ssl": True}}]
        assert once(run, write_config(tmp_path, monitors, server.port))[0] == 1
        assert not server.asked
        path = write_config(tmp_path, monitors, server.port, network={"ca_file": str(tmp_path / "ca.pem")})
        assert once(run, path)[0] == 0


# One service with everything in it


class Busy(NamedTuple):
    """A service with all outputs and monitors in good and bad states, and who got its rows."""

    service: Service
    receiver: Origin


@pytest.fixture(scope="module")
def busy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Busy]:
    folder = tmp_path_factory.mktemp("busy")
    api, down = Api(), Api()
    days = [{"timestamp": 1681171200 + 86400 * day, "line_items": [{"name": "gpt", "cost": 150}]} for day in range(2)]
    api.documents[USAGE_PATH] = {"object": "list", "daily_costs": days}
    down.worse = answer({"error": {"message": "overloaded"}}, 500)
    outputs: dict[str, Any] = {
        "prometheus": {},
        "ndjson": {"path": "rows.ndjson"},
        "csv": {"folder": "csv"},
        "influx": {"path": "rows.influx"},
        "textfile": {"path": "openai.prom", "interval": 1},
    }
    nothing = Answer(b"", 200, {"Content-Type": "application/x-protobuf"})
    with (
        origin(api.answers()) as server,
        origin(down.answers()) as broken,
        origin({"/hook": Answer(b"{}"), "/v1/metrics": nothing}) as receiver,
    ):
        outputs["webhook"] = {"url": f"http://127.0.0.1:{receiver.port}/hook"}
        outputs["otlp"] = {"url": f"http://127.0.0.1:{receiver.port}/v1/metrics"}
        (folder / "wrong").write_text("sess-wrong-key-0987654321")
        monitors: list[dict[str, Any]] = [
            {"name": "acme", "tags": {"team": 'm"l'}},
            {"name": "refused", "params": {"token": {"file": "wrong"}}},
            {"name": "down", "params": {"port": broken.port}},
        ]
        path = write_config(folder, monitors, server.port, outputs=outputs)
        with serving(path, "--log-format", "json", "--log-level", "debug") as service:
            service.ready()
            yield Busy(service, receiver)


def documented() -> set[str]:
    """Find the series of the three sets that the page about outputs promises."""
    page = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8")
    part = page.partition("### The three OpenAI sets")[2].partition("Only while something is wrong")[0]
    return set(re.findall(r"^\| `(\w+)", part, re.MULTILINE))


def test_the_series_are_those_of_the_page(busy: Busy) -> None:
    samples = busy.service.metrics().samples()
    found = {
        name
        for name, series in samples.items()
        if name.startswith(tuple(f"openai_{metrics}_" for metrics in SETS))
        and any(labels["monitor"] == "acme" for labels, _ in series)
    }
    assert found == documented() - {"openai_billing_subscription_delinquent"}


def test_values_and_labels(busy: Busy) -> None:
    page = busy.service.metrics()
    acme = {"monitor": "acme", "team": 'm"l'}
    assert page.value("openai_credit_grants_total_available_usd", **acme) == 12.75
    assert page.value("openai_credit_grants_up", **acme) == 1
    assert page.value("openai_billing_subscription_has_payment_method", **acme) == 1
    assert page.value("openai_billing_subscription_canceled", **acme) == 0
    [(labels, value)] = page.samples()["openai_billing_subscription_info"]
    assert value == 1
    assert labels == {**acme, "plan": "Pay-as-you-go", "trust_tier": "tier_3", "billing_mechanism": "advance"}
    assert page.value("openai_credit_grants_last_success_timestamp_seconds", **acme) == pytest.approx(
        time.time(), abs=600
    )


def test_costs_with_equal_labels_are_added_up_and_counted(busy: Busy) -> None:
    page = busy.service.metrics()
    assert page.value("openai_model_cost_usd", monitor="acme", model_name="gpt") == 3
    assert any(value for _, value in page.samples()["openai_monitor_merged_rows"])


def test_a_refused_key_and_an_api_that_is_down_are_told_apart(busy: Busy) -> None:
    page = busy.service.metrics()
    assert page.value("openai_credit_grants_trouble", monitor="refused", trouble="key_refused") == 1
    assert page.value("openai_credit_grants_trouble", monitor="down", trouble="api_down") == 1
    assert page.value("openai_credit_grants_trouble", monitor="acme") is None
    assert page.value("openai_credit_grants_up", monitor="refused") == 0
    assert page.value("openai_monitor_up", monitor="down") == 0


def test_own_metrics(busy: Busy) -> None:
    samples = busy.service.metrics().samples()
    for name in ("rounds_due_total", "requests_total", "request_retries_total", "requests_in_flight", "rounds_queued"):
        assert f"openai_monitor_{name}" in samples
    assert {labels["output"] for labels, value in samples["openai_monitor_output_up"] if value == 1} >= {
        "ndjson", "csv", "influx", "textfile", "webhook", "otlp",
    }  # fmt: skip


def test_all_own_metrics_are_on_the_page_about_outputs(busy: Busy) -> None:
    page = (ROOT / "docs" / "outputs.md").read_text(encoding="utf-8").partition("## Prometheus")[2]
    named = set(re.findall(r"`(openai_monitor_\w+)", page))
    named |= {f"openai_monitor_rounds{rest}" for rest in re.findall(r"`…(_\w+)`", page)}
    found = {name for name in busy.service.metrics().samples() if name.startswith("openai_monitor_")}
    assert found <= named


def test_every_output_has_the_rows(busy: Busy) -> None:
    service, receiver = busy
    folder = service.folder
    until(lambda: ("acme", "billing_subscription") in collected(folder / "rows.ndjson"))
    line = next(line for line in lines_of(folder / "rows.ndjson") if line["metrics"] == "credit_grants")
    assert line["row"]["total_available"] == 12.75
    assert line["tags"] == {"team": 'm"l'}
    table = folder / "csv" / "openai.credit_grants.csv"
    until(lambda: table.exists() and table.read_text().count("\n") > 1)
    assert next(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))["total_available"] == "12.75"
    influx = folder / "rows.influx"
    until(lambda: "total_available=12.75" in (influx.read_text() if influx.exists() else ""))
    textfile = folder / "openai.prom"
    wanted = "openai_credit_grants_total_available_usd{"
    until(lambda: textfile.exists() and wanted in textfile.read_text())
    until(lambda: {"/hook", "/v1/metrics"} <= set(receiver.paths()))

    def posted() -> list[dict[str, Any]]:
        bodies = [json.loads(asked.body) for asked in list(receiver.asked) if asked.path == "/hook"]
        return [found for body in bodies for found in body["rounds"]]

    until(lambda: {"acme", "refused", "down"} <= {found["monitor"] for found in posted()})
    told = {found["monitor"]: found for found in posted()}
    assert told["refused"]["trouble"] == "key_refused"
    assert told["acme"]["metrics"][0]["rows"][0]["total_available"] == 12.75
    until(lambda: any(b"openai.credit_grants.total_available" in body for body in otlp_bodies(receiver)))


def otlp_bodies(receiver: Origin) -> list[bytes]:
    asked = [found for found in list(receiver.asked) if found.path == "/v1/metrics"]
    return [gzip.decompress(found.body) if "content-encoding" in found.headers else found.body for found in asked]


def test_private_data_and_keys_are_nowhere(busy: Busy) -> None:
    service, receiver = busy
    test_every_output_has_the_rows(busy)
    written = [
        path.read_bytes()
        for path in service.folder.rglob("*")
        if path.is_file() and path.name not in {"key", "wrong"} and not path.name.startswith("history")
    ]
    sent = [asked.body for asked in receiver.asked] + otlp_bodies(receiver)
    everything = b"\n".join(
        [*written, *sent, service.metrics().body.encode(), service.get("/probe?monitor=acme").body.encode()]
    )
    for word in ("ann@private", "PO-PRIVATE", "VAT-PRIVATE", "Private Street", "Private Road"):
        assert word.encode() not in everything, word
    everything += b"".join(path.read_bytes() for path in service.folder.glob("history*"))
    for key in (KEY, "sess-wrong-key-0987654321"):
        for shape in (key.encode(), base64.b64encode(key.encode())):
            assert shape not in everything


def test_a_probe_collects_now(busy: Busy) -> None:
    page = busy.service.get("/probe?monitor=acme")
    assert page.status == 200
    assert page.value("probe_success") == 1
    assert page.value("probe_duration_seconds") is not None
    assert page.value("openai_credit_grants_total_available_usd", monitor="acme") == 12.75
    assert busy.service.get("/probe?monitor=refused").value("probe_success") == 0
    assert busy.service.get("/probe?monitor=nobody").status == 404
    assert busy.service.get("/probe").status == 400


def test_health_and_an_address_that_is_none(busy: Busy) -> None:
    assert busy.service.get("/healthz").status == 200
    assert busy.service.get("/readyz").status == 200
    assert busy.service.get("/nothing").status == 404


def test_status(busy: Busy, run: Run) -> None:
    config = ("--config", str(busy.service.path))

    def states() -> dict[str, dict[str, Any]]:
        return {found["monitor"]: found for found in json.loads(run("status", *config, "--format", "json").out)}

    until(lambda: set(states()) == {"acme", "refused", "down"})
    assert states()["acme"]["trouble"] is None
    assert states()["refused"]["trouble"] == "key_refused"
    assert states()["down"]["trouble"] == "api_down"
    table = run("status", *config, "--format", "table")
    assert table.code == 1
    assert all(name in table.out for name in ("acme", "refused", "down"))
    assert {row["monitor"] for row in csv.DictReader(run("status", *config, "--format", "csv").out.splitlines())} == {
        "acme", "refused", "down",
    }  # fmt: skip


def test_history(busy: Busy, run: Run) -> None:
    config = ("acme", "--config", str(busy.service.path), "--metrics", "credit_grants")
    until(lambda: "12.75" in run("history", *config, "--format", "json").out)
    rows = json.loads(run("history", *config, "--since", "1h", "--format", "json").out)
    assert {row["monitor"] for row in rows} == {"acme"}
    assert rows[0]["row"]["total_available"] == 12.75
    assert [row["time"] for row in rows] == sorted(row["time"] for row in rows)
    table = list(csv.DictReader(run("history", *config, "--format", "csv").out.splitlines()))
    assert table[0]["total_available"] == "12.75"
    assert json.loads(run("history", *config, "--since", "2999-01-01", "--format", "json").out) == []
    costs = json.loads(
        run("history", "--config", str(busy.service.path), "--costs", "--since", "2d", "--format", "json").out
    )
    assert [(found["item"], found["cost"]) for found in costs if found["monitor"] == "acme"] == [("gpt", 3)]
    assert run("history", *config, "--since", "yesterweek").code == 2
    assert run("history", "nobody", "--config", str(busy.service.path)).code != 0


@pytest.mark.skipif(os.name == "nt", reason="modes are another thing on Windows")
def test_state_is_for_its_owner_only(busy: Busy) -> None:
    for path in busy.service.folder.glob("history*"):
        assert path.stat().st_mode & 0o077 == 0, path


def test_the_log_is_json_tells_who_and_names_the_round(busy: Busy) -> None:
    lines = [json.loads(line) for line in busy.service.log.splitlines()]
    assert all({"time", "level", "message"} <= line.keys() for line in lines)
    of_refused = [line for line in lines if line.get("monitor") == "refused" and line["level"] in {"warning", "error"}]
    assert any("key" in line["message"] for line in of_refused)
    assert any(line.get("round") for line in lines if line.get("monitor") == "acme")


# As time goes by


def test_a_key_that_is_refused_and_renewed(api: Api, server: Origin, tmp_path: Path) -> None:
    path = write_config(tmp_path, [{"name": "acme"}], server.port, outputs={"prometheus": {}})
    available = "openai_credit_grants_total_available_usd"
    with serving(path) as service:
        until(lambda: service.metrics().value(available) == 12.75)
        api.key = "sess-renewed-key"
        until(lambda: service.metrics().value("openai_credit_grants_up") == 0)
        gone = service.metrics()
        assert gone.value(available) is None
        assert gone.value("openai_credit_grants_trouble", trouble="key_refused") == 1
        assert gone.value("openai_credit_grants_last_success_timestamp_seconds") is not None
        service.says("WARNING", "acme", "key")
        (tmp_path / "key").write_text("sess-renewed-key")
        until(lambda: service.metrics().value(available) == 12.75)
        assert "sess-" not in service.log


def test_values_stay_while_the_api_is_down_until_they_are_stale(api: Api, server: Origin, tmp_path: Path) -> None:
    outputs = {"prometheus": {"staleness": 3}}
    path = write_config(tmp_path, [{"name": "acme"}], server.port, outputs=outputs)
    available = "openai_credit_grants_total_available_usd"
    with serving(path) as service:
        until(lambda: service.metrics().value(available) == 12.75)
        api.worse = text("<h1>Bad gateway</h1>", 502, kind="text/html")
        seen: list[tuple[float | None, float | None]] = []

        def went() -> bool:
            page = service.metrics()
            seen.append((page.value("openai_credit_grants_up"), page.value(available)))
            return seen[-1] == (0, None)

        until(went, lambda: seen)
        assert (0, 12.75) in seen
        api.worse = None
        until(lambda: service.metrics().value(available) == 12.75)


def test_reloading(server: Origin, tmp_path: Path, definition: Write) -> None:
    small = definition(metric_set("credit", {"total_used": 0}, {"url": CREDIT_PATH, **bearer()}))

    def write(*names: str) -> None:
        monitors: list[dict[str, Any]] = [{"name": name} for name in names]
        monitors[1] |= {"define": small.name}
        monitors.append({"name": "calm", "period": 3600, "params": {"organization": "org-calm"}})
        write_config(tmp_path, monitors, server.port, outputs={"prometheus": {}, **NDJSON})

    write("acme", "small")
    rows = tmp_path / "rows.ndjson"

    def monitors_up(page: Page) -> set[str]:
        up = {labels["monitor"] for labels, value in page.samples().get("openai_monitor_up", []) if value == 1}
        return up - {"calm"} if "calm" in up else set()

    with serving(tmp_path / "monitors.yml") as service:
        until(lambda: monitors_up(service.metrics()) == {"acme", "small"})
        write("acme", "small", "added")
        until(lambda: monitors_up(service.metrics()) == {"acme", "small", "added"}, lambda: service.log)
        service.path.write_text("monitors: [")
        service.says("monitors.yml:", "error")
        before = len(lines_of(rows))
        until(lambda: len(lines_of(rows)) > before)
        assert monitors_up(service.metrics()) == {"acme", "small", "added"}
        write("acme", "small")
        service.process.send_signal(signal.SIGHUP)
        until(lambda: monitors_up(service.metrics()) == {"acme", "small"}, lambda: service.log)
        small.write_text(small.read_text().replace("total_used", "total_granted"))
        until(lambda: service.metrics().value("small_credit_total_granted") == 18, lambda: service.log)
        small.write_text("metrics: [")
        service.says("small.yml:", "error")
        assert service.metrics().value("small_credit_total_granted") == 18
        assert service.end() == 0
        assert "Traceback" not in service.log
    assert sum("org-calm" in asked.everything for asked in server.asked) == len(SETS)


def bearer() -> dict[str, Any]:
    return {"authorization": {"type": "Bearer Token", "bearerTokenToken": "^_^token^_^"}}


def test_sigterm_flushes_and_ends_with_0(server: Origin, tmp_path: Path, run: Run) -> None:
    path = write_config(tmp_path, [{"name": "acme", "period": 3600}], server.port, outputs=NDJSON)
    with serving(path) as service:
        service.ready()
        assert service.end() == 0
    assert collected(tmp_path / "rows.ndjson") == {("acme", metrics) for metrics in SETS}
    assert "12.75" in run("history", "acme", "--config", str(path), "--format", "json").out


def test_kill_9_leaves_a_history_that_can_be_read(server: Origin, tmp_path: Path, run: Run) -> None:
    path = write_config(tmp_path, [{"name": "acme"}], server.port)

    def kept() -> int:
        done = run("history", "acme", "--config", str(path), "--metrics", "credit_grants", "--format", "json")
        return len(json.loads(done.out)) if done.code == 0 else 0

    with serving(path) as service:
        until(lambda: kept() > 1)
        service.process.kill()
        service.process.wait()
    before = kept()
    assert before > 1
    with serving(path) as service:
        until(lambda: kept() > before)


def test_a_damaged_history_stops_nothing(server: Origin, tmp_path: Path) -> None:
    (tmp_path / "history.sqlite").write_bytes(b"not a database at all" * 1000)
    path = write_config(tmp_path, [{"name": "acme"}], server.port, outputs=NDJSON)
    with serving(path) as service:
        until(lambda: ("acme", "model_cost") in collected(tmp_path / "rows.ndjson"))
        service.says("history.sqlite")
        assert "Traceback" not in service.log


def test_not_ready_before_the_first_round(api: Api, server: Origin, tmp_path: Path) -> None:
    gate = threading.Event()

    def slow(asked: Asked) -> Answer:
        gate.wait(PATIENCE)
        return answer(api.documents[asked.path])

    api.worse = slow
    path = write_config(tmp_path, [{"name": "acme"}], server.port)
    with serving(path) as service:
        until(lambda: server.asked)
        assert service.get("/healthz").status == 200
        assert service.get("/readyz").status == 503
        gate.set()
        service.ready()


def test_a_slow_monitor_delays_no_other_and_its_missed_rounds_are_counted(server: Origin, tmp_path: Path) -> None:
    gate = threading.Event()

    def stuck(asked: Asked) -> Answer:
        gate.wait(PATIENCE)
        return Answer(b"{}")

    with origin(dict.fromkeys((CREDIT_PATH, USAGE_PATH, SUBSCRIPTION_PATH), stuck)) as slow:
        monitors: list[dict[str, Any]] = [{"name": "stuck", "params": {"port": slow.port}}, {"name": "acme"}]
        outputs: dict[str, Any] = {"prometheus": {}, **NDJSON}
        path = write_config(tmp_path, monitors, server.port, outputs=outputs)
        with serving(path) as service:
            until(lambda: slow.asked)
            before = len(lines_of(tmp_path / "rows.ndjson"))
            until(lambda: len(lines_of(tmp_path / "rows.ndjson")) > before + 20)
            assert len(slow.asked) == 1
            gate.set()
            until(lambda: service.metrics().value("openai_monitor_rounds_skipped_total"))


def test_a_monitor_that_is_asked_too_often_slows_down_and_says_so(api: Api, server: Origin, tmp_path: Path) -> None:
    api.worse = answer({"error": {"message": "Rate limit reached"}}, 429)
    with serving(write_config(tmp_path, [{"name": "acme"}], server.port)) as service:
        service.says("acme", "429", "asked every")


def test_an_output_that_is_down_stops_no_other_and_gets_its_rows_later(server: Origin, tmp_path: Path) -> None:
    hook_port = unused_port()
    (tmp_path / "hook-url").write_text(f"http://127.0.0.1:{hook_port}/hook/t0p-secret")
    outputs: Mapping[str, Any] = {
        "prometheus": {},
        **NDJSON,
        "webhook": {"url": {"file": "hook-url"}, "headers": {"X-Hook": {"file": "key"}}},
        "csv": {"folder": "key/is-no-folder"},
    }
    path = write_config(tmp_path, [{"name": "acme"}], server.port, outputs=outputs)
    with serving(path) as service:
        until(lambda: service.metrics().value("openai_monitor_output_up", output="webhook") == 0)
        until(lambda: service.metrics().value("openai_monitor_output_up", output="csv") == 0)
        page = service.metrics()
        assert page.value("openai_monitor_output_up", output="ndjson") == 1
        assert page.value("openai_credit_grants_total_available_usd") == 12.75
        until(lambda: service.metrics().value("openai_monitor_output_buffered_rows", output="webhook"))
        first = lines_of(tmp_path / "rows.ndjson")[0]["time"]
        with origin({"/hook/t0p-secret": Answer(b"")}, port=hook_port) as hook:
            until(lambda: hook.asked, lambda: service.log)
            assert hook.asked[0].headers["x-hook"] == KEY
            assert "t0p-secret" not in service.log + service.metrics().body
            assert KEY not in service.log
            [oldest, *_] = json.loads(hook.asked[0].body)["rounds"]
            assert oldest["metrics"][0]["time"] == first


def unused_port() -> int:
    with origin({}) as found:
        return found.port


def test_authentication_and_tls_of_the_listener(server: Origin, tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    certificate.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    certificate.private_key_pem.write_to_path(tmp_path / "cert.key")
    trust = ssl.create_default_context()
    authority.configure_trust(trust)
    (tmp_path / "web").write_text("web-token")
    basic = {"username": "ann", "password": {"env": "WEB_PASSWORD"}}
    web = {
        "listen": "127.0.0.1:0",
        "authentication": {"bearer": {"file": "web"}, "basic": basic},
        "tls": {"certificate": "cert.pem", "key": "cert.key"},
    }
    path = write_config(tmp_path, [{"name": "acme"}], server.port, web=web, outputs={"prometheus": {}})
    good = "Basic " + base64.b64encode(b"ann:s3cret").decode()
    bad = "Basic " + base64.b64encode(b"ann:wrong").decode()
    with serving(path, WEB_PASSWORD="s3cret") as service:
        until(lambda: service.get("/readyz", trust).status == 200)
        assert service.get("/healthz", trust).status == 200
        for page in ("/metrics", "/probe?monitor=acme"):
            assert service.get(page, trust).status == 401
            assert service.get(page, trust, Authorization="Bearer wrong").status == 401
            assert service.get(page, trust, Authorization=bad).status == 401
        assert "openai_credit_grants_up" in service.get("/metrics", trust, Authorization="Bearer web-token").body
        assert service.get("/metrics", trust, Authorization=good).status == 200
        assert "s3cret" not in service.log
        assert "web-token" not in service.log


# check


def check(run: Run, port: int, *arguments: str, **environment: str) -> tuple[int, dict[str, Any]]:
    address = ["--param", f"port={port}", "--param", "ssl=false", "--format", "json"]
    done = run("check", "--host", "127.0.0.1", *address, *arguments, **environment)
    return done.code, done.document()


def test_check_needs_no_key(run: Run, server: Origin) -> None:
    code, found = check(run, server.port)
    assert code == 0
    assert found["ok"]
    assert all(step["ok"] for step in found["steps"])
    assert any(step.get("status") == 401 for step in found["steps"])
    assert all("authorization" not in asked.headers for asked in server.asked)


def test_check_with_a_key_tells_what_it_may_read(run: Run, api: Api, server: Origin) -> None:
    code, found = check(run, server.port, OPENAI_TOKEN=KEY)
    assert code == 0
    assert {each["name"]: each["ok"] for each in found["sets"]} == dict.fromkeys(SETS, True)
    api.key = "another"
    code, found = check(run, server.port, OPENAI_TOKEN=KEY)
    assert code == 1
    assert not any(each["ok"] for each in found["sets"])
    assert KEY not in json.dumps(found)


def test_check_says_where_the_way_ends_and_what_to_do(run: Run) -> None:
    code, found = check(run, unused_port())
    assert code == 1
    assert [step["ok"] for step in found["steps"]] == [True, False]
    assert "refused" in found["steps"][-1]["message"]
    done = run("check", "--host", "no-such-host.invalid")
    assert done.code == 1
    assert "no-such-host.invalid" in done.out


def test_check_through_a_proxy(run: Run, server: Origin) -> None:
    with http_proxy(server.port) as proxy:
        code, found = check(run, server.port, "--proxy", f"http://127.0.0.1:{proxy.port}")
        assert code == 0, found
        assert proxy.wanted
    assert str(proxy.port) in found["proxy"]
    with origin({}) as gone:
        dead = gone.port
    code, found = check(run, server.port, "--proxy", f"http://127.0.0.1:{dead}")
    assert code == 1
    assert not found["steps"][-1]["ok"]


def test_status_without_a_history_says_what_to_do(run: Run) -> None:
    done = run("status", "--path", "nothing.sqlite")
    assert done.code == 1
    assert "openai-monitor run" in done.err


def test_check_tells_of_a_certificate_nobody_vouches_for(run: Run, api: Api) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority = trustme.CA()
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with origin(api.answers(), tls=context) as server:
        address = ["--host", "127.0.0.1", "--param", f"port={server.port}", "--format", "json"]
        done = run("check", *address)
        assert done.code == 1
        assert done.document()["steps"][-1]["step"] == "tls"
        with authority.cert_pem.tempfile() as pem:
            done = run("check", *address, "--ca-file", pem)
        assert done.code == 0, done.out
