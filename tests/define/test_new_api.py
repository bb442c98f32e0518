"""``define/new_api.yml``: what a key of new-api may spend, also when it is used up."""

import pytest
from tests.define.collecting import answering, collect, collect_from, failures, only

from openai_monitor.sandbox import ACCOUNTS, running

STATUS, USAGE = "/api/status", "/api/usage/token/"


def said(
    granted: object, used: object, left: object, *, unlimited: bool = False, shown: object = "USD"
) -> dict[str, object]:
    units = {"total_granted": granted, "total_used": used, "total_available": left, "unlimited_quota": unlimited}
    return {
        STATUS: {
            "success": True,
            "data": {"quota_per_unit": 500000, "quota_display_type": shown, "usd_exchange_rate": 7.3},
        },
        USAGE: {"code": True, "message": "ok", "data": {**units, "expires_at": 0}},
    }


@pytest.mark.parametrize("shown", [None, "USD", "CNY", "TOKENS"])
def test_amounts_are_dollars_whatever_the_gateway_shows(shown: object) -> None:
    collected = collect_from("new_api", said(7500000, 2500000, 5000000, shown=shown))
    assert list(only(collected, "limit").values()) == [15.0, 5.0, 10.0, "false", 0]


@pytest.mark.parametrize(("left", "remaining"), [(0, 0.0), (-250000, -0.5)])
def test_a_key_with_nothing_left_is_no_failure(left: int, remaining: float) -> None:
    collected = collect_from("new_api", said(500000, 500000 - left, left))
    assert collected.ok
    assert only(collected, "limit")["remaining"] == remaining


def test_an_unlimited_key_has_no_limit() -> None:
    collected = collect_from("new_api", said(0, 250000, -250000, unlimited=True))
    assert list(only(collected, "limit").values()) == [None, 0.5, None, "true", 0]
    with running(ACCOUNTS["unlimited-gateway"]()) as server:
        collected = collect("new_api", server, "sk-gateway-sandbox")
    assert list(only(collected, "limit").values()) == [None, 42.5, None, "true", 0]


def test_without_the_size_of_a_unit_there_are_no_amounts() -> None:
    answers = {**said(500000, 0, 500000), STATUS: {"success": True, "data": {"system_name": "x"}}}
    assert "quota_per_unit" in failures(collect_from("new_api", answers))["limit"]


def test_the_requests() -> None:
    with answering(said(1, 0, 1)) as server:
        collect("new_api", server, "sk-fake")
    assert server.targets == [STATUS, USAGE]
