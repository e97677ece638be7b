"""Who acts for a provider: its department, and agencies it delegates duties to, on any day (art. 9(1), 13)."""

import secrets
from dataclasses import asdict, dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.registry.domain import delegation as delegations_of_art_9
from services.registry.domain import department as departments
from services.registry.domain.affiliation import Granted
from services.registry.domain.profile import digest_of
from services.registry.institution_tables import affiliations
from services.registry.provider_tables import delegations, provider_departments
from services.registry.tables import providers
from services.registry.use_cases.affiliating import (
    PREFIXES,
    is_institution_barred,
    load_affiliated,
    locked_affiliation,
)
from services.registry.use_cases.owning import own_provider, standing_of
from services.registry.use_cases.streams import stream_of
from shared.events.registry.representation import DelegatedDuty, DelegationParty
from shared.kernel.ids import is_id
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

delegation, department = delegations_of_art_9.delegation, departments.department
type DelegationHandled = Handled[delegations_of_art_9.Event, delegations_of_art_9.State]


@dataclass(frozen=True, slots=True, kw_only=True)
class DepartmentDetails:
    """A department and whom to call there; the latter is personal."""

    name: str
    contact: str
    phone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Representation:
    """Who acts for a provider on a day: its department, if it named one, and the delegations in force."""

    department: str | None
    delegations: tuple[delegations_of_art_9.Proposed, ...]


async def name_department(tx: Transaction, provider_id: str, principal: str, details: DepartmentDetails) -> int:
    """Name the responsible department of the principal's own provider, and give the version."""
    await check_own(tx, provider_id, principal)
    salt = secrets.token_hex(16)
    command = departments.NameDepartment(
        provider_id=provider_id, department_digest=digest_of(salt, asdict(details)), on=tx.today
    )
    handled = await tx.handle(department, f"department-{provider_id}", command)
    row = asdict(details) | {"provider_id": provider_id, "version": handled.version, "since": tx.today, "salt": salt}
    await tx.connection.execute(sa.insert(provider_departments).values(row))
    return handled.version


async def propose_delegation(
    tx: Transaction, delegation_id: str, principal: str, agency_id: str, duties: tuple[DelegatedDuty, ...],
    valid_from: date, valid_until: date,
) -> DelegationHandled:  # fmt: skip
    """Offer duties of the principal's own provider to an agency."""
    owner = await own_provider(tx, principal)
    command = delegations_of_art_9.ProposeDelegation(
        delegation_id=delegation_id,
        provider_id=owner.provider_id,
        provider_listed=owner.listed,
        provider_barred=owner.barred,
        agency_id=agency_id,
        agency_listed=await _is_listed(tx, agency_id),
        duties=duties,
        valid_from=valid_from,
        valid_until=valid_until,
        on=tx.today,
    )
    handled = await tx.handle(delegation, stream_of(delegation_id, "dlg"), command)
    await tx.connection.execute(
        sa.insert(delegations).values(
            delegation_id=delegation_id,
            provider_id=owner.provider_id,
            agency_id=agency_id,
            duties=list(duties),
            valid_from=valid_from,
            valid_until=valid_until,
            stage="proposed",
        )
    )
    return handled


async def accept_delegation(
    tx: Transaction, delegation_id: str, principal: str, *, if_match: int | None
) -> DelegationHandled:
    """Take the duties that a provider offers the agency; a duty is in one agency's hands at a time."""
    row = await _of_agency(tx, delegation_id, principal)
    owner = await standing_of(tx, row.provider_id)  # Locks the provider: two agencies do not take one duty at once.
    held = await tx.connection.execute(
        sa.select(sa.func.unnest(delegations.c.duties)).where(
            delegations.c.provider_id == row.provider_id,
            delegations.c.delegation_id != delegation_id,
            delegations.c.stage == "accepted",
            delegations.c.valid_from <= row.valid_until,
            delegations.c.valid_until >= sa.func.greatest(row.valid_from, tx.today),
        )
    )
    taken = set(held.scalars())
    command = delegations_of_art_9.AcceptDelegation(
        provider_listed=owner.listed,
        provider_barred=owner.barred,
        agency_listed=await _is_listed(tx, row.agency_id),
        taken=tuple(duty for duty in row.duties if duty in taken),
        on=tx.today,
    )
    handled = await tx.handle(delegation, stream_of(delegation_id, "dlg"), command, if_match=if_match)
    await _note(tx, delegation_id, stage="accepted", accepted_on=tx.today)
    return handled


async def decline_delegation(
    tx: Transaction, delegation_id: str, principal: str, *, if_match: int | None
) -> DelegationHandled:
    """Leave the duties with the provider."""
    await _of_agency(tx, delegation_id, principal)
    command = delegations_of_art_9.DeclineDelegation(on=tx.today)
    handled = await tx.handle(delegation, stream_of(delegation_id, "dlg"), command, if_match=if_match)
    await _note(tx, delegation_id, stage="declined")
    return handled


async def end_delegation(
    tx: Transaction, delegation_id: str, ended_by: DelegationParty, principal: str, *, if_match: int | None
) -> DelegationHandled:
    """End a delegation from today on, from either side; what was only offered is taken back."""
    if ended_by == "provider":
        await _of_provider(tx, delegation_id, principal)
    else:
        await _of_agency(tx, delegation_id, principal)
    command = delegations_of_art_9.EndDelegation(ended_by=ended_by, on=tx.today)
    handled = await tx.handle(delegation, stream_of(delegation_id, "dlg"), command, if_match=if_match)
    await _note(tx, delegation_id, stage="ended", ended_on=tx.today)
    return handled


async def representation_on(tx: Transaction, provider_id: str, day: date) -> Representation:
    """Say who acts for a provider on a day; `UnknownSubjectError` for who never applied."""
    known = sa.select(providers.c.provider_id).where(providers.c.provider_id == provider_id)
    if (await tx.connection.execute(known)).first() is None:
        raise UnknownSubjectError(provider_id)
    named = (
        sa.select(provider_departments.c.name)
        .where(provider_departments.c.provider_id == provider_id, provider_departments.c.since <= day)
        .order_by(provider_departments.c.version.desc())
        .limit(1)
    )
    name = (await tx.connection.execute(named)).scalar_one_or_none()
    of_provider = (
        sa.select(delegations.c.delegation_id)
        .where(delegations.c.provider_id == provider_id, delegations.c.valid_from <= day)
        .where(delegations.c.valid_until >= day, delegations.c.accepted_on <= day)
        .order_by(delegations.c.delegation_id)
    )
    in_force: list[delegations_of_art_9.Proposed] = []
    for delegation_id in (await tx.connection.execute(of_provider)).scalars().all():
        state = (await tx.load(delegation, stream_of(delegation_id, "dlg"))).state
        if isinstance(state, delegations_of_art_9.Proposed) and state.in_force_on(day):
            in_force.append(state)
    return Representation(department=name, delegations=tuple(in_force))


async def check_own(tx: Transaction, provider_id: str, principal: str) -> None:
    """Raise `UnknownSubjectError` unless the provider is the principal's own, applying or on the list."""
    own = sa.select(providers.c.provider_id).where(
        providers.c.provider_id == provider_id, providers.c.principal == principal, ~providers.c.closed
    )
    if (await tx.connection.execute(own.with_for_update())).first() is None:
        raise UnknownSubjectError(provider_id)


async def _is_listed(tx: Transaction, agency_id: str) -> bool:
    """Tell whether a service agency is on the register today and no measure of art. 17 stands against it."""
    if not is_id(agency_id, PREFIXES["service_agency"]):
        return False
    state = (await load_affiliated(tx, agency_id, "service_agency")).state
    if not isinstance(state.affiliation, Granted):
        return False
    return not await is_institution_barred(tx, await locked_affiliation(tx, agency_id))


async def _of_agency(tx: Transaction, delegation_id: str, principal: str) -> Any:
    found = await tx.connection.execute(
        sa.select(delegations)
        .join(affiliations, affiliations.c.party_id == delegations.c.agency_id)
        .where(delegations.c.delegation_id == delegation_id, affiliations.c.principal == principal)
    )
    row = found.one_or_none()
    if row is None:
        raise UnknownSubjectError(delegation_id)
    return row


async def _of_provider(tx: Transaction, delegation_id: str, principal: str) -> None:
    found = await tx.connection.execute(
        sa.select(delegations.c.delegation_id)
        .join(providers, providers.c.provider_id == delegations.c.provider_id)
        .where(delegations.c.delegation_id == delegation_id, providers.c.principal == principal)
    )
    if found.first() is None:
        raise UnknownSubjectError(delegation_id)


async def _note(tx: Transaction, delegation_id: str, **known: object) -> None:
    row = sa.update(delegations).where(delegations.c.delegation_id == delegation_id)
    await tx.connection.execute(row.values(known))
