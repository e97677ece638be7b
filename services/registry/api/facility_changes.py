"""What a provider says of its open facilities as they change: description, status, right to operate (art. 5, 6)."""

from typing import Any

import sqlalchemy as sa
from fastapi import Response

from services.registry.api.facilities import described, facility_view
from services.registry.api.provider_models import DescriptionBody, FacilityView, ProofBody, ProofView, StatusBody
from services.registry.api.queries import PathId
from services.registry.provider_tables import facility_proofs
from services.registry.tables import facilities, providers
from services.registry.use_cases import keeping_facilities
from services.registry.use_cases.keeping_facilities import Description, FacilityHandled
from shared.documents.routes import owner_of
from shared.http.commands import CommandRequest, Presented
from shared.http.models import View
from shared.http.policy import Role
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="facilities")
_STATE = "facility-not-in-this-state"


class ProofsView(View):
    """Every document filed for a facility, the newest last."""

    items: list[ProofView]


@router.post(
    "/facilities/{facility_id}/description",
    operation_id="describeFacility",
    response_model=FacilityView,
    summary="变更设施与仪器信息 · Describe a facility anew",
    openapi_extra=operation(if_match=True, codes=("provider-not-listed", "party-barred", _STATE)),
)
async def describe_facility(facility_id: PathId, body: DescriptionBody, request: CommandRequest) -> Response:
    """Change what the public reads of an own facility; what it read on earlier days stays on record."""
    description = Description(
        name=body.name,
        original_value=body.original_value.amount,
        site=body.site,
        service_norms=body.service_norms,
        price_standard=body.price_standard,
    )

    async def describe(tx: Transaction) -> tuple[int, FacilityView]:
        return await _shown(
            tx,
            facility_id,
            await keeping_facilities.describe_facility(
                tx, facility_id, request.caller.principal, description, if_match=request.if_match
            ),
        )

    return await request.run(describe, _presented)


@router.post(
    "/facilities/{facility_id}/status",
    operation_id="changeFacilityStatus",
    response_model=FacilityView,
    summary="变更设施与仪器状态 · Say whether a facility can be used",
    openapi_extra=operation(if_match=True, codes=(_STATE,)),
)
async def change_facility_status(facility_id: PathId, body: StatusBody, request: CommandRequest) -> Response:
    """Put an own facility in service, under maintenance or out of service; only one in service takes bookings."""

    async def change(tx: Transaction) -> tuple[int, FacilityView]:
        return await _shown(
            tx,
            facility_id,
            await keeping_facilities.change_status(
                tx, facility_id, request.caller.principal, body.status, if_match=request.if_match
            ),
        )

    return await request.run(change, _presented)


@router.post(
    "/facilities/{facility_id}/proofs",
    operation_id="fileFacilityProof",
    status_code=201,
    response_model=FacilityView,
    summary="提交权属或运营授权证明 · Show the right to operate a facility (art. 6(2))",
    openapi_extra=operation(if_match=True, codes=(_STATE, "document-unknown")),
)
async def file_facility_proof(facility_id: PathId, body: ProofBody, request: CommandRequest) -> Response:
    """File an uploaded document that shows that an own facility is owned, or that its operation is entrusted."""
    caller = request.caller

    async def prove(tx: Transaction) -> tuple[int, FacilityView]:
        handled = await keeping_facilities.prove_right(
            tx, facility_id, caller.principal, body.right, body.document_id,
            owner=owner_of(caller), if_match=request.if_match,
        )  # fmt: skip
        return await _shown(tx, facility_id, handled)

    location = f"/v1/facilities/{facility_id}/proofs"
    return await request.run(
        prove, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.get(
    "/facilities/{facility_id}/proofs",
    operation_id="listFacilityProofs",
    response_model=ProofsView,
    summary="权属或运营授权证明 · Documents that show the right to operate a facility",
    openapi_extra=operation(idempotent=False),
)
async def list_facility_proofs(facility_id: PathId, request: ReadRequest) -> ProofsView:
    """List the documents filed for a facility, for its provider and the office."""
    owned = (
        sa.select(providers.c.principal)
        .join(facilities, facilities.c.provider_id == providers.c.provider_id)
        .where(facilities.c.facility_id == facility_id)
    )
    filed = sa.select(facility_proofs).where(facility_proofs.c.facility_id == facility_id)
    async with request.connection() as connection:
        principal = (await connection.execute(owned)).scalar_one_or_none()
        if principal is None or (request.caller.role is Role.PROVIDER and principal != request.caller.principal):
            raise UnknownSubjectError(facility_id)
        rows = (await connection.execute(filed.order_by(facility_proofs.c.filed_at))).all()
    return ProofsView(items=[_proof(row) for row in rows])


def _proof(row: Any) -> ProofView:
    return ProofView(**{name: getattr(row, name) for name in ProofView.model_fields})


def _presented(result: tuple[int, FacilityView]) -> Presented:
    return Presented(body=result[1], version=result[0])


async def _shown(tx: Transaction, facility_id: str, handled: FacilityHandled) -> tuple[int, FacilityView]:
    row = (await tx.connection.execute(described(facility_id))).one()
    return handled.version, facility_view(handled.state, row)
