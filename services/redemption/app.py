"""Puts the service of redemption together: routers, policy, read models, reactions, deadlines, checks."""

from pathlib import Path

from fastapi import FastAPI

from services.redemption.api import disbursements, notices, recoveries, redemptions, reviews
from services.redemption.api.policy import DUTIES, POLICY
from services.redemption.audit import CHECKS
from services.redemption.projections import PROJECTIONS
from services.redemption.reactions import REACTIONS
from services.redemption.recovery_audit import RECOVERY_CHECKS
from services.redemption.use_cases.opening_windows import LAPSES, lapse
from services.redemption.use_cases.owning import may_read_evidence
from services.redemption.use_cases.publishing import conclude_notice
from services.redemption.use_cases.recovering import OVERDUE, fall_overdue
from services.redemption.use_cases.reviewing import NOTICE_ENDS
from shared.context import BoundedContext
from shared.documents.routes import documents_router
from shared.http.application import build_app
from shared.procedures.following_measures import FOLLOWING_MEASURES
from shared.settings import Settings

CONTEXT = BoundedContext(
    name="redemption",
    title="创新券兑现 · Voucher redemption",
    folder=Path(__file__).parent,
    routers=(
        redemptions.router,
        reviews.router,
        notices.router,
        disbursements.router,
        recoveries.router,
        documents_router("redemption", may_read_evidence),
    ),
    policy=POLICY,
    duties=DUTIES,
    projections=PROJECTIONS,
    reactions={**REACTIONS, **FOLLOWING_MEASURES},
    deadlines={LAPSES: lapse, NOTICE_ENDS: conclude_notice, OVERDUE: fall_overdue},
    checks=(*CHECKS, *RECOVERY_CHECKS),
    tags={
        "redemptions": "申请与进度 · Applications and their progress",
        "reviews": "专家评审 · Expert review",
        "notices": "公示与异议 · Public notices and objections",
        "disbursements": "资金拨付 · Payment",
        "recoveries": "资金追回 · Money asked back",
        "documents": "证明材料 · Evidence files",
    },
)


def create_app(settings: Settings) -> FastAPI:
    """Make the service."""
    return build_app(CONTEXT, settings)
