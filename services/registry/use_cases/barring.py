"""Whether a measure of art. 17 keeps a party from anything new today."""

import sqlalchemy as sa

from services.registry.domain.sanction import BARRING
from services.registry.institution_tables import affiliations
from services.registry.tables import claimants, providers, sanctions
from shared.store.transaction import Transaction


async def is_barred(tx: Transaction, *party_ids: str) -> bool:
    """Tell whether any of these parties is disqualified or delisted today; their rows should be locked."""
    found = await tx.connection.execute(
        sa.select(sanctions.c.sanction_id)
        .where(
            sanctions.c.party_id.in_(party_ids),
            sanctions.c.measure.in_(BARRING),
            sanctions.c.imposed_on.is_not(None),
            sanctions.c.until.is_(None) | (sanctions.c.until >= tx.today),
        )
        .limit(1)
    )
    return found.first() is not None


async def is_code_barred(tx: Transaction, credit_code: str) -> bool:
    """Tell whether a body is barred under any id it ever had, locking its rows so that no measure comes in between."""
    as_agency = (
        sa.select(affiliations.c.party_id)
        .where(affiliations.c.credit_code == credit_code, affiliations.c.kind != "laboratory")
        .order_by(affiliations.c.party_id)
        .with_for_update()
    )
    as_claimant = sa.select(claimants.c.claimant_id).where(claimants.c.credit_code == credit_code).with_for_update()
    as_provider = (
        sa.select(providers.c.provider_id)
        .where(providers.c.credit_code == credit_code)
        .order_by(providers.c.provider_id)
        .with_for_update()
    )
    known: list[str] = []
    for party in (as_agency, as_claimant, as_provider):  # always in this order
        known += (await tx.connection.execute(party)).scalars()
    return await is_barred(tx, *known)
