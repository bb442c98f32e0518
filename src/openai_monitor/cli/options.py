"""Options that several commands share."""

import argparse
import math
from collections.abc import Callable

DEFAULT_DEFINITION = "openai"


def add_definition(parser: argparse.ArgumentParser) -> None:
    """``--define``."""
    parser.add_argument(
        "--define",
        metavar="FILE",
        default=DEFAULT_DEFINITION,
        help="the definition: a YAML file, or a shipped name (see `definitions`); default: %(default)s",
    )


def add_parameters(parser: argparse.ArgumentParser, *, asks: bool = True) -> None:
    """``--param``, ``--params``, ``--token-file`` and ``--token-stdin``; ``asks``: a missing key is asked for."""
    group = parser.add_argument_group(
        "parameters",
        "What the definition asks for (see `params`). The first of these that names a parameter wins;\n"
        "after them come the environment and the definition's defaults."
        + (" A missing key is asked for\non a terminal." if asks else " Nobody is asked for a key."),
    )
    group.add_argument(
        "--param",
        metavar="NAME=VALUE",
        action="append",
        default=[],
        help="one parameter; repeat it for others. Others on this machine can see a key that is given here",
    )
    group.add_argument("--params", metavar="FILE", help="YAML or JSON; null is a given null")
    token = group.add_mutually_exclusive_group()
    token.add_argument("--token-file", metavar="FILE", help="a file that holds the key and nothing else")
    token.add_argument("--token-stdin", action="store_true", help="read the key from standard input")
    group.add_argument(
        "--send-anyway",
        action="store_true",
        help="send a key to the host though it begins like another vendor's; it is refused otherwise",
    )


FOR_A_RUN = "for the whole run (default: %(default)g); a parameter `timeout` is in ms for one request"


def add_transport(parser: argparse.ArgumentParser, timeout: float = 240.0, meaning: str = FOR_A_RUN) -> None:
    """``--timeout``, ``--ca-file`` and ``--allow-plaintext-token``."""
    group = parser.add_argument_group("network")
    group.add_argument(
        "--timeout",
        metavar="SECONDS",
        type=positive_seconds,
        default=timeout,
        help=meaning,
    )
    group.add_argument("--ca-file", metavar="FILE", help="certificates to trust beside the system's")
    group.add_argument(
        "--allow-plaintext-token",
        action="store_true",
        help="send the key over http:// too; it is refused otherwise, but to this machine itself",
    )


def positive_seconds(text: str) -> float:
    """Read a number of seconds above zero."""
    try:
        seconds = float(text)
    except ValueError:
        seconds = math.nan
    if not 0 < seconds < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of seconds above 0")
    return seconds


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Make what reads a whole number in these bounds."""

    def read(text: str) -> int:
        number = int(text) if text.isascii() and text.isdecimal() and len(text) <= len(str(most)) else -1
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(f"{text!r} is no whole number from {least} to {most}")
        return number

    return read
