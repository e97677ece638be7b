"""Look up what decides whether a claimant and a provider may work together today, and on what."""

from collections.abc import Iterable
from datetime import date

import sqlalchemy as sa

from services.contracts.domain.standing import Parties
from services.contracts.projections.claimant_standing import table as standing
from services.contracts.projections.new_products import table as new_products
from services.contracts.tables import bans, claimants, providers, services
from shared.store.transaction import Transaction


async def parties(tx: Transaction, *, claimant_id: str, provider_id: str, service_id: str) -> Parties:
    """Gather what the local copies say of both sides and of the service on the transaction's day."""
    today = tx.today
    statement = sa.select(
        sa.exists().where(claimants.c.claimant_id == claimant_id).label("claimant_registered"),
        ~sa.exists().where(standing.c.claimant_id == claimant_id, ~standing.c.eligible).label("claimant_eligible"),
        _barred(claimant_id, today).label("claimant_barred"),
        sa.exists()
        .where(standing.c.claimant_id == claimant_id, standing.c.related.contains([provider_id]))
        .label("related"),
        _barred(provider_id, today).label("provider_barred"),
        sa.exists()
        .where(
            providers.c.provider_id == provider_id,
            providers.c.listed_on <= today,
            sa.or_(providers.c.delisted_on.is_(None), providers.c.delisted_on > today),
        )
        .label("provider_listed"),
        sa.exists()
        .where(providers.c.provider_id == provider_id, providers.c.leaves_after < today)
        .label("provider_gone"),
        sa.select(providers.c.capabilities)
        .where(providers.c.provider_id == provider_id)
        .scalar_subquery()
        .label("capabilities"),
        sa.select(services.c.kind)
        .where(services.c.service_id == service_id, services.c.provider_id == provider_id)
        .scalar_subquery()
        .label("service_kind"),
    )
    known = (await tx.connection.execute(statement)).one()
    return Parties(
        claimant_registered=known.claimant_registered,
        claimant_eligible=known.claimant_eligible,
        claimant_barred=known.claimant_barred,
        related=known.related,
        provider_listed=known.provider_listed,
        provider_gone=known.provider_listed and known.provider_gone,
        provider_barred=known.provider_barred,
        provider_capabilities=frozenset(known.capabilities or ()),
        service_kind=known.service_kind,
    )


async def products_not_valid(tx: Transaction, product_ids: Iterable[str]) -> frozenset[str]:
    """Name those products that are not on the list of new products, or not valid, on the transaction's day (faq 2)."""
    wanted = frozenset(product_ids)
    if not wanted:
        return wanted
    table, today = new_products, tx.today
    valid = await tx.connection.execute(
        sa.select(table.c.product_id).where(
            table.c.product_id.in_(sorted(wanted)),
            table.c.valid_from <= today,
            table.c.valid_until >= today,
            table.c.withdrawn_on.is_(None) | (table.c.withdrawn_on > today),
        )
    )
    return wanted.difference(valid.scalars())


def _barred(party_id: str, today: date) -> sa.Exists:
    return sa.exists().where(bans.c.party_id == party_id, sa.or_(bans.c.until.is_(None), bans.c.until >= today))
