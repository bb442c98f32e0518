"""What `balance` prints, for hand-made accounts."""

import json
import re
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.spend.rounds import (
    NOW,
    TODAY,
    Record,
    balance,
    costs,
    every_day,
    failed,
    figures_of,
    grants,
    limit,
    metric_set,
    round_of,
)

from openai_monitor.outputs import PLAIN, Style
from openai_monitor.outputs.balance_json import render as render_json
from openai_monitor.outputs.balance_text import render as render_text
from openai_monitor.outputs.balance_words import amount, headline
from openai_monitor.rows import MetricSetResult, Skipped
from openai_monitor.spend import read, work_out

STEADY = costs(*every_day(2, range(31), "gpt-5.5, output"))
MODELS = costs(*every_day(1.5, range(31), "gpt-5.5, input"), *every_day(0.5, range(31), "gpt-4o"), (1, 0.001, "o9"))


def words(*parts: MetricSetResult) -> str:
    return headline(figures_of(*parts), TODAY)


def text(*parts: MetricSetResult, style: Style = PLAIN, skipped: tuple[Skipped, ...] = ()) -> str:
    collected = round_of(*parts, skipped=skipped)
    reading = read(collected)
    return render_text(collected, reading, [work_out(each, NOW) for each in reading.accounts], style)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("12.75", "$12.75"),
        ("0", "$0.00"),
        ("1234.5", "$1,234.50"),
        ("0.117", "$0.12"),
        ("0.00485", "$0.0048"),
        ("-5", "-$5.00"),
    ],
)
def test_amounts_are_rounded_to_cents_or_two_digits(value: str, shown: str) -> None:
    assert amount(Decimal(value), "USD") == shown


def test_amounts_of_other_currencies_name_them() -> None:
    assert amount(Decimal(-110), "CNY") == "-110.00 CNY"


# The sentence


def test_left_and_how_long() -> None:
    assert words(balance(40, 160, 120), STEADY) == (
        "$40.00 left. At $2.00 a day it lasts until 2026-12-12 (20 days), quite sure."
    )
    assert words(balance(1, 160, 159), STEADY).endswith("until 2026-11-23 (1 day), quite sure.")
    assert words(balance(0.1, 160, 159.9), STEADY).endswith("until 2026-11-22 (today), quite sure.")


def test_a_grant_that_expires_earlier_is_told_and_a_later_one_is_not() -> None:
    told = words(balance(40), grants((10, 2, 4)), STEADY)
    assert told == (
        "$40.00 left. $8.00 of it expires on 2026-11-26 (4 days). "
        "At $2.00 a day it lasts until 2026-12-12 (20 days), quite sure."
    )
    assert "expires" not in words(balance(40), grants((10, 2, 30)), STEADY)


def test_too_little_data_is_said_and_nothing_forecast() -> None:
    assert words(balance(6), grants((10, 4, 364)), costs((1, 2), (0, 2))) == (
        "$6.00 left. No forecast: too little data, 1 full day since the first cost and 3 are needed. "
        "$6.00 of it expires on 2027-11-21 (364 days)."
    )


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ((balance(5),), "$5.00 left. No forecast: the daily costs are not known."),
        ((balance(5), costs()), "$5.00 left. Nothing was spent in the last 30 days, so no end is in sight."),
        ((balance(0, 120, 120), STEADY), "Nothing is left. At present $2.00 is spent a day."),
        ((balance(-5.5, 0, 5.5),), "Nothing is left: $5.50 is owed."),
        ((balance(0, 18, 0), grants((18, 0, -10))), "Nothing is left. $18.00 expired unused."),
        ((balance(10**12), STEADY), "$1,000,000,000,000.00 left. At $2.00 a day it lasts for over a century."),
        ((STEADY,), "What is left is not known. At present $2.00 is spent a day."),
        (
            (costs(*every_day(-2, range(31))),),
            "What is left is not known. In the last 30 days more was given back than spent.",
        ),
        (
            (balance(5), costs(*every_day(-2, range(31)))),
            "$5.00 left. In the last 30 days more was given back than spent, so no end is in sight.",
        ),
        ((limit(10, 5, interval="30d"),), "50% of the limit of $10.00 every 30 days is used."),
        ((limit(10, 5, interval="1mo"),), "50% of the limit of $10.00 a month is used."),
        ((limit(10, 5, interval="hourly"),), "50% of the limit of $10.00 an hour is used."),
        ((limit(10, 5, interval="2 weeks"),), "50% of the limit of $10.00 every 2 weeks is used."),
        ((limit(10, 5, interval="never"),), "50% of the limit of $10.00 (never) is used."),
        ((balance(0, 0, 0), costs()), "There is no credit on this account. Nothing was spent in the last 30 days."),
        ((limit(10, 5),), "50% of the limit of $10.00 is used."),
        ((limit(None, 42.5, "true"),), "There is no limit; $42.50 was used."),
        ((limit(None, None, "true"),), "There is no limit."),
        ((limit(None),), "What is left is not known."),
        ((limit(10),), "Nobody tells how much of the limit of $10.00 is used."),
        (
            (balance(0, 0, 0), limit(120, interval="month"), STEADY),
            (
                "There is no credit on this account. At present $2.00 is spent a day. "
                "37% of the limit of $120.00 a month is used."
            ),
        ),
    ],
)
def test_what_is_said_of_other_accounts(parts: tuple[MetricSetResult, ...], sentence: str) -> None:
    assert words(*parts) == sentence


# The text


def test_the_figures_follow_and_then_the_models() -> None:
    assert text(balance(40, 160, 120), limit(200, interval="month"), MODELS) == (
        """\
openai_spend, api.openai.com, 2026-11-22T19:50:00Z

$40.00 left. At $2.00 a day it lasts until 2026-12-12 (20 days), quite sure.

  spent today so far          $2.00
  spent yesterday             $2.00
  month to date              $44.00
  last 30 days               $60.00
  mean a day, 7 full days     $2.00
  mean a day, 30 full days    $2.00
  granted                   $160.00
  used                      $120.00
  limit a month             $200.00
  used of the limit (22%)    $44.00

  model, last 30 days   spent  share
  -------------------  ------  -----
  gpt-5.5              $45.00    75%
  gpt-4o               $15.00    25%
  o9                   $0.001   < 1%

Days and months are UTC. Today is not over, so no mean counts it.
"""
    )


def test_bars_and_colours_are_for_terminals_that_want_them() -> None:
    colourful = text(MODELS, style=Style(80, color=True))
    lengths = [line.count("█") for line in colourful.splitlines() if "█" in line]
    assert lengths == [18, 6, 1]  # of 24: three quarters, one quarter, and something for what is not nothing
    assert "\x1b[" in colourful
    for quiet in (text(MODELS, style=Style(80)), text(MODELS)):
        assert "█" not in quiet
        assert "\x1b" not in quiet


def test_nothing_is_wider_than_the_terminal() -> None:
    narrow = text(balance(40), grants((10, 2, 4)), MODELS, style=Style(50, color=True))
    plain = re.sub("\x1b\\[[0-9]*m", "", narrow)
    assert max(map(len, plain.splitlines())) <= 50


def test_a_missing_part_is_named_with_its_reason_and_the_rest_shown() -> None:
    shown = text(balance(40), failed("daily_costs", "HTTP 403: ask an owner"), skipped=(Skipped("limit", "no time"),))
    assert "$40.00 left. No forecast: the daily costs are not known." in shown
    assert "daily costs missing: HTTP 403: ask an owner\nlimit missing: no time\n" in shown
    assert "spent today" not in shown


def test_parts_that_are_missing_for_the_same_reason_are_told_together() -> None:
    shown = text(failed("balance", "HTTP 401"), failed("daily_costs", "HTTP 401"), failed("limit", "HTTP 500"))
    assert "\n\nbalance, daily costs missing: HTTP 401\nlimit missing: HTTP 500\n" in shown


def test_what_the_days_are_is_said_only_where_there_are_any() -> None:
    assert "UTC" not in text(balance(40))
    assert text(balance(40), grants((10, 2, 4))).endswith("\n\nDays and months are UTC.\n")


def test_when_nothing_could_be_had_only_that_is_said() -> None:
    assert text(failed("balance", "HTTP 401: get a new key")) == (
        "openai_spend, api.openai.com, 2026-11-22T19:50:00Z\n\nbalance missing: HTTP 401: get a new key\n"
    )


def test_the_means_of_a_young_account_are_one() -> None:
    shown = text(costs(*every_day(2, range(5))))
    assert [line.split("  ")[1] for line in shown.splitlines() if "mean a day" in line] == ["mean a day, 4 full days"]


def test_each_currency_is_told_on_its_own() -> None:
    rows: list[Record] = [{"available": 110, "currency": "CNY"}, {"available": 5, "currency": "USD"}]
    shown = text(metric_set("balance", rows))
    assert "\n\nUSD\n\n$5.00 left." in shown
    assert "\n\nCNY\n\n110.00 CNY left." in shown


def test_many_models_are_cut_to_the_dearest() -> None:
    shown = text(costs(*[(1, number, f"m{number}") for number in range(1, 31)]))
    assert "m30" in shown
    assert "19 others" in shown
    assert shown.count("%") == 12


def test_commands_to_a_terminal_are_shown_not_obeyed() -> None:
    assert "\x1b" not in text(costs((1, 5, "\x1b[31mred\n")), failed("limit", "\x1b]0;x\x07"))


# The object


def test_the_object_holds_every_figure() -> None:
    parts = (balance(12.75, 18, 5.25), grants((5, 0.03, 81)), limit(120, interval="month"), MODELS)
    collected = round_of(*parts, failed("status", "HTTP 403"))
    reading = read(collected)
    told = json.loads(render_json(collected, reading, [work_out(each, NOW) for each in reading.accounts]))
    assert (told["app"], told["host"], told["time"]) == ("openai_spend", "api.openai.com", "2026-11-22T19:50:00.000Z")
    assert told["missing"] == [{"part": "billing status", "reason": "HTTP 403"}]
    assert told["remarks"] == []
    [account] = told["accounts"]
    assert account["left"] == 12.75
    assert account["spent_month"] == 44.001
    assert account["mean_7_days_over"] == 7
    assert account["gone_on"] == str(TODAY + timedelta(days=7))  # 6.37 days from 19:50
    assert account["sure"] == "good"
    assert (account["expires_on"], account["expiring"]) == ("2027-02-11", 4.97)
    assert (account["unlimited"], account["limit_interval"], account["no_forecast"]) == (False, "month", None)
    assert [each["model"] for each in account["models"]] == ["gpt-5.5", "gpt-4o", "o9"]
    assert account["grants"][0]["expires_at"] == "2027-02-11T00:00:00.000Z"


def test_what_is_not_known_is_null_and_never_infinite() -> None:
    collected = round_of(balance(5), costs())
    reading = read(collected)
    [account] = json.loads(render_json(collected, reading, [work_out(each, NOW) for each in reading.accounts]))[
        "accounts"
    ]
    assert (account["days_left"], account["gone_on"], account["burn"]) == (None, None, 0)
    assert (account["limit"], account["unlimited"], account["expires_on"]) == (None, None, None)


def test_what_was_used_is_shown_where_the_limit_is_not_known() -> None:
    told = text(limit(None, 80))
    assert "What is left is not known." in told
    assert "used, of a limit that is not known  $80.00" in told
