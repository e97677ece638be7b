"""What the rules say today of one who wants to join: judged when it applies, corrects, is shown, and is reviewed."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import sqlalchemy as sa

from services.registry.domain.eligibility import Finding
from services.registry.domain.laboratory import laboratory_findings
from services.registry.domain.listing import Listed
from services.registry.domain.provider import provider
from services.registry.domain.referral_agency import ReferralFacts, referral_findings
from services.registry.domain.service_agency import AgencyFacts, agency_findings
from services.registry.tables import providers
from services.registry.use_cases.streams import stream_of
from shared.events.registry.affiliations import AffiliationKind
from shared.events.registry.laboratories import Accreditation
from shared.kernel.ids import is_id
from shared.measures.terms import StandingTerms
from shared.store.transaction import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Submission:
    """What somebody sent to join: `content` is all of it as plain JSON values, `documents` the ids of its files.

    `credit_code` is normalised; a laboratory's is its `organisation`'s, and `through` the agency or centre it comes by.
    `owner` is whose the files are.
    """

    kind: AffiliationKind
    principal: str
    owner: str
    name: str
    credit_code: str
    content: Mapping[str, Any]
    documents: tuple[str, ...]
    through: str = ""
    organisation: str = ""


def conditions_of(kind: AffiliationKind, terms: StandingTerms) -> tuple[str, ...]:
    """List what the office looks at before it lets one of a kind in (faq 4, 5 and 7)."""
    match kind:
        case "referral_agency":
            return terms.referral_agency_conditions
        case "service_agency":
            return terms.service_agency_conditions
        case "laboratory":
            return terms.laboratory_conditions


async def findings_of(
    tx: Transaction, kind: AffiliationKind, content: Mapping[str, Any], *, credit_code: str, through: str
) -> tuple[Finding, ...]:
    """Judge a submission by the rules of today and by what the register knows today."""
    terms = tx.measures.on(tx.today).standing
    match kind:
        case "referral_agency":
            return referral_findings(_referral_facts(content), terms)
        case "service_agency":
            facts = AgencyFacts(
                legal_person=content["legal_person"],
                authoriser=content["authoriser"],
                authoriser_listed=await _is_listed(tx, content["provider_id"]),
            )
            return agency_findings(facts)
        case "laboratory":
            return laboratory_findings(
                accreditations_of(content),
                on_platform=await is_code_listed(tx, credit_code),
                route="field_centre" if is_id(through, "fct") else "service_agency",
                terms=terms,
                today=tx.today,
            )


def accreditations_of(content: Mapping[str, Any]) -> tuple[Accreditation, ...]:
    """Read what a laboratory is recognised as from what was sent: everything but numbers and papers."""
    return tuple(
        Accreditation(
            kind=said["kind"],
            valid_from=date.fromisoformat(said["valid_from"]),
            valid_until=date.fromisoformat(said["valid_until"]) if said["valid_until"] is not None else None,
        )
        for said in content["accreditations"]
    )


async def is_code_listed(tx: Transaction, credit_code: str) -> bool:
    """Tell whether an organisation has joined the platform: it is a listed provider today."""
    known = sa.select(providers.c.provider_id).where(providers.c.credit_code == credit_code, ~providers.c.closed)
    found = (await tx.connection.execute(known)).scalars()
    return any([await _is_listed(tx, provider_id) for provider_id in found])


async def _is_listed(tx: Transaction, provider_id: str) -> bool:
    if not is_id(provider_id, "prv"):
        return False
    return isinstance((await tx.load(provider, stream_of(provider_id, "prv"))).state, Listed)


def _referral_facts(content: Mapping[str, Any]) -> ReferralFacts:
    return ReferralFacts(
        enterprises=content["enterprises"],
        promotion_events=content["promotion_events"],
        undertaking=content["undertaking_given"],
        working_rules=(*content["working_mechanism"]["sets_out"], *content["safeguards"]["sets_out"]),
    )
