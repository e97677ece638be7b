"""The live runner: a batch of events is folded in memory and written together with the consumer's positions."""

from collections.abc import Sequence
from typing import Any, Final

from shared.bus.subscription import Subscription
from shared.events.definition import Recorded
from shared.projections.projection import Projection
from shared.projections.rows import copy_rows, load_rows, save_rows
from shared.store.transaction import Transaction

_COPIED_MIN: Final = 20
"""New rows from which on a COPY is faster than an upsert, though it takes a round trip more."""


def subscription_for(projection: Projection) -> Subscription:
    """Have a projection kept up to date by the consumer that stores its positions in the same transaction."""

    async def apply(tx: Transaction, batch: Sequence[Recorded[Any]]) -> None:
        await apply_batch(tx, projection, batch)

    return Subscription(
        consumer=projection.consumer,
        contexts=projection.contexts,
        apply=apply,
        poison=projection.poison,
        types=frozenset(projection.rows),
        derived=True,
    )


async def apply_batch(tx: Transaction, projection: Projection, batch: Sequence[Recorded[Any]]) -> None:
    """Fold a batch into the read model: one SELECT of what may be there, `evolve`, one COPY or upsert, one DELETE.

    Whoever calls has the turn to write it. Raises `PoisonEventError` when `evolve` fails; nothing is written then.
    """
    touched = [projection.touches(event) for event in batch]
    before = await load_rows(tx.connection, projection.table, projection.known_before(batch, touched))
    after = dict(before)
    projection.fold(after, batch, touched)
    changed = {key: row for key, row in after.items() if row != before.get(key)}
    fresh = {key: row for key, row in changed.items() if row is not None and before.get(key) is None}
    if len(fresh) >= _COPIED_MIN:
        await copy_rows(tx.connection, projection.table, fresh.values())
        changed = {key: row for key, row in changed.items() if key not in fresh}
    await save_rows(tx.connection, projection.table, changed)
