"""Reactions put back to where two stories parted: what `cxq rehear` does for those that heard a lost one."""

import asyncpg

from shared.bus.image import TopicReader
from shared.bus.subscription import REACTIONS_NAME, Place
from shared.settings import Settings

_HEARD = (
    "SELECT partition, next_offset, position, hash FROM consumer_positions WHERE consumer = $1 AND topic = $2"
    " ORDER BY partition"
)
_MOVE = (
    "UPDATE consumer_positions SET next_offset = $4, position = $5, hash = $6"
    " WHERE consumer = $1 AND topic = $2 AND partition = $3 AND position = $7 AND hash = $8 RETURNING 1"
)
_FORGET = "DELETE FROM parked_events WHERE consumer = $1 AND topic = $2 AND partition = $3 AND position > $4"


class NotRehearableError(Exception):
    """The reactions stay where they are; the message says why."""


async def rehear(settings: Settings, context: str, of: str, after: int) -> dict[int, tuple[int, int]]:
    """Put the reactions of a context back to position `after` of another one's log, to hear anew what comes after it.

    For reactions that have heard events which are lost: `after` is the last position that the lost story and the true
    one share, which is where the backup of `of` stood. What they laid aside of later events is forgotten, what they did
    upon them stays. Gives from where to where they were put in each partition in which they were beyond it: in all of
    them at once, or in none. Raises NotRehearableError where they have heard another story up to `after` already.
    """
    topic = settings.topic(of)
    connection = await asyncpg.connect(settings.application_url(context), timeout=4, command_timeout=4)
    reader = TopicReader(settings.kafka_bootstrap, topic)
    try:
        await reader.start()
        heard = {partition: Place(*at) for partition, *at in await connection.fetch(_HEARD, REACTIONS_NAME, topic)}
        back: dict[int, Place] = {}
        for partition, place in heard.items():
            last = await _last_until(reader, partition, min(after, place.position))
            if place.position > after:
                back[partition] = last
            elif place.hash != last.hash:
                raise NotRehearableError(
                    f"{topic}, partition {partition}: position {place.position} was heard as {place.hash[:12]}, which"
                    f" the topic does not tell: the stories parted before position {after}"
                )
        async with connection.transaction():
            for partition, last in back.items():
                old, to = heard[partition], (last.next_offset, last.position, last.hash)
                if not await connection.fetch(_MOVE, REACTIONS_NAME, topic, partition, *to, old.position, old.hash):
                    raise NotRehearableError(f"the reactions of {context} go on by themselves: they heard nothing lost")
                await connection.execute(_FORGET, REACTIONS_NAME, topic, partition, after)
    finally:
        await reader.stop()
        await connection.close()
    return {partition: (heard[partition].position, last.position) for partition, last in back.items()}


async def _last_until(reader: TopicReader, partition: int, until: int) -> Place:
    """Find the last event of a partition up to a position."""
    found = await reader.found(partition, 0)
    last = Place()
    offset = found.begin
    async for envelope in reader.read(partition, found.begin, found.end):
        offset += 1
        if envelope.position > until:
            break
        if envelope.position > last.position:
            last = Place(offset, envelope.position, envelope.hash)
    return last
