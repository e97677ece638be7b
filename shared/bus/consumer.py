"""The consumer: reads topics, applies every event once and in order, and knows when something is missing."""

import asyncio
from typing import Final

import sqlalchemy as sa

from shared.bus.applying import Applier
from shared.bus.feed import Feed
from shared.bus.image import ForkError
from shared.bus.subscription import GapError, PoisonError, Subscription, Surroundings
from shared.store.tables import consumer_positions
from shared.supervision import Progress

__all__ = ["Consumer", "ForkError", "GapError", "PoisonError", "Subscription", "Surroundings"]

_FAR_BEHIND: Final = 20_000
"""Records; those who share a feed read at the pace of the hindmost, so that nobody joins it from further behind."""
_LOOK_S: Final = 1.0


class Consumer:
    """Runs a subscription, in a feed that it shares with others or as the group `<topic_prefix>.<context>.<consumer>`.

    The offset and the last position are stored in the transaction that applies the events, by compare-and-set: what is
    delivered twice changes nothing, and a process that was replaced without noticing cannot store anything.
    """

    def __init__(self, around: Surroundings, subscription: Subscription, feed: Feed | None = None) -> None:
        self._around, self._applier, self._shared = around, Applier(around, subscription), feed
        self._feed = feed or self._own_feed()
        self._is_topic_forked = False

    @property
    def name(self) -> str:
        """The name under which its positions are kept."""
        return self._applier.name

    async def run(self, progress: Progress) -> None:
        """Consume until cancelled. Raises a HaltedError to stay down until it `is_mended`, else what went wrong."""
        self._applier.progress = progress
        self._is_topic_forked = False
        try:
            await self._consume()
        except ForkError:
            self._is_topic_forked = True
            raise

    async def _consume(self) -> None:
        if self._shared is None:
            self._feed = self._own_feed()
            await self._feed.run_for(self._applier)
            return
        if await self._is_far_behind():
            await self._catch_up()
        self._feed = self._shared
        await self._feed.carry(self._applier)

    async def is_mended(self) -> bool:
        """Tell whether it goes on: somebody has put it elsewhere, or it waits for a topic that it can only look at."""
        return self._is_topic_forked or await self._applier.has_been_moved()

    def lag(self) -> int | None:
        """Count the records still to read of the partitions this process has; None while it does not read."""
        return self._feed.lag(self._applier)

    def _own_feed(self) -> Feed:
        group = f"{self._around.settings.topic_prefix}.{self._around.context}.{self.name}"
        return Feed(self._around, group, self._applier.subscription.contexts, alone=True)

    async def _catch_up(self) -> None:
        """Consume alone until the others are near: a read model that is new must not hold up those that are level."""
        self._feed = self._own_feed()
        alone = asyncio.ensure_future(self._feed.run_for(self._applier))
        try:
            while await self._is_far_behind():
                if (await asyncio.wait([alone], timeout=_LOOK_S))[0]:
                    alone.result()
        finally:
            alone.cancel()
            await asyncio.wait([alone])

    async def _is_far_behind(self) -> bool:
        """Compare with whoever is furthest in the same topics."""
        row = consumer_positions.c
        read = sa.select(row.consumer, sa.func.sum(row.next_offset)).where(row.topic.in_(self._feed.topics))
        async with self._around.engine.connect() as connection:
            found = (await connection.execute(read.group_by(row.consumer))).all()
        offsets = {consumer: int(total) for consumer, total in found}
        return max(offsets.values(), default=0) - offsets.get(self.name, 0) > _FAR_BEHIND
