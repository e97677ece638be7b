"""Two officers impose a measure of art. 17, and time ends it."""

import secrets
from datetime import date, timedelta

import sqlalchemy as sa

from services.registry.domain.listing import Delist, Listed
from services.registry.domain.profile import digest_of
from services.registry.domain.provider import provider
from services.registry.domain.sanction import (
    ApproveSanction,
    Event,
    InForce,
    LiftSanction,
    ProposeSanction,
    State,
    Unproposed,
    sanction,
)
from services.registry.institution_tables import affiliations
from services.registry.tables import claimants, providers, sanctions
from services.registry.use_cases.streams import stream_of
from shared.events.registry.standing import Measure, PartyKind
from shared.kernel.calendar import start_of
from shared.kernel.refusal import refuse
from shared.procedures.due import set_deadline
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

BAN_ENDS = "ban-ends"


async def propose(
    tx: Transaction, sanction_id: str, officer: str, *, party_id: str, measure: Measure, until: date | None,
    grounds: str,
) -> Handled[Event, State]:  # fmt: skip
    """Propose a measure against a party; its grounds stay here, their digest goes into the log."""
    kind = await _locked_kind(tx, party_id)
    if kind is None:
        raise refuse("party-unknown", article="16", value=party_id)
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
    """Impose a measure as the second pair of eyes; whoever is delisted leaves the list in the same instant."""
    stream = stream_of(sanction_id, "snc")
    state = (await tx.load(sanction, stream)).state
    if isinstance(state, Unproposed):
        raise UnknownSubjectError(sanction_id)
    proposal = state.proposal
    await _locked_kind(tx, proposal.party_id)  # Nothing new can come in between the measure and its effect.
    command = ApproveSanction(
        approved_by=approver,
        ban_years=tx.measures.on(tx.today).standing.ban_years,
        provider_listed=await _is_listed(tx, proposal.party_id, proposal.party_kind),
        on=tx.today,
    )
    handled = await tx.handle(sanction, stream, command, if_match=if_match)
    if isinstance(handled.state, InForce):
        await _take_effect(tx, sanction_id, handled.state)
    return handled


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


async def _wait_for_end(tx: Transaction, sanction_id: str, last_day: date) -> None:
    await set_deadline(tx, BAN_ENDS, sanction_id, start_of(last_day + timedelta(days=1)))


async def _locked_kind(tx: Transaction, party_id: str) -> PartyKind | None:
    """Lock a party's row and say what it is; None for nobody that art. 16 binds."""
    as_claimant = sa.select(claimants.c.claimant_id).where(claimants.c.claimant_id == party_id)
    if (await tx.connection.execute(as_claimant.with_for_update())).first() is not None:
        return "claimant"
    as_provider = sa.select(providers.c.provider_id).where(providers.c.provider_id == party_id)
    if (await tx.connection.execute(as_provider.with_for_update())).first() is not None:
        return "provider"
    joined = sa.select(affiliations.c.kind).where(affiliations.c.party_id == party_id)
    kind: PartyKind | None = (await tx.connection.execute(joined.with_for_update())).scalar_one_or_none()
    return kind


async def _is_listed(tx: Transaction, party_id: str, kind: PartyKind) -> bool:
    if kind != "provider":
        return False
    return isinstance((await tx.load(provider, stream_of(party_id, "prv"))).state, Listed)
