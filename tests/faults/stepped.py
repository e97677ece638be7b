"""`cxq` on a machine whose clock is stepped, as NTP or a hand does: `python -m tests.faults.stepped serve …`.

Only the system's clock is replaced, the one place where this code learns the time; intervals are measured by the
event loop, on a clock that no step moves.
"""

import os
from datetime import datetime, timedelta
from pathlib import Path

from services.cli import main
from shared import clock

STEP_FILE = "STEPPED_CLOCK_FILE"
"""The environment variable that names the file with the step, in seconds; without the file there is none."""


class SteppedClock(clock.SystemClock):
    """The machine's clock, so many seconds off as a file says at the moment."""

    def now(self) -> datetime:
        """Give the instant."""
        return super().now() + step_in(Path(os.environ[STEP_FILE]))


def step_in(file: Path) -> timedelta:
    """Read a step."""
    try:
        return timedelta(seconds=float(file.read_text()))
    except FileNotFoundError:
        return timedelta()


if __name__ == "__main__":
    clock.SystemClock = SteppedClock  # type: ignore[misc]
    main()
