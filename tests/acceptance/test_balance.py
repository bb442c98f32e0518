"""Issue 4, "The answer at a glance": figures worked out here from the sandbox's ledger and compared with the program's."""

import contextlib
import dataclasses
import datetime as dt
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from tests.acceptance.conftest import Ask, Done, Run, Write, metric_set, plain_environment
from tests.acceptance.servers import Answer, Asked, Origin, answer, http_proxy, origin

from openai_monitor import Round, collect_once, load_definition
from openai_monitor.sandbox import ACCOUNTS, Account, Credit, Grant, Ledger, Model, key_for, running
from openai_monitor.spend import read, work_out

DEFINE = Path(__file__).parents[2] / "define"
DAY = dt.timedelta(days=1)
ZERO = Decimal(0)
SHIPPED = ["openai_spend", "openai_organization", "openai_gateway", "deepseek", "openrouter", "anthropic"]
WITH_COSTS = ["openai_spend", "openai_organization", "anthropic"]


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


# What the figures should be, by arithmetic of our own


class Expected(NamedTuple):
    """Figures of an account at a moment, in dollars."""

    spent_today: Decimal
    spent_yesterday: Decimal
    spent_month: Decimal
    spent_30_days: Decimal
    mean_7_days: Decimal | None
    mean_30_days: Decimal | None
    days_left: Decimal | None
    gone_on: dt.date | None
    models: dict[str, Decimal]


def exactly(number: float) -> Decimal:
    return Decimal(repr(number))


def spending(ledger: Ledger, day: dt.date) -> dict[str, Decimal]:
    """Add up a day's items by model: what stands before the comma."""
    found: dict[str, Decimal] = {}
    for model, cents in ledger.items(day):
        name = model.name.split(",")[0]
        found[name] = found.get(name, ZERO) + exactly(cents) / 100
    return found


def lasts(left: Decimal, burn: Decimal, grants: list[tuple[Decimal, dt.datetime | None]], now: dt.datetime) -> Decimal:
    """Count the days until all is used or lost, using first what expires first."""
    ends: list[tuple[Decimal, Decimal]] = []
    for rest, expires in grants:
        if expires is not None and expires > now and rest > 0:
            ends.append((Decimal((expires - now).total_seconds()) / 86400, rest))
    ends.sort()
    endless = left - sum((rest for _, rest in ends), ZERO)
    clock = ZERO
    for end, rest in ends:
        clock = max(clock, min(clock + rest / burn, end))
    return clock + max(endless, ZERO) / burn


def expected(account: Account, now: dt.datetime) -> Expected:
    today = now.date()
    ledger = Ledger(account, account.day_zero or today)
    asked = [today - DAY * back for back in range(31)]
    days = {day: sum(spending(ledger, day).values(), ZERO) for day in asked}
    full = [day for day in asked[1:] if any(days[before] > 0 for before in asked if before <= day)]

    def mean(count: int) -> Decimal | None:
        window = [days[day] for day in full[:count]]
        return sum(window, ZERO) / len(window) if window else None

    models: dict[str, Decimal] = {}
    for day in asked[:30]:
        for name, amount in spending(ledger, day).items():
            models[name] = models.get(name, ZERO) + amount
    burn = mean(7) or mean(30)
    left = exactly(account.credit.available)
    days_left = None
    if left > 0 and burn and len(full) >= 3:
        midnight = dt.datetime.combine(ledger.day_zero, dt.time(), dt.UTC)
        grants = [
            (
                exactly(grant.amount) - exactly(grant.used),
                None if grant.expires is None else midnight + DAY * grant.expires,
            )
            for grant in account.grants
        ]
        days_left = lasts(left, burn, grants, now)
    return Expected(
        days[today],
        days[today - DAY],
        sum((amount for day, amount in days.items() if day.replace(day=1) == today.replace(day=1)), ZERO),
        sum((days[day] for day in asked[:30]), ZERO),
        mean(7),
        mean(30),
        days_left,
        None if days_left is None else (now + DAY * float(days_left)).date(),
        models,
    )


# The command


@pytest.fixture
def balance(ask: Ask) -> Ask:
    """Run ``balance`` with a server of this machine and the key that a definition needs."""

    def run_it(port: int, *arguments: str, define: str = "openai_spend", key: str = "", **more: str) -> Done:
        given = ("--define", define) if define else ()
        return ask(port, *given, *arguments, command="balance", key=key or key_for(define), **more)

    return run_it


def one(done: Done) -> dict[str, Any]:
    [found] = done.document()["accounts"]
    assert isinstance(found, dict)
    return found


def near(amount: Decimal | None) -> object:
    return None if amount is None else pytest.approx(float(amount), rel=1e-9, abs=1e-12)


def moving(name: str) -> Account:
    """Make the account one whose day 0 is today."""
    return dataclasses.replace(ACCOUNTS[name](), day_zero=None)


@pytest.mark.parametrize("name", list(ACCOUNTS))
def test_the_figures_of_each_account_are_those_of_its_ledger(balance: Ask, name: str) -> None:
    account = moving(name)
    with running(account) as server:
        done = balance(server.port)
    assert done.code == 0, done.err
    found = one(done)
    now = dt.datetime.fromisoformat(done.document()["time"])
    right = expected(account, now)
    for figure in ("spent_today", "spent_yesterday", "spent_month", "spent_30_days"):
        assert found[figure] == near(getattr(right, figure)), figure
    if right.mean_7_days is not None:
        assert found["mean_7_days"] == near(right.mean_7_days)
        assert found["mean_30_days"] == near(right.mean_30_days)
    assert found["left"] == account.credit.available
    if right.days_left is not None:
        assert found["days_left"] == pytest.approx(float(right.days_left), rel=1e-6)
        assert found["gone_on"] == right.gone_on.isoformat() if right.gone_on else None
        assert found["sure"] in {"low", "fair", "good"}
    assert {share["model"]: share["spent"] for share in found["models"]} == {
        model: near(amount) for model, amount in right.models.items()
    }
    spent = [share["spent"] for share in found["models"]]
    assert spent == sorted(spent, reverse=True)
    if right.spent_30_days:
        assert sum(share["percent"] for share in found["models"]) == pytest.approx(100)


def test_the_other_sources_of_the_same_spending_agree(balance: Ask) -> None:
    account = moving("demo")
    with running(account) as server:
        for define in WITH_COSTS:
            done = balance(server.port, define=define)
            right = expected(account, dt.datetime.fromisoformat(done.document()["time"]))
            found = one(done)
            for figure in (
                "spent_today",
                "spent_yesterday",
                "spent_month",
                "spent_30_days",
                "mean_7_days",
                "mean_30_days",
            ):
                assert found[figure] == near(getattr(right, figure)), (define, figure)


@pytest.mark.parametrize(
    ("name", "at", "month"),
    [
        ("month-turn", "2026-03-01T12:00:00+00:00", None),
        ("month-turn", "2026-03-01T00:00:01+00:00", None),
        ("leap-day", "2028-02-29T23:59:59+00:00", 29),
        ("leap-day", "2028-02-29T00:00:00+00:00", 29),
    ],
)
def test_figures_at_a_turn_of_the_calendar(name: str, at: str, month: int | None) -> None:
    account = ACCOUNTS[name]()
    now = dt.datetime.fromisoformat(at)
    outcome = collected_at(account, now)
    [found] = [work_out(each, now) for each in read(outcome).accounts]
    right = expected(account, now)
    assert found.spent_today == right.spent_today
    assert found.spent_yesterday == right.spent_yesterday
    assert found.spent_month == right.spent_month
    assert found.spent_30_days == right.spent_30_days
    assert found.mean_7_days is not None
    assert right.mean_7_days is not None
    assert found.mean_7_days.amount == pytest.approx(right.mean_7_days)
    assert found.forecast is not None
    assert found.forecast.gone_on == right.gone_on
    if month is not None:
        assert found.spent_month == month * found.spent_today, "all 29 days of February"
    else:
        assert found.spent_month == found.spent_today, "March has one day so far"


def collected_at(account: Account, now: dt.datetime) -> Round:
    """Collect what OpenAI would have answered then, whatever dates are asked for."""
    ledger = Ledger(account, account.day_zero or now.date())
    days = [
        {
            "timestamp": dt.datetime.combine(day, dt.time(), dt.UTC).timestamp(),
            "line_items": [{"name": model.name, "cost": cents} for model, cents in ledger.items(day)],
        }
        for day in (now.date() - DAY * back for back in range(30, -1, -1))
    ]
    grants = [
        {
            "id": grant.id,
            "grant_amount": grant.amount,
            "used_amount": grant.used,
            "effective_at": ledger.seconds(grant.effective),
            "expires_at": None if grant.expires is None else ledger.seconds(grant.expires),
        }
        for grant in account.grants
    ]
    credit = {
        "total_granted": account.credit.granted,
        "total_used": account.credit.used,
        "total_available": account.credit.available,
        "grants": {"data": grants},
    }
    answers = {"credit_grants": credit, "usage": {"daily_costs": days}, "subscription": dict(account.subscription)}
    with origin({f"/dashboard/billing/{name}": answer(body) for name, body in answers.items()}) as server:
        values = {"host": "127.0.0.1", "port": str(server.port), "ssl": "false", "token": "sess-abc"}
        outcome = collect_once(load_definition("openai_spend"), values)
    assert outcome.ok, [found.message for found in outcome.results]
    return dataclasses.replace(outcome, time=now)


@pytest.mark.parametrize("zone", ["Pacific/Kiritimati", "Etc/GMT+12"])
def test_days_are_utc_days_and_it_says_so(balance: Ask, zone: str) -> None:
    account = moving("demo")
    with running(account) as server:
        found = one(balance(server.port, TZ=zone))
        text = balance(server.port, "--format", "text", TZ=zone).out
    assert found["spent_today"] == near(expected(account, utc_now()).spent_today)
    assert "UTC" in text


def costs(*a_day: float) -> Account:
    """Make an account that spent so many dollars on the last days, today first."""
    return Account(
        models=(Model("gpt-5.5, input", lambda day: a_day[-day] * 100 if 0 <= -day < len(a_day) else None),),
        credit=Credit(100, 0, 100, 100),
        opened=1 - len(a_day),
    )


def test_a_day_still_running_is_not_a_full_day(balance: Ask) -> None:
    with running(costs(0.01, *[3] * 10)) as server:
        found = one(balance(server.port))
    assert found["mean_7_days"] == 3
    assert found["burn"] == 3


def test_a_top_up_is_never_negative_burn(balance: Ask) -> None:
    with running(moving("top-up")) as server:
        found = one(balance(server.port))
    for figure in ("burn", "spent_today", "spent_month", "mean_7_days", "days_left"):
        assert found[figure] > 0, figure


@pytest.mark.parametrize("days", [1, 2])
def test_too_little_data_says_so_and_forecasts_nothing(balance: Ask, days: int) -> None:
    with running(costs(*[2.0] * days)) as server:
        found = one(balance(server.port))
        said = balance(server.port, "--format", "text").out
    assert (found["days_left"], found["gone_on"], found["sure"]) == (None, None, None)
    assert found["no_forecast"]
    assert "too little" in said


def test_a_grant_that_expires_before_it_is_used_ends_it(balance: Ask) -> None:
    """$50 at $2 a day would last 25 days, but it all expires in 5."""
    account = dataclasses.replace(
        costs(*[2.0] * 40),
        credit=Credit(50, 0, 50, 0),
        grants=(Grant("g", 50, 0, -10, 5),),
    )
    with running(account) as server:
        done = balance(server.port)
        said = balance(server.port, "--format", "text").out
    found = one(done)
    end = utc_now().date() + 5 * DAY
    assert found["expires_on"] == end.isoformat()
    assert 4 <= found["days_left"] <= 5
    assert end.isoformat() in said


def test_sure_is_less_with_spending_that_varies(balance: Ask) -> None:
    grades = []
    for account in (costs(*[2.0] * 31), costs(*[20.0 if day % 10 == 0 else 0.1 for day in range(31)])):
        with running(account) as server:
            grades.append(one(balance(server.port))["sure"])
    assert grades == ["good", "low"]


def test_the_text_answers_in_words_first(balance: Ask) -> None:
    with running(moving("steady")) as server:
        done = balance(server.port, "--format", "text")
    assert done.code == 0
    gone = utc_now().date() + 20 * DAY
    first = next(line for line in done.out.splitlines() if "left" in line)
    assert "$40.00" in first
    assert gone.isoformat() in first
    lines = {" ".join(line.split()[:-1]): line.split()[-1] for line in done.out.splitlines() if line.split()}
    for words, amount in {
        "spent yesterday": "$2.00",
        "last 30 days": "$60.00",
        "mean a day, 30 full days": "$2.00",
    }.items():
        assert lines[words] == amount
    assert "gpt-5.5" in done.out
    assert "input" not in done.out
    assert "100%" in done.out
    assert "\x1b" not in done.out


@pytest.mark.skipif(sys.platform == "win32", reason="a pseudo-terminal is needed")
def test_shares_are_bars_on_a_terminal() -> None:
    import pty

    ours, theirs = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "openai_monitor", "balance", "--sandbox"],
        stdin=subprocess.DEVNULL,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
        env=plain_environment(TERM="xterm-256color", COLUMNS="100"),
    )
    os.close(theirs)
    said = b""
    with contextlib.suppress(OSError):
        while data := os.read(ours, 4096):
            said += data
    os.close(ours)
    assert child.wait(20) == 0
    line = next(line for line in said.decode().splitlines() if "Chat models" in line)
    assert re.search(r"[█▇■#=▌━*]{3}", line), line


def test_a_limit_is_told_in_percent_where_there_is_no_credit(balance: Ask) -> None:
    with running(moving("arrears")) as server:
        found = one(balance(server.port))
        said = balance(server.port, "--format", "text").out
    month = expected(moving("arrears"), utc_now()).spent_month
    assert found["limit_used_percent"] == near(month / 120 * 100)
    assert "%" in said
    assert (found["days_left"], found["gone_on"]) == (None, None)


def test_a_delinquent_account_is_told(balance: Ask) -> None:
    with running(moving("delinquent")) as server:
        assert "delinquent" in balance(server.port, "--format", "text").out


# Rights, conditions, exit codes


@pytest.mark.parametrize("fault", ["usage=403", "credit_grants=403-session-key", "subscription=500", "usage=slow:9"])
def test_what_is_missing_is_named_and_the_rest_is_shown(balance: Ask, fault: str) -> None:
    with running(moving("steady"), faults=[fault]) as server:
        done = balance(server.port, "--param", "timeout=1000")
        said = balance(server.port, "--format", "text", "--param", "timeout=1000")
    assert done.code == 1
    assert done.document()["missing"]
    for part in done.document()["missing"]:
        assert part["part"] in said.out + said.err
        assert part["reason"]
    found = one(done)
    if fault.startswith("usage"):
        assert found["left"] == 40
        assert found["spent_today"] is None
    else:
        assert found["spent_today"] == 2
    if fault.startswith("credit"):
        assert found["left"] is None
        assert "session key" in said.out + said.err


def test_nothing_at_all_is_1_with_the_reason(balance: Ask) -> None:
    with running(faults=["401"]) as server:
        done = balance(server.port, "--format", "text")
    assert done.code == 1
    assert "401" in done.out + done.err
    assert "$" not in done.out


@pytest.mark.parametrize(
    ("condition", "code"),
    [
        ("days_left < 7", 0),
        ("days_left < 21", 3),
        ("spent_30_days >= 60", 3),
        ("left < 5", 0),
        ("limit_used_percent > 1", 3),
        ("nope < 7", 2),
        ("days_left <", 2),
    ],
)
def test_fail_if_over_the_figures(balance: Ask, condition: str, code: int) -> None:
    with running(moving("steady")) as server:
        done = balance(server.port, "--fail-if", condition)
        if code == 2:
            assert len(server.requests) == 0
    assert done.code == code, done.err
    if code == 3:
        assert condition in done.err


def test_a_condition_on_what_is_not_known_is_not_said_to_hold_or_not(balance: Ask) -> None:
    with running(moving("steady"), faults=["usage=403"]) as server:
        done = balance(server.port, "--fail-if", "days_left < 7")
    assert done.code == 1
    assert "days_left" in done.err


def test_the_key_shows_nowhere(balance: Ask) -> None:
    secret = "sess-Zq9/w+Xr=7Lm~4tT"
    with running(faults=["401"]) as server:
        for form in ("text", "json"):
            done = balance(server.port, "-v", "--format", form, key=secret)
            assert secret not in done.out + done.err


# Choosing the definition


@pytest.mark.parametrize(
    ("key", "define", "path"),
    [
        ("sess-sandbox", "openai_spend", "/dashboard/billing/usage"),
        ("sk-admin-sandbox", "openai_organization", "/v1/organization/costs"),
        ("sk-or-v1-sandbox", "openrouter", "/api/v1/key"),
        ("sk-ant-admin-sandbox", "anthropic", "/v1/organizations/cost_report"),
    ],
)
def test_the_prefix_of_the_key_picks_and_it_says_what(balance: Ask, key: str, define: str, path: str) -> None:
    with running() as server:
        done = balance(server.port, define="", key=key)
        assert path in {request.path for request in server.requests}
    assert done.code == 0, done.err
    assert define in done.err
    assert done.document()["app"] == define


def test_a_key_that_sees_no_money_is_told_which_one_does(run: Run) -> None:
    with origin({}) as server, http_proxy(server.port) as proxy:
        done = run("balance", OPENAI_TOKEN="sk-proj-abc", HTTPS_PROXY=f"http://127.0.0.1:{proxy.port}")
        assert "sk-proj-abc" not in done.err
        assert done.code == 2
        assert proxy.wanted == []
        assert "sk-admin-" in done.err


@pytest.mark.parametrize("define", SHIPPED)
def test_every_definition_can_be_tried_in_the_sandbox(run: Run, define: str) -> None:
    for command in (["balance"], ["collect"]):
        done = run(*command, "--sandbox", "--define", define)
        assert done.code == 0, done.err
        assert done.out != ""


# The definitions


def sets_of(run: Run, define: str, account: Account | None = None) -> Done:
    with running(account) as server:
        return run(
            *("collect", "--define", define, "--param", "host=127.0.0.1", "--param", f"port={server.port}"),
            *("--param", "ssl=false", "--format", "json"),
            OPENAI_MONITOR_TOKEN=key_for(define),
        )


def test_spend_asks_for_full_days_within_the_rule_of_100(run: Run) -> None:
    with running(moving("steady")) as server:
        done = run(
            *("collect", "--define", "openai_spend", "--param", "host=127.0.0.1", "--param", f"port={server.port}"),
            *("--param", "ssl=false", "--format", "json"),
            OPENAI_SPEND_TOKEN="sess-sandbox",
        )
        [usage] = [request.target for request in server.requests if request.path.endswith("/usage")]
    dates = [dt.date.fromisoformat(found) for found in re.findall(r"_date=([\d-]+)", usage)]
    assert 30 <= (max(dates) - min(dates)).days <= 100
    assert max(dates) == utc_now().date() + DAY
    [grant] = done.rows("grants")
    assert (grant["amount"], grant["used"], grant["expires_at"]) == (160, 120, None)
    rows = done.rows("daily_costs")
    assert len({row["day"] for row in rows}) == 31
    assert len(rows) == 62, "items stay rows"


def test_organization_costs_are_numbers_with_their_day(run: Run) -> None:
    account = moving("demo")
    done = sets_of(run, "openai_organization", account)
    today = utc_now().date()
    ledger = Ledger(account, today)
    midnight = int(dt.datetime.combine(today, dt.time(), dt.UTC).timestamp())
    got = {row["item"]: row["cost"] for row in done.rows("daily_costs") if row["day"] == midnight}
    right = {model.name: near(exactly(cents) / 100) for model, cents in ledger.items(today) if cents}
    assert {item: cost for item, cost in got.items() if cost} == right
    [limit] = done.rows("limit")
    assert limit["limit"] == 100, "threshold_amount is in cents"
    assert limit["interval"] == "month"
    assert {row["project"] for row in done.rows("project_costs")}
    assert all(isinstance(row["input_tokens"], int) for row in done.rows("completions"))


def bucket(start: int, *results: tuple[str, object]) -> dict[str, object]:
    return {
        "object": "bucket",
        "start_time": start,
        "end_time": start + 86400,
        "results": [
            {
                "object": "organization.costs.result",
                "amount": {"value": value, "currency": "usd"},
                "line_item": item,
                "project_id": None,
            }
            for item, value in results
        ],
    }


def page(*buckets: dict[str, object], after: str | None = None) -> Answer:
    return answer({"object": "page", "data": list(buckets), "has_more": after is not None, "next_page": after})


def organization(run: Run, server: Origin, *more: str) -> Done:
    return run(
        *("collect", "--define", "openai_organization", "--param", "host=127.0.0.1", "--param", f"port={server.port}"),
        *("--param", "ssl=false", "--format", "json", "--metrics", "daily_costs", *more),
        OPENAI_MONITOR_TOKEN="sk-admin-sandbox",
    )


def test_amounts_that_arrive_as_text_are_numbers(run: Run) -> None:
    answers = {"/v1/organization/costs": page(bucket(86400, ("a", "12.50"), ("b", 0.06)), bucket(172800))}
    with origin(answers) as server:
        rows = organization(run, server).rows("daily_costs")
        query = server.only().query
    assert [(row["day"], row["item"], row["cost"]) for row in rows] == [(86400, "a", 12.5), (86400, "b", 0.06)]
    assert query["bucket_width"] == "1d"
    assert query["group_by"] == "line_item"
    assert 1 <= int(query["limit"]) <= 180
    assert int(query["start_time"]) <= int(time.time()) - 30 * 86400


@pytest.mark.parametrize("name", ["demo", "unlimited-gateway"])
def test_gateway(balance: Ask, run: Run, name: str) -> None:
    account = moving(name)
    [row] = sets_of(run, "openai_gateway", account).rows("limit")
    limit, used = account.allowance
    assert row["limit"] == limit
    assert row["used"] == used
    assert row["remaining"] == (None if limit is None else limit - used)
    with running(account) as server:
        found = one(balance(server.port, define="openai_gateway"))
        said = balance(server.port, "--format", "text", define="openai_gateway").out
    assert found["left"] is None, "a limit is not a balance"
    assert found["unlimited"] is (limit is None)
    assert (found["limit"], found["limit_used"]) == (limit, used)
    assert "100000000" not in said
    assert "100,000,000" not in said
    if limit is None:
        assert "no limit" in said or "unlimited" in said


def test_a_gateway_that_fails_with_status_200_is_a_failure(balance: Ask) -> None:
    with running(faults=["error-200"]) as server:
        done = balance(server.port, "--format", "text", define="openai_gateway")
    assert done.code == 1
    assert "$" not in done.out


@pytest.mark.parametrize(("fault", "reason"), [("401", "401"), ("error-200", "record not found")])
def test_the_reason_is_told_also_where_a_part_was_skipped_for_another(balance: Ask, fault: str, reason: str) -> None:
    """The gateway's limit is not asked for when its subscription fails: why that failed is what helps."""
    with running(faults=[fault]) as server:
        done = balance(server.port, "--format", "text", define="openai_gateway")
    assert done.code == 1
    assert reason in done.out + done.err


def test_deepseek_keeps_currencies_apart(balance: Ask) -> None:
    body = {
        "is_available": True,
        "balance_infos": [
            {"currency": "CNY", "total_balance": "110.00", "granted_balance": "10.00", "topped_up_balance": "100.00"},
            {"currency": "USD", "total_balance": "2.50", "granted_balance": "0.00", "topped_up_balance": "2.50"},
        ],
    }
    with origin({"/user/balance": answer(body)}) as server:
        done = balance(server.port, define="deepseek")
        said = balance(server.port, "--format", "text", define="deepseek").out
    assert {found["currency"]: found["left"] for found in done.document()["accounts"]} == {"CNY": 110, "USD": 2.5}
    assert "$2.50" in said
    assert "$110" not in said


def test_openrouter(balance: Ask) -> None:
    key = {"data": {"limit": 20, "limit_remaining": 5, "limit_reset": "monthly", "usage": 90.5, "usage_daily": 1}}
    credits_ = {"data": {"total_credits": 100.5, "total_usage": 25.75}}
    with origin({"/api/v1/credits": answer(credits_), "/api/v1/key": answer(key)}) as server:
        found = one(balance(server.port, define="openrouter"))
    assert found["left"] == 74.75
    assert (found["limit"], found["limit_used"], found["limit_used_percent"]) == (20, 15, 75)
    forbidden = answer({"error": {"message": "Only management keys can fetch credits", "code": 403}}, 403)
    with origin({"/api/v1/credits": forbidden, "/api/v1/key": answer(key)}) as server:
        done = balance(server.port, define="openrouter")
    assert done.code == 1
    assert one(done)["limit_used_percent"] == 75
    assert "403" in json.dumps(done.document()["missing"])


def test_anthropic_sends_its_headers_and_reads_cents(run: Run) -> None:
    results = [{"currency": "USD", "amount": "123.45", "model": "m", "token_type": "output_tokens", "description": "d"}]
    body = {"data": [{"starting_at": "2026-01-01T00:00:00Z", "results": results}], "has_more": False, "next_page": None}
    with origin({"/v1/organizations/cost_report": answer(body)}) as server:
        done = run(
            *("collect", "--define", "anthropic", "--param", "host=127.0.0.1", "--param", f"port={server.port}"),
            *("--param", "ssl=false", "--format", "json", "--metrics", "daily_costs"),
            ANTHROPIC_TOKEN="sk-ant-admin-x",
        )
        headers = server.only().headers
    assert headers["x-api-key"] == "sk-ant-admin-x"
    assert headers["anthropic-version"] == "2023-06-01"
    assert "authorization" not in headers
    [row] = done.rows("daily_costs")
    assert row["cost"] == pytest.approx(1.2345, rel=1e-15)
    assert (row["day"], row["item"]) == ("2026-01-01T00:00:00Z", "m, output_tokens")


@pytest.mark.parametrize("define", SHIPPED)
def test_shipped_definitions_name_their_source_and_what_is_ours(define: str) -> None:
    text = (DEFINE / f"{define}.yml").read_text(encoding="utf-8")
    comment = "".join(line for line in text.splitlines(keepends=True) if line.startswith("#"))
    assert re.search(r"https://", comment)
    if "`parent`" in text or "\nannotations:" in text:
        assert "openai-monitor's own" in comment
        assert "HertzBeat" in comment
    document = yaml.safe_load(text)
    assert all(isinstance(value, str) for value in document.get("annotations", {}).values()), "a flat text map"
    assert any(found.get("priority") == 0 for found in document["metrics"])


# Pages, parents and keys


def three_pages(asked: Asked) -> Answer:
    first, second, third = (bucket(86400 * n, (f"item {n}", n)) for n in (1, 2, 3))
    return {
        "": page(first, after="a+b/c=="),
        "a+b/c==": page(second, after="last & least"),
        "last & least": page(third),
    }[asked.query.get("page", "")]


def test_three_pages_become_one_list(run: Run) -> None:
    with origin({"/v1/organization/costs": three_pages}) as server:
        rows = organization(run, server).rows("daily_costs")
        assert len(server.asked) == 3
        assert {request.headers["authorization"] for request in server.asked} == {"Bearer sk-admin-sandbox"}
        others = [{key: value for key, value in request.query.items() if key != "page"} for request in server.asked]
        assert others == [others[0]] * 3
    assert [(row["day"], row["item"], row["cost"]) for row in rows] == [
        (86400, "item 1", 1),
        (172800, "item 2", 2),
        (259200, "item 3", 3),
    ]


def test_a_page_that_fails_fails_the_set(run: Run) -> None:
    """Half of the costs is no answer: never success for a failure."""

    def second_fails(asked: Asked) -> Answer:
        return three_pages(asked) if "page" not in asked.query else answer({"error": {"message": "oops"}}, 500)

    with origin({"/v1/organization/costs": second_fails}) as server:
        done = organization(run, server)
    found = done.sets()["daily_costs"]
    assert found["code"] == "FAIL" or "500" in found["message"]
    assert "500" in done.err


@pytest.mark.parametrize("fault", ["repeated-cursor", "missing-cursor"])
def test_a_cursor_that_leads_nowhere_stops_with_a_message(run: Run, fault: str) -> None:
    with running(faults=[fault]) as server:
        done = run(
            *("collect", "--define", "openai_organization", "--param", "host=127.0.0.1", "--param", "ssl=false"),
            *("--param", f"port={server.port}", "--format", "json", "--metrics", "daily_costs"),
            OPENAI_MONITOR_TOKEN="sk-admin-sandbox",
        )
        assert len(server.requests) <= 2
    found = done.sets()["daily_costs"]
    assert found["rows"]
    assert found["message"], "more pages were announced than were read"
    assert "page" in done.err


@contextlib.contextmanager
def endless() -> Iterator[Origin]:
    def more(asked: Asked) -> Answer:
        number = int(asked.query.get("page", "0"))
        return page(bucket(86400 * (number + 1), ("x", 1)), after=str(number + 1))

    with origin({"/v1/organization/costs": more, "/x": more}) as server:
        yield server


def test_endless_pages_stop_with_a_message_that_tells_the_limit(run: Run) -> None:
    with endless() as server:
        done = organization(run, server)
        count = len(server.asked)
    assert count <= 1000
    assert len(done.sets()["daily_costs"]["rows"]) == count, "what was read is one list"
    assert str(count) in done.sets()["daily_costs"]["message"]
    assert "pages" in done.err


def test_page_1000_stops(ask: Ask, definition: Write) -> None:
    annotations = {"s.next_page": "$.next_page", "s.page_parameter": "page", "s.most_pages": "1000"}
    fields = metric_set("s", {"line_item": 1}, {"parseScript": "$.data[*].results[*]"})
    path = definition(fields, annotations=annotations)
    with endless() as server:
        found = ask(server.port, "--define", str(path)).sets()["s"]
        assert len(server.asked) == 1000
    assert len(found["rows"]) == 1000
    assert "1000" in found["message"] or "1,000" in found["message"]


def test_a_value_from_an_enclosing_object(ask: Ask, definition: Write) -> None:
    path = definition(
        metric_set(
            "s",
            {"day": 0, "name": 1},
            {"parseScript": "$.days[*].items[*]"},
            aliasFields=["`parent`.day", "name"],
            calculates=["day=`parent`.day"],
        )
    )
    body = {"days": [{"day": 1, "items": [{"name": "a"}, {"name": "b"}]}, {"day": 2, "items": [{"name": "c"}]}]}
    with origin({"/x": answer(body)}) as server:
        rows = ask(server.port, "--define", str(path)).rows("s")
    assert rows == [{"day": 1, "name": "a"}, {"day": 1, "name": "b"}, {"day": 2, "name": "c"}]


def test_the_key_of_an_object_as_a_value(ask: Ask, definition: Write) -> None:
    """As docs/definitions.md spells it."""
    path = definition(
        metric_set(
            "s",
            {"model": 1, "cost": 0},
            {"parseScript": "$.models.*"},
            aliasFields=["`key`", "cost"],
            calculates=["model=`key`"],
        )
    )
    with origin({"/x": answer({"models": {"gpt-5.5": {"cost": 1}, "gpt-4o": {"cost": 2}}})}) as server:
        rows = ask(server.port, "--define", str(path)).rows("s")
    assert rows == [{"model": "gpt-5.5", "cost": 1}, {"model": "gpt-4o", "cost": 2}]


def test_the_extensions_are_documented() -> None:
    docs = DEFINE.parent / "docs"
    texts = {path: path.read_text(encoding="utf-8") for path in docs.glob("*.md")}
    everything = "".join(texts.values())
    for word in ("`parent`", "`key`", "next_page", "page_parameter", "more_pages", "most_pages"):
        assert word in everything, word
    for path, text in texts.items():
        for link in re.findall(r"\]\(([\w./-]+\.md)", text):
            assert (path.parent / link).exists(), f"{path.name} links to {link}"


# Speed


def test_twelve_accounts_take_less_than_a_second_of_our_own_time() -> None:
    definition = load_definition("openai_spend")
    with running(moving("steady")) as server:
        values = {"host": "127.0.0.1", "port": str(server.port), "ssl": "false", "token": "sess-sandbox"}
        started = time.thread_time()
        for _ in range(12):
            outcome = collect_once(definition, values)
            figures = [work_out(account, utc_now()) for account in read(outcome).accounts]
            assert figures[0].left == 40
        assert time.thread_time() - started < 1
