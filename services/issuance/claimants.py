"""The local copy of who may claim, kept up to date by the registry's events and read by every claim."""

from collections.abc import Collection, Sequence
from datetime import date
from typing import Any, cast

import asyncpg
import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from services.issuance.domain.claimant import Authorisation, Ban, Claimant
from services.issuance.tables import bans, claimants
from shared.events.registry.claimants import Certificate, ClaimantKind
from shared.events.registry.standing import PartySanctioned

_STANDINGS = """
SELECT c.claimant_id, c.kind, c.certificates::text, c.eligible, c.revision,
    (SELECT json_agg(json_build_array(b.sanction_id, b.until))::text FROM bans b WHERE b.claimant_id = c.claimant_id),
    (SELECT json_object_agg(w.principal, w.reads)::text FROM withheld_users w WHERE w.claimant_id = c.claimant_id),
    c.district,
    (SELECT json_agg(json_build_array(a.channel_id, a.principal, a.valid_from, a.valid_until))::text
     FROM channel_authorisations a WHERE a.claimant_id = c.claimant_id AND 'claims' = ANY (a.scopes))
FROM claimants c WHERE c.claimant_id = ANY ($1)
"""
_CLAIMED_BY = sa.text(
    "SELECT data->>'voucher_id' FROM events WHERE type = 'cxq.issuance.voucher-claimed.v1' AND key = :claimant_id"
    " ORDER BY position DESC LIMIT :newest"
)


async def read_standings(
    connection: "asyncpg.Connection[Any]", claimant_ids: Collection[str]
) -> dict[str, tuple[Claimant, int]]:
    """Read claimants as they stand at one moment, each with its revision; who is not registered is left out."""
    return {
        claimant_id: (
            Claimant(
                claimant_id=claimant_id,
                kind=kind,
                certificates=msgspec.json.decode(certificates, type=tuple[Certificate, ...]),
                bans=tuple(
                    Ban(sanction_id=sanction_id, until=until)
                    for sanction_id, until in msgspec.json.decode(barred or "[]", type=list[tuple[str, date | None]])
                ),
                eligible=eligible,
                withheld=msgspec.json.decode(withheld or "{}", type=dict[str, bool]),
                district=district,
                channels=_channels(channels or "[]"),
            ),
            revision,
        )
        for (
            claimant_id, kind, certificates, eligible, revision, barred, withheld, district, channels,
        ) in await connection.fetch(_STANDINGS, list(claimant_ids))
    }  # fmt: skip


def _channels(written: str) -> tuple[Authorisation, ...]:
    return tuple(
        Authorisation(channel_id=channel_id, principal=principal, valid_from=first, valid_until=last)
        for channel_id, principal, first, last in msgspec.json.decode(written, type=list[tuple[str, str, date, date]])
    )


async def find_claimant(connection: AsyncConnection, claimant_id: str) -> Claimant | None:
    """Read a claimant as it stands."""
    return (await find_claimants(connection, [claimant_id])).get(claimant_id)


async def find_claimants(connection: AsyncConnection, claimant_ids: Collection[str]) -> dict[str, Claimant]:
    """Read claimants as they stand; who is not registered is left out."""
    found = await read_standings(await driver_of(connection), claimant_ids)
    return {claimant_id: claimant for claimant_id, (claimant, _) in found.items()}


async def driver_of(connection: AsyncConnection) -> "asyncpg.Connection[Any]":
    """Give the driver's own connection, for what is asked in its own way."""
    return cast("asyncpg.Connection[Any]", (await connection.get_raw_connection()).driver_connection)


async def register(
    connection: AsyncConnection,
    claimant_id: str,
    kind: ClaimantKind,
    certificates: Sequence[Certificate],
    district: str | None,
) -> None:
    """Take a claimant into the copy."""
    statement = insert(claimants).values(
        claimant_id=claimant_id, kind=kind, certificates=msgspec.to_builtins(certificates), district=district
    )
    await connection.execute(statement.on_conflict_do_nothing())


async def certify(connection: AsyncConnection, claimant_id: str, certificates: Sequence[Certificate]) -> None:
    """Replace a claimant's certificates."""
    await connection.execute(
        sa.update(claimants)
        .where(claimants.c.claimant_id == claimant_id)
        .values(certificates=msgspec.to_builtins(certificates))
    )


async def locate(connection: AsyncConnection, claimant_id: str, district: str | None) -> None:
    """Note in which district a claimant is registered now."""
    await connection.execute(
        sa.update(claimants)
        .where(claimants.c.claimant_id == claimant_id, claimants.c.district.is_distinct_from(district))
        .values(district=district)
    )


async def judge(connection: AsyncConnection, claimant_id: str, *, eligible: bool) -> None:
    """Note whether a claimant meets art. 7, as the registry has found."""
    await connection.execute(
        sa.update(claimants).where(claimants.c.claimant_id == claimant_id).values(eligible=eligible)
    )


async def ban(connection: AsyncConnection, sanction: PartySanctioned) -> list[str]:
    """Bar a claimant and name its vouchers.

    A ban renews the standing, and waits for the claims that rest on the one before: their vouchers are among those
    named; later claims see the ban.
    """
    statement = insert(bans).values(
        sanction_id=sanction.sanction_id, claimant_id=sanction.party_id, until=sanction.until
    )
    await connection.execute(statement.on_conflict_do_nothing())
    return await claimed_by(connection, sanction.party_id)


async def claimed_by(connection: AsyncConnection, claimant_id: str, *, newest: int | None = None) -> list[str]:
    """Name the vouchers that a claimant has claimed, whatever became of them, from the newest on."""
    claimed = await connection.execute(_CLAIMED_BY, {"claimant_id": claimant_id, "newest": newest})
    return list(claimed.scalars())


async def lift(connection: AsyncConnection, sanction_id: str) -> None:
    """Forget a ban; there may be none."""
    await connection.execute(sa.delete(bans).where(bans.c.sanction_id == sanction_id))
