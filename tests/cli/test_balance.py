import argparse
import getpass
import io
import json
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.cli.definitions import write
from tests.collect.transport import web
from tests.spend.rounds import NOW, Record, balance, costs, every_day, figures_of, limit, metric_set, round_of

from openai_monitor.cli import terminal
from openai_monitor.cli.commands import COMMANDS
from openai_monitor.cli.commands.balance import FORMATS, add_arguments
from openai_monitor.cli.conditions import Verdict
from openai_monitor.cli.figure_conditions import compile_figure_conditions, judge
from openai_monitor.cli.run import run
from openai_monitor.definition.shipped import shipped_folder
from openai_monitor.errors import ParameterError
from openai_monitor.sandbox import running
from openai_monitor.sandbox.server import Server
from openai_monitor.spend import FIGURES, read, work_out


class Done(NamedTuple):
    code: int
    out: str
    err: str


Run = Callable[..., Done]


@pytest.fixture
def run_balance(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setitem(COMMANDS, "balance", "…")

    def run_it(*arguments: str, stdin: str | None = None) -> Done:
        if stdin is not None:
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        code = run(["balance", *arguments])
        return Done(code, *capsys.readouterr())

    return run_it


@pytest.fixture
def server() -> Iterator[Server]:
    with running() as found:
        yield found


def at(server: Server) -> list[str]:
    return ["--param", f"host={server.host}", "--param", f"port={server.port}", "--param", "ssl=false"]


# The answer


def test_the_sandbox_answers_without_a_key(run_balance: Run) -> None:
    done = run_balance("--sandbox")
    assert done.code == 0
    assert "\n$12.75 left. " in done.out
    assert "At $0.12 a day it lasts until " in done.out
    assert "Days and months are UTC." in done.out
    assert "█" not in done.out
    assert done.err == "openai-monitor: using --define openai_spend, for keys that begin with sess-\n"


@pytest.mark.parametrize(
    ("define", "sentence"),
    [
        ("openai_spend", r"\$12\.75 left\. "),
        # How much of a month's limit is used depends on the day of the month.
        (
            "openai_organization",
            r"At present \$0\.12 is spent a day\. [1-9]% of the limit of \$100\.00 a month is used\.",
        ),
        ("openai_gateway", r"50% of the limit of \$10\.00 is used\."),
        ("deepseek", r"\$12\.75 left\. No forecast: the daily costs are not known\."),
        ("openrouter", r"\$12\.75 left\. No forecast: the daily costs are not known\."),
        ("anthropic", r"What is left is not known\. At present \$0\.12 is spent a day\."),
    ],
)
def test_every_shipped_definition_can_be_tried(run_balance: Run, define: str, sentence: str) -> None:
    done = run_balance("--sandbox", "--define", define)
    assert done.code == 0
    assert re.search(sentence, done.out)
    assert done.err == ""


def test_json_is_one_object(run_balance: Run) -> None:
    done = run_balance("--sandbox", "--define", "openai_spend", "--format", "json")
    told = json.loads(done.out)
    assert told["app"] == "openai_spend"
    assert told["accounts"][0]["left"] == 12.75
    assert told["accounts"][0]["spent_today"] == 1.08619
    assert set(FIGURES) < set(told["accounts"][0])


def test_only_the_sets_it_understands_are_asked_for(run_balance: Run, server: Server) -> None:
    run_balance(*at(server), "--define", "openai_organization", "--param", "token=sk-admin-sandbox")
    asked = {request.path for request in server.requests}
    assert asked == {"/v1/organization/costs", "/v1/organization/spend_limit"}


def test_a_part_without_rights_is_missing_and_the_rest_shown(run_balance: Run, server: Server) -> None:
    server.switch("usage=403")
    done = run_balance(*at(server), "--define", "openai_spend", "--param", "token=sess-sandbox")
    assert done.code == 1
    assert "$12.75 left. No forecast: the daily costs are not known." in done.out
    assert "daily costs missing: " in done.out
    assert "403" in done.out


def test_numbers_as_text_are_numbers(run_balance: Run, server: Server) -> None:
    arguments = (*at(server), "--define", "openai_spend", "--param", "token=sess-sandbox", "--format", "json")
    plain = json.loads(run_balance(*arguments).out)["accounts"]
    server.switch("text-numbers")
    as_text = json.loads(run_balance(*arguments).out)["accounts"]
    for one, other in zip(plain, as_text, strict=True):
        assert {**one, "days_left": 0} == {**other, "days_left": 0}


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("plan-null", 0),
        ("no-paid-available", 0),
        ("nulls", 1),
        ("no-daily-costs", 1),
        ("error-200", 1),
        ("html-200", 1),
    ],
)
def test_odd_answers_leave_figures_unknown_at_worst(run_balance: Run, server: Server, fault: str, code: int) -> None:
    server.switch(fault)
    done = run_balance(*at(server), "--define", "openai_spend", "--param", "token=sess-sandbox")
    assert done.code == code
    assert done.out.startswith("openai_spend, 127.0.0.1, ")
    assert (" missing: " in done.out) == bool(code)
    assert "internal error" not in done.out + done.err


def test_json_tells_of_what_is_missing_on_standard_error_too(run_balance: Run, server: Server) -> None:
    server.switch("usage=500")
    done = run_balance(*at(server), "--define", "openai_spend", "--param", "token=sess-sandbox", "--format", "json")
    assert [each["part"] for each in json.loads(done.out)["missing"]] == ["daily costs"]
    assert "daily costs missing: " in done.err


def test_a_wrong_key_is_told_and_never_shown(run_balance: Run, server: Server) -> None:
    key = "sess-fake-4711"
    done = run_balance(*at(server), "--define", "openai_spend", "--param", f"token={key}", "-v")
    assert done.code == 1
    assert "balance, grants, daily costs, limit, billing status missing: HTTP 401" in done.out
    assert key not in done.out + done.err


def test_a_definition_without_these_sets_is_refused(run_balance: Run, tmp_path: Path) -> None:
    done = run_balance("--sandbox", "--define", write(tmp_path))
    assert done.code == 2
    assert "has none of them" in done.err
    assert "openai_spend" in done.err


# Choosing by the key


@pytest.mark.parametrize(
    ("key", "define", "prefix"),
    [
        ("sess-sandbox", "openai_spend", "sess-"),
        ("sk-admin-sandbox", "openai_organization", "sk-admin-"),
        ("sk-or-v1-sandbox", "openrouter", "sk-or-v1-"),
        ("sk-ant-admin-sandbox", "anthropic", "sk-ant-admin"),
        (' "Bearer sess-sandbox"\n', "openai_spend", "sess-"),
    ],
)
def test_the_key_chooses_the_definition(
    run_balance: Run, server: Server, monkeypatch: pytest.MonkeyPatch, key: str, define: str, prefix: str
) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", key)
    done = run_balance(*at(server))
    assert done.err.startswith(f"openai-monitor: using --define {define}, for keys that begin with {prefix}\n")
    assert done.out.startswith(f"{define}, 127.0.0.1")
    assert done.code == 0


def test_a_definition_without_figures_gives_way_to_the_one_for_the_same_keys(run_balance: Run) -> None:
    done = run_balance("--sandbox", "--define", "openai")
    assert done.err == (
        "openai-monitor: openai has no figures for balance: using --define openai_spend, for the same keys\n"
    )
    assert done.out.startswith("openai_spend, 127.0.0.1")
    assert done.code == 0


def test_a_key_is_not_taken_to_another_host_than_that_of_a_person_s_own_file(run_balance: Run, tmp_path: Path) -> None:
    own = tmp_path / "openai.yml"
    own.write_bytes((shipped_folder() / "openai.yml").read_bytes())
    done = run_balance("--sandbox", "--define", str(own))
    assert "has none of them: collect it, or use a definition that has them" in done.err
    assert (done.code, done.out) == (2, "")


def test_the_key_may_come_from_a_file_or_standard_input(run_balance: Run, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("sess-sandbox\n")
    assert run_balance(*at(server), "--token-file", str(file)).code == 0
    assert run_balance(*at(server), "--token-stdin", stdin="sess-sandbox\n").code == 0
    file.write_text(f"{{token: sess-sandbox, host: {server.host}, port: {server.port}, ssl: false}}")
    assert run_balance("--params", str(file)).code == 0


def test_the_key_is_asked_for_once(run_balance: Run, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    questions: list[str] = []

    def answer(question: str) -> str:
        questions.append(question)
        return "sk-admin-sandbox"

    monkeypatch.setattr(getpass, "getpass", answer)
    monkeypatch.setattr(terminal, "can_prompt", lambda: True)
    done = run_balance(*at(server))
    assert done.code == 0
    assert done.out.startswith("openai_organization, ")
    assert len(questions) == 1
    assert "sk-admin-sandbox" not in done.out + done.err


def test_a_key_on_the_command_line_is_warned_of_once(run_balance: Run, server: Server) -> None:
    done = run_balance(*at(server), "--param", "token=sess-sandbox")
    assert done.code == 0
    assert done.err.count("a key on the command line") == 1


@pytest.mark.parametrize(
    ("key", "problem", "names"),
    [
        ("fake-key", "begins like no other that is known", ["openai_organization", "openrouter"]),
        ("sess-\x07", "control character", []),
        ("sk-svcacct-fake-fake", "a service account's key of OpenAI (sk-svcacct-…): it sees nothing about money", []),
        ("sk-fake-fake", "see nothing about money (OpenAI answers 403)", ["--param host=", "deepseek"]),
        ("sk-ant-api03-fake", "an API key of Anthropic (sk-ant-…): it sees nothing about money", []),
        ("sk-proj-fake-fake", "sees nothing about money (OpenAI answers 403): ask an owner", []),
    ],
)
def test_a_key_that_does_not_choose_is_asked_about(
    run_balance: Run, monkeypatch: pytest.MonkeyPatch, key: str, problem: str, names: list[str]
) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", key)
    done = run_balance()
    assert done.code == 2
    assert problem in done.err
    assert all(name in done.err for name in names)
    assert key not in done.err


@pytest.mark.parametrize("variable", ["OPENAI_ADMIN_KEY", "OPENAI_API_KEY"])
def test_the_variables_of_openais_libraries_are_used_where_their_key_fits(
    run_balance: Run, server: Server, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "sk-admin-sandbox")
    done = run_balance(*at(server))
    assert done.code == 0
    assert f"using the key in {variable}" in done.err
    assert "using --define openai_organization" in done.err
    assert "sk-admin-sandbox" not in done.out + done.err


def test_a_projects_key_in_a_variable_is_not_used_and_that_is_said(
    run_balance: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-proj-fake-fake")
    done = run_balance(stdin="")
    assert done.code == 2
    assert (
        "OPENAI_API_KEY is set and holds a project's key of OpenAI, which is not used here: it sees nothing" in done.err
    )
    assert "OPENAI_TOKEN" in done.err


def test_without_a_key_it_says_where_one_can_come_from(run_balance: Run) -> None:
    done = run_balance(stdin="")
    assert done.code == 2
    assert "there is no key: it can come from OPENAI_TOKEN, --token-file, --token-stdin" in done.err


# --fail-if


def test_a_condition_that_holds_fails_with_a_sentence(run_balance: Run) -> None:
    done = run_balance("--sandbox", "--define", "openai_spend", "--fail-if", "left < 20", "--fail-if", "left < 1")
    assert done.code == 3
    assert done.err == "openai-monitor: left < 20 holds: left is $12.75\n"


def test_a_condition_that_does_not_hold_is_quiet(run_balance: Run) -> None:
    done = run_balance("--sandbox", "--define", "openai_spend", "--fail-if", "days_left < 7")
    assert (done.code, done.err) == (0, "")


def test_a_figure_that_is_not_known_is_told_and_never_taken_for_no(run_balance: Run) -> None:
    done = run_balance("--sandbox", "--define", "deepseek", "--fail-if", "days_left < 7")
    assert done.code == 1
    assert done.err == (
        "openai-monitor: --fail-if 'days_left < 7' could not be judged: days_left has no value "
        "(the daily costs are not known)\n"
    )


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("days_lef < 7", "days_lef is no figure; did you mean days_left?"),
        ("credit.total < 7", "credit.total is no figure; there are left, granted"),
        ("1 < 2", "reads no figure; write a comparison, such as days_left < 7"),
        ("left <", "--fail-if 'left <'"),
    ],
)
def test_a_condition_over_no_figure_is_refused_before_anything_is_asked(
    run_balance: Run, text: str, complaint: str
) -> None:
    done = run_balance("--fail-if", text)
    assert done.code == 2
    assert complaint in done.err


def verdict(text: str, *parts: object) -> Verdict:
    [condition] = compile_figure_conditions([text])
    [found] = judge([condition], [figures_of(*parts)], NOW)  # type: ignore[arg-type]
    return found


STEADY = costs(*every_day(2, range(31)))


@pytest.mark.parametrize(
    "text",
    ["days_left < 21 && left < 50", "spent_today > 1.5", "sure == 'good'", "gone_on == '2026-12-12'", "burn == 2"],
)
def test_all_figures_can_be_compared(text: str) -> None:
    assert verdict(text, balance(40), STEADY).holds is True


def test_without_an_end_or_a_limit_nothing_is_near() -> None:
    assert verdict("days_left < 7", balance(40), costs()).holds is False
    assert verdict("limit_used_percent > 90", limit(None, 5, "true")).holds is False


def test_credit_that_is_gone_has_no_days_left() -> None:
    assert verdict("days_left < 7", balance(0, 120, 120)).holds is True


def test_any_currency_may_make_it_hold() -> None:
    rows: list[Record] = [{"available": 5, "currency": "USD"}, {"available": 110, "currency": "CNY"}]
    figures = [work_out(each, NOW) for each in read(round_of(metric_set("balance", rows))).accounts]
    [condition] = compile_figure_conditions(["left > 100"])
    assert judge([condition], figures, NOW) == [Verdict(True, "left > 100 holds for currency CNY: left is 110")]


WALLETS: list[Record] = [{"available": 0, "currency": "USD"}, {"available": 71.46, "currency": "CNY"}]


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("left < 10", False),
        ("left < 100", True),
        ("currency == 'CNY' && left < 10", False),
        ("currency == 'CNY' && left < 100", True),
        ("currency == 'USD' && left < 10", True),
        ("currency == 'EUR' && left < 10", None),
    ],
)
def test_an_empty_currency_decides_nothing_beside_a_funded_one_unless_it_is_named(text: str, holds: object) -> None:
    figures = [work_out(each, NOW) for each in read(round_of(metric_set("balance", WALLETS))).accounts]
    [found] = judge(compile_figure_conditions([text]), figures, NOW)
    assert found.holds is holds
    assert not holds or f"for currency {'USD' if 'USD' in text else 'CNY'}" in found.sentence


def test_where_every_currency_is_empty_all_of_them_decide() -> None:
    rows: list[Record] = [{"available": 0, "currency": "USD"}, {"available": 0, "currency": "CNY"}]
    figures = [work_out(each, NOW) for each in read(round_of(metric_set("balance", rows))).accounts]
    [found] = judge(compile_figure_conditions(["left < 10"]), figures, NOW)
    assert found.holds is True


def test_when_nothing_was_collected_no_condition_is_judged() -> None:
    [found] = judge(compile_figure_conditions(["left < 5"]), [], NOW)
    assert found.holds is None
    assert "nothing could be collected" in found.sentence


def test_a_condition_is_refused_as_bad_usage() -> None:
    with pytest.raises(ParameterError):
        compile_figure_conditions(["x < 1"])


def test_the_help_names_every_figure() -> None:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    assert all(name in (parser.epilog or "") for name in FIGURES)
    assert FORMATS == ("text", "json")


def test_a_refused_key_is_told_with_how_to_get_another(run_balance: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", "sess-wrong")
    with running(faults=["401"]) as server:
        done = run_balance(*at(server))
    assert done.code == 1
    assert "the key is refused: sign in at https://platform.openai.com/usage" in done.err


def test_where_nothing_can_be_read_the_next_step_is_told(run_balance: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_TOKEN", "sess-fake")
    with web.Server(lambda _: web.ok(b'{"total_available": null}')) as empty:
        address = ["--param", f"host={empty.host}", "--param", f"port={empty.port}", "--param", "ssl=false"]
        done = run_balance(*address)
    assert done.code == 1
    assert "nothing could be read: `openai-monitor check` with the same options says whether" in done.err


def test_an_organization_without_a_spend_limit_is_no_failure(run_balance: Run, server: Server) -> None:
    server.switch("spend_limit=404")
    done = run_balance(*at(server), "--define", "openai_organization", "--param", "token=sk-admin-sandbox")
    assert done.code == 0, done.out
    assert "limit" not in done.out
    assert "no field" not in done.err


def test_a_used_up_key_of_a_gateway_is_told_with_what_to_ask_instead(run_balance: Run, server: Server) -> None:
    server.switch("subscription=401")
    done = run_balance(*at(server), "--define", "openai_gateway", "--param", "token=sk-gateway-sandbox")
    assert done.code == 1
    assert "used up" in done.out
    assert "--define new_api" in done.out
    assert "the key is refused: " in done.err
    told = run_balance(*at(server), "--define", "new_api", "--param", "token=sk-gateway-sandbox")
    assert (told.code, "50% of the limit of $10.00 is used." in told.out) == (0, True)
