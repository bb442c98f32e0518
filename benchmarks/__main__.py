"""``python -m benchmarks [NAME…]``: every figure is a ratio to a floor measured in the same run."""

import sys
from importlib import import_module

NAMES = ("warm", "one_shot", "rows", "load", "pages", "language", "history", "steady")


def main() -> None:
    """Run the benchmarks named on the command line, or all."""
    for name in sys.argv[1:] or NAMES:
        for ratio in import_module(f"benchmarks.{name}").run():
            print(ratio, flush=True)


main()
