"""``new``: a first definition out of a sample answer."""
# ruff: noqa: PLC0415 - what a run needs is imported when it runs, so that --help waits for none of it

import argparse

from openai_monitor.cli import terminal

EPILOG = """\
examples:
  curl -H "Authorization: Bearer $KEY" https://api.example.com/v1/queues > queues.json
  openai-monitor new queues --from queues.json --url https://api.example.com/v1/queues --output queues.yml
  openai-monitor test queues.yml --response queues.json

Each list of objects in the answer becomes a metric set, the longest one first; numbers become number fields.
Everything in the definition is a first guess, with comments on what to look at. Nothing of the answer but its
keys is written, and a key in the query of --url becomes the parameter `token`.

exit codes:
  0    the definition was written
  2    bad usage, an answer without anything to collect, or a file that is there already
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Describe the command line of ``new``."""
    parser.epilog = EPILOG
    parser.add_argument("name", metavar="NAME", help="what the definition is called: its `app`")
    parser.add_argument(
        "--from", dest="sample", metavar="FILE", required=True, help="a JSON answer of the API; - reads standard input"
    )
    parser.add_argument("--url", help="where the answer came from: host, port, path and query of the definition")
    parser.add_argument("--output", metavar="FILE", help="write to this file, which must not exist yet")
    parser.add_argument("--force", action="store_true", help="replace the file that --output names")


def run(arguments: argparse.Namespace) -> int:
    """Draft a definition and print or save it."""
    from pathlib import Path

    from openai_monitor.authoring.draft import draft, read_address
    from openai_monitor.cli.answers import read_answer
    from openai_monitor.cli.files import save
    from openai_monitor.errors import SettingsError

    output = Path(arguments.output) if arguments.output else None
    if output is not None and output.exists() and not arguments.force:
        raise SettingsError(f"--output {output} is there already: name another file, or add --force to replace it")
    address = read_address(arguments.url) if arguments.url else None
    drafted = draft(arguments.name, read_answer(arguments.sample), address)
    if output is None:
        terminal.write_data(drafted.text)
    else:
        save(output, terminal.as_data(drafted.text))
        tried = f"--metrics {drafted.main} --response {arguments.sample}"
        terminal.say(f"wrote {output}; try it: openai-monitor test {output} {tried}")
    return 0
