"""Rounds: order, dependencies between sets, deadlines. The transport is a table of answers."""

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, cast

import pytest
import yaml
from tests.schedule.virtual import VirtualLoop, run_virtual

from openai_monitor.collect.answer import Answer, Headers
from openai_monitor.collect.plan import make_plan
from openai_monitor.collect.request import Request
from openai_monitor.collect.rounds import collect_round
from openai_monitor.definition.load import parse_definition
from openai_monitor.errors import CollectionError, ParameterError, SettingsError
from openai_monitor.rows import Code, Round

NOW = datetime(2026, 3, 1, 23, 30, tzinfo=UTC)
TOKEN = "sess-fake"
HOUR = 3600.0


class Table:
    """Answers by path (with query when listed so); records what was asked."""

    def __init__(self, answers: Mapping[str, Any], delay: float = 0.0) -> None:
        self.answers = answers
        self.delay = delay
        self.asked: list[str] = []
        self.requests: list[Request] = []
        self.at_once = 0
        self.most_at_once = 0

    async def send(self, request: Request, session: object) -> Answer:
        self.asked.append(request.target)
        self.requests.append(request)
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        try:
            await asyncio.sleep(self.delay)
        finally:
            self.at_once -= 1
        found = self.answers.get(request.target, self.answers.get(request.target.partition("?")[0], {}))
        if isinstance(found, Exception):
            raise found
        if isinstance(found, float):
            await asyncio.sleep(found)
        status, body = found if isinstance(found, tuple) else (200, found)
        text = body if isinstance(body, str) else json.dumps(body)
        return Answer(status, Headers([("content-type", "application/json")]), text.encode(), 5, "http://host/")


def a_set(name: str, url: str, priority: int = 0, *, script: str = "$", **keys: Any) -> dict[str, Any]:
    fields = keys.pop("fields", [{"field": "v", "type": 0}])
    http = {
        "host": "^_^host^_^",
        "port": "80",
        "url": url,
        "method": "GET",
        "parseType": "jsonPath",
        "parseScript": script,
        **keys.pop("http", {}),
    }
    return {"name": name, "priority": priority, "protocol": "http", "fields": fields, "http": http, **keys}


def definition_of(*sets: dict[str, Any], params: list[dict[str, Any]] | None = None) -> str:
    host = {
        "field": "host",
        "type": "host",
        "required": True,
        "defaultValue": "127.0.0.1",
        "name": {"en-US": "Host"},
    }
    return yaml.safe_dump(
        {
            "category": "custom",
            "app": "acme",
            "name": {"en-US": "Acme"},
            "params": [host, *(params or [])],
            "metrics": list(sets),
        },
        sort_keys=False,
    )


def run(
    table: Table,
    *sets: dict[str, Any],
    values: dict[str, str | None] | None = None,
    params: list[dict[str, Any]] | None = None,
    metrics: list[str] | None = None,
    deadline: float | None = 10,
) -> Round:
    definition = parse_definition(definition_of(*sets, params=params), "acme.yml")
    plan = make_plan(definition, values or {}, metrics=metrics)
    return asyncio.run(collect_round(plan, table, deadline=deadline, clock=lambda: NOW))


def test_sets_run_by_priority_not_by_place() -> None:
    table = Table({"/a": {"v": 1}, "/b": {"v": 2}, "/c": {"v": 3}})
    outcome = run(table, a_set("c", "/c", 2), a_set("a", "/a", 0), a_set("b", "/b", 1))
    assert table.asked == ["/a", "/b", "/c"]
    assert [result.name for result in outcome.results] == ["a", "b", "c"]
    assert outcome.ok


def test_equal_priorities_run_side_by_side() -> None:
    table = Table({}, delay=0.02)
    run(table, a_set("a", "/a", 1), a_set("b", "/b", 1), a_set("c", "/c", 1))
    assert table.most_at_once == 3


def test_a_failing_priority_0_ends_the_round_after_its_group() -> None:
    table = Table({"/a": (500, ""), "/b": {"v": 2}})
    outcome = run(table, a_set("a", "/a", 0), a_set("b", "/b", 0), a_set("c", "/c", 1))
    assert [result.code for result in outcome.results] == [Code.FAIL, Code.SUCCESS]
    assert [(item.name, item.reason) for item in outcome.skipped] == [
        ("c", "a has priority 0 and failed, which ends the round")
    ]
    assert not outcome.ok


def test_a_failing_later_set_does_not_end_the_round() -> None:
    table = Table({"/a": {"v": 1}, "/b": (500, ""), "/c": {"v": 3}})
    outcome = run(table, a_set("a", "/a", 0), a_set("b", "/b", 1), a_set("c", "/c", 2))
    assert [result.ok for result in outcome.results] == [True, False, True]


def test_the_deadline_cuts_a_set_and_skips_the_rest() -> None:
    table = Table({"/a": {"v": 1}, "/b": 5.0})
    outcome = run(table, a_set("a", "/a", 0), a_set("b", "/b", 1), a_set("c", "/c", 2), deadline=0.2)
    assert outcome["b"].code is Code.TIMEOUT
    assert "0.2 s" in outcome["b"].message
    assert [item.name for item in outcome.skipped] == ["c"]


def test_a_deadline_between_two_groups_cuts_the_second_before_it_has_begun() -> None:
    """The step in which the first group's answer comes lasts longer than the round may."""

    class Slow(Table):
        async def send(self, request: Request, session: object) -> Answer:
            answer = await super().send(request, session)
            if request.target == "/a":
                loop = cast("VirtualLoop", asyncio.get_running_loop())
                come = loop.create_future()

                def arrive() -> None:
                    come.set_result(None)
                    loop.now += 10

                loop.call_later(1, arrive)
                await come
            return answer

    table = Slow({"/b": HOUR, "/c": HOUR, "/d": {}})
    sets = a_set("a", "/a", 0), a_set("b", "/b", 1), a_set("c", "/c", 1), a_set("d", "/d", 2)
    plan = make_plan(parse_definition(definition_of(*sets), "acme.yml"), {})

    async def main() -> None:
        began = asyncio.get_running_loop().time()
        outcome = await collect_round(plan, table, deadline=10)
        assert asyncio.get_running_loop().time() - began == 11
        assert [result.code for result in outcome.results] == [Code.SUCCESS, Code.TIMEOUT, Code.TIMEOUT]
        assert [item.name for item in outcome.skipped] == ["d"]

    run_virtual(main())
    assert table.asked == ["/a"]


def test_a_bug_of_ours_is_a_failed_set() -> None:
    table = Table({"/a": ZeroDivisionError("boom")})
    outcome = run(table, a_set("a", "/a"))
    assert outcome["a"].code is Code.FAIL
    assert outcome["a"].message == "internal error (ZeroDivisionError): please report it"


def test_another_protocol_fails_alone_and_is_not_asked() -> None:
    table = Table({})
    odd = {"name": "odd", "priority": 0, "protocol": "jdbc", "fields": [{"field": "v"}]}
    outcome = run(table, a_set("a", "/a", 0), odd, a_set("b", "/b", 1))
    assert table.asked == ["/a"]
    assert "'jdbc'" in outcome["odd"].message


IDS = [{"field": "id", "type": 1}]


def first(answer: object, priority: int = 0) -> tuple[dict[str, Any], object]:
    return a_set("first", "/first", priority, script="$.l[*]", fields=IDS), answer


def test_one_request_a_row_in_the_order_of_the_rows() -> None:
    answers = {
        "/first": {"l": [{"id": "p1"}, {"id": "p2"}, {"id": "p3"}]},
        "/u/p1": {"v": 1},
        "/u/p3": {"v": 3},
    }
    table = Table({**answers, "/u/p2": {"v": 2}})
    outcome = run(table, first(None)[0], a_set("second", "/u/^o^id^o^", 1))
    assert outcome["second"].rows == ((1,), (2,), (3,))
    assert table.asked == ["/first", "/u/p1", "/u/p2", "/u/p3"]


def test_good_rows_of_a_fan_out_are_kept_and_failures_named() -> None:
    table = Table({"/first": {"l": [{"id": "p1"}, {"id": "p2"}]}, "/u/p1": (500, ""), "/u/p2": {"v": 2}})
    outcome = run(table, first(None)[0], a_set("second", "/u/^o^id^o^", 1))
    assert outcome["second"].ok
    assert outcome["second"].rows == ((2,),)
    assert "1 of 2 requests failed (row 1: HTTP 500" in outcome["second"].message


def test_a_fan_out_that_fails_whole_fails() -> None:
    table = Table({"/first": {"l": [{"id": "p1"}, {"id": "p2"}]}, "/u/p1": (500, ""), "/u/p2": (500, "")})
    outcome = run(table, first(None)[0], a_set("second", "/u/^o^id^o^", 1))
    assert outcome["second"].code is Code.FAIL


def test_a_fan_out_in_which_something_breaks_leaves_no_request_behind() -> None:
    answers = {"/first": {"l": [{"id": f"p{number}"} for number in range(20)]}, "/u/p0": ZeroDivisionError("boom")}
    table = Table(answers, delay=0.01)
    sets = first(None)[0], a_set("second", "/u/^o^id^o^", 1)
    plan = make_plan(parse_definition(definition_of(*sets), "acme.yml"), {})

    async def main() -> None:
        outcome = await collect_round(plan, table)
        assert outcome["second"].message == "internal error (ZeroDivisionError): please report it"
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(main())


def test_at_most_50_requests_and_the_message_says_so() -> None:
    table = Table({"/first": {"l": [{"id": f"p{number}"} for number in range(60)]}})
    outcome = run(table, first(None)[0], a_set("second", "/u/^o^id^o^", 1))
    assert len(table.asked) == 51
    assert outcome["second"].message == "50 of 60 rows were asked for, which is the most"


def test_a_single_row_lasts_for_the_round() -> None:
    answers = {"/first": {"l": [{"id": "p1"}]}, "/x": {"v": 1}}
    table = Table(answers)
    run(table, first(None)[0], a_set("second", "/x", 1), a_set("third", "/t/^o^id^o^", 2))
    assert table.asked[-1] == "/t/p1"


@pytest.mark.parametrize("rows", [[], [{"id": None}]])
def test_no_value_fails_the_set(rows: list[object]) -> None:
    table = Table({"/first": {"l": rows}})
    outcome = run(table, first(None)[0], a_set("second", "/u/^o^id^o^", 1))
    assert table.asked == ["/first"]
    assert outcome["second"].code is Code.FAIL
    assert "^o^id^o^" in outcome["second"].message


def test_what_comes_from_an_answer_is_never_looked_through_for_parameters() -> None:
    params = [{"field": "token", "type": "password", "name": {"en-US": "Key"}}]
    table = Table({"/first": {"l": [{"id": "^_^token^_^"}]}})
    run(table, first(None)[0], a_set("second", "/u/^o^id^o^", 1), params=params, values={"token": TOKEN})
    assert len(table.asked) == 2
    assert TOKEN not in table.asked[1]


def test_a_token_from_an_answer_shows_in_no_message() -> None:
    auth = {"authorization": {"type": "Bearer Token", "bearerTokenToken": "^o^id^o^"}}
    denial = (401, {"error": {"message": "no such key: made-up-token"}})
    table = Table({"/first": {"l": [{"id": "made-up-token"}]}, "/u": denial})
    outcome = run(table, first(None)[0], a_set("second", "/u", 1, http=auth))
    assert dict(table.requests[1].headers)["Authorization"] == "Bearer made-up-token"
    assert table.requests[1].sensitive
    assert "made-up-token" not in outcome["second"].message
    assert "***" in outcome["second"].message


def test_an_echo_of_the_key_is_masked_in_rows() -> None:
    params = [{"field": "token", "type": "password", "name": {"en-US": "Key"}}]
    echo = a_set("echo", "/echo", fields=[{"field": "said", "type": 1}])
    key = f"{TOKEN}-0123456789"
    table = Table({"/echo": {"said": f"you sent {key}"}})
    outcome = run(table, echo, params=params, values={"token": key})
    assert outcome["echo"].rows == (("you sent ***",),)


def test_user_names_and_short_passwords_leave_cells_as_they_are() -> None:
    """A cluster called elasticsearch keeps its name when the user is elastic, and a page under a password's name too."""
    params: list[dict[str, Any]] = [{"field": "username", "type": "text"}, {"field": "password", "type": "password"}]
    authorization = {"type": "Basic Auth", "basicAuthUsername": "^_^username^_^", "basicAuthPassword": "^_^password^_^"}
    names = ("cluster", "user", "queue", "word")
    fields: list[dict[str, Any]] = [{"field": name, "type": 1} for name in names]
    asked = a_set("node", "/node", fields=fields, http={"authorization": authorization})
    said = {"cluster": "elasticsearch", "user": "elastic", "queue": "a classic one", "word": "classic"}
    values: dict[str, str | None] = {"username": "elastic", "password": "classic"}
    outcome = run(Table({"/node": said}), asked, params=params, values=values)
    assert outcome["node"].rows == (("elasticsearch", "elastic", "a classic one", "***"),)
    refused = run(Table({"/node": {"error": "elastic gave classic"}}), asked, params=params, values=values)
    assert "elastic" not in refused["node"].message
    assert "classic" not in refused["node"].message


def test_a_password_that_is_no_utf8_is_no_reason_to_fail() -> None:
    params = [{"field": "password", "type": "password"}]
    table = Table({"/plain": {"said": "fine"}})
    outcome = run(
        table,
        a_set("plain", "/plain", fields=[{"field": "said", "type": 1}]),
        params=params,
        values={"password": "from-a-terminal-\udcff"},
    )
    assert outcome["plain"].rows == (("fine",),)


def test_only_named_sets_are_reported_and_what_they_need_runs_too() -> None:
    table = Table({"/first": {"l": [{"id": "p1"}]}, "/u/p1": {"v": 1}})
    outcome = run(table, first(None)[0], a_set("second", "/u/^o^id^o^", 1), a_set("third", "/x", 1), metrics=["second"])
    assert [result.name for result in outcome.results] == ["second"]
    assert table.asked == ["/first", "/u/p1"]


def test_an_unknown_set_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="no metric set named nope: acme has a"):
        run(Table({}), a_set("a", "/a"), metrics=["nope"])


DATES = {"params": {"start": "${@date}", "end": "${@date+1d}"}}


@pytest.mark.parametrize(
    ("zone", "query"),
    [("UTC", "start=2026-03-01&end=2026-03-02"), ("Asia/Shanghai", "start=2026-03-02&end=2026-03-03")],
)
def test_a_declared_time_zone_is_that_of_the_time_expressions(zone: str, query: str) -> None:
    params = [{"field": "timezone", "type": "text", "defaultValue": "UTC", "name": {"en-US": "Zone"}}]
    table = Table({})
    run(table, a_set("a", "/a", http=DATES), params=params, values={"timezone": zone})
    assert table.asked == [f"/a?{query}"]


def test_an_unknown_time_zone_is_refused() -> None:
    params = [{"field": "timezone", "type": "text", "name": {"en-US": "Zone"}}]
    with pytest.raises(ParameterError, match="'Mars/Base' is no time zone"):
        run(Table({}), a_set("a", "/a"), params=params, values={"timezone": "Mars/Base"})


def test_a_request_is_built_again_only_when_a_time_in_it_is_another() -> None:
    definition = parse_definition(definition_of(a_set("a", "/a"), a_set("b", "/b", http=DATES)), "acme.yml")
    plan = make_plan(definition, {})
    table = Table({})
    for hours in (0, 0.4, 24):
        clock = partial(NOW.__add__, timedelta(hours=hours))
        asyncio.run(collect_round(plan, table, clock=clock))
    a, b = (table.requests[0::2], table.requests[1::2])
    assert a[0] is a[1] is a[2]
    assert b[0] is b[1]
    assert [request.target for request in b[1:]] == [
        "/b?start=2026-03-01&end=2026-03-02",
        "/b?start=2026-03-02&end=2026-03-03",
    ]


def test_a_path_that_does_not_compile_fails_its_set_without_a_request() -> None:
    table = Table({"/b": {"v": 1}})
    outcome = run(table, a_set("a", "/a", 1, script="$.a b"), a_set("b", "/b", 1))
    assert table.asked == ["/b"]
    assert outcome["a"].code is Code.FAIL
    assert "does not compile" in outcome["a"].message


def test_a_failing_set_keeps_the_code_of_its_failure() -> None:
    table = Table({"/a": CollectionError(Code.UN_REACHABLE, "no such host")})
    outcome = run(table, a_set("a", "/a"))
    assert (outcome["a"].code, outcome["a"].message) == (Code.UN_REACHABLE, "no such host")


def test_a_token_typed_as_text_is_a_secret_all_the_same() -> None:
    params = [{"field": "token", "type": "text", "name": {"en-US": "Key"}}]
    auth = {"authorization": {"type": "Bearer Token", "bearerTokenToken": "^_^token^_^"}}
    table = Table({"/a": (401, {"error": {"message": f"no such key: {TOKEN}"}})})
    outcome = run(table, a_set("a", "/a", http=auth), params=params, values={"token": TOKEN})
    assert table.requests[0].sensitive
    assert outcome["a"].message.endswith("no such key: ***")


def test_a_long_message_is_cut_behind_the_masked_key() -> None:
    params = [{"field": "token", "type": "password", "name": {"en-US": "Key"}}]
    auth = {"authorization": {"type": "Bearer Token", "bearerTokenToken": "^_^token^_^"}}
    words = "x" * 890 + f" {TOKEN} " + "y" * 5000
    table = Table({"/a": (401, {"error": {"message": words}})})
    outcome = run(table, a_set("a", "/a", http=auth), params=params, values={"token": TOKEN})
    assert len(outcome["a"].message) == 1000
    assert TOKEN[:6] not in outcome["a"].message


def test_settings_that_no_set_can_use_are_raised() -> None:
    table = Table({"/a": SettingsError("no certificates in ca.pem")})
    with pytest.raises(SettingsError, match="no certificates"):
        run(table, a_set("a", "/a", 1), a_set("b", "/b", 1))


def test_settings_that_a_later_set_can_not_use_leave_the_caller_as_it_was() -> None:
    class Late(Table):
        async def send(self, request: Request, session: object) -> Answer:
            await asyncio.sleep(0 if request.target == "/a" else 1)
            return await super().send(request, session)

    table = Late({"/b": SettingsError("no certificates in ca.pem")})
    plan = make_plan(parse_definition(definition_of(a_set("a", "/a", 1), a_set("b", "/b", 1)), "acme.yml"), {})

    async def main() -> None:
        with pytest.raises(SettingsError, match="no certificates"):
            await collect_round(plan, table)
        task = asyncio.current_task()
        assert task is not None
        assert task.cancelling() == 0
        assert asyncio.all_tasks() == {task}

    run_virtual(main())


@pytest.mark.parametrize("names", ["a", "ab"])
def test_a_round_that_is_cancelled_ends_whatever_a_set_makes_of_it(names: str) -> None:
    class Stubborn(Table):
        async def send(self, request: Request, session: object) -> Answer:
            try:
                return await super().send(request, session)
            except asyncio.CancelledError:
                raise CollectionError(Code.FAIL, "cut") from None

    table = Stubborn({}, delay=HOUR)
    sets = [a_set(name, f"/{name}", 1) for name in names]
    plan = make_plan(parse_definition(definition_of(*sets), "acme.yml"), {})

    async def main() -> None:
        collecting = asyncio.create_task(collect_round(plan, table, deadline=None))
        await asyncio.sleep(1)
        collecting.cancel()
        await asyncio.wait([collecting])
        assert collecting.cancelled()
        assert table.at_once == 0

    run_virtual(main())


def test_an_answer_brings_up_no_more_than_so_many_warnings_and_no_long_ones() -> None:
    """Each is looked through for secrets, in the event loop."""
    rows = [{"v": f"5M{number}"} for number in range(3000)] + [{"v": "5" + "M" * 1_000_000}]
    odd = a_set("odd", "/odd", script="$[*]", units=["v=B->KB"])
    params = [{"field": "token", "type": "password", "name": {"en-US": "Key"}}]
    outcome = run(Table({"/odd": rows}), odd, params=params, values={"token": TOKEN})
    assert len(outcome["odd"].rows) == 3001
    assert len(outcome["odd"].warnings) == 101
    assert outcome["odd"].warnings[-1] == "there were more warnings like these"
    first = run(Table({"/odd": rows[::-1]}), odd, params=params, values={"token": TOKEN})["odd"].warnings[0]
    assert len(first) == 1000


@pytest.mark.parametrize(
    ("body", "found"),
    [
        ({"other": 1}, False),
        ({}, False),
        ({"v": None}, True),
        ({"deep": [{"v": 1}]}, True),
        ({"v": 1}, True),
        ({"v": 0}, True),
    ],
)
def test_a_set_tells_whether_any_key_that_it_reads_was_in_the_answer(body: object, found: bool) -> None:
    result = run(Table({"/x": body}), a_set("x", "/x"))["x"]
    assert result.ok
    assert result.found is found


def test_a_set_without_rows_lacks_no_key() -> None:
    assert run(Table({"/x": {"data": []}}), a_set("x", "/x", script="$.data[*]"))["x"].found
