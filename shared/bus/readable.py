"""The news that more can be read than before: told after a commit, heard by requests that wait for a position."""

import asyncio
from contextlib import suppress
from typing import Final

READABLE: Final = "cxq_readable"
"""The channel on which PostgreSQL carries the news to the other processes of a context."""


class News:
    """Wakes everybody in this process who waits for read models to move on; `tell` it after each commit of theirs.

    Whoever waits takes `next` before he looks: what is told while he looks is not missed.
    """

    def __init__(self) -> None:
        self._next = asyncio.Event()

    def next(self) -> asyncio.Event:
        """Give the event that the next telling sets."""
        return self._next

    def tell(self) -> None:
        """Say that something was committed that can be read."""
        heard, self._next = self._next, asyncio.Event()
        heard.set()


async def heard(news: asyncio.Event, within_s: float) -> None:
    """Wait for news, but no longer than so many seconds: a lost connection must not keep anybody waiting."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await news.wait()
