"""The self-check of art. 7, for anyone and without a trace."""

from typing import Any

from fastapi import Request

from services.registry.api.models import (
    CheckBody,
    EligibilityView,
    EnterpriseCheckBody,
    FindingView,
    TeamCheckBody,
)
from services.registry.domain.claimant_profile import enterprise_facts
from services.registry.domain.credit_code import normalised
from services.registry.domain.eligibility import Finding, TeamFacts, enterprise_findings, team_findings
from shared.http.commands import CommandRequest
from shared.http.edge import writer_of
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date

router = router_for("registry", tag="eligibility")


@router.post(
    "/eligibility-checks",
    operation_id="checkEligibility",
    response_model=EligibilityView,
    summary="资格自查 · Check eligibility without signing in",
    openapi_extra=operation(idempotent=False),
)
async def check_eligibility(body: CheckBody, request: CommandRequest, http: Request) -> EligibilityView:
    """Say what every rule of art. 7 finds; nothing is kept and nobody is registered."""
    today = business_date(request.now)
    terms = (await request.rules()).on(today)
    findings: tuple[Finding, ...]
    match body:
        case EnterpriseCheckBody():
            facts = enterprise_facts(_profile(body), tuple(certificate.fact() for certificate in body.certificates))
            findings = enterprise_findings(facts, terms.eligibility, terms.voucher, today)
        case TeamCheckBody():
            team = TeamFacts(
                school=None,
                members=body.members,
                students=body.students,
                registered_as_company=body.registered_as_company,
                stage=body.stage,
                undertaking=body.undertaking,
            )
            findings = team_findings(team, terms.eligibility)
    writer = writer_of(http)
    remedies = {
        finding.code: writer.catalogue[finding.code].remedy[writer.language]
        for finding in findings
        if finding.outcome == "fail"
    }
    return EligibilityView(
        may_register=not remedies,
        checked_on=today,
        pack=terms.pack,
        findings=[FindingView.of(finding, remedies.get(finding.code, "")) for finding in findings],
    )


def _profile(body: EnterpriseCheckBody) -> dict[str, Any]:
    """Write what was typed as a profile is kept."""
    profile = body.model_dump(mode="json")
    if body.credit_code is not None:
        profile["credit_code"] = normalised(body.credit_code)
    return profile
