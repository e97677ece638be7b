"""Service agencies: authorised by an institution of the platform (faq 5)."""

from dataclasses import replace

from services.registry.domain.service_agency import (
    AgencyFacts,
    ApplyAsServiceAgency,
    CorrectApplication,
    agency_findings,
    service_agency,
)
from shared.events.registry.service_agencies import ServiceAgencyAuthorised
from tests.specification import Specification
from tests.unit.registry.facts import TODAY
from tests.unit.registry.institutions import (
    PRV,
    SAG,
    SERVICE,
    corrected,
    correction,
    request,
    requested,
    returned,
)

spec = Specification(service_agency)
APPLY = ApplyAsServiceAgency(request=request(SAG, "service_agency"), provider_id=PRV)
AUTHORISED = ServiceAgencyAuthorised(agency_id=SAG, provider_id=PRV, on=TODAY)
ASKED = requested(SAG, "service_agency")
CORRECTION = correction("service_agency")
CORRECTED = corrected(SAG, "service_agency")


def failed(facts: AgencyFacts) -> list[str]:
    return [finding.code for finding in agency_findings(facts) if finding.outcome == "fail"]


def test_an_application_says_who_authorises_it() -> None:
    spec.given().when(APPLY).then(ASKED, AUTHORISED)


def test_a_legal_person_whose_authoriser_is_on_the_platform_fails_no_rule() -> None:
    assert failed(SERVICE) == []
    assert [finding.outcome for finding in agency_findings(SERVICE)] == ["recorded", "pass", "needs_review"]


def test_the_applicant_is_a_legal_person_and_its_authoriser_is_on_the_platform() -> None:
    assert failed(replace(SERVICE, legal_person=False)) == ["agency-not-a-legal-person"]
    assert failed(replace(SERVICE, authoriser_listed=False)) == ["authoriser-not-on-platform"]


def test_a_correction_names_its_authoriser_only_when_that_changes() -> None:
    back = returned(SAG, "service_agency")
    same = CorrectApplication(correction=CORRECTION, provider_id=PRV)
    spec.given(ASKED, AUTHORISED, back).when(same).then(CORRECTED)
    spec.given(ASKED, AUTHORISED, back).when(replace(same, provider_id="prv_2")).then(
        CORRECTED, replace(AUTHORISED, provider_id="prv_2")
    )


def test_an_application_is_made_once() -> None:
    spec.given(ASKED, AUTHORISED).when(APPLY).then_refused("affiliation-not-in-this-stage")
