"""Facts about the machine: without them a figure says nothing; and what its processes have used of it."""

import os
import platform
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

_BUSY = 1.0


def facts() -> list[str]:
    """Say on what is measured, and warn when others use it at the same time."""
    load = os.getloadavg()
    said = [
        f"machine: {os.cpu_count()} cores, {platform.system()} {platform.machine()}, Python"
        f" {platform.python_version()}, load average {load[0]:.1f} {load[1]:.1f} {load[2]:.1f} before the run"
    ]
    if load[0] > _BUSY:
        said.append(f"WARNING: the machine is busy (load average over {_BUSY:g}): do not quote what follows")
    return said


def cpu_seconds(processes: Iterable[int]) -> float:
    """Sum up the CPU time of processes, user's and system's; 0 where the system does not say (/proc)."""
    ticks = 0
    for process in processes:
        with suppress(OSError):
            # The name stands in brackets and may hold anything, so the fields are counted from its end.
            fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
            # What ended children used belongs to the parent that waited for them.
            ticks += sum(int(field) for field in fields[11:15])
    return ticks / os.sysconf("SC_CLK_TCK")


def resident_bytes(process: int) -> int:
    """Say how much memory a process holds; LookupError where the system does not say (/proc)."""
    try:
        return int(Path(f"/proc/{process}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError as error:
        raise LookupError(f"nobody says what process {process} holds of memory") from error
