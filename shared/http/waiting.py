"""Waiting a little for the outcome of a process, because the caller prefers to (`Prefer: wait=N`, RFC 7240)."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shared.http.commands import Presented

WAIT_S_MAX = 10
_PAUSE_S_FIRST = 0.02
_PAUSE_S_MAX = 0.25
_WAIT = re.compile(r"\bwait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)

type Probe = Callable[[], Awaitable["Presented | None"]]
"""Looks whether the process has come to its end, and presents it; None while it has not."""


def preferred_wait(prefer: Sequence[str]) -> int:
    """Read the seconds a caller prefers to wait, ten at most; 0 when it does not say."""
    found = _WAIT.search(",".join(prefer))
    return min(int(found[1]), WAIT_S_MAX) if found else 0


async def wait_for(probe: Probe, seconds: float) -> "Presented | None":
    """Ask the probe again and again, with growing pauses, until it has an outcome or the time is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    pause = _PAUSE_S_FIRST
    while (outcome := await probe()) is None and loop.time() < until:
        await asyncio.sleep(min(pause, max(0.0, until - loop.time())))
        pause = min(pause * 2, _PAUSE_S_MAX)
    return outcome
