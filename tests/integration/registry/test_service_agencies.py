"""Service agencies over HTTP, on a real database: authorised by an institution of the platform (faq 5)."""

import asyncio
from datetime import timedelta

import pytest

from shared.events.registry.affiliations import AgencyAccountClosed, AgencyAccountOpened
from shared.http.policy import Role
from tests.integration.registry.bodies import fresh_code
from tests.integration.registry.house import House
from tests.integration.registry.institutions import (
    insisted,
    laboratory_form,
    listed_provider,
    officer_of,
    referral_form,
    reviewed,
    service_agency,
    service_form,
    verdicts,
)

A_DAY = timedelta(days=1)
NOBODY = "prv_01jq8v5x0000000000000000zz"


async def test_a_legal_person_authorised_by_a_listed_provider_becomes_a_service_agency(house: House) -> None:
    _person, joined, provider = await service_agency(house, "service-1")
    agency_id = joined.json()["party_id"]
    await house.project()
    (item,) = [
        item
        for item in (await house.client.get("/v1/service-agencies", params={"limit": "200"})).json()["items"]
        if item["party_id"] == agency_id
    ]
    assert (item["provider_id"], item["provider_name"], item["left_on"]) == (
        provider["provider_id"],
        provider["name"],
        None,
    )
    assert (await house.client.get(f"/v1/service-agencies/{agency_id}")).json() == item
    accounts = [fact for fact in await house.facts() if isinstance(fact, AgencyAccountOpened)]
    assert [(a.role, a.principal) for a in accounts if a.party_id == agency_id] == [("service_agency", "service-1")]
    assert "credit_code" not in item


async def test_an_institution_outside_the_platform_authorises_nobody(house: House) -> None:
    applicant = house.person(Role.PROVIDER, "service-2")
    form = await service_form(applicant, NOBODY, legal_person=False)
    refused = await applicant.post("/v1/service-agencies", form)
    assert refused.status_code == 422
    assert {error["code"] for error in refused.json()["errors"]} == {
        "agency-not-a-legal-person",
        "authoriser-not-on-platform",
    }
    assert refused.json()["rule"]["article"] == "faq 5"
    malformed = await applicant.post("/v1/service-agencies", form | {"legal_person": True, "provider_id": "x"})
    assert malformed.json()["code"] == "authoriser-not-on-platform"


async def test_an_authoriser_that_was_struck_off_meanwhile_stops_the_review(house: House) -> None:
    provider = await listed_provider(house, "service-3-provider")
    applicant = house.person(Role.SERVICE_AGENCY, "service-3")
    applied = await applicant.post("/v1/service-agencies", await service_form(applicant, provider["provider_id"]))
    officer, approver = officer_of(house), house.person(Role.APPROVER, "approver-1")
    measure = {"party_id": provider["provider_id"], "measure": "delist", "until": None, "grounds": "违规"}
    proposed = await officer.post("/v1/sanctions", measure)
    struck = await approver.post(f"{proposed.headers['location']}/approval", version=proposed)
    assert struck.status_code == 200, struck.text
    stopped = await reviewed(house, applied)
    assert (stopped.status_code, stopped.json()["code"]) == (422, "authoriser-not-on-platform")
    refused = await reviewed(house, applied, "authorised_by_platform_member")
    assert (refused.json()["stage"], refused.json()["unmet"]) == ("refused", ["authorised_by_platform_member"])


async def test_a_correction_may_name_another_authoriser(house: House) -> None:
    first, second = [await listed_provider(house, f"service-4-provider-{number}") for number in range(2)]
    applicant = house.person(Role.SERVICE_AGENCY, "service-4")
    form = await service_form(applicant, first["provider_id"])
    applied = await applicant.post("/v1/service-agencies", form)
    agency_id = applied.json()["party_id"]
    returned = await officer_of(house).post(
        f"/v1/affiliations/{agency_id}/return", {"remark": "授权函与授权单位不符"}, version=applied
    )
    mended = await applicant.post(
        f"/v1/service-agencies/{agency_id}/correction", form | {"provider_id": second["provider_id"]}, version=returned
    )
    assert mended.status_code == 200, mended.text
    joined = await reviewed(house, mended)
    assert joined.json()["stage"] == "granted"
    seen = (await house.client.get(f"/v1/service-agencies/{agency_id}")).json()
    assert seen["provider_id"] == second["provider_id"]


async def test_two_applications_with_one_code_at_once_leave_one(house: House) -> None:
    provider, code = await listed_provider(house, "service-5-provider"), fresh_code()
    rivals = [house.person(Role.CLAIMANT, f"service-rival-{number}") for number in range(3)]
    forms = [await service_form(rival, provider["provider_id"], credit_code=code) for rival in rivals]
    answers = await asyncio.gather(
        *(insisted(rival, "/v1/service-agencies", form) for rival, form in zip(rivals, forms, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"credit-code-taken"}


async def test_who_leaves_is_on_the_list_of_the_days_before(house: House) -> None:
    person, joined, _ = await service_agency(house, "service-6")
    agency_id, first_day = joined.json()["party_id"], joined.json()["since"]
    house.clock.instant += 2 * A_DAY
    stranger = house.person(Role.SERVICE_AGENCY, "service-stranger")
    path = f"/v1/affiliations/{agency_id}/withdrawal"
    assert (await stranger.post(path, {"reason": "x"}, version=joined)).status_code == 404
    left = await person.post(path, {"reason": "业务调整"}, version=joined)
    assert (left.status_code, left.json()["ended"]) == (200, "withdrawn")
    await house.project()
    for day, on_it in ((first_day, True), (left.json()["since"], False)):
        page = (await house.client.get("/v1/service-agencies", params={"on": day, "limit": "200"})).json()
        assert (agency_id in {item["party_id"] for item in page["items"]}) is on_it
        seen = (await house.client.get(f"/v1/service-agencies/{agency_id}", params={"on": day})).json()
        assert seen["listed"] is on_it
    assert agency_id in [fact.party_id for fact in await house.facts() if isinstance(fact, AgencyAccountClosed)]
    report = await person.post("/v1/laboratories", await laboratory_form(person))
    assert (report.status_code, report.json()["code"]) == (409, "no-service-agency")


async def test_an_application_before_its_review_is_on_no_list_and_may_be_withdrawn(house: House) -> None:
    provider = await listed_provider(house, "service-7-provider")
    applicant = house.person(Role.SERVICE_AGENCY, "service-7")
    applied = await applicant.post("/v1/service-agencies", await service_form(applicant, provider["provider_id"]))
    agency_id = applied.json()["party_id"]
    assert (await house.client.get(f"/v1/service-agencies/{agency_id}")).status_code == 404
    path = f"/v1/affiliations/{agency_id}"
    removed = await officer_of(house).post(f"{path}/removal", {"reason": "x"}, version=applied)
    assert (removed.status_code, removed.json()["code"]) == (409, "affiliation-not-in-this-stage")
    withdrawn = await applicant.post(f"{path}/withdrawal", {"reason": "材料未备齐"}, version=applied)
    assert withdrawn.json()["stage"] == "ended"
    await house.project()
    assert agency_id not in (await house.client.get("/v1/service-agencies", params={"limit": "200"})).text
    late = await officer_of(house).post(f"{path}/review", verdicts("service_agency"), version=withdrawn)
    assert (late.status_code, late.json()["code"]) == (409, "affiliation-not-in-this-stage")


async def test_the_office_finds_what_waits_and_an_applicant_its_own(house: House) -> None:
    provider = await listed_provider(house, "service-8-provider")
    applicant = house.person(Role.SERVICE_AGENCY, "service-8")
    applied = await applicant.post("/v1/service-agencies", await service_form(applicant, provider["provider_id"]))
    await house.project()
    query = {"stage": "requested", "kind": "service_agency", "limit": "200"}
    waiting = (await officer_of(house).get("/v1/affiliations", **query)).json()["items"]
    assert applied.json()["party_id"] in {item["party_id"] for item in waiting}
    own = (await applicant.get("/v1/affiliations")).json()["items"]
    assert [item["party_id"] for item in own] == [applied.json()["party_id"]]


async def test_a_measure_against_a_body_holds_for_whatever_it_applies_for(house: House) -> None:
    person, joined, provider = await service_agency(house, "service-9")
    agency_id = joined.json()["party_id"]
    officer, approver = officer_of(house), house.person(Role.APPROVER, "approver-1")
    measure = {"party_id": agency_id, "measure": "disqualify", "until": None, "grounds": "冒用授权"}
    proposed = await officer.post("/v1/sanctions", measure)
    assert (proposed.status_code, proposed.json()["party_kind"]) == (201, "service_agency")
    before = await person.post("/v1/laboratories", await laboratory_form(person))
    assert before.status_code == 201  # a proposal alone has no effect
    await approver.post(f"{proposed.headers['location']}/approval", version=proposed)
    barred = await person.post("/v1/laboratories", await laboratory_form(person, name="另一实验室"))
    assert (barred.status_code, barred.json()["code"]) == (409, "party-barred")
    other, code = house.person(Role.CLAIMANT, "service-10"), joined.json()["submission"]["credit_code"]
    elsewhere = await other.post("/v1/referral-agencies", await referral_form(other, credit_code=code))
    assert (elsewhere.status_code, elsewhere.json()["code"]) == (409, "party-barred")
    # The institution that authorised it is another body.
    third = house.person(Role.CLAIMANT, "service-11")
    fresh = await third.post("/v1/service-agencies", await service_form(third, provider["provider_id"]))
    assert fresh.status_code == 201


@pytest.mark.parametrize(
    "path", ["referral-agencies", "service-agencies", "laboratories", "field-centres", "design-centres"]
)
async def test_no_list_is_shown_of_a_day_to_come(house: House, path: str) -> None:
    tomorrow = (house.clock.instant + A_DAY).date().isoformat()
    refused = await house.client.get(f"/v1/{path}", params={"on": tomorrow})
    assert (refused.status_code, refused.json()["code"]) == (422, "day-not-yet-come")
