"""The live runner: a batch of events is folded in memory and written together with the consumers' positions."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from shared.bus.subscription import ApplyTogether, Subscription
from shared.events.definition import Recorded
from shared.projections.projection import Projection, Row, RowKey, Rows
from shared.projections.rows import Change, copy_rows, load_rows_of_all, save_rows_of_all
from shared.store.transaction import Transaction

_COPIED_MIN: Final = 20
"""New rows from which on a COPY is faster than an upsert, though it takes a round trip more."""


def subscription_for(projection: Projection) -> Subscription:
    """Have a projection kept up to date by the consumer that stores its positions in the same transaction."""
    (subscription,) = subscriptions_for([projection])
    return subscription


def subscriptions_for(projections: Sequence[Projection]) -> tuple[Subscription, ...]:
    """Have projections kept up to date, those that are level in the same statements."""
    fed = {projection.consumer: projection for projection in projections}

    async def together(tx: Transaction, batches: Mapping[str, Sequence[Recorded[Any]]]) -> None:
        await apply_batches(tx, [(fed[consumer], batch) for consumer, batch in batches.items()])

    return tuple(_subscription(projection, together) for projection in projections)


def _subscription(projection: Projection, together: ApplyTogether) -> Subscription:
    async def apply(tx: Transaction, batch: Sequence[Recorded[Any]]) -> None:
        await apply_batches(tx, [(projection, batch)])

    return Subscription(
        consumer=projection.consumer,
        contexts=projection.contexts,
        apply=apply,
        poison=projection.poison,
        types=frozenset(projection.rows),
        derived=True,
        together=together,
    )


async def apply_batches(tx: Transaction, batches: Sequence[tuple[Projection, Sequence[Recorded[Any]]]]) -> None:
    """Fold each read model's batch: one SELECT of what may be there, `evolve`, one statement of upserts and DELETEs.

    Many new rows of a table are copied instead. Whoever calls has the turn to write them all. Raises
    `PoisonEventError` when `evolve` fails; nothing is written then.
    """
    touched = [[*map(projection.touches, batch)] for projection, batch in batches]
    known = [
        (projection.table, () if projection.sums else projection.known_before(batch, keys))
        for (projection, batch), keys in zip(batches, touched, strict=True)
    ]
    before = await load_rows_of_all(tx.connection, known)
    changes: list[Change] = []
    copied: list[tuple[sa.Table, dict[RowKey, Row]]] = []
    for (projection, batch), keys, old in zip(batches, touched, before, strict=True):
        new = dict(old)
        projection.fold(new, batch, keys)
        fresh, changed = _told_apart(old, new)
        if len(fresh) >= _COPIED_MIN and not projection.sums:
            copied.append((projection.table, fresh))
        else:
            changed |= fresh
        changes.append((projection.table, changed, projection.sums))
    for table, rows in copied:
        await copy_rows(tx.connection, table, rows.values())
    await save_rows_of_all(tx.connection, changes)


def _told_apart(old: Rows, new: Rows) -> tuple[dict[RowKey, Row], dict[RowKey, Row | None]]:
    """Give the rows that were not there, and those that have changed or are to be removed."""
    if not old:
        return {key: row for key, row in new.items() if row is not None}, {}
    fresh: dict[RowKey, Row] = {}
    changed: dict[RowKey, Row | None] = {}
    for key, row in new.items():
        was = old.get(key)
        if was is None:
            if row is not None:
                fresh[key] = row
        elif row != was:
            changed[key] = row
    return fresh, changed
