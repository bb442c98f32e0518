"""What a person types. Nothing here knows more than the terminal; the work is done by the library."""

TYPE_CHECKING = False  # nothing loads before `main` watches for Ctrl-C

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(argv: "Sequence[str] | None" = None) -> int:
    """Run one command line (by default the process's own) and return its exit code. Raises nothing."""
    try:
        # ruff: noqa: PLC0415 - Ctrl-C may come while these load, and must not show a traceback
        from openai_monitor.cli.run import run

        return run(argv)
    except KeyboardInterrupt:
        return 130
