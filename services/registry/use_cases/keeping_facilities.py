"""A provider keeps its open facilities true: what they are, whether they can be used, by which right (art. 5, 6)."""

from dataclasses import dataclass

import sqlalchemy as sa

from services.registry.domain.facility import (
    ChangeFacility,
    ChangeStatus,
    Event,
    Open,
    ProveRight,
    State,
    Withdrawn,
    facility,
)
from services.registry.domain.facility_row import FacilityDetails
from services.registry.provider_tables import facility_proofs
from services.registry.tables import facilities, facility_index
from services.registry.use_cases.describing_facilities import describe_anew
from services.registry.use_cases.owning import check_owns_facility, own_provider
from services.registry.use_cases.streams import stream_of
from shared.documents.storage import digests_of
from shared.events.registry.facilities import FacilityStatus, OperatingRight
from shared.store.transaction import Handled, StaleVersionError, Transaction

type FacilityHandled = Handled[Event, State]


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What may change of an open facility; the original value is in fen. Its number and kind stay."""

    name: str
    original_value: int
    site: str
    service_norms: str
    price_standard: str


async def describe_facility(
    tx: Transaction, facility_id: str, principal: str, description: Description, *, if_match: int | None
) -> FacilityHandled:
    """Describe a facility of the principal's own provider anew; the same description changes nothing."""
    owner = await own_provider(tx, principal)
    await check_owns_facility(tx, facility_id, principal)
    stream = stream_of(facility_id, "fac")
    before = await tx.load(facility, stream)
    assert isinstance(before.state, (Open, Withdrawn)), before  # noqa: S101 (its row says that it was opened)
    known = (
        await tx.connection.execute(
            sa.select(facilities.c.number, facility_index.c.digest)
            .outerjoin(facility_index, facility_index.c.facility_id == facilities.c.facility_id)
            .where(facilities.c.facility_id == facility_id)
        )
    ).one()
    details = FacilityDetails(
        number=known.number,
        name=description.name,
        kind=before.state.kind,
        original_value=description.original_value,
        site=description.site,
        service_norms=description.service_norms,
        price_standard=description.price_standard,
    )
    if known.digest == details.digest and isinstance(before.state, Open):
        if if_match not in {None, before.version}:
            raise StaleVersionError(stream, if_match or 0, before.version)
        return Handled(state=before.state, version=before.version, events=())
    command = ChangeFacility(
        provider_listed=owner.listed,
        provider_barred=owner.barred,
        kind=details.kind,
        original_value=details.original_value,
        description_digest=details.digest,
        on=tx.today,
    )
    handled = await tx.handle(facility, stream, command, if_match=if_match)
    await describe_anew(tx, facility_id, owner.provider_id, details)
    return handled


async def change_status(
    tx: Transaction, facility_id: str, principal: str, status: FacilityStatus, *, if_match: int | None
) -> FacilityHandled:
    """Say whether a facility of the principal's own provider can be used."""
    await check_owns_facility(tx, facility_id, principal)
    command = ChangeStatus(status=status, on=tx.today)
    return await tx.handle(facility, stream_of(facility_id, "fac"), command, if_match=if_match)


async def prove_right(
    tx: Transaction, facility_id: str, principal: str, right: OperatingRight, document_id: str, *,
    owner: str, if_match: int | None,
) -> FacilityHandled:  # fmt: skip
    """File a document that shows by which right a facility is operated; `owner` is whose upload it is."""
    await check_owns_facility(tx, facility_id, principal)
    digest = (await digests_of(tx, owner, [document_id], article="6(2)"))[document_id]
    command = ProveRight(right=right, document_digest=digest, on=tx.today)
    handled = await tx.handle(facility, stream_of(facility_id, "fac"), command, if_match=if_match)
    filed = {"facility_id": facility_id, "document_id": document_id, "right": right, "filed_at": tx.now}
    await tx.connection.execute(sa.insert(facility_proofs).values(filed))
    return handled
