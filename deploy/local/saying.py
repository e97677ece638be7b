"""How a run speaks to the person at the terminal."""

import os
import sys


def say(line: str) -> None:
    """Tell a step; its mark is green or red on a terminal that has colours."""
    if sys.stdout.isatty() and not os.environ.get("NO_COLOR"):
        line = line.replace("✓", "\033[32m✓\033[0m", 1).replace("✗", "\033[31m✗\033[0m", 1)
    print(line, flush=True)
