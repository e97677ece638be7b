"""Puts the service of appraisal together: routers, policy, read models, reactions, checks."""

from pathlib import Path

from fastapi import FastAPI

from services.appraisal.api import rounds
from services.appraisal.api.policy import DUTIES, POLICY
from services.appraisal.audit import CHECKS
from services.appraisal.projections import PROJECTIONS
from services.appraisal.tables import appointed
from shared.context import BoundedContext
from shared.http.application import build_app
from shared.procedures.duties import following_appointments
from shared.procedures.following_measures import FOLLOWING_MEASURES
from shared.settings import Settings

CONTEXT = BoundedContext(
    name="appraisal",
    title="绩效考核 · Appraisal",
    folder=Path(__file__).parent,
    routers=(rounds.router,),
    policy=POLICY,
    duties=DUTIES,
    projections=PROJECTIONS,
    reactions={**FOLLOWING_MEASURES, **following_appointments(appointed)},
    checks=CHECKS,
    tags={"appraisal-rounds": "年度绩效考核与服务记录 · Yearly rounds and service records"},
)


def create_app(settings: Settings) -> FastAPI:
    """Make the service."""
    return build_app(CONTEXT, settings)
