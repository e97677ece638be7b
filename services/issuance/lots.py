"""The seed of a period's draw: fixed before anybody enters, and published when the lots are drawn (art. 12)."""

import secrets

from sqlalchemy.dialects.postgresql import insert

from services.issuance.domain.period_phases import Period
from services.issuance.tables import draw_seeds
from shared.events.issuance.entries import DrawCommitted
from shared.procedures.lots import commitment_to
from shared.store.transaction import Transaction

_SEED_BYTES = 32


async def lay_seed(tx: Transaction, approved: Period) -> None:
    """Choose the seed of a period that draws, once, and tell its digest; an approval after a change keeps it."""
    if approved.entries is None or not approved.entries.draw_minutes:
        return
    seed = secrets.token_hex(_SEED_BYTES)
    laid = insert(draw_seeds).values(period_id=approved.period_id, seed=seed).on_conflict_do_nothing()
    if (await tx.connection.execute(laid.returning(draw_seeds.c.period_id))).first() is not None:
        committed = DrawCommitted(period_id=approved.period_id, commitment=commitment_to(seed), on=tx.today)
        tx.append(f"draw-{approved.period_id}", 0, [committed])
