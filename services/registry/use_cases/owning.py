"""Whose something is: what is not yours does not exist for you."""

from dataclasses import dataclass

import sqlalchemy as sa

from services.registry.domain.listing import Listed
from services.registry.domain.provider import Unknown, provider
from services.registry.tables import facilities, providers, services
from services.registry.use_cases.barring import is_code_barred
from services.registry.use_cases.streams import stream_of
from shared.events.registry.facilities import ServiceKind
from shared.kernel.refusal import refuse
from shared.store.transaction import Transaction, UnknownSubjectError


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """A provider as it stands today, its row locked until the transaction ends."""

    provider_id: str
    listed: bool
    barred: bool
    leaving: bool
    capabilities: tuple[ServiceKind, ...]


async def own_provider(tx: Transaction, principal: str) -> Standing:
    """Give the provider a principal acts for; who has none is on no list and is refused."""
    own = sa.select(providers.c.provider_id, providers.c.credit_code).where(
        providers.c.principal == principal, ~providers.c.closed
    )
    row = (await tx.connection.execute(own)).one_or_none()
    if row is None:
        raise refuse("provider-not-listed", article="6", kind="state")
    return await _standing(tx, row.provider_id, row.credit_code)


async def standing_of(tx: Transaction, provider_id: str) -> Standing:
    """Give a provider's standing today; `UnknownSubjectError` for who never applied."""
    known = sa.select(providers.c.credit_code).where(providers.c.provider_id == provider_id)
    credit_code = (await tx.connection.execute(known)).scalar_one_or_none()
    if credit_code is None:
        raise UnknownSubjectError(provider_id)
    return await _standing(tx, provider_id, credit_code)


async def _standing(tx: Transaction, provider_id: str, credit_code: str) -> Standing:
    barred = await is_code_barred(tx, credit_code)  # Locks first: the list is read as it stands after that.
    state = (await tx.load(provider, stream_of(provider_id, "prv"))).state
    if not isinstance(state, Listed):
        return Standing(provider_id=provider_id, listed=False, barred=barred, leaving=False, capabilities=())
    leaving = state.leaving is not None
    return Standing(
        provider_id=provider_id, listed=True, barred=barred, leaving=leaving, capabilities=state.capabilities
    )


async def check_is_provider(tx: Transaction, provider_id: str) -> None:
    """Raise `UnknownSubjectError` unless somebody is listed or has applied under this id."""
    if isinstance((await tx.load(provider, stream_of(provider_id, "prv"))).state, Unknown):
        raise UnknownSubjectError(provider_id)


async def check_owns_facility(tx: Transaction, facility_id: str, principal: str) -> str:
    """Give the provider of a principal's own facility, locking its row; `UnknownSubjectError` for anyone else's."""
    return await _owner(tx, facilities, facilities.c.facility_id, facility_id, principal)


async def check_owns_service(tx: Transaction, service_id: str, principal: str) -> str:
    """Give the provider of a principal's own service, locking its row; `UnknownSubjectError` for anyone else's."""
    return await _owner(tx, services, services.c.service_id, service_id, principal)


async def _owner(tx: Transaction, table: sa.Table, column: sa.Column[str], subject: str, principal: str) -> str:
    found = await tx.connection.execute(
        sa.select(table.c.provider_id)
        .join(providers, providers.c.provider_id == table.c.provider_id)
        .where(column == subject, providers.c.principal == principal, ~providers.c.closed)
        .with_for_update(of=table)
    )
    provider_id = found.scalar_one_or_none()
    if provider_id is None:
        raise UnknownSubjectError(subject)
    return str(provider_id)
