"""The one place where the parts of issuance meet."""

from pathlib import Path

from fastapi import FastAPI

from services.issuance.api import claims, ledger, order_list, periods, quotas, receipts, vouchers
from services.issuance.api.intake_desk import open_intake
from services.issuance.api.policy import POLICY
from services.issuance.audit import CHECKS
from services.issuance.deadlines import CLOSE_PERIOD, EXPIRE_UNREGISTERED, OPEN_PERIOD, PROVE_BALANCES
from services.issuance.projections.annual_totals import ANNUAL_TOTALS
from services.issuance.projections.claimant_vouchers import CLAIMANT_VOUCHERS
from services.issuance.projections.exposure import EXPOSURE
from services.issuance.projections.ledger import LEDGER_ENTRIES
from services.issuance.projections.period_board import PERIOD_BOARD
from services.issuance.projections.voucher_balances import VOUCHER_BALANCES
from services.issuance.reactions import REACTIONS
from services.issuance.use_cases.expiring import expire_unregistered
from services.issuance.use_cases.proving_balances import prove_balances
from services.issuance.use_cases.running_periods import close_period, open_period
from shared.context import BoundedContext
from shared.http.application import build_app
from shared.procedures.due import DueHandlers
from shared.procedures.following_measures import FOLLOWING_MEASURES
from shared.settings import Settings

DUE: DueHandlers = {
    OPEN_PERIOD: open_period,
    CLOSE_PERIOD: close_period,
    EXPIRE_UNREGISTERED: expire_unregistered,
    PROVE_BALANCES: prove_balances,
}

CONTEXT = BoundedContext(
    name="issuance",
    title="创新券发放 · Voucher issuance",
    folder=Path(__file__).parent,
    routers=(
        periods.router,
        quotas.router,
        claims.router,
        vouchers.router,
        receipts.router,
        order_list.router,
        ledger.router,
    ),
    policy=POLICY,
    projections=(VOUCHER_BALANCES, CLAIMANT_VOUCHERS, ANNUAL_TOTALS, LEDGER_ENTRIES, EXPOSURE, PERIOD_BOARD),
    reactions={**REACTIONS, **FOLLOWING_MEASURES},
    deadlines=DUE,
    checks=CHECKS,
    furnish=open_intake,
    tags={
        "periods": "发放周期 · Periods of issuance",
        "claims": "申领 · Claims",
        "vouchers": "创新券与年度额度 · Vouchers and annual totals",
        "ledger": "账簿 · The books",
        "receipts": "领取凭证 · Receipts of claims",
    },
)


def create_app(settings: Settings) -> FastAPI:
    """Make the service."""
    return build_app(CONTEXT, settings)
