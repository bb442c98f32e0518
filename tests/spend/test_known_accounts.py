"""The sandbox's accounts through the shipped definitions: what `balance` must answer for each."""

import asyncio
import time
from datetime import UTC, date, datetime

import pytest

from openai_monitor.collect.plan import make_plan
from openai_monitor.collect.rounds import collect_round
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.definition.shipped import load_definition
from openai_monitor.outputs import PLAIN
from openai_monitor.outputs.balance_text import render
from openai_monitor.rows import Round
from openai_monitor.sandbox import ACCOUNTS, key_for, running
from openai_monitor.spend import PARTS, Figures, read, work_out
from openai_monitor.spend.metric_set import values


async def ask(name: str, host: str, port: int, now: datetime) -> Round:
    definition = load_definition(name)
    known = {"host": host, "port": str(port), "ssl": "false", "token": key_for(name)}
    plan = make_plan(definition, known, metrics=[each.name or "" for each in definition.sets if each.name in PARTS])
    async with Transport(TransportSettings(trust_env=False)) as transport:
        return await collect_round(plan, transport, clock=lambda: now)


def collected(account: str, define: str = "openai_spend") -> Round:
    made = ACCOUNTS[account]()
    today = made.day_zero or date(2026, 11, 22)
    now = datetime(today.year, today.month, today.day, 12, tzinfo=UTC)
    with running(made, now=lambda: now) as server:
        return asyncio.run(ask(define, server.host, server.port, now))


def figures_of(account: str, define: str = "openai_spend") -> Figures:
    told = collected(account, define)
    assert told.ok, [result.message for result in told.results]
    [found] = read(told).accounts
    return work_out(found, told.time)


@pytest.mark.parametrize(
    ("account", "expected"),
    [
        (
            "steady",
            {"left": 40, "burn": 2, "days_left": 20, "gone_on": "2026-12-12", "sure": "good", "spent_month": 44},
        ),
        ("top-up", {"left": 46, "burn": 2, "days_left": 23, "gone_on": "2026-12-15", "spent_30_days": 60}),
        ("expired-grant", {"left": 0, "granted": 18, "used": 0, "days_left": 0, "gone_on": None, "spent_30_days": 0}),
        ("month-turn", {"spent_today": 1, "spent_yesterday": 5, "spent_month": 1, "spent_30_days": 146, "burn": 5}),
        ("leap-day", {"spent_month": 58, "days_left": 20, "gone_on": "2028-03-20", "limit_used": 58}),
        ("no-usage", {"left": 0, "spent_today": 0, "spent_30_days": 0, "days_left": None, "gone_on": None}),
        ("one-day-old", {"left": 6, "spent_today": 2, "spent_yesterday": 2, "days_left": None, "mean_7_days": 2}),
        ("delinquent", {"left": 0, "burn": 2, "days_left": 0}),
        ("arrears", {"left": 0, "burn": 2, "days_left": None, "limit": 120, "limit_used": 44}),
    ],
)
def test_the_answer_for_a_session_key(account: str, expected: dict[str, object]) -> None:
    told = values(figures_of(account))
    assert {name: told[name] for name in expected} == expected


def test_the_delinquent_account_is_remarked_on() -> None:
    [remark] = read(collected("delinquent")).remarks
    assert remark.startswith("the account is delinquent: a bill was not paid (billing_mechanism advance")


def test_an_unlimited_key_of_a_gateway_is_told_apart() -> None:
    told = figures_of("unlimited-gateway", "openai_gateway")
    assert told.limit is not None
    assert told.limit.unlimited
    assert told.left is None
    assert told.limit_used == 42.5
    assert told.limit_used_percent is None


def test_a_limit_of_a_gateway_is_no_balance() -> None:
    told = figures_of("demo", "openai_gateway")
    assert told.left is None
    assert told.limit_used == 5
    assert told.limit_used_percent == 50
    assert told.forecast is None


@pytest.mark.parametrize("define", ["openai_organization", "anthropic"])
def test_an_organization_has_costs_and_no_balance(define: str) -> None:
    told = values(figures_of("steady", define))
    assert told["left"] is None
    assert told["spent_today"] == 2
    assert told["spent_30_days"] == 60
    assert told["burn"] == 2


def test_the_items_of_the_demo_are_shares_of_models() -> None:
    told = figures_of("demo")
    assert [share.model for share in told.shares] == [
        "Chat models",
        "gpt-5.5",
        "GPT-4",
        "Image models",
        "Instruct models",
    ]
    assert sum(share.amount for share in told.shares) == told.spent_30_days


def test_twelve_accounts_take_less_than_a_second_of_our_own() -> None:
    rounds = [collected(name) for name in ACCOUNTS]
    rounds += [collected("demo", "openai_organization")] * (12 - len(rounds))
    assert len(rounds) == 12
    began = time.process_time()
    texts = []
    for told in rounds:
        reading = read(told)
        figures = [work_out(each, told.time) for each in reading.accounts]
        texts.append(render(told, reading, figures, PLAIN))
    assert time.process_time() - began < 1
    assert all("USD" in text or "$" in text for text in texts)
