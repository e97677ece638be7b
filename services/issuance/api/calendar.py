"""The last days of a claimant's own vouchers, as a calendar that reminds (art. 15(2))."""

from collections.abc import Sequence

from fastapi import Response

from services.issuance.api.visibility import claimant_of
from services.issuance.claimants import claimed_by
from services.issuance.deadlines import REMINDERS_BEGIN
from services.issuance.domain.reminding import reminder_days
from services.issuance.domain.voucher import voucher
from services.issuance.domain.voucher_stages import Stage, State, Voucher
from shared import icalendar
from shared.http.reading import ReadRequest
from shared.http.routes import operation, router_for
from shared.kernel.money import Fen, format_yuan
from shared.store.transaction import Loaded

router = router_for("issuance", tag="vouchers")

_NEWEST = 500
"""So many vouchers are looked at, the newest: no calendar is of use with more."""
_NAME = "创新券期限 · Voucher deadlines"
_PROVISIONAL = "暂定：该年度工作日安排尚未公布 · Provisional: the working days of that year are not published yet."


class CalendarResponse(Response):
    """A calendar (RFC 5545)."""

    media_type = icalendar.MEDIA_TYPE


@router.get(
    "/calendar.ics",
    operation_id="getCalendar",
    response_class=CalendarResponse,
    responses={200: {"content": {icalendar.MEDIA_TYPE: {"schema": {"type": "string"}}}}},
    summary="本单位创新券期限日历 · The own deadlines as a calendar with alarms",
    openapi_extra=operation(idempotent=False),
)
async def get_calendar(request: ReadRequest) -> Response:
    async with request.reading() as tx:
        claimed = await claimed_by(tx.connection, claimant_of(request.caller), newest=_NEWEST)
        loaded = await tx.load_many(voucher, [f"voucher-{voucher_id}" for voucher_id in claimed])
        alarms = reminder_days(tx.measures.on(tx.today).voucher)
    entries = [entry for each in loaded.values() if (entry := _entry(each, alarms)) is not None]
    body = icalendar.written(
        sorted(entries, key=lambda entry: (entry.day, entry.uid)),
        name=_NAME,
        time_zone="Asia/Shanghai",
        made_at=request.now,
    )
    return CalendarResponse(body, headers={"Content-Disposition": 'inline; filename="calendar.ics"'})


def _entry(loaded: Loaded[State], alarms: Sequence[int]) -> icalendar.Entry | None:
    """Make the entry of what a voucher waits for next; None when it waits for nothing of its claimant's."""
    held = loaded.state
    if not isinstance(held, Voucher):
        return None
    amount = format_yuan(Fen(held.amount))
    match held.stage:
        case Stage.CLAIMED:
            kind, day, tentative = "registration", held.register_by, held.register_by_provisional
            summary = f"创新券（{amount}）科研活动登记截止 · Last day to register a voucher"
            sense = "逾期未登记科研活动的，自动作废（第十五条第二项） · Without a registration it expires (art. 15(2))."
        case Stage.COMMITTED if held.valid_until is not None:
            kind, day, tentative = "validity", held.valid_until, held.valid_until_provisional
            summary = f"创新券（{amount}）有效期届满 · Last day of a voucher's validity"
            sense = "合同须在有效期内完成（第十五条第二项） · The contract must be completed by then (art. 15(2))."
        case _:
            return None
    return icalendar.Entry(
        uid=f"{held.voucher_id}-{kind}@issuance.cxq",
        sequence=loaded.version,
        day=day,
        summary=f"{summary}{'（暂定 · provisional）' if tentative else ''}",
        description="\n".join([held.voucher_id, sense, *([_PROVISIONAL] if tentative else [])]),
        tentative=tentative,
        alarms=alarms,
        alarm_hour=int(REMINDERS_BEGIN.total_seconds()) // 3600,
    )
