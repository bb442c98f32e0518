"""Answers that fail inside a 200 and answers that are not all, over real HTTP, in one-shot commands and in the service."""

import asyncio
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.acceptance.conftest import Run
from tests.acceptance.servers import Answer, Asked, Origin, answer, origin
from tests.service.history.rounds import rows_of, write
from tests.service.running import bench
from tests.sinks.test_present import page_of

from openai_monitor.schedule.events import RoundEvent, Trouble

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def a_set(name: str, fields: dict[str, int], script: str, **more: Any) -> dict[str, Any]:
    http = {"host": "^_^host^_^", "port": "^_^port^_^", "ssl": "false", "url": f"/{name}", "method": "GET"}
    listed = [{"field": field, "type": kind} for field, kind in fields.items()]
    http |= {"parseType": "jsonPath", "parseScript": script}
    return {"name": name, "priority": 0, "protocol": "http", "fields": listed, "http": http, **more}


def written(folder: Path, *sets: dict[str, Any], annotations: dict[str, str] | None = None) -> str:
    params = [{"field": "host", "type": "host", "name": {"en-US": "Host"}, "required": True}]
    params += [{"field": "port", "type": "number", "name": {"en-US": "Port"}, "required": True}]
    path = folder / "acme.yml"
    document = {"category": "custom", "app": "acme", "name": {"en-US": "Acme"}, "params": params, "metrics": [*sets]}
    path.write_text(yaml.safe_dump(document | ({"annotations": annotations} if annotations else {})))
    return str(path)


DAILY = a_set("daily_costs", {"day": 0, "cost": 0}, "$.data[*]")
BALANCE = a_set("balance", {"available": 0}, "$")


def buckets(asked: Asked) -> Answer:
    """31 days that cost $20 each, of which a page holds 20: the newest are on the second."""
    days = [{"day": (TODAY - timedelta(days=30 - number)).timestamp(), "cost": 20} for number in range(31)]
    first, second = days[:20], days[20:]
    if asked.query.get("page") == "p2":
        return answer({"data": second, "has_more": False, "next_page": None})
    return answer({"data": first, "has_more": True, "next_page": "p2"})


@contextmanager
def account() -> Iterator[Origin]:
    with origin({"/daily_costs": buckets, "/balance": answer({"available": 100})}) as server:
        yield server


def at(server: Origin) -> list[str]:
    return ["--param", "host=127.0.0.1", "--param", f"port={server.port}"]


def test_a_balance_over_20_of_31_buckets_tells_no_spending(tmp_path: Path, run: Run) -> None:
    path = written(tmp_path, BALANCE, DAILY)
    with account() as server:
        done = run("balance", "--define", path, *at(server), "--format", "json", "--fail-if", "spent_today > 10")
    [figures] = done.document()["accounts"]
    assert figures["left"] == 100
    assert figures["spent_today"] is None
    assert figures["days_left"] is None
    assert done.code == 1
    assert "daily costs missing: rows are missing: `$.next_page` leads to a further page" in done.err
    assert "could not be judged: spent_today has no value" in done.err


def test_a_balance_over_all_buckets_tells_the_truth(tmp_path: Path, run: Run) -> None:
    pages = {"daily_costs.next_page": "$.next_page", "daily_costs.page_parameter": "page"}
    path = written(tmp_path, BALANCE, DAILY, annotations=pages)
    with account() as server:
        done = run("balance", "--define", path, *at(server), "--format", "json", "--fail-if", "spent_today > 10")
    [figures] = done.document()["accounts"]
    assert figures["spent_today"] == 20
    assert done.code == 3


def test_collect_says_what_is_missing_and_judges_no_condition_on_it(tmp_path: Path, run: Run) -> None:
    path = written(tmp_path, DAILY)
    with account() as server:
        done = run("collect", "--define", path, *at(server), "--format", "json", "--fail-if", "daily_costs.cost > 50")
        plain = run("collect", "--define", path, *at(server), "--format", "ndjson")
    found = done.sets()["daily_costs"]
    assert (found["code"], found["complete"], len(found["rows"])) == ("SUCCESS", False, 20)
    assert done.code == 1
    assert "daily_costs is not complete" in done.err
    assert plain.code == 0
    assert "rows are missing" in plain.err


def test_a_server_that_ignores_the_page_doubles_no_figure(tmp_path: Path, run: Run) -> None:
    pages = {"daily_costs.next_page": "$.next_page", "daily_costs.page_parameter": "page"}
    path = written(tmp_path, DAILY, annotations=pages)
    rows = [{"day": TODAY.timestamp(), "cost": 20}]
    count = iter(range(99))

    def ignoring(_: Asked) -> Answer:
        return answer({"data": rows, "next_page": f"p{next(count)}"})

    with origin({"/daily_costs": ignoring}) as server:
        done = run("collect", "--define", path, *at(server), "--format", "json")
    found = done.sets()["daily_costs"]
    assert len(found["rows"]) == 1
    assert not found["complete"]
    assert "page 2 is the same as one before it and was dropped" in found["message"]


def test_the_cursor_of_the_next_page_may_stand_in_a_header(tmp_path: Path, run: Run) -> None:
    def listed(asked: Asked) -> Answer:
        if asked.query.get("page") == "t2":
            return answer([{"id": "c"}])
        return answer([{"id": "a"}, {"id": "b"}], NextPageToken="t2")

    given = {"ids.next_page": "NextPageToken", "ids.page_parameter": "page"}
    path = written(tmp_path, a_set("ids", {"id": 1}, "$[*]"), annotations=given)
    with origin({"/ids": listed}) as server:
        done = run("collect", "--define", path, *at(server), "--format", "json")
    assert [row["id"] for row in done.rows("ids")] == ["a", "b", "c"]
    assert "complete" not in done.sets()["ids"]


ROW = {"day": TODAY.timestamp(), "cost": 20}
GOOD = {"data": [ROW]}


def test_the_service_tells_of_each_in_log_series_and_history(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "openai_monitor")
    path = written(tmp_path, DAILY)
    bodies = {
        "good": GOOD,
        "failure": {"success": False, "message": "token expired"},
        "better": GOOD,
        "gone": {"data": [{"d": 1}, {"d": 2}]},
        "again": GOOD,
        "partly": {"data": [{**ROW, "cost": 5}], "has_more": True},
    }
    left = iter(bodies.values())

    async def check() -> list[RoundEvent]:
        async with bench(tmp_path) as made:
            made.put(define=path, params={"host": "127.0.0.1", "port": server.port})
            return [await made.round() for _ in bodies]

    with origin({"/daily_costs": lambda _: answer(next(left))}) as server:
        events = dict(zip(bodies, asyncio.run(check()), strict=True))

    told = {name: event.trouble for name, event in events.items() if event.trouble}
    assert told == {"failure": Trouble.BAD_ANSWER, "gone": Trouble.BAD_ANSWER}

    log = "\n".join(record.message for record in caplog.records)
    assert "acme: the answer can't be used (127.0.0.1): daily_costs: HTTP 200 with a failure inside" in log
    assert "the server said: token expired" in log
    assert "rows came (2) and no field of them has a value, where there were values before" in log
    assert "acme: daily_costs is not complete: rows are missing: `$.has_more` is true" in log

    for name, event in events.items():
        assert f'acme_daily_costs_up{{monitor="acme"}} {float(name not in told)}\n' in page_of(event).decode()
    partly, whole = (page_of(events[name]).decode() for name in ("partly", "again"))
    assert 'acme_daily_costs_incomplete{monitor="acme"} 1.0\n' in partly
    assert "acme_spent_today_usd" not in partly
    assert 'acme_spent_today_usd{monitor="acme"} 20.0\n' in whole
    assert "acme_daily_costs_incomplete" not in whole

    history = tmp_path / "history.sqlite"
    write(history, *events.values())
    assert rows_of(history, "SELECT cost FROM day_total") == [(20.0,)]
    assert [code for (code,) in rows_of(history, "SELECT code FROM result ORDER BY id")] == [0, 4, 0, 4, 0, 0]
    assert "rows are missing" in str(rows_of(history, "SELECT message FROM result ORDER BY id DESC LIMIT 1"))


def test_a_failure_inside_a_200_fails_a_command_with_the_servers_words(tmp_path: Path, run: Run) -> None:
    path = written(tmp_path, BALANCE)
    with origin({"/balance": answer({"code": 401, "msg": "key sk-abcdefghijklmnop is not known"})}) as server:
        done = run("collect", "--define", path, *at(server), "--format", "json")
    assert done.code == 1
    message = done.sets()["balance"]["message"]
    assert message.startswith("HTTP 200 with a failure inside, `code` is 401: the server said: key ")
    assert "sk-abcdefghijklmnop" not in done.out + done.err


def test_a_command_ends_with_1_where_no_key_of_the_set_is_in_the_answer(tmp_path: Path, run: Run) -> None:
    path = written(tmp_path, BALANCE)
    with origin({"/balance": answer({"hello": "world"})}) as server:
        strange = run("collect", "--define", path, *at(server), "--format", "json")
        balance = run("balance", "--define", path, *at(server), "--format", "json")
    assert (strange.code, strange.sets()["balance"]["code"]) == (1, "SUCCESS")
    assert "no field found a value in this answer" in strange.err
    assert balance.code == 1
    assert "balance missing: no field found a value in this answer" in balance.err
    with origin({"/balance": answer({"available": None})}) as server:
        assert run("collect", "--define", path, *at(server), "--format", "json").code == 0
