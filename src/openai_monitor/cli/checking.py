"""Checking the way to an API from the command line, over the network or to the sandbox."""

import argparse
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from openai_monitor.cli import terminal
from openai_monitor.cli.collecting import sandbox_values, transport_settings
from openai_monitor.cli.loop import run_async
from openai_monitor.cli.parameters import gather, key_parameter
from openai_monitor.cli.progress import progress
from openai_monitor.collect.keyless import clock_step, judge, keyless_request
from openai_monitor.collect.parameters import check_parameters
from openai_monitor.collect.plan import make_plan
from openai_monitor.collect.rounds import collect_round
from openai_monitor.collect.transport import Transport
from openai_monitor.collect.transport.proxies import netloc
from openai_monitor.collect.transport.reach import Reach
from openai_monitor.collect.transport.wire import address_of
from openai_monitor.errors import CollectionError, ParameterError
from openai_monitor.reached import Reached, SetRead, Step

if TYPE_CHECKING:
    from openai_monitor.cli.parameters import Values
    from openai_monitor.collect.plan import Plan
    from openai_monitor.collect.request import Request
    from openai_monitor.collect.transport import TransportSettings
    from openai_monitor.definition.load import Definition
    from openai_monitor.definition.model import Http
    from openai_monitor.rows import Round


def check(definition: "Definition", arguments: argparse.Namespace) -> Reached:
    """Gather the parameters, without asking for a key, and walk the way. Raises ParameterError and SettingsError."""
    if arguments.sandbox:
        return run_async(_in_sandbox(definition, arguments))
    return run_async(_Check(definition, arguments).run())


async def _in_sandbox(definition: "Definition", arguments: argparse.Namespace) -> Reached:
    from openai_monitor.sandbox import serve  # noqa: PLC0415 - only for --sandbox

    async with serve() as server:
        return await _Check(definition, arguments, sandbox_values(definition, server.host, server.port)).run()


class _Check:
    """One check: what it asks is made beforehand, so that bad usage is told before anything is sent."""

    def __init__(
        self, definition: "Definition", arguments: argparse.Namespace, fixed: Mapping[str, str] | None = None
    ) -> None:
        self._definition, self._arguments = definition, arguments
        undemanding = _undemanding(definition)
        values = gather(undemanding, arguments, fixed)
        check_parameters(undemanding.params, values)
        self._plans = self._plans_for(values)
        self._request, self._http = self._keyless(values)

    def _plans_for(self, values: "Values") -> "list[Plan] | None":
        """Plan each set by itself, so that one which the key may not read keeps no other from being tried.

        None when a key is wanted and not given.
        """
        definition, key = self._definition, key_parameter(self._definition)
        if key is not None and key.required and not (values.get(key.field or "", key.default_value) or "").strip():
            return None
        plans = [self._plan(values, metric_set.name or "") for metric_set in definition.sets]
        for plan in plans[:1]:
            terminal.hide(plan.secrets, plan.user_names, [plan.host])
            for note in plan.notes:
                terminal.say(f"warning: {note}")
        return plans

    def _plan(self, values: "Values", name: str) -> "Plan":
        return make_plan(self._definition, values, metrics=[name], send_anyway=self._arguments.send_anyway)

    def _keyless(self, values: "Values") -> "tuple[Request, Http]":
        key = key_parameter(self._definition)
        secret = [key.field or ""] if key else []
        try:
            request, http = keyless_request(self._definition, values, datetime.now(UTC), secret)
        except CollectionError as error:  # what the parameters make is no address
            raise ParameterError(str(error)) from None
        return replace(request, timeout=self._arguments.timeout), http

    async def run(self) -> Reached:
        """Walk, and then try the key."""
        request, settings = self._request, transport_settings(self._arguments)
        started = datetime.now(UTC)
        try:
            reach = Reach(request, settings)
        except CollectionError as error:
            raise ParameterError(str(error)) from None
        async with progress(f"checking the way to {request.host}"):
            steps = await reach.walk(lambda answer: judge(answer, request, self._http, datetime.now(UTC)))
            if reach.heard is not None and _answered(steps):
                steps.append(clock_step(reach.heard.answer, reach.heard.sent, reach.heard.received))
            tried = self._plans is not None and _answered(steps)
            sets = await self._read(settings) if tried else None
        return Reached(
            app=self._definition.app,
            url=terminal.clean(address_of(request)),
            proxy=netloc(reach.proxy.host, reach.proxy.port) if reach.proxy else None,
            proxy_from=reach.proxy.source if reach.proxy else None,
            time=started,
            steps=tuple(replace(step, message=terminal.clean(step.message)) for step in steps),
            sets=sets,
            wants_key=self._plans is None,
        )

    async def _read(self, settings: "TransportSettings") -> tuple[SetRead, ...]:
        async with Transport(settings) as transport:
            rounds = [
                await collect_round(plan, transport, deadline=self._arguments.timeout) for plan in self._plans or ()
            ]
        return tuple(read for each in rounds for read in _sets(each))


def _sets(collected: "Round") -> Iterator[SetRead]:
    for result in collected.results:
        message = terminal.clean(result.message)
        yield SetRead(
            result.name, result.ok, result.duration, message, len(result.rows), result.code.name, result.status
        )
    for skipped in collected.skipped:
        yield SetRead(skipped.name, ok=False, seconds=None, message=terminal.clean(skipped.reason))


def _answered(steps: list[Step]) -> bool:
    """Whether the API answered; a wrong clock keeps no key from being tried."""
    return any(step.name == "answer" and step.ok for step in steps)


def _undemanding(definition: "Definition") -> "Definition":
    """The definition with a key that may be missing, so that nobody is asked for it."""
    key = key_parameter(definition)
    params = [
        replace(spec, required=False) if spec is key or spec.type == "password" else spec for spec in definition.params
    ]
    return replace(definition, document=replace(definition.document, params=params))
