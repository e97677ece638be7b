"""Waiting a little for the outcome of a process, because the caller prefers to (`Prefer: wait=N`, RFC 7240)."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING

from shared.bus.readable import News, heard

if TYPE_CHECKING:
    from shared.http.commands import Presented

WAIT_S_MAX = 10
_LOOK_AGAIN_S = 0.25
_WAIT = re.compile(r"\bwait\s*=\s*\"?(\d{1,6})\"?", re.IGNORECASE)

type Probe = Callable[[], Awaitable["Presented | None"]]
"""Looks whether the process has come to its end, and presents it; None while it has not."""


def preferred_wait(prefer: Sequence[str]) -> int:
    """Read the seconds a caller prefers to wait, ten at most; 0 when it does not say."""
    found = _WAIT.search(",".join(prefer))
    return min(int(found[1]), WAIT_S_MAX) if found else 0


async def wait_for(probe: Probe, seconds: float, news: News) -> "Presented | None":
    """Ask the probe again whenever there is news, and now and then without, until it has an outcome or time is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while True:
        told = news.next()
        outcome = await probe()
        left = until - loop.time()
        if outcome is not None or left <= 0:
            return outcome
        await heard(told, min(_LOOK_AGAIN_S, left))
