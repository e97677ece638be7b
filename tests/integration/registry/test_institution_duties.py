"""Once somebody is appointed to keep the register, no other officer decides on agencies and laboratories (art. 18)."""

from collections.abc import Awaitable, Callable

import httpx
import pytest

from shared.http.policy import Role
from tests.integration.registry.house import House, Person
from tests.integration.registry.institutions import (
    NEW_MATERIALS,
    accreditation,
    laboratory,
    officer_of,
    referral_agency,
    referral_form,
    service_agency,
    verdicts,
)

type Act = Callable[[Person], Awaitable[httpx.Response]]


@pytest.fixture(scope="module")
async def acts(house: House) -> list[Act]:
    """Bring agencies and a laboratory in, then appoint the registrar; what the office may do with them."""
    _, agency = await referral_agency(house, "duty-referral")
    _, trained = await referral_agency(house, "duty-trained")
    reporter, _, _ = await service_agency(house, "duty-service")
    reported = await laboratory(house, reporter)
    applicant = house.person(Role.CLAIMANT, "duty-applicant")
    applied = await applicant.post("/v1/referral-agencies", await referral_form(applicant))
    papers = [await accreditation(reporter)]
    listed = await officer_of(house).post("/v1/design-centres", {"laboratory_id": reported.json()["party_id"]})
    assert listed.status_code == 201
    body = {
        "principal": "registrar", "office": "voucher_office", "duties": ["registry"], "valid_from": "2026-11-23",
    }  # fmt: skip
    made = await officer_of(house).post("/v1/office-users", body)
    done = await house.person(Role.APPROVER, "approver-1").post(f"{made.headers['location']}/approval", version=made)
    assert (done.status_code, done.json()["stage"]) == (200, "appointed"), done.text

    asked, member = applied.json()["party_id"], reported.json()["party_id"]
    day = house.clock.instant.date().isoformat()
    training = {"held_on": day, "attended": True, "title": "业务培训", "place": "线上"}
    return [
        lambda who: who.post(f"/v1/affiliations/{asked}/return", {"remark": "请补充"}, version=applied),
        lambda who: who.post(f"/v1/affiliations/{asked}/review", verdicts("referral_agency"), version=applied),
        lambda who: who.post(f"/v1/referral-agencies/{trained.json()['party_id']}/trainings", training),
        lambda who: who.post(f"/v1/affiliations/{agency.json()['party_id']}/removal", {"reason": "x"}, version=agency),
        lambda who: who.post(f"/v1/laboratories/{member}/accreditations", {"accreditations": papers}, version=reported),
        lambda who: who.post(f"/v1/field-centres/{NEW_MATERIALS}/appointment", {"principal": "duty-centre"}),
        lambda who: who.post("/v1/design-centres", {"laboratory_id": member}),
        lambda who: who.post(
            f"/v1/design-centres/{listed.json()['design_centre_id']}/removal", {"reason": "x"}, version=listed
        ),
    ]


async def test_an_officer_without_the_duty_decides_nothing(house: House, acts: list[Act]) -> None:
    for act in acts:
        refused = await act(officer_of(house))
        assert (refused.status_code, refused.json()["code"]) == (403, "duty-missing"), refused.text


async def test_the_registrar_decides(house: House, acts: list[Act]) -> None:
    registrar = house.person(Role.OFFICER, "registrar")
    answers = [await act(registrar) for act in acts]
    assert [answer.json().get("code") for answer in answers if not answer.is_success] == [
        "version-stale",  # it was returned just now, and waits for its correction
        "design-centre-already-listed",
    ]
