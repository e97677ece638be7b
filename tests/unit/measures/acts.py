"""The acts that the examples of the articles speak of, each judged by the decider that judges it in earnest."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields, replace
from datetime import UTC, date, datetime, time
from typing import Any

from services.contracts.domain.contract import contract
from services.contracts.domain.project import project
from services.issuance.domain.claimant import Claimant
from services.issuance.domain.claiming import Claim, reasons_against
from services.issuance.domain.period import period
from services.issuance.domain.period_phases import Period
from services.redemption.domain.commands import Disburse, OrderDisbursement
from services.redemption.domain.payable import payable_in_full
from services.redemption.domain.redemption import redemption
from services.registry.domain.eligibility import Finding, enterprise_findings, team_findings
from services.registry.domain.leaving import RequestExit
from services.registry.domain.provider import provider
from services.registry.domain.sanction import ApproveSanction, sanction
from shared.events.contracts import NewProductPurchase, VoucherUse
from shared.events.registry.claimants import Certificate
from shared.events.registry.providers import ProviderExitRequested
from shared.events.registry.standing import PartySanctioned, SanctionProposed
from shared.kernel.money import format_yuan
from shared.kernel.refusal import Refused
from shared.measures.reader import Measures
from shared.measures.terms import Terms
from tests.unit.contracts.facts import GOOD, PROPOSE, SUBMIT
from tests.unit.issuance.facts import APPROVED, CLAIMANT, PROPOSED
from tests.unit.measures.institutions import INSTITUTION_ACTS
from tests.unit.redemption.facts import ORDERED, PAYABLE_NOW
from tests.unit.registry.facts import COMPANY, LISTED, TEAM

MEASURES = Measures.load()
NOON_UTC = time(4, tzinfo=UTC)


def amount(written: object) -> int:
    """Read `50,000.00 元` as fen and leave other numbers as they are; what is written must be what we would print."""
    if isinstance(written, int):
        return written
    fen = int(str(written).removesuffix(" 元").replace(",", "").replace(".", ""))
    assert format_yuan(fen) == written
    return fen


def register_enterprise(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge a company of which only some facts are told; the others are those of one that may claim."""
    terms = MEASURES.on(day)
    known = {field.name for field in fields(COMPANY)}
    told: dict[str, Any] = {
        name: amount(value) if name in {"annual_revenue", "total_assets"} else value for name, value in facts.items()
    }
    assert told.keys() <= known
    company = replace(COMPANY, **told)
    if company.listed_on is not None:
        listing = Certificate(kind="technology_sme", valid_from=company.listed_on, valid_until=date(day.year, 12, 31))
        company = replace(company, certificates=(listing,))
    return _failed(enterprise_findings(company, terms.eligibility, terms.voucher, day))


def register_team(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge a team of which only some facts are told."""
    return _failed(team_findings(replace(TEAM, **facts), MEASURES.on(day).eligibility))


def claim(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge a claim in a period that has the cap of the day; `already` is what the year counts before it."""
    terms, certificate = MEASURES.on(day), Certificate(kind="national_high_tech", valid_from=day, valid_until=day)
    noon = datetime.combine(day, NOON_UTC)
    face_value = amount(facts["face_value"])
    asked = Claim(
        claimant=Claimant(
            claimant_id=CLAIMANT,
            kind=facts.get("kind", "enterprise"),
            certificates=(certificate,) if facts.get("certified") else (),
            bans=(),
        ),
        period=_open_period(terms, noon),
        amount=face_value,
        counted=amount(facts.get("already", 0)),
        remaining=max(face_value, 0),
        at=noon,
        on=day,
        terms=terms,
    )
    return tuple(reason.code for reason in reasons_against(asked))


def submit_contract(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge a contract by its amount, its vouchers and the new products it buys."""
    uses = tuple(
        VoucherUse(voucher_id=f"vch_{number}", amount=amount(face)) for number, face in enumerate(facts["vouchers"])
    )
    bought = tuple(
        NewProductPurchase(product_id=f"npr_{number}", amount=amount(price))
        for number, price in enumerate(facts.get("new_products", ()))
    )
    command = replace(
        SUBMIT,
        amount=amount(facts["amount"]),
        vouchers=uses,
        new_products=bought,
        terms=MEASURES.on(day),
        on=day,
    )
    return _refused(lambda: contract.decide(command, contract.initial))


def propose_project(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge a project by what the register knows of the claimant and what the claimant declares."""
    parties = replace(GOOD, related=facts.get("related", False), claimant_eligible=facts.get("eligible", True))
    declared = facts.get("declared", False)
    command = replace(PROPOSE, parties=parties, relation_declared=declared, terms=MEASURES.on(day).contract, on=day)
    return _refused(lambda: project.decide(command, project.initial))


def order_payment(_facts: object, day: date) -> tuple[str, ...]:
    """Judge the order to pay a redemption whose notice is over, on a day."""
    quarter = MEASURES.on(day).redemption.disbursement_last_quarter
    order = OrderDisbursement(ordered_by="off_1", suspended=(), disbursement_last_quarter=quarter, on=day)
    payment = Disburse(approved_by="off_2", suspended=(), disbursement_last_quarter=quarter, on=day)
    ordered = _refused(lambda: redemption.decide(order, redemption.fold(PAYABLE_NOW)))
    paid = _refused(lambda: redemption.decide(payment, redemption.fold((*PAYABLE_NOW, ORDERED))))
    assert ordered == paid
    return paid


ACTS: Mapping[str, Callable[[Any, date], tuple[str, ...]]] = {
    "enterprise": register_enterprise,
    "team": register_team,
    "claim": claim,
    "contract": submit_contract,
    "project": propose_project,
    "pay": order_payment,
    **INSTITUTION_ACTS,
}
"""By the word an example uses: what may be done or not; the answer are the codes of a refusal."""


def pays(facts: Mapping[str, Any], day: date) -> int:
    """Say what the vouchers of a contract pay of what was really spent, in fen."""
    uses = [VoucherUse(voucher_id=f"vch_{n}", amount=amount(face)) for n, face in enumerate(facts["vouchers"])]
    return payable_in_full(uses, amount(facts["actual"]), MEASURES.on(day).redemption.contract_share_max)


def banned_until(day: date) -> date | None:
    """Say the last day of a disqualification imposed on a day."""
    proposal = SanctionProposed(
        sanction_id="snc_1", party_id="clm_1", party_kind="claimant", measure="disqualify", until=None,
        grounds_digest="00", proposed_by="officer-1", on=day, pack="beijing-2023", pack_digest="d",
    )  # fmt: skip
    approval = ApproveSanction(
        approved_by="officer-2", ban_years=MEASURES.on(day).standing.ban_years, provider_listed=False, on=day
    )
    (fact,) = sanction.decide(approval, sanction.fold((proposal,)))
    assert isinstance(fact, PartySanctioned)
    return fact.until


def leaves_after(day: date) -> date:
    """Say the last day on the list of a provider that gives notice on a day."""
    terms = MEASURES.on(day)
    notice = RequestExit(
        reason_digest="00",
        notice_months=terms.standing.provider_exit_notice_months,
        roll=terms.standing.roll_to_working_day,
        working_days=MEASURES.working_days,
        on=day,
        pack=terms.pack,
        pack_digest=terms.digest,
    )
    (fact,) = provider.decide(notice, provider.fold((LISTED,)))
    assert isinstance(fact, ProviderExitRequested)
    return fact.until


def _failed(findings: Iterable[Finding]) -> tuple[str, ...]:
    return tuple(finding.code for finding in findings if finding.outcome == "fail")


def _refused(decide: Callable[[], object]) -> tuple[str, ...]:
    try:
        decide()
    except Refused as refusal:
        return tuple(reason.code for reason in refusal.reasons)
    return ()


def _open_period(terms: Terms, noon: datetime) -> Period:
    proposed = replace(
        PROPOSED,
        face_value_max=terms.voucher.face_value_max,
        opens_at=noon,
        closes_at=noon.replace(hour=noon.hour + 1),
    )
    state = period.fold((proposed, APPROVED))
    assert isinstance(state, Period)
    return state
