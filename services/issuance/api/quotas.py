"""What a period has left, asked or listened to: public, hot, and never more than a tick old (art. 4, 12)."""

from fastapi import Response

from services.issuance.api.live import Live, Looked, QuotaStream
from services.issuance.api.period_models import RemainingQuota
from services.issuance.api.visibility import PeriodId
from shared.http.commands import JSON
from shared.http.routes import operation, router_for
from shared.store.transaction import UnknownSubjectError

router = router_for("issuance", tag="periods")


@router.get(
    "/periods/{period_id}/remaining-quota",
    operation_id="getRemainingQuota",
    response_model=RemainingQuota,
    summary="实时剩余额度（至多滞后 0.1 秒） · What is left, a tenth of a second ago at most",
)
async def get_remaining_quota(period_id: PeriodId, live: Live, look: Looked) -> Response:
    body = live.written(look, period_id)
    if body is None:
        raise UnknownSubjectError(period_id)
    return Response(body, media_type=JSON)


@router.get(
    "/periods/{period_id}/remaining-quota/events",
    operation_id="listenToRemainingQuota",
    status_code=200,
    response_class=QuotaStream,
    summary="订阅剩余额度的变化（SSE，至多五分钟） · Hear of every change, as server-sent events, five minutes at most",
    openapi_extra=operation(idempotent=False, codes=("too-many-listeners",)),
)
async def listen_to_remaining_quota(period_id: PeriodId, live: Live, look: Looked) -> Response:
    if period_id not in look.periods:
        raise UnknownSubjectError(period_id)
    return QuotaStream(live, look, period_id)
