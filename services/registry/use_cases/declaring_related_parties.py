"""A claimant names the persons and companies related to it, registered or not, before it works with one (art. 16)."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.claimant import Event, State, claimant
from services.registry.domain.claimant_relations import DeclareRelatedParties, RecogniseRelatedParties
from services.registry.domain.profile import digest_of
from services.registry.tables import claimants, providers, related_party_declarations
from services.registry.use_cases.acting_for_claimants import acting_for, locked_claimant
from services.registry.use_cases.streams import stream_of
from shared.procedures.due import set_deadline
from shared.store.transaction import Handled, Transaction

PARTY_ARRIVES = "related-party-arrives"
"""Deadline, due at once: somebody has registered or applied whom claimants have named before."""
_TAKE_CODE = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('related-party:' || :code, 0))")
"""Who declares a code and who registers with it pass one after the other, so that one of the two sees the other."""


async def declare(
    tx: Transaction, claimant_id: str, principal: str, parties: Sequence[Mapping[str, Any]], *, if_match: int | None
) -> Handled[Event, State]:
    """Replace what a claimant has declared; who is registered here is named to the others by id, the rest is counted.

    `parties` are plain JSON values with `credit_code` normalised or None.
    """
    for code in sorted({str(each["credit_code"]) for each in parties if each["credit_code"] is not None}):
        await tx.connection.execute(_TAKE_CODE, {"code": code})
    await acting_for(tx, claimant_id, principal)
    ids, others = await _known_among(tx, parties)
    salt = secrets.token_hex(16)
    content = {"parties": [dict(each) for each in parties]}
    command = DeclareRelatedParties(
        parties=ids,
        others=others,
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


async def expect_arrival(tx: Transaction, party_id: str, credit_code: str | None) -> None:
    """Have it told for every claimant that has named this newcomer; a team has no code and is named by nobody."""
    if credit_code is None:
        return
    await tx.connection.execute(_TAKE_CODE, {"code": credit_code})
    if await _naming(tx, credit_code):
        await set_deadline(tx, PARTY_ARRIVES, party_id, tx.now)


async def recognise(tx: Transaction, party_id: str) -> None:
    """Tell for every claimant that has named this newcomer whom its declaration means now; twice is harmless."""
    codes = sa.union_all(
        sa.select(claimants.c.credit_code).where(claimants.c.claimant_id == party_id),
        sa.select(providers.c.credit_code).where(providers.c.provider_id == party_id),
    )
    for claimant_id in await _naming(tx, (await tx.connection.execute(codes)).scalar_one()):
        await locked_claimant(tx, claimant_id)
        ids, others = await _known_among(tx, await _last_word(tx, claimant_id))
        command = RecogniseRelatedParties(parties=ids, others=others, on=tx.today)
        await tx.handle(claimant, stream_of(claimant_id, "clm"), command)


async def _naming(tx: Transaction, credit_code: str) -> Sequence[str]:
    """Find the claimants whose newest declaration names a credit code."""
    table, later = related_party_declarations, related_party_declarations.alias()
    replaced = sa.exists().where(later.c.claimant_id == table.c.claimant_id, later.c.number > table.c.number)
    naming = sa.select(table.c.claimant_id).where(table.c.parties.contains([{"credit_code": credit_code}]), ~replaced)
    return (await tx.connection.execute(naming.order_by(table.c.claimant_id))).scalars().all()


async def _last_word(tx: Transaction, claimant_id: str) -> list[dict[str, Any]]:
    """Give whom a claimant has declared last."""
    table = related_party_declarations
    newest = sa.select(table.c.parties).where(table.c.claimant_id == claimant_id).order_by(table.c.number.desc())
    return list((await tx.connection.execute(newest.limit(1))).scalar_one())


async def _known_among(tx: Transaction, parties: Sequence[Mapping[str, Any]]) -> tuple[tuple[str, ...], int]:
    """Give the ids of those declared parties that are registered here, and count the others."""
    known = await _registered(tx, [str(each["credit_code"]) for each in parties if each["credit_code"] is not None])
    ids = sorted({party_id for found in known.values() for party_id in found})
    return tuple(ids), sum(each["credit_code"] not in known for each in parties)


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
