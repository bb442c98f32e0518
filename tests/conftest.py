"""What holds for all tests."""

import signal

# A shell that runs the tests in the background makes them ignore Ctrl-C, and so would every command they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
