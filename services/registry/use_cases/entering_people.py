"""A provider says who serves at its facilities (art. 6(3), 13)."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import sqlalchemy as sa

from services.registry.domain.profile import digest_of
from services.registry.domain.service_person import ChangePerson, EnterPerson, Event, LetGo, State, service_person
from services.registry.provider_tables import service_people
from services.registry.tables import facilities, providers
from services.registry.use_cases.owning import own_provider
from services.registry.use_cases.streams import stream_of
from shared.store.transaction import Handled, Transaction, UnknownSubjectError

type PersonHandled = Handled[Event, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonDetails:
    """Somebody who serves, as the provider describes them; all of it is personal."""

    name: str
    position: str
    qualifications: tuple[str, ...]
    facility_ids: tuple[str, ...]


async def enter_person(
    tx: Transaction, person_id: str, principal: str, details: PersonDetails, active_from: date
) -> PersonHandled:
    """Enter somebody who serves at facilities of the principal's own provider."""
    owner = await own_provider(tx, principal)
    salt = secrets.token_hex(16)
    command = EnterPerson(
        person_id=person_id,
        provider_id=owner.provider_id,
        provider_barred=owner.barred,
        facility_ids=details.facility_ids,
        unfit=await _unfit(tx, owner.provider_id, details.facility_ids),
        active_from=active_from,
        profile_digest=_digest(salt, details),
        on=tx.today,
    )
    handled = await tx.handle(service_person, stream_of(person_id, "psn"), command)
    row = _row(details, salt) | {
        "person_id": person_id,
        "provider_id": owner.provider_id,
        "active_from": active_from,
    }
    await tx.connection.execute(sa.insert(service_people).values(row))
    return handled


async def change_person(
    tx: Transaction, person_id: str, principal: str, details: PersonDetails, *, if_match: int | None
) -> PersonHandled:
    """Describe somebody of the principal's own provider anew."""
    provider_id, salt = await _own(tx, person_id, principal), secrets.token_hex(16)
    command = ChangePerson(
        facility_ids=details.facility_ids,
        unfit=await _unfit(tx, provider_id, details.facility_ids),
        profile_digest=_digest(salt, details),
        on=tx.today,
    )
    handled = await tx.handle(service_person, stream_of(person_id, "psn"), command, if_match=if_match)
    await _note(tx, person_id, _row(details, salt))
    return handled


async def let_go(
    tx: Transaction, person_id: str, principal: str, active_until: date, *, if_match: int | None
) -> PersonHandled:
    """Say up to which day somebody of the principal's own provider serves."""
    await _own(tx, person_id, principal)
    command = LetGo(active_until=active_until, on=tx.today)
    handled = await tx.handle(service_person, stream_of(person_id, "psn"), command, if_match=if_match)
    await _note(tx, person_id, {"active_until": active_until})
    return handled


async def _own(tx: Transaction, person_id: str, principal: str) -> str:
    found = await tx.connection.execute(
        sa.select(service_people.c.provider_id)
        .join(providers, providers.c.provider_id == service_people.c.provider_id)
        .where(service_people.c.person_id == person_id, providers.c.principal == principal, ~providers.c.closed)
        .with_for_update(of=service_people)
    )
    provider_id = found.scalar_one_or_none()
    if provider_id is None:
        raise UnknownSubjectError(person_id)
    return str(provider_id)


async def _unfit(tx: Transaction, provider_id: str, facility_ids: Sequence[str]) -> tuple[str, ...]:
    found = await tx.connection.execute(
        sa.select(facilities.c.facility_id).where(
            facilities.c.facility_id.in_(facility_ids),
            facilities.c.provider_id == provider_id,
            ~facilities.c.withdrawn,
        )
    )
    own = set(found.scalars())
    return tuple(facility_id for facility_id in facility_ids if facility_id not in own)


async def _note(tx: Transaction, person_id: str, known: dict[str, object]) -> None:
    row = sa.update(service_people).where(service_people.c.person_id == person_id)
    await tx.connection.execute(row.values(known))


def _digest(salt: str, details: PersonDetails) -> str:
    return digest_of(
        salt,
        {"name": details.name, "position": details.position, "qualifications": list(details.qualifications)},
    )


def _row(details: PersonDetails, salt: str) -> dict[str, object]:
    return {
        "name": details.name,
        "position": details.position,
        "qualifications": list(details.qualifications),
        "facility_ids": list(details.facility_ids),
        "salt": salt,
    }
