"""``sandbox``: the OpenAI-like account on this machine, alone."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse

from openai_monitor.cli import options, terminal

EXAMPLES = """\
examples:
  openai-monitor sandbox --port 8080
  openai-monitor collect --param host=127.0.0.1 --param port=8080 --param ssl=false --param token=sess-sandbox
      (in another terminal)
  openai-monitor sandbox --port 8080 --fault 401
  openai-monitor sandbox --port 8080 --fault usage=429:0 --fault subscription=slow:2.5
      the usage endpoint says "too often", subscription answers after 2.5 s
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``sandbox``."""
    from openai_monitor.sandbox import ACCOUNTS, ENDPOINTS, FAULTS

    faults = "\n".join(f"  {name:<18} {fault.description}" for name, fault in FAULTS.items())
    parser.epilog = (
        f"{EXAMPLES}\nfaults:\n{faults}\n\nendpoints: {', '.join(ENDPOINTS)}\n\n"
        f"accounts: {', '.join(ACCOUNTS)}\n\n"
        "exit codes: 2 for bad usage, 130 when Ctrl-C ended it\n"
    )
    parser.add_argument("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    parser.add_argument(
        "--port", type=options.whole_number(0, 65535), default=0, help="default: a free one, which is printed"
    )
    parser.add_argument(
        "--fault",
        metavar="[ENDPOINT=]FAULT[:NUMBER][*TIMES]",
        action="append",
        default=[],
        help="answer badly in this way (see below); may be repeated",
    )
    parser.add_argument(
        "--account",
        metavar="NAME",
        choices=sorted(ACCOUNTS),
        default="demo",
        help="whose figures (see below)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Serve until Ctrl-C."""
    from openai_monitor.cli.loop import run_async

    run_async(_serve(arguments))
    return 0


async def _serve(arguments: argparse.Namespace) -> None:
    import asyncio

    from openai_monitor.sandbox import ACCOUNTS, describe, serve

    account = ACCOUNTS[arguments.account]()
    async with serve(account, faults=arguments.fault, host=arguments.host, port=arguments.port) as server:
        terminal.write(describe(server, tuple(arguments.fault)))
        terminal.flush()
        await asyncio.Event().wait()
