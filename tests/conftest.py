"""What holds for all tests."""

import logging
import signal
from collections.abc import Iterator

import pytest

# A shell that runs the tests in the background makes them ignore Ctrl-C, and so would every command they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """A command run in process sets the log up for its process; the next test finds it as it was."""
    loggers = (logging.getLogger(), logging.getLogger("openai_monitor"))
    before = [(list(logger.handlers), logger.level) for logger in loggers]
    yield
    for logger, (handlers, level) in zip(loggers, before, strict=True):
        logger.handlers[:] = handlers
        logger.setLevel(level)
