"""The one source of time: the system's clock, or a development clock that can be moved forward."""

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

from shared.settings import Settings


class Clock(Protocol):
    """Tells the time."""

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC."""
        ...


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 (the one place)


class DevelopmentClock:
    """The machine's clock plus an offset kept in a file, which every process on the machine follows at once."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._seen = -1
        self._offset = timedelta()

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC, moved by the offset."""
        return SystemClock().now() + self.offset()

    def offset(self) -> timedelta:
        """Say how far the clock has been moved."""
        try:
            changed = os.stat(self._path).st_mtime_ns
        except FileNotFoundError:
            return timedelta()
        if changed != self._seen:
            self._offset = timedelta(seconds=json.loads(self._path.read_text())["offset_seconds"])
            self._seen = changed
        return self._offset

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward for every process; time never goes back."""
        if by < timedelta():
            raise ValueError("the clock only moves forward; `make clean` starts again from today")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        replacement = self._path.with_suffix(f".{os.getpid()}")
        replacement.write_text(json.dumps({"offset_seconds": (self.offset() + by).total_seconds()}))
        replacement.replace(self._path)
        return self.now()


def development_clock(settings: Settings) -> DevelopmentClock:
    """Open the clock that can be moved; it refuses to exist outside development."""
    if settings.env != "dev":
        raise PermissionError("the clock can be moved only where CXQ_ENV=dev")
    return DevelopmentClock(settings.state_dir / "clock.json")


def clock_of(settings: Settings) -> Clock:
    """Choose the clock of an environment."""
    return development_clock(settings) if settings.env == "dev" else SystemClock()
