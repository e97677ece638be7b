"""The acts of faq 3, 4, 5 and 7, each judged by the rules or the decider that judge it in earnest."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from services.registry.domain.design_centre import ListDesignCentre, design_centre
from services.registry.domain.eligibility import Finding
from services.registry.domain.laboratory import Event, laboratory, laboratory_findings
from services.registry.domain.referral_agency import referral_agency, referral_findings
from services.registry.domain.service_agency import agency_findings
from shared.events.registry.laboratories import Accreditation
from shared.kernel.refusal import Refused
from shared.measures.reader import Measures
from tests.unit.registry.institutions import (
    ENTERED,
    FCT,
    LAB,
    RAG,
    REFERRAL,
    REPORTED,
    SERVICE,
    TAKEN_IN,
    granted,
    requested,
    review,
)

MEASURES = Measures.load()


def apply_as_referral_agency(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge one who wants to refer enterprises; `without` leaves a part of its working rules out."""
    terms, told = MEASURES.on(day).standing, dict(facts)
    without = told.pop("without", None)
    parts = tuple(part for part in terms.referral_working_rules if part != without)
    assert without is None or without in terms.referral_working_rules
    return _failed(referral_findings(replace(REFERRAL, working_rules=parts, **told), terms))


def review_referral_agency(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge the review of an application, by conditions of the day and numbers of the day."""
    terms = MEASURES.on(day).standing
    known = replace(REFERRAL, enterprises=facts.get("enterprises", REFERRAL.enterprises))
    whole = review("referral_agency", *facts.get("unmet", ()))
    command = replace(
        whole,
        conditions=terms.referral_agency_conditions,
        verdicts=tuple(verdict for verdict in whole.verdicts if verdict[0] != facts.get("left_out")),
        findings=referral_findings(known, terms),
        on=day,
    )
    asked = referral_agency.fold((requested(RAG, "referral_agency"),))
    return _refused(lambda: referral_agency.decide(command, asked))


def apply_as_service_agency(facts: Mapping[str, Any], _day: date) -> tuple[str, ...]:
    """Judge one who wants to be a service agency."""
    return _failed(agency_findings(replace(SERVICE, **facts)))


def report_laboratory(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge a laboratory by its accreditation and the way it comes."""
    held = Accreditation(
        kind=facts.get("kind", "beijing_key_laboratory"),
        valid_from=facts.get("from", date(2024, 1, 1)),
        valid_until=facts.get("until"),
    )
    route, on_platform = facts.get("route", "service_agency"), facts.get("on_platform", True)
    terms = MEASURES.on(day).standing
    return _failed(laboratory_findings((held,), on_platform=on_platform, route=route, terms=terms, today=day))


def review_membership(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge the review of a laboratory that wants to join a field centre."""
    asked = (requested(LAB, "laboratory"), replace(REPORTED, route="field_centre", through=FCT))
    history: tuple[Event, ...] = (*asked, TAKEN_IN) if facts["taken_in"] else asked
    command = replace(review("laboratory"), on=day)
    return _refused(lambda: laboratory.decide(command, laboratory.fold(history)))


def use_laboratory(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Say whether vouchers may be used with a laboratory of the catalogue on a day."""
    entered = replace(ENTERED, on=facts["entered"], valid_until=facts["until"])
    state = laboratory.fold((requested(LAB, "laboratory"), REPORTED, granted(LAB, "laboratory"), entered))
    return () if state.is_in_catalogue(day) else ("laboratory-not-in-catalogue",)


def list_design_centre(facts: Mapping[str, Any], day: date) -> tuple[str, ...]:
    """Judge a laboratory that is to be listed as able to offer industrial design."""
    command = ListDesignCentre(
        design_centre_id="dsc_1", laboratory_id=LAB, in_catalogue=facts["in_catalogue"], listed_by="officer-1", on=day
    )
    return _refused(lambda: design_centre.decide(command, design_centre.initial))


INSTITUTION_ACTS: Mapping[str, Callable[[Any, date], tuple[str, ...]]] = {
    "referral_agency": apply_as_referral_agency,
    "referral_review": review_referral_agency,
    "service_agency": apply_as_service_agency,
    "laboratory": report_laboratory,
    "membership_review": review_membership,
    "catalogue": use_laboratory,
    "design_centre": list_design_centre,
}
"""By the word an example uses; the answer are the codes of a refusal."""


def _failed(findings: tuple[Finding, ...]) -> tuple[str, ...]:
    return tuple(finding.code for finding in findings if finding.outcome == "fail")


def _refused(decide: Callable[[], object]) -> tuple[str, ...]:
    try:
        decide()
    except Refused as refusal:
        return tuple(reason.code for reason in refusal.reasons)
    return ()
