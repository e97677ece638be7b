"""Providers leave by notice: a stated reason, one month, running contracts first (art. 6 last paragraph)."""

import sqlalchemy as sa
from fastapi import Response

from services.registry.api.provider_models import ExitBody, ExitView
from services.registry.api.queries import PathId
from services.registry.domain.listing import Delisted, Listed
from services.registry.domain.provider import State, provider
from services.registry.tables import provider_exits
from services.registry.use_cases.booking_facilities import open_bookings
from services.registry.use_cases.leaving_the_list import request_exit, running_contracts_of
from services.registry.use_cases.streams import stream_of
from shared.http.commands import CommandRequest, Presented
from shared.http.policy import Role
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Transaction, UnknownSubjectError

router = router_for("registry", tag="provider-exits")


@router.post(
    "/providers/{provider_id}/exit",
    operation_id="requestProviderExit",
    status_code=201,
    response_model=ExitView,
    summary="申请退出 · Give notice of leaving (art. 6)",
    openapi_extra=operation(
        if_match=True, codes=("municipal-provider-stays", "exit-already-requested", "provider-not-in-this-stage")
    ),
)
async def request_provider_exit(provider_id: PathId, body: ExitBody, request: CommandRequest) -> Response:
    """Give notice for the own institution; it leaves after one month and after its running contracts."""

    async def ask(tx: Transaction) -> tuple[int, ExitView]:
        handled = await request_exit(tx, provider_id, request.caller.principal, body.reason, if_match=request.if_match)
        return handled.version, await _shown(tx, handled.state)

    location = f"/v1/providers/{provider_id}/exit"
    return await request.run(
        ask, lambda result: Presented(body=result[1], version=result[0], status=201, location=location)
    )


@router.get(
    "/providers/{provider_id}/exit",
    operation_id="getProviderExit",
    response_model=ExitView,
    summary="退出进度 · How far a notice of leaving has come",
    openapi_extra=operation(idempotent=False),
)
async def get_provider_exit(provider_id: PathId, request: ReadRequest) -> ExitView:
    """Show a notice of leaving to the provider itself and to the office."""
    async with request.reading() as tx:
        state = (await tx.load(provider, stream_of(provider_id, "prv"))).state
        own = isinstance(state, (Listed, Delisted)) and (
            request.caller.role is not Role.PROVIDER or state.principal == request.caller.principal
        )
        if not own:
            raise UnknownSubjectError(provider_id)
        return await _shown(tx, state)


async def _shown(tx: Transaction, state: State) -> ExitView:
    """Put a notice together with its reason; `UnknownSubjectError` for who has given none."""
    if not isinstance(state, (Listed, Delisted)) or state.leaving is None:
        raise UnknownSubjectError("no notice of leaving")
    reason = sa.select(provider_exits.c.reason).where(provider_exits.c.provider_id == state.provider_id)
    return ExitView(
        provider_id=state.provider_id,
        reason=(await tx.connection.execute(reason)).scalar_one(),
        requested_on=state.leaving.on,
        until=state.leaving.until,
        provisional=state.leaving.provisional,
        running_contracts=await running_contracts_of(tx, state.provider_id),
        open_bookings=len(await open_bookings(tx, provider_id=state.provider_id)),
        delisted_on=state.delisted_on if isinstance(state, Delisted) else None,
    )
