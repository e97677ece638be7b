"""Puts the service of contracts together: routers, policy, read models, reactions, deadlines, checks."""

from pathlib import Path

from fastapi import FastAPI

from services.contracts.api import contracts, projects
from services.contracts.api.policy import POLICY
from services.contracts.audit import CHECKS
from services.contracts.projections import PROJECTIONS
from services.contracts.reactions import DUE, REACTIONS
from shared.context import BoundedContext
from shared.http.application import build_app
from shared.procedures.following_measures import FOLLOWING_MEASURES
from shared.settings import Settings

CONTEXT = BoundedContext(
    name="contracts",
    title="合作项目与服务合同 · Projects and service contracts",
    folder=Path(__file__).parent,
    routers=(projects.router, contracts.router),
    policy=POLICY,
    projections=PROJECTIONS,
    reactions={**REACTIONS, **FOLLOWING_MEASURES},
    deadlines=DUE,
    checks=CHECKS,
    tags={
        "projects": "合作项目：申领单位提出，开放单位确认 · Proposed by claimants, confirmed by providers",
        "contracts": "服务合同：登记、完成 · Registered and completed by providers",
    },
)


def create_app(settings: Settings) -> FastAPI:
    """Make the service."""
    return build_app(CONTEXT, settings)
