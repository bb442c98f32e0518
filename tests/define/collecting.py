"""Running a shipped definition against a server on this machine: the sandbox, or one that says what a test wrote down."""

import asyncio
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Protocol

from tests.collect.transport.web import Asked, Server, ok

from openai_monitor.api import collect_once as collect_now
from openai_monitor.collect.plan import make_plan
from openai_monitor.collect.rounds import collect_round
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.definition.shipped import load_definition
from openai_monitor.rows import Round, Value

DAY = 86400
OPEN = TransportSettings(trust_env=False)


class Place(Protocol):
    """Where a server listens."""

    host: str
    port: int


Answers = Mapping[str, object]
"""What a path is answered with: a status and a body, a body, or a function that makes it of the request."""


def collect(name: str, place: Place, token: str, now: datetime | None = None, **parameters: str) -> Round:
    """Collect a shipped definition once, at this moment or as if it were ``now``."""
    definition = load_definition(name)
    values = {"host": place.host, "port": str(place.port), "ssl": "false", "token": token, **parameters}
    if now is None:
        return collect_now(definition, values, settings=OPEN)

    async def run() -> Round:
        async with Transport(OPEN) as transport:
            return await collect_round(make_plan(definition, values), transport, clock=lambda: now)

    return asyncio.run(run())


def answering(answers: Answers) -> Server:
    """Listen, and answer each path as it says; any other is 404."""

    def say(asked: Asked) -> bytes:
        said: Any = answers.get(asked.target.partition("?")[0], (404, {}))
        if callable(said):
            said = said(asked)
        status, body = said if isinstance(said, tuple) else (200, said)
        return ok(json.dumps(body).encode(), "Content-Type: application/json", status=f"{status} Said")

    return Server(say)


def collect_from(name: str, answers: Answers, now: datetime | None = None, **parameters: str) -> Round:
    """Collect a shipped definition from answers that were written down."""
    with answering(answers) as server:
        return collect(name, server, "fake-key", now, **parameters)


def records(collected: Round, name: str) -> list[dict[str, Value]]:
    """The rows of a set that was collected without a word."""
    result = collected[name]
    odd = tuple(text for text in result.warnings if not text.startswith("no field found a value"))
    assert (result.ok, result.message, odd) == (True, "", ())
    return list(result.records())


def only(collected: Round, name: str) -> dict[str, Value]:
    """The one row of a set."""
    (record,) = records(collected, name)
    return record


def failures(collected: Round) -> dict[str, str]:
    """Why the sets that were asked and failed did."""
    return {result.name: result.message for result in collected.results if not result.ok}
