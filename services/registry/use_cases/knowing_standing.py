"""Gather what the register knows of a party on the day somebody asks what it may do."""

from services.registry.domain.affiliation import Granted
from services.registry.domain.claimant import Registered, claimant
from services.registry.domain.listing import Listed
from services.registry.domain.participation import PartyToday
from services.registry.domain.provider import provider
from services.registry.use_cases.affiliating import load_affiliated
from services.registry.use_cases.barring import is_body_barred
from services.registry.use_cases.streams import stream_of
from shared.events.registry.standing import Measure, PartyKind
from shared.store.transaction import Transaction


async def party_today(tx: Transaction, party_id: str, kind: PartyKind, measures: frozenset[Measure]) -> PartyToday:
    """Say what decides about a party known under this id; `measures` are those in force today."""
    if kind == "claimant":
        registered = (await tx.load(claimant, stream_of(party_id, "clm"))).state
        answer = registered.judgement.answer if isinstance(registered, Registered) else None
        eligible = answer is None or answer.outcome != "fail"
        lenient = not tx.measures.on(tx.today).contract.eligible_claimant_required
        return PartyToday(kind=kind, measures=measures, eligible=eligible, ineligible_contracts=lenient)
    if kind == "provider":
        listed = (await tx.load(provider, stream_of(party_id, "prv"))).state
        if not isinstance(listed, Listed):
            return PartyToday(kind=kind, measures=measures, listed=False)
        leaves_out = tx.measures.on(tx.today).appraisal.third_party_testing_excluded
        excluded = leaves_out and listed.third_party_testing
        has_left = listed.leaving is not None and tx.today > listed.leaving.until
        return PartyToday(kind=kind, measures=measures, excluded_from_grants=excluded, has_left=has_left)
    if kind == "expert":
        return PartyToday(kind=kind, measures=measures)
    joined = (await load_affiliated(tx, party_id, kind)).state.affiliation
    barred = await is_body_barred(tx, party_id)
    return PartyToday(kind=kind, measures=measures, listed=isinstance(joined, Granted), body_barred=barred)
