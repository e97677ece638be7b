"""The news that more can be read than before: told after a commit, heard by requests that wait for a position."""

import asyncio
from contextlib import suppress
from typing import Final

import asyncpg

from shared.database import LIMITS
from shared.settings import Settings
from shared.supervision import Progress

READABLE: Final = "cxq_readable"
"""The channel on which PostgreSQL carries the news to the other processes of a context."""
_LOOK_S: Final = 2.0


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


async def listen(settings: Settings, context: str, news: News, progress: Progress) -> None:
    """Tell the news of a context's other processes too, until cancelled; fails when the connection is lost."""
    connection = await asyncpg.connect(
        settings.application_url(context),
        timeout=4,
        command_timeout=4,
        server_settings=LIMITS | {"application_name": f"cxq-{context}-news"},
    )
    try:
        await connection.add_listener(READABLE, lambda *_: news.tell())
        progress.at_work()
        while True:
            await asyncio.sleep(_LOOK_S)
            await connection.fetchval("SELECT 1")
    finally:
        with suppress(Exception):
            await connection.close(timeout=2)
        connection.terminate()


async def heard(news: asyncio.Event, within_s: float) -> None:
    """Wait for news, but no longer than so many seconds: a lost connection must not keep anybody waiting."""
    with suppress(TimeoutError):
        async with asyncio.timeout(within_s):
            await news.wait()
