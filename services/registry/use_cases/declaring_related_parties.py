"""A claimant names the persons and companies related to it, before it works with one of them (art. 16)."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.claimant import DeclareRelatedParties, Event, State, claimant
from services.registry.domain.profile import digest_of
from services.registry.tables import claimants, providers, related_party_declarations
from services.registry.use_cases.acting_for_claimants import acting_for
from services.registry.use_cases.streams import stream_of
from shared.store.transaction import Handled, Transaction


async def declare(
    tx: Transaction, claimant_id: str, principal: str, parties: Sequence[Mapping[str, Any]], *, if_match: int | None
) -> Handled[Event, State]:
    """Replace what a claimant has declared; who is registered here is named to the others by id, the rest is counted.

    `parties` are plain JSON values with `credit_code` normalised or None.
    """
    await acting_for(tx, claimant_id, principal)
    known = await _registered(tx, [str(each["credit_code"]) for each in parties if each["credit_code"] is not None])
    ids = sorted({party_id for found in known.values() for party_id in found})
    salt = secrets.token_hex(16)
    content = {"parties": [dict(each) for each in parties]}
    command = DeclareRelatedParties(
        parties=tuple(ids),
        others=sum(each["credit_code"] not in known for each in parties),
        declaration_digest=digest_of(salt, content),
        declared_by=principal,
        on=tx.today,
    )
    handled = await tx.handle(claimant, stream_of(claimant_id, "clm"), command, if_match=if_match)
    of_claimant = related_party_declarations.c.claimant_id == claimant_id
    before = sa.select(sa.func.coalesce(sa.func.max(related_party_declarations.c.number), 0)).where(of_claimant)
    await tx.connection.execute(
        insert(related_party_declarations).values(
            claimant_id=claimant_id,
            number=(await tx.connection.execute(before)).scalar_one() + 1,
            parties=content["parties"],
            digest=command.declaration_digest,
            salt=salt,
            declared_by=principal,
            declared_at=tx.now,
        )
    )
    return handled


async def _registered(tx: Transaction, codes: Sequence[str]) -> dict[str, list[str]]:
    """Find who is registered under some credit codes; a body may be a claimant and a provider."""
    both = sa.union_all(
        sa.select(claimants.c.credit_code, claimants.c.claimant_id).where(claimants.c.credit_code.in_(codes)),
        sa.select(providers.c.credit_code, providers.c.provider_id).where(
            providers.c.credit_code.in_(codes), ~providers.c.closed
        ),
    )
    found: dict[str, list[str]] = {}
    for code, party_id in await tx.connection.execute(both):
        found.setdefault(code, []).append(party_id)
    return found
