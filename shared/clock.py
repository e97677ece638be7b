"""The one source of time: the system's clock, or a development clock that can be moved forward."""

import fcntl
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
        self._path, self._name = path, os.fspath(path)
        self._seen = (-1, -1)
        self._offset = timedelta()

    def now(self) -> datetime:
        """Give the present instant, aware, in UTC, moved by the offset."""
        return SystemClock().now() + self.offset()

    def offset(self) -> timedelta:
        """Say how far the clock has been moved; what a process has once seen it does not take back."""
        try:
            found = os.stat(self._name)  # noqa: PTH116 (asked several times a request; by a Path it takes twice as long)
        except FileNotFoundError:
            return self._offset
        if (found.st_mtime_ns, found.st_ino) != self._seen:
            self._offset = max(self._offset, self._written())
            self._seen = (found.st_mtime_ns, found.st_ino)
        return self._offset

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward for every process; time never goes back."""
        if by < timedelta():
            raise ValueError("the clock only moves forward; `make clean` starts again from today")
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)  # two who move it at once both count
            before = self._written() if self._path.exists() else timedelta()
            replacement = self._path.with_suffix(f".{os.getpid()}")
            replacement.write_text(json.dumps({"offset_seconds": (before + by).total_seconds()}))
            replacement.replace(self._path)
        return self.now()

    def _written(self) -> timedelta:
        return timedelta(seconds=json.loads(self._path.read_text())["offset_seconds"])


def development_clock(settings: Settings) -> DevelopmentClock:
    """Open the clock that can be moved; it refuses to exist outside development."""
    if settings.env != "dev":
        raise PermissionError("the clock can be moved only where CXQ_ENV=dev")
    return DevelopmentClock(settings.state_dir / "clock.json")


def clock_of(settings: Settings) -> Clock:
    """Choose the clock of an environment."""
    return development_clock(settings) if settings.env == "dev" and settings.movable_clock else SystemClock()
