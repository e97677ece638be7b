"""The local copy of who may claim, kept up to date by the registry's events and read by every claim."""

from collections.abc import Sequence

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.claimant import Ban, Claimant
from services.issuance.tables import bans, claimants, holdings
from shared.events.registry.claimants import Certificate, ClaimantKind
from shared.events.registry.standing import PartySanctioned


async def find_claimant(connection: AsyncConnection, claimant_id: str) -> Claimant | None:
    """Read a claimant as it stands."""
    statement = sa.select(claimants.c.kind, claimants.c.certificates).where(claimants.c.claimant_id == claimant_id)
    found = await connection.execute(statement)
    row = found.one_or_none()
    if row is None:
        return None
    barred = await connection.execute(
        sa.select(bans.c.sanction_id, bans.c.until).where(bans.c.claimant_id == claimant_id)
    )
    return Claimant(
        claimant_id=claimant_id,
        kind=row.kind,
        certificates=msgspec.convert(row.certificates, type=tuple[Certificate, ...]),
        bans=tuple(Ban(sanction_id=sanction_id, until=until) for sanction_id, until in barred),
    )


async def register(
    connection: AsyncConnection, claimant_id: str, kind: ClaimantKind, certificates: Sequence[Certificate]
) -> None:
    """Take a claimant into the copy."""
    statement = insert(claimants).values(
        claimant_id=claimant_id, kind=kind, certificates=msgspec.to_builtins(certificates)
    )
    await connection.execute(statement.on_conflict_do_nothing())


async def certify(connection: AsyncConnection, claimant_id: str, certificates: Sequence[Certificate]) -> None:
    """Replace a claimant's certificates."""
    await connection.execute(
        sa.update(claimants)
        .where(claimants.c.claimant_id == claimant_id)
        .values(certificates=msgspec.to_builtins(certificates))
    )


async def ban(connection: AsyncConnection, sanction: PartySanctioned) -> list[str]:
    """Bar a claimant and name its live vouchers.

    Claims that read the standing before are waited for, so their vouchers are among them; later ones see the ban.
    """
    await _renew(connection, sanction.party_id)
    statement = insert(bans).values(
        sanction_id=sanction.sanction_id, claimant_id=sanction.party_id, until=sanction.until
    )
    await connection.execute(statement.on_conflict_do_nothing())
    held = await connection.execute(
        sa.select(holdings.c.voucher_id)
        .where(holdings.c.claimant_id == sanction.party_id)
        .order_by(holdings.c.voucher_id)
    )
    return list(held.scalars())


async def lift(connection: AsyncConnection, sanction_id: str) -> None:
    """Forget a ban; there may be none."""
    forgotten = sa.delete(bans).where(bans.c.sanction_id == sanction_id).returning(bans.c.claimant_id)
    for claimant_id in (await connection.execute(forgotten)).scalars().all():
        await _renew(connection, claimant_id)


async def _renew(connection: AsyncConnection, claimant_id: str) -> None:
    """Give a claimant's standing a new revision, and hold it until the transaction ends."""
    held = sa.update(claimants).where(claimants.c.claimant_id == claimant_id)
    await connection.execute(held.values(revision=claimants.c.revision))
