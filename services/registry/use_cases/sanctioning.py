"""Two officers impose a measure of art. 17, and time ends it."""

import secrets
from datetime import date, timedelta

import sqlalchemy as sa

from services.registry.domain.listing import Delist, Listed
from services.registry.domain.profile import digest_of
from services.registry.domain.provider import provider
from services.registry.domain.sanction import (
    ApproveSanction,
    CarryMeasure,
    Event,
    InForce,
    LiftSanction,
    ProposeSanction,
    State,
    Unproposed,
    bears,
    sanction,
)
from services.registry.tables import sanctions
from services.registry.use_cases.barring import Capacity, locked_body, locked_capacities
from services.registry.use_cases.streams import stream_of
from shared.events.registry.standing import Measure, PartyKind
from shared.kernel.calendar import start_of
from shared.kernel.ids import new_id
from shared.kernel.refusal import refuse
from shared.procedures.due import set_deadline
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

BAN_ENDS = "ban-ends"


async def propose(
    tx: Transaction, sanction_id: str, officer: str, *, party_id: str, measure: Measure, until: date | None,
    grounds: str,
) -> Handled[Event, State]:  # fmt: skip
    """Propose a measure against a party; its grounds stay here, their digest goes into the log."""
    capacities = await locked_capacities(tx, party_id)
    if not capacities:
        raise refuse("party-unknown", article="16", value=party_id)
    kind = capacities[0].kind
    terms = tx.measures.on(tx.today)
    salt = secrets.token_hex(16)
    command = ProposeSanction(
        sanction_id=sanction_id,
        party_id=party_id,
        party_kind=kind,
        provider_listed=await _is_listed(tx, party_id, kind),
        measure=measure,
        until=until,
        grounds_digest=digest_of(salt, {"grounds": grounds}),
        proposed_by=officer,
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    handled = await tx.handle(sanction, stream_of(sanction_id, "snc"), command)
    await tx.connection.execute(
        sa.insert(sanctions).values(
            sanction_id=sanction_id, party_id=party_id, measure=measure, grounds=grounds, salt=salt
        )
    )
    return handled


async def approve(tx: Transaction, sanction_id: str, approver: str, *, if_match: int | None) -> Handled[Event, State]:
    """Impose a measure as the second pair of eyes, on all that a body takes part as.

    Whoever is delisted leaves the list in the same instant.
    """
    stream = stream_of(sanction_id, "snc")
    state = (await tx.load(sanction, stream)).state
    if isinstance(state, Unproposed):
        raise UnknownSubjectError(sanction_id)
    proposal = state.proposal
    capacities = await locked_capacities(tx, proposal.party_id)  # Nothing new comes in before the measure's effect.
    command = ApproveSanction(
        approved_by=approver,
        ban_years=tx.measures.on(tx.today).standing.ban_years,
        provider_listed=await _is_listed(tx, proposal.party_id, proposal.party_kind),
        on=tx.today,
    )
    handled = await tx.handle(sanction, stream, command, if_match=if_match)
    if isinstance(handled.state, InForce):
        await _take_effect(tx, sanction_id, handled.state)
        for capacity in capacities[1:]:
            await _carry(tx, handled.state, capacity)
    return handled


async def carry_to(tx: Transaction, party_id: str, kind: PartyKind, credit_code: str) -> None:
    """Let what stands against a body stand under an id that it has just been given, too."""
    others = [each.party_id for each in await locked_body(tx, credit_code) if each.party_id != party_id]
    in_force = sa.select(sanctions.c.sanction_id).where(
        sanctions.c.party_id.in_(others),
        sanctions.c.imposed_on.is_not(None),
        sanctions.c.until.is_(None) | (sanctions.c.until >= tx.today),
    )
    carried: set[tuple[Measure, date | None]] = set()
    for sanction_id in (await tx.connection.execute(in_force.order_by(sanctions.c.sanction_id))).scalars().all():
        state = (await tx.load(sanction, stream_of(sanction_id, "snc"))).state
        if isinstance(state, InForce) and (state.proposal.measure, state.until) not in carried:
            carried.add((state.proposal.measure, state.until))
            await _carry(tx, state, Capacity(party_id=party_id, kind=kind))


async def lift(tx: Transaction, sanction_id: str) -> None:
    """End a measure whose last day is over."""
    handled = await tx.handle(sanction, stream_of(sanction_id, "snc"), LiftSanction(on=tx.today))
    if isinstance(handled.state, InForce) and handled.state.until is not None:
        await _wait_for_end(tx, sanction_id, handled.state.until)  # Woken too early: wait on.
        return
    if handled.events:
        await tx.connection.execute(
            sa.update(sanctions).where(sanctions.c.sanction_id == sanction_id).values(lifted=True)
        )


async def _take_effect(tx: Transaction, sanction_id: str, state: InForce) -> None:
    await tx.connection.execute(
        sa.update(sanctions)
        .where(sanctions.c.sanction_id == sanction_id)
        .values(imposed_on=state.on, until=state.until)
    )
    if state.until is not None:
        await _wait_for_end(tx, sanction_id, state.until)
    if state.proposal.measure == "delist":
        delist = Delist(reason=f"measure of art. 17, {sanction_id}", on=tx.today)
        await tx.handle(provider, stream_of(state.proposal.party_id, "prv"), delist)


async def _carry(tx: Transaction, first: InForce, capacity: Capacity) -> None:
    """Impose a measure that is in force on another id of the same body, on the same grounds under another salt."""
    if not bears(capacity.kind, first.proposal.measure):
        return
    row = sa.select(sanctions.c.grounds).where(sanctions.c.sanction_id == first.proposal.sanction_id)
    grounds = (await tx.connection.execute(row)).scalar_one()
    sanction_id, salt, terms = new_id("snc", tx.now), secrets.token_hex(16), tx.measures.on(tx.today)
    command = CarryMeasure(
        sanction_id=sanction_id,
        party_id=capacity.party_id,
        party_kind=capacity.kind,
        first=first,
        grounds_digest=digest_of(salt, {"grounds": grounds}),
        on=tx.today,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    handled = await tx.handle(sanction, stream_of(sanction_id, "snc"), command)
    await tx.connection.execute(
        sa.insert(sanctions).values(
            sanction_id=sanction_id,
            party_id=capacity.party_id,
            measure=first.proposal.measure,
            grounds=grounds,
            salt=salt,
        )
    )
    if isinstance(handled.state, InForce):
        await _take_effect(tx, sanction_id, handled.state)


async def _wait_for_end(tx: Transaction, sanction_id: str, last_day: date) -> None:
    await set_deadline(tx, BAN_ENDS, sanction_id, start_of(last_day + timedelta(days=1)))


async def _is_listed(tx: Transaction, party_id: str, kind: PartyKind) -> bool:
    if kind != "provider":
        return False
    return isinstance((await tx.load(provider, stream_of(party_id, "prv"))).state, Listed)
