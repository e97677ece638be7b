"""A process of its own that consumes into the table `seen` under a member's name, to be killed."""

import asyncio
import sys

from shared.bus.consumer import Consumer, Subscription, Surroundings
from shared.database import create_engine
from shared.settings import Settings
from shared.supervision import Progress
from tests.integration.shared.bus.log_and_topic import CLOCK, CONTEXT, insert_seen


async def consume(instance: str) -> None:
    """Consume until killed."""
    settings = Settings()
    engine = create_engine(settings.application_url(CONTEXT), pool_size=2)
    around = Surroundings(settings=settings, context=CONTEXT, engine=engine, clock=CLOCK, instance=instance)
    subscription = Subscription(consumer="seen", contexts=(CONTEXT,), apply=insert_seen, poison="halt")
    await Consumer(around, subscription).run(Progress())


if __name__ == "__main__":
    asyncio.run(consume(sys.argv[1]))
