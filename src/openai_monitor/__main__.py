"""``python -m openai_monitor``."""

import sys

from openai_monitor.cli import main

if __name__ == "__main__":
    sys.exit(main())
