"""A process of its own that consumes into the table `seen` under its place's name, to be killed."""

import asyncio

from shared.bus import feed
from shared.bus.consumer import Consumer, Subscription, Surroundings
from shared.bus.membership import Membership
from shared.database import create_engine
from shared.settings import Settings
from shared.supervision import Progress
from tests.integration.shared.bus.log_and_topic import CLOCK, CONTEXT, insert_seen

SESSION_MS = 60_000
"""So long the group waits for a member that says no word."""


async def consume() -> None:
    """Consume until killed."""
    settings = Settings()
    engine = create_engine(settings.application_url(CONTEXT), pool_size=2)
    membership = Membership(settings, CONTEXT)
    around = Surroundings(settings=settings, context=CONTEXT, engine=engine, clock=CLOCK, member=membership.name)
    subscription = Subscription(consumer="seen", contexts=(CONTEXT,), apply=insert_seen, poison="halt")
    await asyncio.gather(membership.run(Progress()), Consumer(around, subscription).run(Progress()))


if __name__ == "__main__":
    feed._SESSION_MS = SESSION_MS  # type: ignore[misc]
    asyncio.run(consume())
