"""The whole log into its topic again: what a lost topic needs, and what `cxq republish` does."""

import asyncio
from collections.abc import Callable
from typing import Final

import asyncpg

from shared.bus.relay import Relay
from shared.bus.topics import Topics
from shared.settings import Settings

_POLL_S: Final = 0.2

type Report = Callable[[int, int], None]
"""Hears how far it is: the position published last, and the one to reach."""


async def republish(settings: Settings, context: str, progress: Report, *, fresh: bool = False) -> None:
    """Have the whole log of a context in its topic, and return when it is there.

    What the topic holds already stays and counts; with `fresh` the topic is deleted first. Where a service runs, its
    relay does the work, otherwise it is done here. Raises HaltedError where the relay would halt.
    """
    connection = await asyncpg.connect(settings.application_url(context), timeout=4, command_timeout=4)
    try:
        head = await connection.fetchval("SELECT position FROM log_head")
        if fresh:
            async with Topics(settings) as topics:
                await topics.delete(settings.topic(context))
            await connection.execute("DELETE FROM relay_positions")
        else:
            await connection.execute("UPDATE relay_positions SET position = 0 WHERE partition = -1")
        relay = Relay(settings, context)
        while not await relay.catch_up(head, lambda done: progress(min(done, head), head)):
            checkpoint = await connection.fetchval("SELECT position FROM relay_positions WHERE partition = -1") or 0
            progress(min(checkpoint, head), head)
            if checkpoint >= head:
                return
            await asyncio.sleep(_POLL_S)
        progress(head, head)
    finally:
        await connection.close()
