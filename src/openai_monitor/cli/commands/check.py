"""``check``: whether this machine reaches an API, step by step; no key is needed."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse

from openai_monitor.cli import options, terminal

FORMATS = ("text", "json")

EPILOG = """\
examples:
  openai-monitor check
      is api.openai.com to be reached from here? Asks for no key
  openai-monitor check --token-file key.txt
      ... and which metric sets may this key read?
  openai-monitor check --define openai_gateway --host gateway.example.com
  openai-monitor check --proxy http://proxy.example.com:3128
      try a proxy; what works goes into HTTPS_PROXY for all commands
  openai-monitor check --sandbox
      an account that lives on this machine, to see what this prints

steps (what follows a failed one is not tried):
  name     which addresses the host, or the proxy, has
  connect  TCP
  proxy    whether the proxy connects to the host
  tls      the certificate: of whom, by whom, for how many days
  answer   an address of the API without a key; HTTP 401 is good news
  clock    this machine's beside the server's; wrong beyond 60 s
Then, where a key is given as for `collect` (or none is needed), each metric set.

json:
  one object: app, url, proxy, proxy_from, time, ok, steps[step, ok, ms, message, and what was found], wants_key,
  and sets[name, ok, code, status, message, rows, ms] (null where no key was tried)

exit codes:
  0    all steps were made and, with a key, it may read every metric set
  1    a step failed, or a set can't be read
  2    bad usage, definition or parameters
  130  interrupted (Ctrl-C)
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``check``."""
    parser.epilog = EPILOG
    options.add_definition(parser)
    parser.add_argument("--host", help="the same as --param host=HOST")
    parser.add_argument("--format", choices=FORMATS, default="text", help="default: %(default)s")
    options.add_parameters(parser, asks=False)
    parser.add_argument(
        "--proxy",
        metavar="URL",
        help="go through this proxy (http://, https://, socks5://) and no other; default: HTTPS_PROXY and the like",
    )
    options.add_transport(parser, 10.0, "for each step, and for each metric set (default: %(default)g)")
    parser.add_argument("--sandbox", action="store_true", help="check an account that is served on this machine")


def run(arguments: argparse.Namespace) -> int:
    """Walk the way, print what was found, and return 0 or 1."""
    from openai_monitor.cli.checking import check
    from openai_monitor.definition.shipped import load_definition
    from openai_monitor.errors import ParameterError

    if arguments.sandbox and arguments.proxy:
        raise ParameterError("--sandbox is on this machine, where no --proxy leads: leave out one of the two")
    if arguments.host is not None:
        arguments.param.append(f"host={arguments.host}")
    reached = check(load_definition(arguments.define), arguments)
    if arguments.format == "json":
        from openai_monitor.outputs.reached_json import render as render_json

        terminal.write_data(render_json(reached))
    else:
        from openai_monitor.outputs.reached_text import render as render_text

        terminal.write(render_text(reached, terminal.style()))
    return 0 if reached.ok else 1
