"""What a referral agency does once it has joined: profile, training, events, the enterprises it serves (faq 4)."""

import secrets
from collections.abc import Mapping
from datetime import date
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert

from services.registry.domain.profile import digest_of
from services.registry.domain.referral_agency import (
    AcceptReferral,
    Command,
    DescribeAgency,
    EndReferral,
    Event,
    OfferReferral,
    PlanPromotionEvent,
    RecordTraining,
    ReferralAgency,
    ReportPromotionEvent,
    referral_agency,
)
from services.registry.institution_tables import agency_occasions, referral_profiles
from services.registry.tables import claimants
from services.registry.use_cases.acting_for_claimants import acting_for
from services.registry.use_cases.affiliating import (
    check_not_barred,
    is_institution_barred,
    locked_affiliation,
    own_affiliation,
)
from services.registry.use_cases.barring import is_barred
from services.registry.use_cases.streams import stream_of
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

type AgencyHandled = Handled[Event, ReferralAgency]


async def describe(
    tx: Transaction, agency_id: str, principal: str, profile: Mapping[str, str], *, if_match: int | None
) -> AgencyHandled:
    """Take the agency's own profile; the first one puts it on the public list."""
    await _own(tx, agency_id, principal)
    salt = secrets.token_hex(16)
    command = DescribeAgency(profile_digest=digest_of(salt, profile), on=tx.today)
    handled = await _handle(tx, agency_id, command, if_match)
    kept = {"profile": dict(profile), "salt": salt}
    await tx.connection.execute(
        insert(referral_profiles)
        .values(agency_id=agency_id, **kept)
        .on_conflict_do_update(index_elements=[referral_profiles.c.agency_id], set_=kept)
    )
    return handled


async def record_training(
    tx: Transaction, agency_id: str, training_id: str, officer: str, *, held_on: date, attended: bool, title: str,
    place: str,
) -> AgencyHandled:  # fmt: skip
    """Note a training that the office held for an agency that has joined, and whether it came."""
    await _referral(tx, agency_id)
    command = RecordTraining(
        training_id=training_id, held_on=held_on, attended=attended, recorded_by=officer, on=tx.today
    )
    handled = await _handle(tx, agency_id, command)
    await _keep_occasion(tx, training_id, agency_id, title, place)
    return handled


async def plan_event(
    tx: Transaction, agency_id: str, event_id: str, principal: str, *, planned_for: date, title: str, place: str
) -> AgencyHandled:
    """Note an event at which an agency will tell enterprises of the vouchers."""
    await _own(tx, agency_id, principal)
    handled = await _handle(tx, agency_id, PlanPromotionEvent(event_id=event_id, planned_for=planned_for, on=tx.today))
    await _keep_occasion(tx, event_id, agency_id, title, place)
    return handled


async def report_event(
    tx: Transaction, agency_id: str, event_id: str, principal: str, *, held_on: date, enterprises: int,
    if_match: int | None,
) -> AgencyHandled:  # fmt: skip
    """Note that a planned event was held, and how many enterprises came."""
    await _own(tx, agency_id, principal)
    command = ReportPromotionEvent(event_id=event_id, held_on=held_on, enterprises=enterprises, on=tx.today)
    return await _handle(tx, agency_id, command, if_match)


async def offer_referral(tx: Transaction, agency_id: str, principal: str, claimant_id: str) -> AgencyHandled:
    """Say that the agency serves a claimant, who has to agree."""
    await _own(tx, agency_id, principal)
    known = sa.select(claimants.c.claimant_id).where(claimants.c.claimant_id == claimant_id).with_for_update()
    if (await tx.connection.execute(known)).first() is None:
        raise refuse("party-unknown", article="faq 4", value=claimant_id)
    barred = await is_barred(tx, claimant_id)
    return await _handle(tx, agency_id, OfferReferral(claimant_id=claimant_id, barred=barred, on=tx.today))


async def accept_referral(tx: Transaction, agency_id: str, claimant_id: str, principal: str) -> AgencyHandled:
    """Agree, for the principal's own claimant, that the agency serves it."""
    row = await _offered(tx, agency_id, claimant_id)
    await acting_for(tx, claimant_id, principal)
    barred = await is_institution_barred(tx, row) or await is_barred(tx, claimant_id)
    return await _handle(tx, agency_id, AcceptReferral(claimant_id=claimant_id, barred=barred, on=tx.today))


async def end_referral_as_claimant(tx: Transaction, agency_id: str, claimant_id: str, principal: str) -> AgencyHandled:
    """Decline an offer, or take the consent back, for the principal's own claimant."""
    await _offered(tx, agency_id, claimant_id)
    await acting_for(tx, claimant_id, principal)
    return await _handle(tx, agency_id, EndReferral(claimant_id=claimant_id, ended_by="claimant", on=tx.today))


async def end_referral_as_agency(tx: Transaction, agency_id: str, claimant_id: str, principal: str) -> AgencyHandled:
    """Stop serving a claimant, or take an offer back."""
    row = await own_affiliation(tx, agency_id, principal)
    if row.kind != "referral_agency":
        raise UnknownSubjectError(agency_id)
    return await _handle(tx, agency_id, EndReferral(claimant_id=claimant_id, ended_by="agency", on=tx.today))


async def _handle(tx: Transaction, agency_id: str, command: Command, if_match: int | None = None) -> AgencyHandled:
    return await tx.handle(referral_agency, stream_of(agency_id, "rag"), command, if_match=if_match)


async def _own(tx: Transaction, agency_id: str, principal: str) -> None:
    """Lock the principal's own referral agency; one that is barred does nothing new."""
    row = await own_affiliation(tx, agency_id, principal)
    if row.kind != "referral_agency":
        raise UnknownSubjectError(agency_id)
    await check_not_barred(tx, row)


async def _referral(tx: Transaction, agency_id: str) -> Any:
    row = await locked_affiliation(tx, agency_id)
    if row.kind != "referral_agency":
        raise UnknownSubjectError(agency_id)
    return row


async def _offered(tx: Transaction, agency_id: str, claimant_id: str) -> Any:
    """Lock an agency that has offered to serve a claimant; for everybody else's claimant it does not exist."""
    row = await _referral(tx, agency_id)
    state = (await tx.load(referral_agency, stream_of(agency_id, "rag"))).state
    if claimant_id not in state.offered | state.serves:
        raise UnknownSubjectError(agency_id)
    return row


async def _keep_occasion(tx: Transaction, occasion_id: str, agency_id: str, title: str, place: str) -> None:
    await tx.connection.execute(
        sa.insert(agency_occasions).values(occasion_id=occasion_id, agency_id=agency_id, title=title, place=place)
    )
