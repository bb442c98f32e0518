"""Running one plan from the command line, over the network or against the sandbox."""

import argparse
import asyncio
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from openai_monitor.cli import terminal
from openai_monitor.cli.loop import run_async
from openai_monitor.cli.parameters import gather
from openai_monitor.cli.progress import progress
from openai_monitor.collect.rounds import collect_round
from openai_monitor.collect.transport import Transport, TransportSettings
from openai_monitor.errors import CollectionError, ParameterError

if TYPE_CHECKING:
    from openai_monitor.cli.parameters import Values
    from openai_monitor.collect.answer import Answer
    from openai_monitor.collect.asking import Sender
    from openai_monitor.collect.plan import Plan
    from openai_monitor.collect.request import Request
    from openai_monitor.definition.load import Definition
    from openai_monitor.rows import Round

MakePlan = Callable[["Values"], "Plan"]


def collect_once(definition: "Definition", arguments: argparse.Namespace, make_plan: MakePlan) -> "Round":
    """Gather the parameters, make the plan of them, and collect.

    With --sandbox it is served meanwhile. Raises ParameterError and SettingsError; a failing metric set is in
    the round.
    """
    if arguments.sandbox:
        return run_async(_from_sandbox(definition, arguments, make_plan))
    # A question to the person must not wait inside the event loop, where Ctrl-C could not end it.
    plan = make_plan(gather(definition, arguments))
    return run_async(_collect(plan, arguments))


async def _from_sandbox(definition: "Definition", arguments: argparse.Namespace, make_plan: MakePlan) -> "Round":
    from openai_monitor.sandbox import serve  # noqa: PLC0415 - only for --sandbox

    async with serve() as server:
        values = gather(definition, arguments, sandbox_values(definition, server.host, server.port))
        return await _collect(make_plan(values), arguments)


def sandbox_values(definition: "Definition", host: str, port: int) -> Mapping[str, str]:
    """Find the parameters that lead a definition to the sandbox.

    Raises ParameterError when it has none that could.
    """
    from openai_monitor.cli.parameters import key_parameter  # noqa: PLC0415 - only for --sandbox
    from openai_monitor.sandbox import key_for  # noqa: PLC0415 - only for --sandbox

    declared = {spec.field for spec in definition.params}
    if missing := [name for name in ("host", "port") if name not in declared]:
        raise ParameterError(
            f"--sandbox needs a definition with a parameter {' and '.join(missing)}; {definition.app} has none"
        )
    values = {"host": host, "port": str(port), "ssl": "false"}
    key = key_parameter(definition)
    if key is not None and key.field:
        values[key.field] = key_for(definition.app)
    return {name: value for name, value in values.items() if name in declared}


async def _collect(plan: "Plan", arguments: argparse.Namespace) -> "Round":
    terminal.hide(plan.secrets, plan.user_names, [plan.host])
    for note in plan.notes:
        terminal.say(f"warning: {note}")
    async with Transport(transport_settings(arguments)) as transport:
        sender = _Watched(transport, (*plan.secrets, *plan.user_names)) if arguments.verbose else transport
        text = f"collecting {plan.app} from {plan.host}" if plan.host else f"collecting {plan.app}"
        async with progress(text, enabled=not arguments.verbose):
            return await collect_round(plan, sender, deadline=arguments.timeout)


def transport_settings(arguments: argparse.Namespace) -> TransportSettings:
    """Take what the command line says of certificates, proxies and plain http."""
    return TransportSettings(
        ca_file=Path(arguments.ca_file) if arguments.ca_file else None,
        allow_plaintext_token=arguments.allow_plaintext_token,
        trust_env=not arguments.sandbox,
        proxy=getattr(arguments, "proxy", None),
    )


class _Watched:
    """A transport that says what it does: method, address without query, and how it ended."""

    def __init__(self, inner: "Sender", secrets: Sequence[str]) -> None:
        self._inner = inner
        self._secrets = [secret.replace("/", "") for secret in secrets]

    def _shown_path(self, request: "Request") -> str:
        """The path, unless a secret stands in it in any spelling."""
        path = request.target.partition("?")[0]
        plain = unquote(path).replace("/", "")
        return "/…" if any(secret in plain for secret in self._secrets if secret) else path

    async def send(self, request: "Request", session: Any) -> "Answer":
        """Ask, and tell of it."""
        host = f"[{request.host}]" if ":" in request.host else request.host
        line = f"{request.method} {request.scheme}://{host}:{request.port}{self._shown_path(request)}"
        try:
            answer = await self._inner.send(request, session)
        except CollectionError as error:
            terminal.say(f"{line}: {error.code.name}")
            raise
        except asyncio.CancelledError:
            terminal.say(f"{line}: given up")
            raise
        terminal.say(f"{line}: {answer.status}, {len(answer.body)} bytes, {answer.elapsed_ms} ms")
        return answer
