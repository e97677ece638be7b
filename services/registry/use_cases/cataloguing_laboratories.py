"""Laboratories beyond their application: a field centre answers, the office records, time ends (faq 5, 7)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.registry.domain.affiliation import Granted, Rejected, check_granted
from services.registry.domain.laboratory import (
    Event,
    Laboratory,
    LapseRecognition,
    RecordAccreditations,
    TakeIn,
    laboratory,
)
from services.registry.domain.profile import digest_of
from services.registry.domain.service_agency import service_agency
from services.registry.field_centres import field_centre_on
from services.registry.institution_tables import affiliations
from services.registry.tables import providers
from services.registry.use_cases.affiliating import (
    check_not_barred,
    close,
    end_recognition_in_time,
    is_institution_barred,
    keep_remarks,
    locked_affiliation,
)
from services.registry.use_cases.appointing_field_centres import principal_of
from services.registry.use_cases.streams import stream_of
from shared.events.registry.laboratories import Accreditation
from shared.kernel.refusal import refuse
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

type LaboratoryHandled = Handled[Event, Laboratory]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reporter:
    """A service agency that may report laboratories, and the organisation that authorises it."""

    agency_id: str
    organisation: str
    credit_code: str


async def own_service_agency(tx: Transaction, principal: str) -> Reporter:
    """Give the principal's service agency, its row locked.

    `Refused` for who has none or is barred: only a service agency reports laboratories (faq 5).
    """
    own = sa.select(affiliations).where(
        affiliations.c.kind == "service_agency", affiliations.c.principal == principal, ~affiliations.c.closed
    )
    row = (await tx.connection.execute(own.with_for_update())).one_or_none()
    state = (await tx.load(service_agency, stream_of(row.party_id, "sag"))).state if row is not None else None
    if row is None or state is None or not isinstance(state.affiliation, Granted):
        raise refuse("no-service-agency", article="faq 5", kind="state")
    await check_not_barred(tx, row)
    named = sa.select(providers.c.name, providers.c.credit_code).where(providers.c.provider_id == state.provider_id)
    authoriser = (await tx.connection.execute(named)).one()
    return Reporter(agency_id=row.party_id, organisation=authoriser.name, credit_code=authoriser.credit_code)


async def check_field_centre(tx: Transaction, field_centre_id: str) -> None:
    """Raise `UnknownSubjectError` for what is no field centre today."""
    if field_centre_on(field_centre_id, tx.today) is None:
        raise UnknownSubjectError(field_centre_id)


async def answer(
    tx: Transaction, laboratory_id: str, principal: str, *, accepted: bool, remark: str, if_match: int | None
) -> LaboratoryHandled:
    """Take a laboratory into the principal's own field centre, or turn it down with a reason."""
    row = await locked_affiliation(tx, laboratory_id)
    if row.kind != "laboratory" or await principal_of(tx, row.through) != principal:
        raise UnknownSubjectError(laboratory_id)
    if accepted:
        await check_not_barred(tx, row)
    salt, remarks = secrets.token_hex(16), {"reason": remark}
    command = TakeIn(accepted=accepted, remark_digest=digest_of(salt, remarks), answered_by=principal, on=tx.today)
    handled = await tx.handle(laboratory, stream_of(laboratory_id, "lab"), command, if_match=if_match)
    await keep_remarks(tx, laboratory_id, handled.version, remarks, salt)
    if isinstance(handled.state.affiliation, Rejected):
        await close(tx, laboratory_id)
    return handled


async def record_accreditations(
    tx: Transaction, laboratory_id: str, officer: str, accreditations: tuple[Accreditation, ...],
    declared: Sequence[Any], *, if_match: int | None,
) -> LaboratoryHandled:  # fmt: skip
    """Enter what a laboratory is recognised as from today; it stays in the catalogue, comes back or leaves."""
    row = await locked_affiliation(tx, laboratory_id)
    if row.kind != "laboratory":
        raise UnknownSubjectError(laboratory_id)
    command = RecordAccreditations(
        accreditations=accreditations,
        accepted_kinds=tx.measures.on(tx.today).standing.laboratory_accreditations,
        barred=await is_institution_barred(tx, row),
        recorded_by=officer,
        on=tx.today,
    )
    handled = await tx.handle(laboratory, stream_of(laboratory_id, "lab"), command, if_match=if_match)
    check_granted(handled.state.affiliation)
    await tx.connection.execute(
        sa.update(affiliations).where(affiliations.c.party_id == laboratory_id).values(accreditations=list(declared))
    )
    await end_recognition_in_time(tx, laboratory_id, handled.state)
    return handled


async def lapse_recognition(tx: Transaction, laboratory_id: str) -> None:
    """Take a laboratory out of the catalogue whose recognition is over."""
    await locked_affiliation(tx, laboratory_id)
    handled = await tx.handle(laboratory, stream_of(laboratory_id, "lab"), LapseRecognition(on=tx.today))
    await end_recognition_in_time(tx, laboratory_id, handled.state)  # Woken too early: wait on.
