"""Replays recorded cases of a real HertzBeat against this engine and says where the answers differ.

    python tests/hertzbeat/replay.py CASES.json… [--definitions DIR]

One line a case (``same`` or ``differs: what``), then the total. What a case holds is described in docs/hertzbeat.md.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime
from decimal import ROUND_HALF_UP, Decimal, localcontext
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.hertzbeat.server import Asked, MockServers, canonical

from openai_monitor import __version__
from openai_monitor.collect.parameters import resolve_parameters
from openai_monitor.collect.plan import bind, epoch_ms
from openai_monitor.collect.rounds import collect_round, utc_now
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.definition.load import parse_definition
from openai_monitor.errors import DefinitionError
from openai_monitor.rows import Field, FieldType, MetricSetResult, Round

Case = dict[str, Any]

_NOT_COMPARED = {"host", "connection", "accept-encoding", "content-length", "user-agent"}
_BOUND = 20.0


class Differs(Exception):
    """What is not as recorded."""


async def replay(case: Case, definitions: Path | None) -> str:
    """``same``, or ``differs: what``."""
    servers = MockServers()
    await servers.start()
    try:
        await _replay(case, definitions, servers)
    except Differs as difference:
        return f"differs: {difference}"
    except Exception as error:  # noqa: BLE001 - a line a case, whatever happens
        return f"differs: {type(error).__name__}: {' '.join(str(error).split())[:300]}"
    finally:
        await servers.stop()
    return "same"


async def _replay(case: Case, definitions: Path | None, servers: MockServers) -> None:
    names = {
        "{{host}}": "127.0.0.1",
        "{{port}}": str(servers.ports[0]),
        "{{port2}}": str(servers.ports[1]),
        "{{closed_port}}": str(servers.closed_port),
    }
    servers.routes = json.loads(_fill(json.dumps(case["routes"] or []), names))
    params = {name: value if value is None else _fill(value, names) for name, value in case["params"].items()}
    expected = case["expect"]
    try:
        definition = parse_definition(_fill(_definition_text(case, definitions), names), case["id"])
    except DefinitionError as error:
        if "error" in expected:
            return
        raise Differs("refused: " + "; ".join(problem.message for problem in error.problems)) from None
    if "error" in expected:
        raise Differs(f"loads, recorded: {str(expected['error'])[:120]}")
    outcome = await _collect(case, definition, params)
    _compare_metrics(case, outcome, names)
    _compare_requests(case, servers, names)


async def _collect(case: Case, definition: Any, params: dict[str, str | None]) -> Round:
    os.environ["TZ"] = case.get("tz", "UTC")
    time.tzset()
    at = case.get("at")
    clock = utc_now if at is None else lambda: datetime.fromtimestamp(at / 1000, UTC)
    plan = bind(
        definition,
        resolve_parameters(definition.params, params),
        metrics=case.get("sets"),
        now_ms=epoch_ms if at is None else lambda: at,
    )
    settings = TransportSettings(trust_env=False)
    async with Transport(settings) as transport:
        return await collect_round(plan, transport, deadline=_BOUND, clock=clock)


def _definition_text(case: Case, definitions: Path | None) -> str:
    if "yaml" in case:
        return str(case["yaml"])
    if definitions is None:
        raise Differs("needs --definitions")
    text = (definitions / str(case["define"])).read_text(encoding="utf-8")
    for old, new in case.get("replace", ()):
        text = text.replace(old, new)
    return text


def _fill(text: str, names: dict[str, str]) -> str:
    for marker, value in names.items():
        text = text.replace(marker, value)
    return text


def _unfill(text: str, names: dict[str, str]) -> str:
    for marker in ("{{port}}", "{{port2}}", "{{closed_port}}", "{{host}}"):
        text = text.replace(names[marker], marker)
    return text


def _compare_metrics(case: Case, outcome: Round, names: dict[str, str]) -> None:
    expected = case["expect"].get("metrics", [])
    results = list(outcome.results)
    if case.get("order") == "any":
        results.sort(key=lambda result: result.name)
    if case["expect"].get("hang"):
        results = results[: len(expected)]
    ours = [f"{result.name}:{result.code.name}" for result in results]
    theirs = [f"{metric['name'] or ''}:{metric['code']}" for metric in expected]
    if ours != theirs:
        messages = "; ".join(result.message for result in results if result.message)
        raise Differs(f"sets {ours}, recorded {theirs} ({messages})")
    for metric, result in zip(expected, results, strict=True):
        _compare_rows(metric, result, names)


def _compare_rows(metric: Case, result: MetricSetResult, names: dict[str, str]) -> None:
    if metric["fields"] != [field.name for field in result.fields]:
        raise Differs(f"{result.name}: fields {[field.name for field in result.fields]}, recorded {metric['fields']}")
    ours = [[_cell(cell, field, names) for cell, field in zip(row, result.fields, strict=True)] for row in result.rows]
    theirs = metric["rows"]
    if metric.get("rows_order") == "any":
        ours.sort(key=canonical)
        theirs = sorted(theirs, key=canonical)
    if len(ours) != len(theirs):
        why = "; ".join((result.message, *result.warnings))
        raise Differs(f"{result.name}: {len(ours)} rows, recorded {len(theirs)} ({why})")
    for number, (mine, recorded) in enumerate(zip(ours, theirs, strict=True)):
        for cell, text, column in zip(mine, recorded, result.fields, strict=True):
            if cell != text and not (text == "*" and _is_number(cell)):
                raise Differs(f"{result.name}: row {number}, {column.name} is {cell!r}, recorded {text!r}")


def _cell(cell: object, field: Field, names: dict[str, str]) -> str | None:
    if cell is None:
        return None
    if field.type is FieldType.NUMBER:
        return _rounded(cell)
    return _unfill(str(cell), names)


def _rounded(cell: object) -> str:
    with localcontext(prec=1000):
        number = Decimal(str(cell)).quantize(Decimal("0.0001"), ROUND_HALF_UP)
    text = f"{number:f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _is_number(text: str | None) -> bool:
    try:
        return text is not None and Decimal(text).is_finite()
    except ArithmeticError:
        return False


def _compare_requests(case: Case, servers: MockServers, names: dict[str, str]) -> None:
    expected = [_expected_request(request) for request in case["expect"].get("requests", [])]
    ours = [_our_request(asked, names) for asked in servers.asked]
    if case["expect"].get("hang"):
        ours = ours[: len(expected)]
    if case.get("order") == "any" or "parseType: sitemap" in case.get("yaml", ""):
        # Sets side by side, and the pages of a sitemap, come in any order.
        ours.sort(key=canonical)
        expected.sort(key=canonical)
    if ours != expected:
        pairs = [(mine, theirs) for mine, theirs in zip(ours, expected, strict=False) if mine != theirs]
        detail = f"{pairs[0][0]}, recorded {pairs[0][1]}" if pairs else f"{len(ours)}, recorded {len(expected)}"
        raise Differs(f"requests: {detail}")


def _expected_request(request: Case) -> Case:
    headers = {
        name: value
        for name, value in request["headers"].items()
        if not (name == "user-agent" and value.startswith("Apache-HttpClient"))
    }
    return {"server": 1, **request, "headers": headers}


def _our_request(asked: Asked, names: dict[str, str]) -> Case:
    headers: dict[str, str] = {}
    usual = _usual_headers(asked)
    for name, value in asked.headers:
        if name in usual:
            continue
        text = "Digest *" if name == "authorization" and value.lower().startswith("digest ") else value
        headers[name] = f"{headers[name]}, {text}" if name in headers else text
    request: Case = {
        "method": asked.method,
        "target": _unfill(asked.target, names),
        "headers": {name: _unfill(value, names) for name, value in headers.items()},
        "body": _unfill(asked.body, names),
        "server": asked.server,
    }
    if asked.digest_ok is not None and "authorization" in headers:
        request["digest_ok"] = asked.digest_ok
    return request


def _usual_headers(asked: Asked) -> set[str]:
    """Headers that are the transport's own; a definition's Host or User-Agent is compared."""
    headers = dict(asked.headers)
    own = {"accept-encoding", "content-length"}
    if headers.get("host", "").startswith("127.0.0.1:"):
        own.add("host")
    if headers.get("connection", "keep-alive").lower() == "keep-alive":
        own.add("connection")
    if headers.get("user-agent", "").startswith(f"openai-monitor/{__version__}"):
        own.add("user-agent")
    return own


async def replay_all(cases: Iterable[Case], definitions: Path | None) -> AsyncIterator[tuple[str, str]]:
    """The id and the verdict of each case, one after the other."""
    zone = os.environ.get("TZ")
    try:
        for case in cases:
            yield case["id"], await replay(case, definitions)
    finally:
        if zone is None:
            os.environ.pop("TZ", None)
        else:
            os.environ["TZ"] = zone
        time.tzset()


def read_cases(path: Path) -> list[Case]:
    """The cases of a file. Exits with a sentence when it can't be read."""
    try:
        cases = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        sys.exit(f"replay: {path} can't be read: {error}")
    if not isinstance(cases, list) or not all(isinstance(case, dict) and "id" in case for case in cases):
        sys.exit(f"replay: {path} is no list of cases, each an object with an `id`")
    return cases


async def _print_all(cases: Iterable[Case], definitions: Path | None) -> int:
    same = total = 0
    async for name, verdict in replay_all(cases, definitions):
        print(f"{name}: {verdict}", flush=True)  # noqa: T201 - this is its output
        same, total = same + (verdict == "same"), total + 1
    print(f"{same} same, {total - same} differ, {total} cases")  # noqa: T201 - this is its output
    return 0 if same == total else 1


def main() -> int:
    """Replay the files named on the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("cases", nargs="+", type=Path, metavar="CASES.json")
    parser.add_argument("--definitions", type=Path, help="folder of the shipped definitions that cases name")
    arguments = parser.parse_args()
    cases = [case for path in arguments.cases for case in read_cases(path)]
    return asyncio.run(_print_all(cases, arguments.definitions))


if __name__ == "__main__":
    sys.exit(main())
