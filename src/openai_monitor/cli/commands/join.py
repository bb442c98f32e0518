"""``join``: a collector of a HertzBeat cluster, until a signal or the manager ends it."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse

from openai_monitor.cli import options

EPILOG = """\
examples:
  openai-monitor join --manager hertzbeat.example.com:1158 --identity billing
      then choose the collector "billing" in the monitors that it is to run; it runs no others
  openai-monitor join --manager tunnel.example.com:8158 --identity billing --tls --ca-file ca.pem

HertzBeat's cluster protocol has neither TLS nor authentication: whoever reaches the port can be a collector, and the
key to the passwords of the monitors goes over it. Keep it inside a trusted network, or put a tunnel that speaks TLS
in front of the manager and use --tls. docs/hertzbeat-cluster.md says more.

This needs the extra `hertzbeat`; where it is missing, the message says how to install it.

exit codes:
  0    ended by a signal, or deleted in the manager
  2    bad usage or settings
  130  interrupted (Ctrl-C)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``join``."""
    parser.epilog = EPILOG
    parser.add_argument("--manager", metavar="HOST:PORT", required=True, help="the manager's cluster port (1158)")
    parser.add_argument(
        "--identity", metavar="NAME", required=True, help="name of this collector in HertzBeat; no other may have it"
    )
    parser.add_argument(
        "--mode",
        choices=("private", "public"),
        default="private",
        help="private: only the monitors pinned to it; public: a share of all others too (default: %(default)s)",
    )
    parser.add_argument(
        "--manager-version",
        metavar="VERSION",
        default="1.8",
        help="version of HertzBeat's manager, which can't be asked for it: 1.7.x takes rows in another form than "
        "all from 1.8 on (default: %(default)s)",
    )
    parser.add_argument(
        "--retries",
        metavar="NUMBER",
        type=options.whole_number(0, 10),
        default=0,
        help="how often a GET that failed for a moment is asked again in its round, which HertzBeat's own collector "
        "never does (default: %(default)s)",
    )
    network = parser.add_argument_group("network")
    network.add_argument("--tls", action="store_true", help="speak TLS, with a checked certificate, to the manager")
    network.add_argument(
        "--ca-file", metavar="FILE", help="certificates to trust beside the system's, of the manager and of the APIs"
    )
    network.add_argument(
        "--allow-plaintext-token",
        action="store_true",
        help="send keys to APIs over http:// too; it is refused otherwise, but to this machine itself",
    )
    log = parser.add_argument_group("log")
    log.add_argument(
        "--log-level",
        choices=("debug", "info", "warning", "error"),
        default="info",
        help="how much is logged (default: info)",
    )
    log.add_argument(
        "--log-format", choices=("text", "json"), default="text", help="for people or for machines (default: text)"
    )


def run(arguments: argparse.Namespace) -> int:
    """Be a collector until the end."""
    from pathlib import Path

    from openai_monitor.cli.loop import run_async
    from openai_monitor.collect.transport import TransportSettings
    from openai_monitor.hertzbeat.settings import membership
    from openai_monitor.hertzbeat.standalone import IN_FLIGHT, Standalone
    from openai_monitor.schedule.logs import set_up

    ca_file = Path(arguments.ca_file) if arguments.ca_file else None
    who = membership(
        arguments.manager,
        arguments.identity,
        mode=arguments.mode,
        tls=arguments.tls,
        ca_file=ca_file,
        version=arguments.manager_version,
    )
    set_up(arguments.log_level, arguments.log_format)
    transport = TransportSettings(
        ca_file=ca_file, allow_plaintext_token=arguments.allow_plaintext_token, max_connections=IN_FLIGHT
    )
    return run_async(Standalone(who, transport, arguments.retries).run())
