"""Puts the service of issuance together: routers, policy, read models, reactions, deadlines, the intake of claims."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from services.issuance.api import (
    calendar,
    claims,
    entries,
    exports,
    ledger,
    order_list,
    periods,
    quotas,
    receipts,
    vouchers,
    waiting_room,
)
from services.issuance.api.awarded import awarded
from services.issuance.api.claim_lane import ClaimDoor, ClaimLane
from services.issuance.api.intake_desk import IntakeDesk
from services.issuance.api.live import open_live_quota
from services.issuance.api.ordinary_claims import TARGET
from services.issuance.api.policy import DUTIES, POLICY
from services.issuance.api.vouchers_lane import VouchersLane
from services.issuance.api.waiting_room import open_reception
from services.issuance.audit import CHECKS
from services.issuance.deadlines import (
    CLOSE_PERIOD,
    EXPIRE_UNREGISTERED,
    FIND_UNREGISTERED,
    GRACE,
    OPEN_PERIOD,
    PROVE_BALANCES,
    RELEASE_CLASSES,
    REMIND_OF_REGISTRATION,
    REMIND_OF_VALIDITY,
    REMINDERS_BEGIN,
    SERVE_ENTRIES,
)
from services.issuance.intake.intake import Intake
from services.issuance.intake.sequencer import Surroundings, connector
from services.issuance.own_vouchers import OwnVouchers, reading_connector
from services.issuance.projections.annual_totals import ANNUAL_TOTALS
from services.issuance.projections.exposure import EXPOSURE
from services.issuance.projections.ledger import LEDGER_LINES
from services.issuance.projections.period_board import PERIOD_BOARD
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from services.issuance.reactions import REACTIONS
from services.issuance.use_cases.expiring import expire_unregistered, find_unregistered
from services.issuance.use_cases.proving_balances import prove_balances
from services.issuance.use_cases.reminding import Reminding
from services.issuance.use_cases.running_periods import close_period, open_period, release_classes
from services.issuance.use_cases.serving_entries import serve_entries
from shared.context import BoundedContext
from shared.http.application import build_app
from shared.http.edge import Edge
from shared.procedures.daily import Daily
from shared.procedures.due import DueHandlers, Together
from shared.procedures.following_measures import FOLLOWING_MEASURES
from shared.settings import Settings

_DAILY = (
    Daily(kind=FIND_UNREGISTERED, after=GRACE, work=find_unregistered),
    Daily(kind=REMIND_OF_REGISTRATION, after=REMINDERS_BEGIN, work=Reminding("registration")),
    Daily(kind=REMIND_OF_VALIDITY, after=REMINDERS_BEGIN, work=Reminding("validity")),
)

DUE: DueHandlers = {
    OPEN_PERIOD: open_period,
    CLOSE_PERIOD: close_period,
    RELEASE_CLASSES: release_classes,
    EXPIRE_UNREGISTERED: Together(expire_unregistered),
    PROVE_BALANCES: prove_balances,
    SERVE_ENTRIES: Together(serve_entries),
    **{daily.kind: daily for daily in _DAILY},
}


def open_intake(app: FastAPI, edge: Edge) -> AbstractAsyncContextManager[None]:
    """Give an app its intake (`desk_of`), what periods have left and the short ways, and close it all with the app."""
    runtime = edge.runtime
    intake = Intake(
        Surroundings(
            clock=runtime.clock,
            seconds=lambda: asyncio.get_running_loop().time(),
            measures=lambda: runtime.rules.current(runtime.engine),
            connect=connector(runtime.settings, edge.context.name),
            granted=awarded,
            on_commit=runtime.wake,
            address=runtime.settings.advertised_url.rstrip("/"),
        )
    )
    desk = IntakeDesk(edge, intake)
    app.state.intake_desk = desk
    door = ClaimDoor(edge, desk)
    app.state.at_once[b"POST", TARGET.rpartition(b"/")[2]] = door.at_once
    own_vouchers = OwnVouchers(
        reading_connector(runtime.settings, edge.context.name), runtime.settings.topic(edge.context.name)
    )
    app.add_middleware(VouchersLane, edge=edge, own=own_vouchers)
    app.add_middleware(ClaimLane, edge=edge, door=door)
    open_live_quota(app, edge)

    @asynccontextmanager
    async def opened() -> AsyncIterator[None]:
        try:
            async with open_reception(app, edge):
                yield
        finally:
            await own_vouchers.close()
            await desk.close()

    return opened()


CONTEXT = BoundedContext(
    name="issuance",
    title="创新券发放 · Voucher issuance",
    folder=Path(__file__).parent,
    routers=(
        periods.router,
        quotas.router,
        waiting_room.router,
        claims.router,
        entries.router,
        vouchers.router,
        receipts.router,
        order_list.router,
        calendar.router,
        ledger.router,
        exports.router,
    ),
    policy=POLICY,
    duties=DUTIES,
    projections=(VOUCHER_BALANCES, ANNUAL_TOTALS, LEDGER_LINES, EXPOSURE, PERIOD_BOARD),
    reactions={**REACTIONS, **FOLLOWING_MEASURES},
    deadlines=DUE,
    checks=CHECKS,
    furnish=open_intake,
    tags={
        "periods": "发放周期 · Periods of issuance",
        "claims": "申领 · Claims",
        "entries": "报名、抽签与候补 · Entries, the draw, the reserve list",
        "waiting-room": "等候室 · Waiting rooms",
        "vouchers": "创新券与年度额度 · Vouchers and annual totals",
        "ledger": "账簿 · The books",
        "receipts": "领取凭证 · Receipts of claims",
    },
)


def create_app(settings: Settings) -> FastAPI:
    """Make the service."""
    receipts.tell_of_missing_key(settings)
    return build_app(CONTEXT, settings)
