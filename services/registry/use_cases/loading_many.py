"""Many streams at once, for whoever decides on the rows of a file."""

from collections.abc import Iterable

import sqlalchemy as sa

from shared.events.codec import decode
from shared.kernel.decider import Decider
from shared.store.tables import events
from shared.store.transaction import Loaded, Transaction


async def load_many[C, E, S](
    tx: Transaction, decider: Decider[C, E, S], streams: Iterable[str]
) -> dict[str, Loaded[S]]:
    """Fold many streams, read in one statement; a stream that does not exist is not in the answer."""
    wanted = list(streams)
    if not wanted:
        return {}
    rows = await tx.connection.execute(
        sa.select(events.c.stream, events.c.type, sa.cast(events.c.data, sa.Text), events.c.version)
        .where(events.c.stream == sa.any_(sa.bindparam(None, wanted, sa.ARRAY(sa.Text))))
        .order_by(events.c.stream, events.c.version)
    )
    loaded: dict[str, Loaded[S]] = {}
    for stream, kind, payload, version in rows:
        before = loaded[stream].state if stream in loaded else decider.initial
        loaded[stream] = Loaded(decider.evolve(before, decode(kind, payload)), version)
    return loaded
