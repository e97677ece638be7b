"""Whether a measure of art. 17 keeps a party from anything new today, under whatever ids its body takes part."""

from collections.abc import Collection
from dataclasses import dataclass

import sqlalchemy as sa

from services.registry.domain.sanction import BARRING
from services.registry.institution_tables import affiliations
from services.registry.tables import claimants, experts, providers, sanctions
from shared.events.registry.standing import Measure, PartyKind
from shared.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacity:
    """An id under which a body takes part, and as what."""

    party_id: str
    kind: PartyKind


async def is_barred(tx: Transaction, *party_ids: str, measures: Collection[Measure] = BARRING) -> bool:
    """Tell whether any of these parties is disqualified or delisted today; their rows should be locked."""
    return await _any_in_force(tx, sanctions.c.party_id.in_(party_ids), measures)


async def is_code_barred(tx: Transaction, credit_code: str, *, measures: Collection[Measure] = BARRING) -> bool:
    """Tell whether a body is barred under any id it ever had, locking its rows so that no measure comes in between."""
    known = await locked_body(tx, credit_code)
    return await is_barred(tx, *(capacity.party_id for capacity in known), measures=measures)


async def is_body_barred(tx: Transaction, party_id: str) -> bool:
    """Tell for who only asks whether the body of an agency or a laboratory is barred; nothing is locked."""
    code = sa.select(affiliations.c.credit_code).where(affiliations.c.party_id == party_id).scalar_subquery()
    ids = _ids_of(code).subquery()
    return await _any_in_force(tx, sanctions.c.party_id.in_(sa.select(ids.c.party_id)), BARRING)


async def locked_body(tx: Transaction, credit_code: str) -> tuple[Capacity, ...]:
    """Lock every row of a body, always in one order, and give the ids it ever had.

    A laboratory is a part of its organisation: what stands against the one is not against the other's ids.
    """
    agencies = (affiliations.c.credit_code == credit_code) & (affiliations.c.kind != "laboratory")
    as_agency = sa.select(affiliations.c.party_id).where(agencies).order_by(affiliations.c.party_id)
    as_claimant = sa.select(claimants.c.claimant_id).where(claimants.c.credit_code == credit_code)
    of_provider = providers.c.credit_code == credit_code
    as_provider = sa.select(providers.c.provider_id).where(of_provider).order_by(providers.c.provider_id)
    for rows in (as_agency, as_claimant, as_provider):
        await tx.connection.execute(rows.with_for_update())
    # Whoever held one of these rows may have given the body another id while this waited: read once it is held.
    found = await tx.connection.execute(_ids_of(credit_code))
    return tuple(Capacity(party_id=row.party_id, kind=row.kind) for row in found)


async def locked_capacities(tx: Transaction, party_id: str) -> tuple[Capacity, ...]:
    """Lock a party and, where it is a body of its own, all its other ids; nobody of the register is nothing.

    The party itself comes first.
    """
    party = await _known(tx, party_id)
    if party is None:
        return ()
    own, credit_code = party
    if credit_code is not None and own.kind != "laboratory":
        body = await locked_body(tx, credit_code)
        return (own, *(capacity for capacity in body if capacity != own))
    for column in _ALONE:  # A team, a laboratory or an expert: no other id of theirs is known.
        await tx.connection.execute(sa.select(column).where(column == party_id).with_for_update())
    return (own,)


_ALONE = (affiliations.c.party_id, claimants.c.claimant_id, experts.c.expert_id)


async def _any_in_force(tx: Transaction, against: sa.ColumnElement[bool], measures: Collection[Measure]) -> bool:
    found = await tx.connection.execute(
        sa.select(sanctions.c.sanction_id)
        .where(
            against,
            sanctions.c.measure.in_(measures),
            sanctions.c.imposed_on.is_not(None),
            sanctions.c.until.is_(None) | (sanctions.c.until >= tx.today),
        )
        .limit(1)
    )
    return found.first() is not None


def _ids_of(credit_code: str | sa.ScalarSelect[str]) -> sa.CompoundSelect[tuple[str, str]]:
    """Select every id that a body ever had, and as what."""
    return sa.union_all(
        sa.select(affiliations.c.party_id, affiliations.c.kind).where(
            affiliations.c.credit_code == credit_code, affiliations.c.kind != "laboratory"
        ),
        sa.select(claimants.c.claimant_id, sa.literal("claimant")).where(claimants.c.credit_code == credit_code),
        sa.select(providers.c.provider_id, sa.literal("provider")).where(providers.c.credit_code == credit_code),
    )


async def _known(tx: Transaction, party_id: str) -> tuple[Capacity, str | None] | None:
    """Say what a party is, and its credit code if it has one; None for nobody of the register."""
    no_code = sa.cast(sa.null(), sa.Text).label("credit_code")
    found = await tx.connection.execute(
        sa.union_all(
            sa.select(sa.literal("claimant").label("kind"), claimants.c.credit_code).where(
                claimants.c.claimant_id == party_id
            ),
            sa.select(sa.literal("provider"), providers.c.credit_code).where(providers.c.provider_id == party_id),
            sa.select(affiliations.c.kind, affiliations.c.credit_code).where(affiliations.c.party_id == party_id),
            sa.select(sa.literal("expert"), no_code).where(experts.c.expert_id == party_id),
        )
    )
    row = found.one_or_none()
    return None if row is None else (Capacity(party_id=party_id, kind=row.kind), row.credit_code)
