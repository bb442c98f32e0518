"""Issue 3, "The main job", asked of the installed program: no test here knows how it works inside."""

import base64
import contextlib
import csv
import datetime as dt
import io
import json
import math
import os
import re
import signal
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
import trustme
import yaml
from tests.acceptance.conftest import Ask, Faulty, Run, Write, metric_set, parameter, plain_environment, process
from tests.acceptance.servers import Answer, Asked, Origin, answer, http_proxy, origin, socks_proxy, text

import openai_monitor
from openai_monitor import (
    Code,
    DefinitionError,
    FieldType,
    TransportSettings,
    collect_once,
    collect_once_async,
    load_definition,
)
from openai_monitor.collect.answer import AnswerLimits
from openai_monitor.sandbox import FAULTS, running
from openai_monitor.sandbox.server import Server

CREDIT_PATH = "/dashboard/billing/credit_grants"
USAGE_PATH = "/dashboard/billing/usage"
SUBSCRIPTION_PATH = "/dashboard/billing/subscription"
SETS = ["credit_grants", "model_cost", "billing_subscription"]
DEFINE = Path(__file__).parents[2] / "define" / "openai.yml"

# The bodies of the facts file, word for word.
CREDIT = json.loads("""{"object":"credit_summary","total_granted":18.0,"total_used":5.25,"total_available":12.75,
"total_paid_available":10.0,"grants":{"object":"list","data":[{"object":"credit_grant","id":"g1","grant_amount":5.0,
"used_amount":0.03,"effective_at":1680048000.0,"expires_at":1688169600.0}]}}""")
USAGE = json.loads("""{"object":"list","daily_costs":[{"timestamp":1681171200.0,"line_items":[
{"name":"Instruct models","cost":0.0},{"name":"Chat models","cost":106.619},{"name":"GPT-4","cost":0.0},
{"name":"Image models","cost":2}]}],"total_usage":106.619}""")
SUBSCRIPTION = json.loads("""{"object":"billing_subscription","has_payment_method":true,"canceled":false,
"canceled_at":null,"delinquent":null,"access_until":1685249945,"soft_limit":1000000,"hard_limit":2000000,
"system_hard_limit":2000000,"soft_limit_usd":100.0,"hard_limit_usd":120.0,"system_hard_limit_usd":120.0,
"plan":{"title":"Pay-as-you-go","id":"payg"},"primary":true,"billing_mechanism":"advance","is_arrears_eligible":false,
"max_balance":500.0,"auto_recharge_eligible":true,"auto_recharge_enabled":true,"auto_recharge_threshold":5.0,
"auto_recharge_to_balance":20.0,"trust_tier":"tier_3","account_name":"Acme","po_number":null,"billing_email":null,
"tax_ids":null,"billing_address":{"city":"…","line1":"…","line2":null,"state":"…","country":"IN",
"postal_code":"111111"},"business_address":null}""")

TIMES = {"soft_limit", "hard_limit", "system_hard_limit"}
DOLLARS = {
    "soft_limit_usd",
    "hard_limit_usd",
    "system_hard_limit_usd",
    "max_balance",
    "auto_recharge_threshold",
    "auto_recharge_to_balance",
}
SUBSCRIPTION_FIELDS = [
    "has_payment_method",
    "canceled",
    "canceled_at",
    "delinquent",
    "soft_limit",
    "hard_limit",
    "system_hard_limit",
    "soft_limit_usd",
    "hard_limit_usd",
    "system_hard_limit_usd",
    "plan",
    "primary",
    "billing_mechanism",
    "is_arrears_eligible",
    "max_balance",
    "auto_recharge_eligible",
    "auto_recharge_enabled",
    "auto_recharge_threshold",
    "auto_recharge_to_balance",
    "trust_tier",
    "account_name",
    "po_number",
    "billing_email",
    "tax_ids",
    "billing_address",
    "business_address",
]


def facts(**other: object) -> dict[str, Answer]:
    """Answer with the bodies of the facts; by name, other documents in their place."""
    documents: dict[str, object] = {"credit_grants": CREDIT, "usage": USAGE, "subscription": SUBSCRIPTION, **other}
    return {f"/dashboard/billing/{name}": answer(document) for name, document in documents.items()}


@pytest.fixture
def openai() -> Iterator[Origin]:
    with origin(facts()) as server:
        yield server


# The three sets


def test_the_three_sets_have_these_fields_in_this_order(openai: Origin, ask: Ask) -> None:
    document = ask(openai.port).document()
    assert [found["name"] for found in document["metrics"]] == SETS
    credit, cost, subscription = (found["fields"] for found in document["metrics"])
    assert [(f["name"], f["type"], f["unit"]) for f in credit] == [
        (name, "number", "USD") for name in ("total_granted", "total_used", "total_available", "total_paid_available")
    ]
    assert [(f["name"], f["type"], f["unit"], f["label"]) for f in cost] == [
        ("model_name", "string", None, True),
        ("cost", "number", "USD", False),
    ]
    assert len(SUBSCRIPTION_FIELDS) == 26
    assert [f["name"] for f in subscription] == SUBSCRIPTION_FIELDS
    for f in subscription:
        unit = "Times" if f["name"] in TIMES else "USD" if f["name"] in DOLLARS else None
        assert (f["unit"], f["type"]) == (unit, "number" if unit else "string"), f["name"]


def test_rows_equal_the_bodies_of_the_facts(openai: Origin, ask: Ask) -> None:
    done = ask(openai.port)
    assert done.code == 0
    assert done.err == ""
    assert done.rows("credit_grants") == [
        {"total_granted": 18.0, "total_used": 5.25, "total_available": 12.75, "total_paid_available": 10.0}
    ]
    assert done.rows("model_cost") == [
        {"model_name": "Instruct models", "cost": 0.0},
        {"model_name": "Chat models", "cost": 1.06619},
        {"model_name": "GPT-4", "cost": 0.0},
        {"model_name": "Image models", "cost": 0.02},
    ]
    [row] = done.rows("billing_subscription")
    assert list(row) == SUBSCRIPTION_FIELDS
    for name in SUBSCRIPTION_FIELDS:
        sent = SUBSCRIPTION[name]
        if name == "plan":
            assert row[name] == "Pay-as-you-go"
        elif isinstance(sent, bool):
            assert row[name] == str(sent).lower(), name
        elif isinstance(sent, dict):
            assert json.loads(row[name]) == sent, name
        else:
            assert row[name] == sent, name


def test_the_sandbox_shows_the_figures_of_the_facts(run: Run) -> None:
    done = run("collect", "--sandbox", "--format", "json")
    assert done.code == 0
    assert done.rows("credit_grants")[0]["total_available"] == 12.75
    assert {"model_name": "Chat models", "cost": 1.06619} in done.rows("model_cost")
    [row] = done.rows("billing_subscription")
    sent = {key: value for key, value in SUBSCRIPTION.items() if key in row and not isinstance(value, bool | dict)}
    assert {key: row[key] for key in sent} == sent
    assert json.loads(row["billing_address"])["country"] == "IN"


def test_every_line_item_of_every_day_is_a_row(ask: Ask) -> None:
    days = [
        {"timestamp": 1681171200, "line_items": [{"name": "a", "cost": 1}, {"name": "b", "cost": 2}]},
        {"timestamp": 1681257600, "line_items": []},
        {"timestamp": 1681344000, "line_items": [{"name": "a", "cost": 300, "project_id": "p"}]},
    ]
    with origin(facts(usage={"object": "list", "daily_costs": days, "total_usage": 303})) as server:
        rows = ask(server.port).rows("model_cost")
    assert [(row["model_name"], row["cost"]) for row in rows] == [("a", 0.01), ("b", 0.02), ("a", 3)]


def test_money_keeps_its_full_precision(ask: Ask) -> None:
    items = [{"name": "tiny", "cost": 0.001}, {"name": "odd", "cost": 33.3333333}, {"name": "text", "cost": "12.5"}]
    usage = {"daily_costs": [{"timestamp": 1.0, "line_items": items}]}
    with origin(facts(usage=usage)) as server:
        rows = ask(server.port).rows("model_cost")
    assert [row["cost"] for row in rows] == pytest.approx([0.00001, 0.333333333, 0.125], rel=1e-15)


def test_whole_numbers_stay_whole_and_exact(ask: Ask) -> None:
    with origin(facts(subscription={**SUBSCRIPTION, "soft_limit": 9007199254740993})) as server:
        done = ask(server.port)
    assert '"soft_limit": 9007199254740993' in done.out
    assert '"hard_limit": 2000000,' in done.out


def test_nulls_are_nulls(ask: Ask) -> None:
    nothing: dict[str, object] = {name: dict.fromkeys(body) for name, body in {"credit_grants": CREDIT}.items()}
    usage = {"daily_costs": [{"timestamp": None, "line_items": [{"name": "x", "cost": None}, {"name": None}]}]}
    with origin(facts(**nothing, usage=usage, subscription=dict.fromkeys(SUBSCRIPTION))) as server:
        done = ask(server.port)
    assert done.code == 0
    assert set(done.rows("credit_grants")[0].values()) == {None}
    assert done.rows("model_cost") == [{"model_name": "x", "cost": None}, {"model_name": None, "cost": None}]
    assert done.rows("billing_subscription") == [dict.fromkeys(SUBSCRIPTION_FIELDS)]


def test_missing_keys_are_nulls_and_lose_nothing_else(ask: Ask) -> None:
    old = {key: value for key, value in CREDIT.items() if key != "total_paid_available"}
    with origin(facts(credit_grants=old, subscription={"hard_limit_usd": 5.00004})) as server:
        done = ask(server.port)
    assert done.code == 0
    assert done.rows("credit_grants")[0]["total_paid_available"] is None
    assert done.rows("credit_grants")[0]["total_granted"] == 18
    row = done.rows("billing_subscription")[0]
    assert row.pop("hard_limit_usd") == 5.00004
    assert set(row.values()) == {None}


def test_numbers_that_arrive_as_text_are_numbers(faulty: Faulty, ask: Ask) -> None:
    with faulty("text-numbers") as server:
        done = ask(server.port)
    assert done.rows("credit_grants")[0]["total_available"] == 12.75
    assert 1.06619 in [row["cost"] for row in done.rows("model_cost")]
    assert done.rows("billing_subscription")[0]["soft_limit"] == 1000000


@pytest.mark.parametrize(
    ("plan", "title"),
    [({"id": "free"}, None), (None, None), ("payg", None), ({"title": None}, None), ({"title": "X"}, "X")],
)
def test_the_plan_is_its_title_or_null(ask: Ask, plan: object, title: str | None) -> None:
    with origin(facts(subscription={**SUBSCRIPTION, "plan": plan})) as server:
        done = ask(server.port, "--metrics", "billing_subscription")
    assert done.rows("billing_subscription")[0]["plan"] == title
    assert done.rows("billing_subscription")[0]["account_name"] == "Acme"


def test_objects_and_lists_are_json_text(ask: Ask) -> None:
    ids = [{"type": "eu_vat", "value": "DE123"}]
    with origin(facts(subscription={**SUBSCRIPTION, "tax_ids": ids, "business_address": {"city": "Köln"}})) as server:
        [row] = ask(server.port).rows("billing_subscription")
    assert json.loads(row["tax_ids"]) == ids
    assert json.loads(row["business_address"]) == {"city": "Köln"}


def test_nan_is_null_with_a_warning(ask: Ask) -> None:
    body = '{"total_granted": NaN, "total_used": 1e400, "total_available": 1}'
    with origin({**facts(), CREDIT_PATH: text(body)}) as server:
        done = ask(server.port, "--metrics", "credit_grants")
    [row] = done.rows("credit_grants")
    assert (row["total_granted"], row["total_used"], row["total_available"]) == (None, None, 1)
    assert "NaN" not in done.out
    assert done.err != ""


def test_a_bom_is_stripped_and_lenient_json_is_a_failure(ask: Ask) -> None:
    with origin({**facts(), CREDIT_PATH: text("\ufeff" + json.dumps(CREDIT))}) as server:
        assert ask(server.port).code == 0
    for body in ("{'total_granted': 1}", "{total_granted: 1}", '{"total_granted": 1,}'):
        with origin({**facts(), CREDIT_PATH: text(body)}) as server:
            assert ask(server.port, "--metrics", "credit_grants").sets()["credit_grants"]["code"] == "FAIL"


def test_a_day_without_costs_is_a_success_without_rows(ask: Ask) -> None:
    with origin(facts(usage={"object": "list", "daily_costs": [], "total_usage": 0})) as server:
        done = ask(server.port)
    assert done.code == 0
    assert done.rows("model_cost") == []


def test_a_gateway_without_daily_costs_is_told(faulty: Faulty, ask: Ask) -> None:
    with faulty("no-daily-costs") as server:
        done = ask(server.port)
    assert done.sets()["model_cost"]["rows"] == []
    assert "daily_costs" in done.err
    assert done.sets()["billing_subscription"]["code"] == "SUCCESS"


# The definition file


def test_the_shipped_file_asks_for_these_parameters() -> None:
    document = yaml.safe_load(DEFINE.read_text(encoding="utf-8"))
    assert document["app"] == "openai"
    assert "annotations" not in document, "HertzBeat 1.6 refuses it"
    params = {found["field"]: found for found in document["params"]}
    assert list(params) == ["host", "port", "ssl", "timeout", "token", "organization", "timezone"]
    assert params["host"]["defaultValue"] == "api.openai.com"
    assert (params["port"]["defaultValue"], params["ssl"]["defaultValue"]) == (443, True)
    assert params["token"]["type"] == "password"
    assert params["organization"].get("required") is not True
    assert (params["timezone"]["defaultValue"], params["timezone"]["hide"]) == ("UTC", True)
    for found in params.values():
        assert {"en-US", "zh-CN"} <= set(found["name"])
    for language in ("en-US", "zh-CN"):
        assert "120" in document["help"][language]
        assert "https://platform.openai.com/usage" in document["help"][language]
    priorities = {found["name"]: found.get("priority", 127) for found in document["metrics"]}
    assert list(priorities) == SETS
    assert priorities["credit_grants"] == 0


# The requests


def today() -> dt.date:
    return dt.datetime.now(dt.UTC).date()


@pytest.mark.parametrize("zone", ["UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Shanghai", "America/New_York"])
def test_today_is_a_utc_day_wherever_the_collector_stands(openai: Origin, ask: Ask, zone: str) -> None:
    before = today()
    ask(openai.port, "--metrics", "model_cost", TZ=zone)
    after = today()
    query = openai.only().query
    assert set(query) == {"start_date", "end_date"}
    start = dt.date.fromisoformat(query["start_date"])
    assert before <= start <= after
    assert dt.date.fromisoformat(query["end_date"]) - start == dt.timedelta(days=1)


def test_timezone_is_that_of_the_time_expressions(openai: Origin, ask: Ask) -> None:
    for zone, hours in (("Pacific/Kiritimati", 14), ("Etc/GMT+12", -12)):
        ask(openai.port, "--metrics", "model_cost", "--param", f"timezone={zone}")
        there = dt.datetime.now(dt.timezone(dt.timedelta(hours=hours))).date()
        assert openai.asked[-1].query["start_date"] == there.isoformat()


def test_the_other_two_requests_carry_no_dates(openai: Origin, ask: Ask) -> None:
    ask(openai.port)
    assert sorted(openai.paths()) == sorted([CREDIT_PATH, USAGE_PATH, SUBSCRIPTION_PATH])
    for request in openai.asked:
        assert request.method == "GET"
        assert (request.path == USAGE_PATH) == bool(request.query)


def test_headers(openai: Origin, ask: Ask) -> None:
    ask(openai.port, key="sess-abc")
    for request in openai.asked:
        assert request.headers["authorization"] == "Bearer sess-abc"
        assert request.headers["user-agent"] == f"openai-monitor/{openai_monitor.__version__}"
        assert request.headers["accept"] == "application/json"
        assert "openai-organization" not in request.headers
        assert "cookie" not in request.headers


@pytest.mark.parametrize(("given", "sent"), [("org-1", "org-1"), ("", None)])
def test_the_organization_is_sent_when_there_is_one(openai: Origin, ask: Ask, given: str, sent: str | None) -> None:
    assert ask(openai.port, "--param", f"organization={given}").code == 0
    assert [request.headers.get("openai-organization") for request in openai.asked] == [sent] * 3


def test_one_client_keeps_its_connections(openai: Origin, ask: Ask) -> None:
    ask(openai.port)
    assert len({request.peer for request in openai.asked}) <= 2


def test_priority_0_goes_first_and_equal_priorities_side_by_side(ask: Ask) -> None:
    both = threading.Barrier(2, timeout=5)

    def together(asked: Asked) -> Answer:
        assert server.paths()[0] == CREDIT_PATH
        both.wait()
        return facts()[asked.path]

    with origin({**facts(), USAGE_PATH: together, SUBSCRIPTION_PATH: together}) as server:
        assert ask(server.port).code == 0


def test_a_failing_set_of_priority_0_ends_the_round(faulty: Faulty, ask: Ask) -> None:
    with faulty("credit_grants=500") as server:
        done = ask(server.port)
        assert [request.path for request in server.requests] == [CREDIT_PATH]
    assert done.code == 1
    assert [found["code"] for found in done.document()["metrics"]] == ["FAIL"]
    assert {found["name"] for found in done.document()["skipped"]} == {"model_cost", "billing_subscription"}
    assert all("credit_grants" in found["reason"] for found in done.document()["skipped"])


def test_a_failing_set_of_a_later_priority_fails_alone(faulty: Faulty, ask: Ask) -> None:
    with faulty("usage=500") as server:
        done = ask(server.port)
    assert done.code == 1
    assert [found["code"] for found in done.document()["metrics"]] == ["SUCCESS", "FAIL", "SUCCESS"]
    assert done.document()["skipped"] == []
    assert "model_cost" in done.err


# The key


@pytest.mark.parametrize(
    "pasted",
    [
        "Bearer sess-abc",
        '"sess-abc"',
        "'sess-abc'",
        "  sess-abc\n",
        "\nBearer sess-abc\r\n",
        '"Bearer sess-abc"',
        "bearer sess-abc",
    ],
)
def test_what_people_paste_around_a_key_is_removed(openai: Origin, ask: Ask, pasted: str) -> None:
    assert ask(openai.port, "--metrics", "credit_grants", key=pasted).code == 0
    assert openai.only().headers["authorization"] == "Bearer sess-abc"


@pytest.mark.parametrize("bad", ["sess-a\x01bc", "sess-a\nbc", "sess-äbc", "sess-\u200babc", "", "  ", "Bearer ", '""'])
def test_a_key_that_can_not_be_one_is_refused_before_a_request(openai: Origin, ask: Ask, bad: str) -> None:
    done = ask(openai.port, "--token-stdin", key="", stdin=bad)
    assert done.code in {1, 2}
    assert openai.asked == []
    assert re.search(r"key|token", done.err)
    assert "sess-a" not in done.err


def test_a_key_that_can_not_be_one_is_a_bad_parameter(openai: Origin, ask: Ask) -> None:
    """Exit code 2 is documented for bad parameters; 1 would say that the service failed."""
    assert [ask(openai.port, key=bad).code for bad in ("sess-a\x01bc", "sess-äbc", '""')] == [2, 2, 2]


@pytest.mark.parametrize(("key", "fits"), [("sk-admin-abc", "openai_organization"), ("sk-abc", "openai_gateway")])
def test_an_api_key_gets_a_warning_that_names_what_fits_and_goes_on(
    openai: Origin, ask: Ask, key: str, fits: str
) -> None:
    done = ask(openai.port, key=key)
    assert done.code == 0
    assert len(openai.asked) == 3
    assert "warning" in done.err.lower()
    assert fits in done.err
    assert key not in done.err


def test_plain_http_is_refused_before_a_byte_leaves(run: Run) -> None:
    targets = [("api.openai.example", "false"), ("http://api.openai.example", "true"), ("0.0.0.0", "false")]
    with origin(facts()) as server, http_proxy(server.port) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        for host, secure in targets:
            done = run(
                *("collect", "--param", f"host={host}", "--param", f"ssl={secure}", "--param", f"port={server.port}"),
                *("--format", "json"),
                OPENAI_TOKEN="sess-abc",
                HTTP_PROXY=through,
                http_proxy=through,
            )
            assert done.code in {1, 2}, host
            assert "--allow-plaintext-token" in done.err, host
        assert proxy.seen == []
        assert server.asked == []


def test_plain_http_to_another_machine_needs_the_switch(run: Run) -> None:
    with origin(facts()) as server, http_proxy(server.port) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        done = run(
            *("collect", "--param", "host=api.openai.example", "--param", "ssl=false", "--param", "port=80"),
            *("--format", "json", "--allow-plaintext-token"),
            OPENAI_TOKEN="sess-abc",
            HTTP_PROXY=through,
            http_proxy=through,
        )
        assert done.code == 0
        assert proxy.wanted[0] == ("api.openai.example", 80)


def test_a_clear_key_to_this_machine_goes_through_no_proxy(openai: Origin, ask: Ask) -> None:
    with http_proxy(openai.port) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        for host in ("127.0.0.1", "127.9.9.9", "localhost"):
            ask(openai.port, "--param", f"host={host}", HTTP_PROXY=through, http_proxy=through, ALL_PROXY=through)
        assert proxy.seen == []


@pytest.mark.parametrize(
    "place",
    [
        {"params": {"api_key": "^_^token^_^"}},
        {"headers": {"X-Api-Key": "^_^token^_^"}},
        {"url": "/x/^_^token^_^"},
        {"method": "POST", "payload": '{"key": "^_^token^_^"}'},
        {"authorization": {"type": "Basic Auth", "basicAuthUsername": "me", "basicAuthPassword": "^_^token^_^"}},
        {"authorization": {"type": "Digest Auth", "digestAuthUsername": "me", "digestAuthPassword": "^_^token^_^"}},
    ],
)
def test_a_key_is_not_sent_in_clear_wherever_it_stands(run: Run, definition: Write, place: dict[str, object]) -> None:
    path = definition(metric_set("credit", {"a": 1}, place))
    with origin({}) as server, http_proxy(server.port) as proxy:
        done = run(
            *("collect", "--define", str(path), "--param", "host=api.example.com", "--param", "ssl=false"),
            *("--param", "port=80", "--format", "json"),
            SMALL_TOKEN="hidden-7",
            HTTP_PROXY=f"http://127.0.0.1:{proxy.port}",
        )
        assert proxy.seen == []
    assert done.code in {1, 2}
    assert "--allow-plaintext-token" in done.err
    assert "hidden-7" not in done.out + done.err


# Redirects


def test_a_redirect_to_another_origin_carries_no_key(definition: Write, ask: Ask) -> None:
    headers = {"X-Api-Key": "^_^token^_^", "X-Mine": "mine", "Cookie": "a=^_^token^_^"}
    path = definition(
        metric_set("a", {"v": 0}, {"headers": headers}),
        metric_set("b", {"v": 0}, {"authorization": {"type": "Bearer Token", "bearerTokenToken": "^_^token^_^"}}),
    )
    with origin({"/y": answer({"v": 1})}) as other:
        aside = Answer(status=302, headers={"Location": f"http://127.0.0.1:{other.port}/y"})
        with origin({"/x": aside}) as first:
            ask(first.port, "--define", str(path), key="", SMALL_TOKEN="hidden-7")
        assert all("hidden-7" in request.everything for request in first.asked)
        assert other.asked
        for request in other.asked:
            assert "hidden-7" not in request.everything
            assert not {"authorization", "x-api-key", "x-mine", "cookie", "referer"} & set(request.headers)


def test_a_redirect_within_the_origin_carries_the_key(ask: Ask) -> None:
    aside = Answer(status=307, headers={"Location": "/elsewhere"})
    with origin({**facts(), CREDIT_PATH: aside, "/elsewhere": answer(CREDIT)}) as server:
        assert ask(server.port, "--metrics", "credit_grants", key="sess-abc").code == 0
        assert server.asked[-1].headers["authorization"] == "Bearer sess-abc"


def test_a_redirect_loop_ends(ask: Ask) -> None:
    with origin({CREDIT_PATH: Answer(status=302, headers={"Location": CREDIT_PATH})}) as server:
        found = ask(server.port, "--metrics", "credit_grants").sets()["credit_grants"]
    assert found["code"] == "UN_CONNECTABLE"
    assert "redirect" in found["message"]


def test_a_key_lost_on_a_redirect_is_not_called_wrong(faulty: Faulty, ask: Ask) -> None:
    """The key was held back, on purpose: to get a new one would not help."""
    with faulty("credit_grants=redirect") as server:
        found = ask(server.port).sets()["credit_grants"]
    assert found["code"] == "FAIL"
    assert "redirect" in found["message"]


# Failures

SAID = {
    "401": ("FAIL", "401", "key", "new"),
    "403": ("FAIL", "403", "Missing scopes: api.usage.read", "rights|scope"),
    "403-session-key": ("FAIL", "403", "must be made with a session key"),
    "404": ("FAIL", "404", "host|url|address", "check"),
    "429": ("FAIL", "429", "120 s", "less often|every 120"),
    "429:0": ("FAIL", "429", "less often"),
    "429-date": ("FAIL", "429", r"1[12]\d s|\d\d:\d\d", "less often"),
    "429-bare": ("FAIL", "429", "less often"),
    "500": ("FAIL", "500", "later"),
    "502": ("FAIL", "502", "later"),
    "html-200": ("FAIL", "HTML", "JSON", "check"),
    "error-200": ("FAIL", "error", "record not found"),
    "empty": ("FAIL", "empty"),
    "truncated": ("FAIL", "JSON", "breaks off|truncated|ends"),
    "cut-off": ("FAIL", "broke off|closed", "again"),
    "reset": ("FAIL", "closed|reset", "again"),
    "hang-up": ("FAIL", "closed", "again"),
    "garbage": ("UN_CONNECTABLE", "TLS|HTTP"),
    "huge": ("FAIL", "32 MiB"),
    "gzip-bomb": ("FAIL", "32 MiB"),
}


@pytest.mark.parametrize("fault", SAID)
def test_each_failure_has_its_code_and_its_sentence(faulty: Faulty, ask: Ask, fault: str) -> None:
    with faulty(f"credit_grants={fault}") as server:
        done = ask(server.port, "--metrics", "credit_grants")
    code, *said = SAID[fault]
    [found] = done.document()["metrics"]
    assert done.code == 1
    assert found["code"] == code
    assert found["rows"] == []
    for pattern in said:
        assert re.search(pattern, found["message"]), found["message"]
    assert found["message"] in done.err
    assert "Traceback" not in done.err


def test_a_session_key_is_pointed_at(faulty: Faulty, ask: Ask) -> None:
    with faulty("credit_grants=403-session-key") as server:
        done = ask(server.port, key="sk-sandbox")
    assert re.search(r"how to get one|platform\.openai\.com/usage", done.err)


def test_an_error_object_with_status_200_is_a_failure_unless_it_is_empty(ask: Ask) -> None:
    for error, code in (({"message": "quota"}, "FAIL"), ({}, "SUCCESS"), (None, "SUCCESS")):
        with origin(facts(credit_grants={**CREDIT, "error": error})) as server:
            assert ask(server.port, "--metrics", "credit_grants").sets()["credit_grants"]["code"] == code, error


def test_an_alias_may_read_the_error(definition: Write, ask: Ask) -> None:
    path = definition(metric_set("a", {"error": 1}, {}, aliasFields=["error"]))
    with origin({"/x": answer({"error": {"message": "m"}})}) as server:
        assert json.loads(ask(server.port, "--define", str(path)).rows("a")[0]["error"]) == {"message": "m"}


def test_a_name_without_an_address_is_unreachable(run: Run) -> None:
    found = run(
        *("collect", "--param", "host=no-such-host.invalid", "--format", "json", "--metrics", "credit_grants"),
        OPENAI_TOKEN="sess-abc",
    ).sets()["credit_grants"]
    assert found["code"] == "UN_REACHABLE"
    assert "no-such-host.invalid" in found["message"]
    assert "check" in found["message"]


def test_a_closed_port_is_unconnectable(ask: Ask) -> None:
    with origin({}) as server:
        port = server.port
    found = ask(port).sets()["credit_grants"]
    assert found["code"] == "UN_CONNECTABLE"
    assert str(port) in found["message"]


def test_a_read_timeout_is_unconnectable_and_names_the_parameter(faulty: Faulty, ask: Ask) -> None:
    started = time.monotonic()
    with faulty("credit_grants=slow:60") as server:
        found = ask(server.port, "--param", "timeout=1000").sets()["credit_grants"]
    assert found["code"] == "UN_CONNECTABLE"
    assert "timeout" in found["message"]
    assert time.monotonic() - started < 30


def test_a_drip_past_the_deadline_is_a_timeout(faulty: Faulty, ask: Ask) -> None:
    started = time.monotonic()
    with faulty("credit_grants=drip:0.05") as server:
        done = ask(server.port, "--timeout", "1")
    assert done.sets()["credit_grants"]["code"] == "TIMEOUT"
    assert done.code == 1
    assert time.monotonic() - started < 30


def test_the_body_limit_is_counted_after_decompression() -> None:
    exact = json.dumps(CREDIT).encode()
    definition = load_definition("openai")
    with origin({**facts(), CREDIT_PATH: Answer(exact)}) as server:
        values = {"host": "127.0.0.1", "port": str(server.port), "ssl": "false", "token": "sess-abc"}
        for limit, code in ((len(exact), Code.SUCCESS), (len(exact) - 1, Code.FAIL)):
            settings = TransportSettings(limits=AnswerLimits(body=limit))
            [found] = collect_once(definition, values, metrics=["credit_grants"], settings=settings).results
            assert found.code is code


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="peak memory is read from /proc")
def test_a_gigabyte_costs_no_memory(faulty: Faulty) -> None:
    # Not ru_maxrss: it starts with what the process had that started this one.
    script = (
        "import re, sys; from openai_monitor.cli import main; code = main(sys.argv[1:]);"
        "print(code, re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1], file=sys.stderr)"
    )
    with faulty("credit_grants=huge:1073741824") as big:
        done = subprocess.run(
            [
                *(sys.executable, "-c", script, "collect", "--param", "host=127.0.0.1", "--param", f"port={big.port}"),
                *("--param", "ssl=false", "--metrics", "credit_grants", "--format", "json"),
            ],
            capture_output=True,
            encoding="utf-8",
            env=plain_environment(OPENAI_TOKEN="sess-sandbox"),
            timeout=30,
            check=False,
        )
    code, peak = done.stderr.split()[-2:]
    assert code == "1"
    assert int(peak) < 200_000  # kilobytes


# TLS and proxies


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def ca_file(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(str(path))
    return str(path)


@contextlib.contextmanager
def secure(authority: trustme.CA, *names: str) -> Iterator[Server]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(*names).configure_cert(context)
    with running(tls=context) as server:
        yield server


def over_tls(port: int, *more: str, host: str = "127.0.0.1") -> list[str]:
    return ["collect", "--param", f"host={host}", "--param", f"port={port}", "--format", "json", *more]


KEY = {"OPENAI_TOKEN": "sess-sandbox"}


def test_a_certificate_nobody_vouches_for_is_refused(authority: trustme.CA, run: Run) -> None:
    with secure(authority, "127.0.0.1") as server:
        done = run(*over_tls(server.port), **KEY)
        assert len(server.requests) == 0
    found = done.sets()["credit_grants"]
    assert found["code"] == "UN_CONNECTABLE"
    assert "certificate" in found["message"]
    assert "--ca-file" in done.err or "SSL_CERT_FILE" in done.err


def test_certificates_of_a_file_are_trusted(authority: trustme.CA, ca_file: str, run: Run) -> None:
    with secure(authority, "127.0.0.1") as server:
        assert run(*over_tls(server.port, "--ca-file", ca_file), **KEY).code == 0
        assert run(*over_tls(server.port), SSL_CERT_FILE=ca_file, **KEY).code == 0


def test_a_certificate_of_another_name_is_refused(authority: trustme.CA, ca_file: str, run: Run) -> None:
    with secure(authority, "other.example") as server:
        done = run(*over_tls(server.port, "--ca-file", ca_file), **KEY)
        assert len(server.requests) == 0
    assert done.sets()["credit_grants"]["code"] == "UN_CONNECTABLE"


@pytest.mark.parametrize("how", ["switch", "environment"])
def test_a_certificate_file_that_is_not_there_is_bad_usage(run: Run, how: str) -> None:
    more = ("--ca-file", "/no/such.pem") if how == "switch" else ()
    environment = {"SSL_CERT_FILE": "/no/such.pem"} if how == "environment" else {}
    done = run(*over_tls(1, *more), **environment, **KEY)
    assert done.code == 2
    assert "/no/such.pem" in done.err


def test_https_goes_through_an_http_proxy(authority: trustme.CA, ca_file: str, run: Run) -> None:
    with secure(authority, "api.test.invalid") as server, http_proxy(server.port) as proxy:
        through = f"http://127.0.0.1:{proxy.port}"
        done = run(*over_tls(443, "--ca-file", ca_file, host="api.test.invalid"), HTTPS_PROXY=through, **KEY)
        assert done.code == 0
        assert set(proxy.wanted) == {("api.test.invalid", 443)}
        assert b"sess-sandbox" not in b"".join(proxy.seen)


def test_https_goes_through_a_socks_proxy(authority: trustme.CA, ca_file: str, run: Run) -> None:
    with secure(authority, "api.test.invalid") as server, socks_proxy(server.port) as proxy:
        through = f"socks5://127.0.0.1:{proxy.port}"
        done = run(*over_tls(443, "--ca-file", ca_file, host="api.test.invalid"), ALL_PROXY=through, **KEY)
        assert done.code == 0
        assert set(proxy.wanted) == {("api.test.invalid", 443)}


def test_no_proxy_is_honoured(authority: trustme.CA, ca_file: str, run: Run) -> None:
    with secure(authority, "localhost") as server, http_proxy(server.port) as proxy:
        through = {"HTTPS_PROXY": f"http://127.0.0.1:{proxy.port}", "NO_PROXY": "localhost"}
        done = run(*over_tls(server.port, "--ca-file", ca_file, host="localhost"), **through, **KEY)
        assert done.code == 0
        assert proxy.seen == []


# The key shows nowhere

SECRET = "sess-Zq9/w+Xr=7Lm~4tT"
SHAPES = [SECRET, base64.b64encode(SECRET.encode()).decode(), quote(SECRET, safe=""), json.dumps(SECRET)[1:-1]]


def clean(*texts: str) -> None:
    for said in texts:
        for shape in SHAPES:
            assert shape not in said
            assert shape[5:15] not in said


@pytest.mark.parametrize("form", ["json", "table", "ndjson"])
def test_the_key_shows_in_no_failure(faulty: Faulty, ask: Ask, form: str) -> None:
    quick = [name for name in FAULTS if name not in {"slow", "drip", "huge", "gzip-bomb"} and "cursor" not in name]
    with faulty() as server:
        for fault in [*quick, "slow:0.01"]:
            server.switch(fault)
            done = ask(server.port, "-v", "--format", form, key=SECRET)
            clean(done.out, done.err)


def test_the_key_shows_in_no_failure_that_repeats_it(ask: Ask) -> None:
    echo = f"Incorrect API key provided: {SECRET} or {quote(SECRET, safe='')}"
    answers = [
        answer({"error": {"message": echo, "code": SECRET}}, 401),
        answer({"error": {"message": echo}}, 200),
        answer({"error": echo}, 403),
        text(f"<html><title>{echo}</title></html>", kind="text/html"),
        text(f"<html>{echo}</html>", 502, kind="text/html"),
        text(f"{SECRET} is not JSON"),
        text(f'{{"{SECRET}'),
        answer({"error": {"message": "wait"}}, 429, **{"Retry-After": SECRET}),
        Answer(status=302, headers={"Location": f"http://{quote(SECRET, safe='')}.invalid/{SECRET}"}),
        Answer(status=302, headers={"Location": f"ftp://x/{SECRET}"}),
        Answer(b"x", 200, {"Content-Type": SECRET, "Content-Encoding": SECRET}),
    ]
    for each in answers:
        with origin({CREDIT_PATH: each}) as server:
            done = ask(server.port, "-v", key=SECRET)
        assert done.code == 1
        clean(done.out, done.err)


def test_the_key_shows_in_no_usage_error(openai: Origin, ask: Ask, run: Run, tmp_path: Path) -> None:
    params = tmp_path / "params.yml"
    params.write_text(f'token: "{SECRET}\nhost: x\n', encoding="utf-8")
    bad_json = tmp_path / "params.json"
    bad_json.write_text(f'{{"token": "{SECRET}", "port": }}', encoding="utf-8")
    lines = [
        ["collect", "--param", SECRET],
        ["collect", "--param", f"tokn={SECRET}"],
        ["collect", "--param", f"token={SECRET}", "--param", "hots=1"],
        ["collect", "--param", f"port={SECRET}", "--param", f"token={SECRET}"],
        ["collect", "--params", str(params)],
        ["collect", "--params", str(bad_json)],
        ["collect", "--param", f"token={SECRET}\nx"],
        ["collect", "--param", f"token={SECRET}", "--fail-if", "nope"],
    ]
    for line in lines:
        done = run(*line)
        assert done.code in {1, 2}, line
        clean(done.out, done.err)
    done = ask(openai.port, "-v", "--output", str(tmp_path / "rows.json"), "--param", f"token={SECRET}", key="")
    assert done.code == 0
    clean(done.out, done.err, (tmp_path / "rows.json").read_text(encoding="utf-8"))


def test_the_key_shows_in_no_repr_or_exception(faulty: Faulty) -> None:
    definition = load_definition("openai")
    with faulty("401") as server:
        values: dict[str, str | None] = {"host": server.host, "port": str(server.port), "ssl": "false", "token": SECRET}
        outcome = collect_once(definition, values)
        clean(repr(outcome), repr(openai_monitor.make_plan(definition, values)))
        clean(*(found.message for found in outcome.results))
        with pytest.raises(openai_monitor.ParameterError) as refused:
            collect_once(definition, {**values, "token": SECRET + "\x01"})
        clean(str(refused.value), repr(refused.value))
    with pytest.raises(openai_monitor.ParameterError) as caught:
        collect_once(definition, {**values, "port": SECRET})
    chain: BaseException | None = caught.value
    while chain is not None:
        clean(str(chain), repr(chain))
        chain = chain.__cause__ or chain.__context__


def test_a_secret_cell_is_masked_in_every_output(definition: Write, ask: Ask, tmp_path: Path) -> None:
    path = definition(metric_set("a", {"hidden": 2, "open": 1}, {}))
    with origin({"/x": answer({"hidden": "cell-5x5", "open": "yes"})}) as server:
        for form in ("json", "ndjson", "table", "csv"):
            done = ask(server.port, "--define", str(path), "--format", form)
            assert "yes" in done.out
            assert "***" in done.out
            assert "cell-5x5" not in done.out + done.err
        [found] = collect_once(
            load_definition(str(path)), {"host": "127.0.0.1", "port": str(server.port), "ssl": "false", "token": "x"}
        ).results
    assert list(found.records()) == [{"hidden": "cell-5x5", "open": "yes"}]
    assert found.fields[0].type is FieldType.SECRET


# The command's outputs


def test_json_is_one_object_of_this_shape(openai: Origin, ask: Ask) -> None:
    document = ask(openai.port, "--name", "prod", "--tag", "team=a", "--tag", "env=b").document()
    assert list(document) == ["app", "name", "tags", "host", "time", "metrics", "skipped"]
    assert (document["app"], document["name"], document["host"]) == ("openai", "prod", "127.0.0.1")
    assert document["tags"] == {"team": "a", "env": "b"}
    assert dt.datetime.fromisoformat(document["time"]).utcoffset() == dt.timedelta(0)
    for found in document["metrics"]:
        assert list(found) == ["name", "code", "message", "duration_ms", "fields", "rows"]
        assert found["duration_ms"] > 0
        for each in found["fields"]:
            assert list(each) == ["name", "type", "unit", "label"]
        for row in found["rows"]:
            assert list(row) == [each["name"] for each in found["fields"]]


def test_ndjson_is_one_row_a_line(openai: Origin, ask: Ask) -> None:
    done = ask(openai.port, "--format", "ndjson", "--name", "prod", "--tag", "team=a")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert len(lines) == 6
    for line in lines:
        assert (line["app"], line["name"], line["tags"]) == ("openai", "prod", {"team": "a"})
        assert line["metrics"] in SETS
        assert dt.datetime.fromisoformat(line["time"]).utcoffset() == dt.timedelta(0)
    assert lines[2]["row"] == {"model_name": "Chat models", "cost": 1.06619}


def test_ndjson_is_the_default_off_a_terminal(run: Run) -> None:
    done = run("collect", "--sandbox", "--metrics", "credit_grants")
    assert json.loads(done.out)["metrics"] == "credit_grants"


def test_csv_of_one_set_carries_name_and_tags(openai: Origin, ask: Ask) -> None:
    done = ask(openai.port, "--format", "csv", "--metrics", "model_cost", "--name", "prod", "--tag", "team=a")
    rows = list(csv.DictReader(io.StringIO(done.out)))
    assert [float(row["cost"]) for row in rows] == [0, 1.06619, 0, 0.02]
    assert all({"prod", "a"} <= set(row.values()) for row in rows)


def test_csv_of_several_sets_goes_to_a_folder_and_says_so_otherwise(openai: Origin, ask: Ask, tmp_path: Path) -> None:
    done = ask(openai.port, "--format", "csv")
    assert done.code == 2
    assert "--output" in done.err
    assert openai.asked == []
    folder = tmp_path / "out"
    assert ask(openai.port, "--format", "csv", "--output", str(folder)).code == 0
    assert sorted(path.stem for path in folder.iterdir()) == sorted(SETS)
    with (folder / "billing_subscription.csv").open(encoding="utf-8", newline="") as file:
        [row] = csv.DictReader(file)
    assert row["canceled_at"] == ""
    assert json.loads(row["billing_address"])["country"] == "IN"


def test_output_writes_the_file_and_prints_no_rows(openai: Origin, ask: Ask, tmp_path: Path) -> None:
    path = tmp_path / "account.json"
    done = ask(openai.port, "--output", str(path))
    assert done.out == ""
    assert json.loads(path.read_text(encoding="utf-8"))["app"] == "openai"


def test_the_table_is_legible(openai: Origin, ask: Ask) -> None:
    done = ask(openai.port, "--format", "table", "--name", "prod", "--tag", "team=a")
    assert "\x1b" not in done.out
    assert "prod" in done.out
    assert "team=a" in done.out
    assert "$1.06619" in done.out
    assert "1.0661900000000001" not in done.out
    assert "(USD)" in done.out
    assert "(Times)" in done.out
    lines = done.out.splitlines()
    for name in SUBSCRIPTION_FIELDS:
        assert any(line.split()[:1] == [name] for line in lines), f"{name} has a line of its own"
    costs = [line for line in lines if re.search(r"models|GPT-4", line)]
    assert len({len(line) for line in costs}) == 1, "numbers are right-aligned"


def test_metrics_prints_only_what_was_named(openai: Origin, ask: Ask) -> None:
    done = ask(openai.port, "--metrics", "model_cost", "billing_subscription")
    assert list(done.sets()) == ["model_cost", "billing_subscription"]
    assert done.code == 0


def test_an_unknown_metric_set_is_bad_usage_that_names_those_there_are(openai: Origin, ask: Ask) -> None:
    done = ask(openai.port, "--metrics", "model_costs", "nope")
    assert done.code == 2
    for name in ("model_costs", "nope", *SETS):
        assert name in done.err
    assert openai.asked == []


def test_what_a_set_depends_on_runs_unprinted(run: Run) -> None:
    with running() as server:
        done = run(
            *("collect", "--define", "openai_gateway", "--param", f"host={server.host}", "--param", "ssl=false"),
            *("--param", f"port={server.port}", "--metrics", "limit", "--format", "json"),
            OPENAI_GATEWAY_TOKEN="sk-gateway-sandbox",
        )
        assert len(server.requests) == 3
    assert list(done.sets()) == ["limit"]
    assert done.rows("limit")[0]["limit"] == 10


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("credit_grants.total_available < 20", 3),
        ("credit_grants.total_available < 5", 0),
        ("model_cost.cost > 1", 3),
        ("model_cost.model_name == 'GPT-4' && model_cost.cost > 0", 0),
        ("billing_subscription.plan eq 'Pay-as-you-go'", 3),
        ("billing_subscription.po_number == null", 3),
        ("billing_subscription.canceled_at > 5", 1),  # null: said, not judged
        ("credit_grants.total_used / credit_grants.total_granted > 0.25 and true", 3),
        ("credit_grants.total_available <", 2),
        ("credit_grants.nope < 1", 2),
        ("nope.total < 1", 2),
    ],
)
def test_fail_if(openai: Origin, ask: Ask, condition: str, code: int) -> None:
    done = ask(openai.port, "--fail-if", condition)
    assert done.code == code, done.err
    if code == 3:
        assert condition in done.err
        assert len(done.err.splitlines()) == 1
        assert list(done.sets()) == SETS
    if code == 2:
        assert openai.asked == []


def test_fail_if_repeats_and_is_told_when_it_can_not_be_judged(faulty: Faulty, ask: Ask) -> None:
    conditions = ("--fail-if", "model_cost.cost > 1", "--fail-if", "credit_grants.total_available < 20")
    with faulty("usage=500") as server:
        done = ask(server.port, *conditions)
        assert done.code == 3
        assert "credit_grants.total_available < 20" in done.err
        done = ask(server.port, *conditions[:2])
        assert done.code == 1
        assert "model_cost.cost > 1" in done.err


def test_verbose_shows_requests_and_no_secret(openai: Origin, ask: Ask) -> None:
    done = ask(openai.port, "-v", key=SECRET)
    assert CREDIT_PATH in done.err
    assert CREDIT_PATH not in done.out
    clean(done.err)


# Parameters


def test_the_strongest_source_of_a_key_wins(openai: Origin, ask: Ask, tmp_path: Path) -> None:
    """--param, --params, --token-file, the environment: each is found once those before it are gone."""
    (tmp_path / "p.yml").write_text("token: sess-params\n", encoding="utf-8")
    (tmp_path / "t").write_text("sess-file\n", encoding="utf-8")
    sources = [("--param", "token=sess-param"), ("--params", "p.yml"), ("--token-file", "t")]
    for index, key in enumerate(["sess-param", "sess-params", "sess-file", "sess-env"]):
        given = [word for source in sources[index:] for word in source]
        ask(openai.port, "--metrics", "credit_grants", *given, key="", OPENAI_TOKEN="sess-env")
        assert openai.asked[-1].headers["authorization"] == f"Bearer {key}"
    ask(openai.port, "--metrics", "credit_grants", "--token-stdin", key="sess-env", stdin="sess-stdin\n")
    assert openai.asked[-1].headers["authorization"] == "Bearer sess-stdin"


def test_other_parameters_come_from_the_environment_and_files_too(openai: Origin, run: Run, tmp_path: Path) -> None:
    (tmp_path / "p.json").write_text(json.dumps({"port": openai.port, "ssl": False}), encoding="utf-8")
    environment = {
        "OPENAI_MONITOR_HOST": "127.0.0.1",
        "OPENAI_MONITOR_PORT": "1",
        "OPENAI_MONITOR_ORGANIZATION": "org-env",
        "OPENAI_PORT": "tcp://10.0.0.1:80",  # Kubernetes sets it beside a service of this name
        "OPENAI_HOST": "nowhere.invalid",
        "OPENAI_TOKEN": "sess-abc",
    }
    assert run("collect", "--params", "p.json", "--metrics", "credit_grants", **environment).code == 0
    assert openai.only().headers["openai-organization"] == "org-env"


def test_a_null_in_a_file_is_a_given_null(openai: Origin, ask: Ask, tmp_path: Path) -> None:
    (tmp_path / "p.yml").write_text("organization: null\n", encoding="utf-8")
    ask(openai.port, "--params", "p.yml", OPENAI_MONITOR_ORGANIZATION="org-env")
    assert "openai-organization" not in openai.asked[0].headers


def test_one_message_names_all_that_is_missing_or_unknown(run: Run) -> None:
    done = run(
        "collect", "--define", "openai_gateway", "--param", "hots=x", "--param", "tokne=y", "--param", "port=abc"
    )
    assert done.code == 2
    for word in ("hots", "tokne", "host", "token", "port", "abc", "443", "number", "password", "default"):
        assert word in done.err
    assert done.err.count("error:") == 1


def test_a_missing_key_off_a_terminal_says_how_to_give_it(run: Run) -> None:
    done = run("collect")
    assert done.code == 2
    for word in ("token", "OPENAI_TOKEN", "--token-file"):
        assert word in done.err


def test_a_key_on_the_command_line_works_and_warns(openai: Origin, ask: Ask) -> None:
    done = ask(openai.port, "--param", "token=sess-abc", key="")
    assert done.code == 0
    assert "warning" in done.err
    assert "sess-abc" not in done.err


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_on_a_terminal_the_key_is_asked_for_hidden_and_a_table_is_printed() -> None:
    import pty

    said = b""
    with origin({**facts(), CREDIT_PATH: _slowly}) as server:
        ours, theirs = pty.openpty()
        line = ["collect", "--param", "host=127.0.0.1", "--param", f"port={server.port}", "--param", "ssl=false"]
        child = subprocess.Popen(
            [sys.executable, "-m", "openai_monitor", *line],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            start_new_session=True,
            env=plain_environment(TERM="xterm-256color"),
        )
        os.close(theirs)
        try:
            typed = False
            with contextlib.suppress(OSError):
                while data := os.read(ours, 4096):
                    said += data
                    if not typed and re.search(rb"(?i)key|token", said):
                        time.sleep(0.3)
                        os.write(ours, b"sess-typed\n")
                        typed = True
            assert child.wait(20) == 0, said
        finally:
            child.kill()
            child.wait()
            os.close(ours)
        assert {request.headers["authorization"] for request in server.asked} == {"Bearer sess-typed"}
    assert b"sess-typed" not in said
    assert b"$1.06619" in said
    before, _, _ = said.partition(b"12.75")
    assert b"credit_grants" in before or b"asking" in before.lower()
    assert b"\x1b[" in said, "colours or a progress line on a terminal"


def _slowly(asked: Asked) -> Answer:
    time.sleep(1.6)
    return answer(CREDIT)


# The command itself


def test_definitions_are_found_from_any_folder_and_a_path_wins(
    openai: Origin, ask: Ask, tmp_path: Path, definition: Write
) -> None:
    assert ask(openai.port, "--define", "openai").code == 0
    definition(metric_set("mine", {"object": 1}, {"url": SUBSCRIPTION_PATH})).rename(tmp_path / "openai")
    assert list(ask(openai.port, "--define", "openai", SMALL_TOKEN="x").sets()) == ["mine"]


def test_definitions_lists_the_shipped_ones(run: Run) -> None:
    listed = run("definitions").out
    for path in DEFINE.parent.glob("*.yml"):
        if not path.name.endswith(".test.yml"):
            assert path.stem in listed


def test_params_shows_what_a_definition_asks_for(run: Run) -> None:
    shown = run("params", "--define", "openai").out
    for word in (
        "host",
        "api.openai.com",
        "443",
        "token",
        "password",
        "organization",
        "timezone",
        "UTC",
        "OPENAI_TOKEN",
    ):
        assert word in shown


def test_help_is_complete(run: Run) -> None:
    done = run("--help")
    assert done.code == 0
    for word in (
        "collect",
        "balance",
        "params",
        "definitions",
        "sandbox",
        "completion",
        "130",
        "OPENAI_TOKEN",
        "HTTPS_PROXY",
    ):
        assert word in done.out
    done = run("collect", "--help")
    options = (
        "define metrics name tag param params token-file token-stdin format output fail-if timeout ca-file sandbox"
    )
    for word in options.split():
        assert f"--{word}" in done.out
    assert run("sandbox", "--help").out.count("401") >= 1


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion(run: Run, shell: str) -> None:
    done = run("completion", shell)
    assert done.code == 0
    assert "openai-monitor" in done.out


@pytest.mark.parametrize(
    "line", [[], ["nope"], ["collect", "--nope"], ["collect", "--format", "xml"], ["collect", "--timeout", "-1"]]
)
def test_bad_usage_is_2(run: Run, line: list[str]) -> None:
    done = run(*line)
    assert done.code == 2
    assert done.err != ""
    assert done.out == ""


def test_help_and_version_import_no_http_client() -> None:
    script = (
        "import sys; from openai_monitor.cli import main; main(['--version']); main(['collect', '--help']);"
        "sys.exit(' '.join({'httpx', 'httpcore', 'h11', 'anyio', 'asyncio', 'ssl'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, encoding="utf-8", check=False)
    assert openai_monitor.__version__ in done.stdout
    assert done.stderr.strip() == ""


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_sandbox_command_serves_until_interrupted(ask: Ask) -> None:
    child = process("sandbox", "--port", "0", "--fault", "usage=429:7", PYTHONUNBUFFERED="1")
    try:
        assert child.stdout is not None
        first = child.stdout.readline()
        found = re.search(r"http://127\.0\.0\.1:(\d+)", first)
        assert found is not None, first
        done = ask(int(found[1]))
        assert done.code == 1
        assert done.rows("credit_grants")[0]["total_available"] == 12.75
        assert "7 s" in done.sets()["model_cost"]["message"]
        child.send_signal(signal.SIGINT)
        _, errors = child.communicate(timeout=10)
        assert child.returncode == 130
        assert "Traceback" not in errors
    finally:
        child.kill()
        child.communicate()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_ctrl_c_is_130_and_quiet(faulty: Faulty) -> None:
    with faulty("credit_grants=slow:20") as server:
        child = process(
            *("collect", "--param", "host=127.0.0.1", "--param", f"port={server.port}", "--param", "ssl=false"),
            OPENAI_TOKEN="sess-sandbox",
        )
        for _ in range(200):
            if server.requests:
                break
            time.sleep(0.05)
        child.send_signal(signal.SIGINT)
        out, errors = child.communicate(timeout=10)
    assert child.returncode == 130
    assert out == ""
    assert "Traceback" not in errors


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_closed_pipe_ends_quietly(openai: Origin) -> None:
    child = process(
        *("collect", "--param", "host=127.0.0.1", "--param", f"port={openai.port}", "--param", "ssl=false"),
        OPENAI_TOKEN="sess-abc",
    )
    assert child.stdout is not None
    child.stdout.close()
    assert child.stderr is not None
    assert child.stderr.read() == ""
    child.stderr.close()
    child.wait(10)


# The engine, as a definition shows it


def collected(definition: Path, body: object, ask: Ask, name: str = "s") -> list[dict[str, object]]:
    with origin({"/x": answer(body)}) as server:
        return ask(server.port, "--define", str(definition)).rows(name)


def test_calculates(definition: Write, ask: Ask) -> None:
    expressions = {
        "sum": "a + b * 2",
        "share": "a / total * 100",
        "state": "a > 3 ? 'high' : 'low'",
        "null_test": "n == null ? 'none' : 'some'",
        "joined": "name + '-' + name",
        "lost": "n + 1",
        "divided": "a / zero",
        "mapped": "b",
    }
    texts = {"state", "null_test", "joined"}
    path = definition(
        metric_set(
            "s",
            {key: 1 if key in texts else 0 for key in expressions},
            {},
            aliasFields=["a", "b", "total", "n", "name", "zero"],
            calculates=[f"{key}={value}" for key, value in expressions.items()],
        )
    )
    [row] = collected(path, {"a": 4, "b": 2.5, "total": 16, "n": None, "name": "x", "zero": 0}, ask)
    assert row == {
        "sum": 9,
        "share": 25,
        "state": "high",
        "null_test": "none",
        "joined": "x-x",
        "lost": None,
        "divided": None,
        "mapped": 2.5,
    }


def test_units_convert(definition: Write, ask: Ask) -> None:
    path = definition(metric_set("s", {"used": 0, "free": 0}, {}, units=["used=B->MB"]))
    [row] = collected(path, {"used": 3145728, "free": "12%"}, ask)
    assert row == {"used": 3, "free": 12}


def test_aliases_look_inside_their_own_row(definition: Write, ask: Ask) -> None:
    path = definition(
        metric_set(
            "s",
            {"id": 1, "deep": 0},
            {"parseScript": "$.list[*]"},
            aliasFields=["id", "$.a.b"],
            calculates=["deep=$.a.b"],
        )
    )
    body = {"list": [{"id": "1", "a": {"b": 1}}, {"id": "2"}, {"id": "3", "a": {"b": 3}}]}
    assert collected(path, body, ask) == [{"id": "1", "deep": 1}, {"id": "2", "deep": None}, {"id": "3", "deep": 3}]


def test_parse_type_default(definition: Write, ask: Ask) -> None:
    path = definition(metric_set("s", {"a": 0, "b": 1, "responseTime": 0}, {"parseType": "default", "parseScript": ""}))
    rows = collected(path, [{"a": 1, "b": "x"}, {"a": None, "b": {"c": 1}}], ask)
    assert [(row["a"], row["b"]) for row in rows] == [(1, "x"), (None, '{"c":1}')]
    assert all(isinstance(row["responseTime"], int | float) for row in rows)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"priority": 200}, ["priority", "200"]),
        ({"surprise": 1}, ["surprise"]),
        ({"fields": []}, ["fields"]),
        ({"units": ["a=what"]}, ["units"]),
        ({"http": {"url": "/x", "parseType": "yaml"}}, ["parseType", "yaml"]),
        ({"http": {"url": "/x", "parseType": "jsonPath", "authorization": {"type": "Magic"}}}, ["Magic"]),
        ({"http": {"url": "/x", "parseType": "jsonPath", "successCodes": ["fine"]}}, ["successCodes"]),
        ({"protocol": None}, ["protocol"]),
        ({"calculates": ["b=^_^undeclared^_^"]}, ["undeclared"]),
    ],
)
def test_a_bad_definition_is_refused_with_its_place(
    run: Run, definition: Write, change: dict[str, object], words: list[str]
) -> None:
    path = definition({**metric_set("s", {"a": 0}, {}), **change})
    done = run("collect", "--define", str(path), "--param", "host=127.0.0.1")
    assert done.code == 2
    assert re.search(rf"{re.escape(path.name)}:\d+:\d+", done.err)
    for word in words:
        assert word in done.err
    with pytest.raises(DefinitionError):
        load_definition(path)


def test_a_path_that_does_not_compile_fails_its_set_without_a_request(definition: Write, ask: Ask) -> None:
    bad = metric_set("bad", {"a": 0}, {"parseScript": "$.[["})
    path = definition(bad | {"priority": 1}, metric_set("good", {"a": 0}, {"url": "/y"}))
    with origin({"/y": answer({"a": 1})}) as server:
        done = ask(server.port, "--define", str(path))
        assert server.paths() == ["/y"]
    assert done.sets()["bad"]["code"] == "FAIL"
    assert done.rows("good") == [{"a": 1}]


def test_a_set_of_another_protocol_fails_by_name(definition: Write, ask: Ask) -> None:
    other = {**metric_set("other", {"a": 0}, {}), "priority": 1, "protocol": "jdbc", "jdbc": {"sql": "select 1"}}
    del other["http"]
    path = definition(metric_set("good", {"a": 0}, {}), other)
    with origin({"/x": answer({"a": 1})}) as server:
        found = ask(server.port, "--define", str(path)).sets()
    assert found["other"]["code"] == "FAIL"
    assert "jdbc" in found["other"]["message"]
    assert found["good"]["code"] == "SUCCESS"


def test_success_codes(definition: Write, ask: Ask) -> None:
    for codes, code in ((None, "FAIL"), (["200", "201"], "SUCCESS")):
        path = definition(metric_set("s", {"a": 0}, {} if codes is None else {"successCodes": codes}))
        with origin({"/x": answer({"a": 1}, 201)}) as server:
            assert ask(server.port, "--define", str(path)).sets()["s"]["code"] == code


def test_a_value_of_an_answer_asks_again_row_by_row(definition: Write, ask: Ask) -> None:
    first = metric_set("names", {"id": 1}, {"parseScript": "$[*]"})
    second = metric_set("each", {"v": 0}, {"url": "/y", "params": {"id": "^o^id^o^"}}, priority=1)
    path = definition(first, second)

    def each(asked: Asked) -> Answer:
        return answer({"v": int(asked.query["id"]) * 10}) if asked.query["id"] != "2" else answer({}, 500)

    with origin({"/x": answer([{"id": "3"}, {"id": "1"}, {"id": "2"}]), "/y": each}) as server:
        found = ask(server.port, "--define", str(path)).sets()["each"]
    assert found["rows"] == [{"v": 30}, {"v": 10}]
    assert "500" in found["message"]


def test_key_values_become_headers(definition: Write, ask: Ask) -> None:
    params = [parameter("headers", "key-value")]
    path = definition(metric_set("s", {"a": 0}, {"headers": {"^_^headers^_^": "^_^headers^_^"}}), params=params)
    with origin({"/x": answer({"a": 1})}) as server:
        assert ask(server.port, "--define", str(path), "--param", 'headers={"X-One": "1"}', key="").code == 0
        assert server.only().headers["x-one"] == "1"


# The library


def test_the_library_gives_typed_rows(openai: Origin) -> None:
    import asyncio

    definition = load_definition("openai")
    values = {"host": "127.0.0.1", "port": str(openai.port), "ssl": "false", "token": "sess-abc"}
    for outcome in (collect_once(definition, values), asyncio.run(collect_once_async(definition, values))):
        assert outcome.ok
        credit, cost, subscription = outcome.results
        [row] = credit.records()
        assert row["total_available"] == 12.75
        assert [type(row["cost"]) for row in cost.records()] == [float] * 4
        assert cost.fields[1].unit == "USD"
        assert cost.fields[0].label
        assert [type(row["soft_limit"]) for row in subscription.records()] == [int]
        assert credit.time.utcoffset() == dt.timedelta(0)
        assert math.isfinite(credit.duration)


def test_the_defaults_lead_to_openai_over_tls(run: Run) -> None:
    with origin({}) as server, http_proxy(server.port) as proxy:
        run("collect", HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}", OPENAI_TOKEN="sess-abc")
        assert proxy.wanted == [("api.openai.com", 443)]
        assert b"sess-abc" not in proxy.seen[0]
