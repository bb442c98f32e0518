"""An OpenAI account that lives on this machine, for demonstrations and tests.

``serve`` runs it in the caller's event loop, ``running`` in a thread, ``run`` until Ctrl-C. It answers for
the other providers too, so that every shipped definition can be tried without a key. The server, and with
it asyncio, is loaded when first asked for; the account and the faults are there at once.
"""

from typing import TYPE_CHECKING

from openai_monitor.sandbox.account import (
    Account,
    Allowance,
    Credit,
    Grant,
    Keys,
    Ledger,
    Model,
    Project,
)
from openai_monitor.sandbox.accounts import ACCOUNTS
from openai_monitor.sandbox.faults import FAULTS, Fault
from openai_monitor.sandbox.routes import ENDPOINTS, key_for

if TYPE_CHECKING:
    from openai_monitor.sandbox.server import RecordedRequest, Server, describe, run, running, serve

__all__ = [
    "ACCOUNTS",
    "ENDPOINTS",
    "FAULTS",
    "Account",
    "Allowance",
    "Credit",
    "Fault",
    "Grant",
    "Keys",
    "Ledger",
    "Model",
    "Project",
    "RecordedRequest",
    "Server",
    "describe",
    "key_for",
    "run",
    "running",
    "serve",
]


def __getattr__(name: str) -> object:
    if name in __all__:
        from openai_monitor.sandbox import server  # noqa: PLC0415 - asyncio is not needed to list the faults

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
