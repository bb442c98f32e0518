"""A HertzBeat manager as the command line names it: address, user, password."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse
from typing import TYPE_CHECKING, TypeVar

from openai_monitor import system
from openai_monitor.cli import terminal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from openai_monitor.hertzbeat.manager_api import ManagerApi

T = TypeVar("T")

PASSWORD = "HERTZBEAT_PASSWORD"


def add_manager(parser: argparse.ArgumentParser) -> None:
    """``--url``, ``--user`` and what belongs to them."""
    parser.add_argument("--url", required=True, help="address of the manager's pages, such as http://localhost:1157")
    parser.add_argument("--user", default="admin", help="default: %(default)s")
    parser.add_argument("--password-file", metavar="FILE", help="a file that holds the password and nothing else")
    parser.add_argument("--ca-file", metavar="FILE", help="certificates to trust beside the system's")
    parser.add_argument(
        "--allow-plaintext",
        action="store_true",
        help="send the password over http:// too; it is refused otherwise, but to this machine itself",
    )


def with_manager(arguments: argparse.Namespace, work: "Callable[[ManagerApi], Awaitable[T]]") -> T:
    """Log in to the manager, and do something there. Raises MonitorError."""
    from pathlib import Path

    from openai_monitor.cli.loop import run_async
    from openai_monitor.collect.transport import Transport, TransportSettings
    from openai_monitor.hertzbeat.manager_api import ManagerApi, Url

    url = Url.parse(arguments.url)
    _refuse_in_clear(url.scheme, url.host, allowed=arguments.allow_plaintext)
    password = _password(arguments.password_file, arguments.user)
    terminal.hide([password])
    ca_file = Path(arguments.ca_file) if arguments.ca_file else None
    settings = TransportSettings(ca_file=ca_file, allow_plaintext_token=arguments.allow_plaintext)

    async def talk() -> T:
        async with Transport(settings) as transport:
            api = ManagerApi(url, transport)
            await api.log_in(arguments.user, password)
            return await work(api)

    return run_async(talk())


def _refuse_in_clear(scheme: str, host: str, *, allowed: bool) -> None:
    from openai_monitor.errors import SettingsError
    from openai_monitor.schedule.monitors import is_this_machine

    if scheme == "http" and not allowed and not is_this_machine(host):
        raise SettingsError(
            f"http:// to {host} would show the password to everyone on the way: use https://, "
            "or allow it with --allow-plaintext"
        )


def _password(path: str | None, user: str) -> str:
    import getpass
    import os

    from openai_monitor.errors import SettingsError

    if path is not None:
        found = _read(path)
    elif not (found := os.environ.get(PASSWORD, "")) and terminal.can_prompt():
        found = getpass.getpass(f"password of {user} in HertzBeat, not shown: ")
    if not found:
        raise SettingsError(f"no password: set {PASSWORD}, name a file with --password-file, or run on a terminal")
    return found


def _read(path: str) -> str:
    from pathlib import Path

    from openai_monitor.errors import SettingsError

    try:
        return Path(path).read_text(encoding="utf-8-sig").rstrip("\r\n")
    except OSError as error:
        raise SettingsError(f"--password-file {path}: {system.words(error)}") from None
    except UnicodeDecodeError:
        raise SettingsError(f"--password-file {path} is not text: expected a password and nothing else") from None
