"""A context's own log asked whether an event is one of its own: a topic, and who read it, may know one that is lost."""

from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

_HASHES = sa.text("SELECT position, hash FROM events WHERE position = ANY(CAST(:positions AS bigint[]))")


async def not_in_log(connection: AsyncConnection, events: Iterable[tuple[int, str]]) -> dict[int, str]:
    """Of events, each a position and a hash, give those that the log of this database does not have.

    For each it is said what the log has at that position: "is 9f8e7d6c5b4a in the log" or "is not in the log". A hash
    covers the whole log before it, so that whoever agrees on one event agrees on all before. Position 0 is the
    beginning, and an empty hash is one that nobody kept: neither can be told from the log's.
    """
    told = {position: told for position, told in events if position and told}
    rows = await connection.execute(_HASHES, {"positions": [*told]})
    kept = {row.position: bytes(row.hash).hex() for row in rows}
    return {position: _instead(kept.get(position)) for position, one in told.items() if kept.get(position) != one}


def _instead(kept: str | None) -> str:
    return f"is {kept[:12]} in the log" if kept else "is not in the log"
