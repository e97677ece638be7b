"""Paying: one officer orders, another approves (art. 15(5))."""

from fastapi import Response

from services.redemption.api.models import RedemptionView
from services.redemption.api.redemptions import WRONG_STAGE, presented
from services.redemption.domain.redemption import Event
from services.redemption.domain.stages import State
from services.redemption.use_cases import disbursing
from shared.http.commands import CommandRequest
from shared.http.routes import operation, router_for
from shared.store.transaction import Handled, Transaction

router = router_for("redemption", tag="disbursements")
_CODES = (WRONG_STAGE, "disbursement-suspended", "fourth-quarter-carries-over")


@router.post(
    "/redemptions/{redemption_id}/disbursement-order",
    operation_id="orderDisbursement",
    response_model=RedemptionView,
    summary="提出拨付 · Order the payment",
    openapi_extra=operation(if_match=True, codes=_CODES),
)
async def order_disbursement(redemption_id: str, request: CommandRequest) -> Response:
    """Propose the payment of a redemption whose notice is over, in the first three quarters."""

    async def order(tx: Transaction) -> Handled[Event, State]:
        return await disbursing.order(tx, redemption_id, request.caller.principal, if_match=request.if_match)

    return await request.run(order, presented)


@router.post(
    "/redemptions/{redemption_id}/disbursement",
    operation_id="disburseFunds",
    response_model=RedemptionView,
    summary="批准拨付 · Approve the payment and pay",
    openapi_extra=operation(if_match=True, codes=(*_CODES, "four-eyes")),
)
async def disburse_funds(redemption_id: str, request: CommandRequest) -> Response:
    """Pay, as the second pair of eyes."""

    async def disburse(tx: Transaction) -> Handled[Event, State]:
        return await disbursing.disburse(tx, redemption_id, request.caller.principal, if_match=request.if_match)

    return await request.run(disburse, presented)
