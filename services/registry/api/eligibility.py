"""The self-check of art. 7, for anyone and without a trace."""

from fastapi import Request

from services.registry.api.models import (
    CheckBody,
    EligibilityView,
    EnterpriseBody,
    EnterpriseCheckBody,
    FindingView,
    TeamBody,
    TeamCheckBody,
)
from services.registry.domain.credit_code import normalised
from services.registry.domain.eligibility import (
    Declarations,
    EnterpriseFacts,
    Finding,
    TeamFacts,
    enterprise_findings,
    team_findings,
)
from shared.http.commands import CommandRequest
from shared.http.edge import writer_of
from shared.http.routes import operation, router_for
from shared.kernel.calendar import business_date
from shared.kernel.money import Fen

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
            findings = enterprise_findings(enterprise_facts(body), terms.eligibility, terms.voucher, today)
        case TeamCheckBody():
            facts = TeamFacts(
                members=body.members,
                students=body.students,
                registered_as_company=body.registered_as_company,
                stage=body.stage,
                undertaking=body.undertaking,
            )
            findings = team_findings(facts, terms.eligibility)
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


def enterprise_facts(body: EnterpriseBody | EnterpriseCheckBody) -> EnterpriseFacts:
    """Read what a company says of itself as the facts that art. 7 judges."""
    return EnterpriseFacts(
        credit_code=normalised(body.credit_code) if body.credit_code is not None else None,
        founded_on=body.founded_on,
        district=body.district,
        staff=body.staff,
        annual_revenue=Fen(body.annual_revenue.amount),
        total_assets=Fen(body.total_assets.amount),
        field=body.field,
        listed_on=body.listed_on,
        certificates=tuple(certificate.fact() for certificate in body.certificates),
        declarations=Declarations(
            legal_person=body.declarations.legal_person,
            sound_finances=body.declarations.sound_finances,
            clean_record=body.declarations.clean_record,
        ),
        undertaking=body.undertaking,
    )


def team_facts(body: TeamBody) -> TeamFacts:
    """Count what art. 7 asks of a team."""
    return TeamFacts(
        members=len(body.members),
        students=sum(member.student for member in body.members),
        registered_as_company=body.registered_as_company,
        stage=body.project.stage,
        undertaking=body.undertaking,
    )
