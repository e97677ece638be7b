"""Laboratories, their catalogue, field centres and design centres over HTTP, on a real database (faq 3, 5, 7)."""

import asyncio
from datetime import date, datetime, timedelta
from typing import Any

import httpx
import sqlalchemy as sa

from shared.http.policy import Role
from shared.kernel.calendar import BEIJING
from tests.integration.registry.bodies import fresh_code
from tests.integration.registry.house import House, Person
from tests.integration.registry.institutions import (
    CONTACT,
    NEW_MATERIALS,
    accreditation,
    insisted,
    laboratory,
    laboratory_form,
    listed_provider,
    membership_form,
    officer_of,
    referral_form,
    reviewed,
    service_agency,
    upload,
    verdicts,
)

A_DAY = timedelta(days=1)
FACILITIES = "北京科学仪器装备协作服务中心"


def today(house: House) -> date:
    return house.clock.instant.astimezone(BEIJING).date()


def go_to(house: House, day: date) -> None:
    """Let it be nine in the morning of a day in Beijing, without doing what is due."""
    house.clock.instant = datetime(day.year, day.month, day.day, 9, tzinfo=BEIJING)


async def in_catalogue(house: House, laboratory_id: str, day: date) -> bool:
    """Ask both the list and the page of a laboratory, which must agree."""
    await house.project()
    seen = await house.client.get(f"/v1/laboratories/{laboratory_id}", params={"on": day.isoformat()})
    page = await house.client.get("/v1/laboratories", params={"on": day.isoformat(), "limit": "200"})
    items: list[dict[str, Any]] = page.json()["items"]
    found = laboratory_id in {item["laboratory_id"] for item in items}
    assert bool(seen.json()["in_catalogue"]) is found
    return found


async def centre_of(house: House, principal: str, field_centre_id: str = NEW_MATERIALS) -> Person:
    path = f"/v1/field-centres/{field_centre_id}/appointment"
    appointed = await officer_of(house).post(path, {"principal": principal})
    assert appointed.status_code == 200, appointed.text
    return house.person(Role.SERVICE_AGENCY, principal)


async def test_an_agency_reports_a_laboratory_and_the_office_lets_it_into_the_catalogue(house: House) -> None:
    agency, joined, provider = await service_agency(house, "lab-agency-1")
    applied = await agency.post("/v1/laboratories", await laboratory_form(agency))
    laboratory_id = applied.json()["party_id"]
    assert (await house.client.get(f"/v1/laboratories/{laboratory_id}")).status_code == 404
    assert (await reviewed(house, applied)).json()["stage"] == "granted"
    assert await in_catalogue(house, laboratory_id, today(house))
    assert not await in_catalogue(house, laboratory_id, today(house) - A_DAY)
    seen = await house.client.get(f"/v1/laboratories/{laboratory_id}")
    told = seen.json()
    assert (told["organisation"], told["through"]) == (provider["name"], joined.json()["party_id"])
    assert told["accreditations"] == [
        {"kind": "beijing_key_laboratory", "valid_from": "2024-01-01", "valid_until": "2026-12-31"}
    ]
    assert CONTACT["person"] not in seen.text


async def test_the_catalogue_is_searched_by_words_accreditation_and_agency(house: House) -> None:
    agency, joined, _ = await service_agency(house, "lab-agency-2")
    key = await laboratory(house, agency, name="量子计量重点实验室", field="计量测试")
    centre = await laboratory(
        house, agency, name="海洋装备工程技术研究中心", field="高端装备",
        accreditations=[await accreditation(agency, kind="national_engineering_centre", valid_until=None)],
    )  # fmt: skip
    await house.project()

    async def found(**query: str) -> set[str]:
        page = (await house.client.get("/v1/laboratories", params=query)).json()
        return {item["laboratory_id"] for item in page["items"]}

    key_id, centre_id = key.json()["party_id"], centre.json()["party_id"]
    assert await found(text="量子") == {key_id}
    assert await found(text="高端装备") == {centre_id}
    assert await found(text="%") == set()
    assert await found(through=joined.json()["party_id"]) == {key_id, centre_id}
    assert await found(through=joined.json()["party_id"], accreditation="national_engineering_centre") == {centre_id}


async def test_only_a_service_agency_reports_and_only_what_is_recognised(house: House) -> None:
    nobody = house.person(Role.SERVICE_AGENCY, "lab-agency-nobody")
    refused = await nobody.post("/v1/laboratories", await laboratory_form(nobody))
    assert (refused.status_code, refused.json()["code"]) == (409, "no-service-agency")
    agency, _, _ = await service_agency(house, "lab-agency-3")
    lapsed = await accreditation(agency, valid_until=(today(house) - A_DAY).isoformat())
    refused = await agency.post("/v1/laboratories", await laboratory_form(agency, accreditations=[lapsed]))
    assert (refused.status_code, refused.json()["code"]) == (422, "laboratory-not-accredited")
    last_day = await accreditation(agency, valid_until=today(house).isoformat())
    applied = await agency.post("/v1/laboratories", await laboratory_form(agency, accreditations=[last_day]))
    assert applied.status_code == 201
    backwards = await accreditation(agency, valid_from="2027-01-01")
    refused = await agency.post(
        "/v1/laboratories", await laboratory_form(agency, name="另一实验室", accreditations=[backwards])
    )
    assert "accreditation-dates-reversed" in {error["code"] for error in refused.json()["errors"]}


async def test_one_laboratory_is_reported_once_however_often_it_is_sent(house: House) -> None:
    agency, _, _ = await service_agency(house, "lab-agency-4")
    form = await laboratory_form(agency)
    answers = await asyncio.gather(*(insisted(agency, "/v1/laboratories", form) for _ in range(3)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert {a.json()["code"] for a in answers if a.status_code == 409} == {"laboratory-already-reported"}


async def test_an_application_is_refused_and_its_laboratory_reported_anew(house: House) -> None:
    agency, _, _ = await service_agency(house, "lab-agency-5")
    applied = await agency.post("/v1/laboratories", await laboratory_form(agency))
    returned = await officer_of(house).post(
        f"/v1/affiliations/{applied.json()['party_id']}/return", {"remark": "认定文件不清晰"}, version=applied
    )
    mend = f"/v1/laboratories/{applied.json()['party_id']}/correction"
    other, _, _ = await service_agency(house, "lab-agency-6")
    assert (await other.post(mend, await laboratory_form(other), version=returned)).status_code == 404
    mended = await agency.post(mend, await laboratory_form(agency, site="新址"), version=returned)
    assert (mended.status_code, mended.json()["submission"]["site"]) == (200, "新址")
    refused = await reviewed(house, mended, "accredited")
    assert refused.json()["unmet"] == ["accredited"]
    assert (await agency.post("/v1/laboratories", await laboratory_form(agency))).status_code == 201


async def test_a_recognition_that_ends_takes_the_laboratory_out_and_a_new_one_brings_it_back(house: House) -> None:
    agency, _, _ = await service_agency(house, "lab-agency-7")
    first = today(house)
    last = first + 5 * A_DAY
    joined = await laboratory(house, agency, accreditations=[await accreditation(agency, valid_until=last.isoformat())])
    laboratory_id = joined.json()["party_id"]
    go_to(house, last)
    assert await house.wait(timedelta()) == 0
    assert await in_catalogue(house, laboratory_id, last)
    go_to(house, last + A_DAY)
    assert not await in_catalogue(house, laboratory_id, last + A_DAY)  # whether or not the sweep came
    assert await house.wait(timedelta()) >= 1
    assert not await in_catalogue(house, laboratory_id, last + A_DAY)
    go_to(house, last + 3 * A_DAY)
    path = f"/v1/laboratories/{laboratory_id}/accreditations"
    renewed = [await accreditation(agency, kind="national_key_laboratory", valid_until=None)]
    before = await agency.get(f"/v1/affiliations/{laboratory_id}")
    back = await officer_of(house).post(path, {"accreditations": renewed}, version=before)
    assert (back.status_code, back.json()["entered_on"], back.json()["valid_until"]) == (
        200, (last + 3 * A_DAY).isoformat(), None,
    )  # fmt: skip
    days = {day: await in_catalogue(house, laboratory_id, last + day * A_DAY) for day in range(-6, 4)}
    assert days == {-6: False, **dict.fromkeys(range(-5, 1), True), 1: False, 2: False, 3: True}
    none = await officer_of(house).post(path, {"accreditations": []}, version=back)
    assert (none.json()["entered_on"], none.json()["stage"]) == (None, "granted")
    assert not await in_catalogue(house, laboratory_id, today(house))
    assert await in_catalogue(house, laboratory_id, first)


async def test_a_renewal_in_time_keeps_the_laboratory_in_the_catalogue(house: House) -> None:
    agency, _, _ = await service_agency(house, "lab-agency-8")
    last = today(house) + 2 * A_DAY
    ends = await accreditation(agency, valid_until=last.isoformat())
    joined = await laboratory(house, agency, accreditations=[ends])
    laboratory_id = joined.json()["party_id"]
    follows = await accreditation(agency, valid_from=(last + A_DAY).isoformat(), valid_until="2027-12-31")
    path = f"/v1/laboratories/{laboratory_id}/accreditations"
    renewed = await officer_of(house).post(path, {"accreditations": [ends, follows]}, version=joined)
    assert renewed.json()["valid_until"] == "2027-12-31"
    await house.wait(4 * A_DAY)
    assert await in_catalogue(house, laboratory_id, today(house))
    stays = (await house.client.get(f"/v1/laboratories/{laboratory_id}")).json()["stays"]
    assert [(stay["valid_until"], stay["left_on"]) for stay in stays] == [("2027-12-31", None)]


async def test_a_removed_laboratory_was_in_the_catalogue_on_the_days_before(house: House) -> None:
    agency, _, _ = await service_agency(house, "lab-agency-9")
    joined = await laboratory(house, agency)
    laboratory_id, first = joined.json()["party_id"], today(house)
    go_to(house, first + 2 * A_DAY)
    removed = await officer_of(house).post(
        f"/v1/affiliations/{laboratory_id}/removal", {"reason": "不再具备条件"}, version=joined
    )
    assert removed.status_code == 200
    assert await in_catalogue(house, laboratory_id, first + A_DAY)
    assert not await in_catalogue(house, laboratory_id, first + 2 * A_DAY)


async def test_the_field_centres_have_the_names_of_the_source(house: House) -> None:
    listed = (await house.client.get("/v1/field-centres")).json()["items"]
    assert [centre["name"] for centre in listed] == [
        "北京生产力促进中心",
        "北京新材料发展中心",
        FACILITIES,
        "中关村绿创环境治理产业技术创新战略委员会",
        "北京工业设计促进中心",
        "北京市科学技术委员会农村发展中心",
    ]
    before = (await house.client.get("/v1/field-centres", params={"on": "2019-12-31"})).json()["items"]
    assert before == []


async def test_a_private_laboratory_joins_the_centre_of_its_field_before_the_office_reviews_it(house: House) -> None:
    centre = await centre_of(house, "centre-1")
    applicant = house.person(Role.CLAIMANT, "outsider-1")
    form = await membership_form(applicant)
    applied = await applicant.post(f"/v1/field-centres/{NEW_MATERIALS}/laboratories", form)
    assert applied.status_code == 201, applied.text
    laboratory_id = applied.json()["party_id"]
    early = await reviewed(house, applied)
    assert (early.status_code, early.json()["code"]) == (409, "field-centre-has-not-answered")
    await house.project()
    waiting = (await centre.get(f"/v1/field-centres/{NEW_MATERIALS}/applications")).json()["items"]
    assert laboratory_id in {item["party_id"] for item in waiting}
    seen = await centre.get(f"/v1/affiliations/{laboratory_id}")
    assert seen.json()["submission"]["organisation"] == form["organisation"]
    assert (await centre.get(f"/v1/documents/{form['letter_of_authorisation']}")).status_code == 200
    answer = f"/v1/laboratories/{laboratory_id}/centre-answer"
    willing = {"accepted": True, "remark": "属于本领域"}
    taken = await centre.post(answer, willing, version=seen)
    assert (taken.status_code, taken.json()["taken_in"]) == (200, True)
    again = await centre.post(answer, willing, version=taken)
    assert (again.status_code, again.json()["code"]) == (409, "affiliation-not-in-this-stage")
    joined = await officer_of(house).post(
        f"/v1/affiliations/{laboratory_id}/review", verdicts("laboratory"), version=taken
    )
    assert joined.json()["stage"] == "granted"
    assert await in_catalogue(house, laboratory_id, today(house))
    assert await members(house) >= {laboratory_id}
    assert laboratory_id not in await members(house, on=(today(house) - A_DAY).isoformat())
    first = today(house)
    go_to(house, first + A_DAY)
    left = await applicant.post(f"/v1/affiliations/{laboratory_id}/withdrawal", {"reason": "搬迁"}, version=joined)
    assert left.status_code == 200
    assert laboratory_id not in await members(house)
    assert laboratory_id in await members(house, on=first.isoformat())


async def members(house: House, **query: str) -> set[str]:
    await house.project()
    page = await house.client.get(f"/v1/field-centres/{NEW_MATERIALS}/members", params=query)
    return {item["laboratory_id"] for item in page.json()["items"]}


async def test_a_centre_answers_only_what_is_addressed_to_it(house: House) -> None:
    await centre_of(house, "centre-2")
    other = await centre_of(house, "centre-3", "fct_01dxeayx00fbgb6fbc8b7dp50n")
    applicant = house.person(Role.CLAIMANT, "outsider-2")
    applied = await applicant.post(f"/v1/field-centres/{NEW_MATERIALS}/laboratories", await membership_form(applicant))
    laboratory_id = applied.json()["party_id"]
    body = {"accepted": True, "remark": "同意"}
    assert (await other.get(f"/v1/affiliations/{laboratory_id}")).status_code == 404
    assert (await other.get(f"/v1/field-centres/{NEW_MATERIALS}/applications")).status_code == 404
    paper = applied.json()["submission"]["letter_of_authorisation"]
    assert (await other.get(f"/v1/documents/{paper}")).status_code == 404
    answer = f"/v1/laboratories/{laboratory_id}/centre-answer"
    assert (await other.post(answer, body, version=applied)).status_code == 404
    centre = house.person(Role.SERVICE_AGENCY, "centre-2")
    declined = await centre.post(answer, body | {"accepted": False, "remark": "不属于本领域"}, version=applied)
    assert (declined.status_code, declined.json()["stage"]) == (200, "refused")
    told = (await applicant.get(f"/v1/affiliations/{laboratory_id}")).json()
    assert (told["unmet"], told["steps"][0]["remarks"]) == (["in_organisation_or_field"], {"reason": "不属于本领域"})


async def test_an_organisation_of_the_platform_goes_through_its_agency_and_others_through_a_centre(
    house: House,
) -> None:
    provider = await listed_provider(house, "platform-member")
    applicant = house.person(Role.PROVIDER, "platform-member")
    form = await membership_form(applicant, credit_code=provider["credit_code"])
    refused = await applicant.post(f"/v1/field-centres/{NEW_MATERIALS}/laboratories", form)
    assert (refused.status_code, refused.json()["code"]) == (422, "organisation-is-on-platform")
    nowhere = "fct_01jq8v5x0000000000000000zz"
    assert (await applicant.post(f"/v1/field-centres/{nowhere}/laboratories", form)).status_code == 404


async def test_design_centres_are_laboratories_of_the_catalogue_by_date(house: House) -> None:
    agency, _, _ = await service_agency(house, "lab-agency-10")
    kind = {"kind": "beijing_design_innovation_centre", "valid_until": None}
    joined = await laboratory(
        house, agency, name="智能产品设计创新中心", accreditations=[await accreditation(agency, **kind)]
    )
    laboratory_id, officer = joined.json()["party_id"], officer_of(house)
    absent = await officer.post("/v1/design-centres", {"laboratory_id": "lab_01jq8v5x0000000000000000zz"})
    assert (absent.status_code, absent.json()["code"]) == (409, "laboratory-not-in-catalogue")
    answers = await asyncio.gather(
        *(insisted(officer, "/v1/design-centres", {"laboratory_id": laboratory_id}) for _ in range(2))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409]
    (made,) = [answer for answer in answers if answer.status_code == 201]
    first = today(house)
    assert made.json()["design_centre_id"] in await designers(house)
    go_to(house, first + A_DAY)
    path = f"/v1/design-centres/{made.json()['design_centre_id']}/removal"
    off = await officer.post(path, {"reason": "不再提供工业设计服务"}, version=made)
    assert (off.status_code, off.json()["delisted_on"]) == (200, (first + A_DAY).isoformat())
    assert made.json()["design_centre_id"] not in await designers(house)
    assert made.json()["design_centre_id"] in await designers(house, on=first.isoformat())
    twice = await officer.post(path, {"reason": "x"}, version=off)
    assert (twice.status_code, twice.json()["code"]) == (409, "design-centre-not-in-this-stage")
    relisted = await officer.post("/v1/design-centres", {"laboratory_id": laboratory_id})
    assert relisted.status_code == 201
    removed = await officer.post(f"/v1/affiliations/{laboratory_id}/removal", {"reason": "x"}, version=joined)
    assert removed.status_code == 200
    assert relisted.json()["design_centre_id"] not in await designers(house)


async def designers(house: House, **query: str) -> set[str]:
    await house.project()
    page = await house.client.get("/v1/design-centres", params=query | {"limit": "200"})
    return {item["design_centre_id"] for item in page.json()["items"]}


async def test_a_barred_organisation_s_laboratories_stay_out(house: House) -> None:
    centre, code = await centre_of(house, "centre-4"), fresh_code()
    first, second = house.person(Role.CLAIMANT, "outsider-4"), house.person(Role.CLAIMANT, "outsider-5")
    path = f"/v1/field-centres/{NEW_MATERIALS}/laboratories"
    applied = await first.post(path, await membership_form(first, credit_code=code))
    laboratory_id = applied.json()["party_id"]
    measure = {"party_id": laboratory_id, "measure": "disqualify", "until": None, "grounds": "出具虚假报告"}
    proposed = await officer_of(house).post("/v1/sanctions", measure)
    assert proposed.json()["party_kind"] == "laboratory"
    approver = house.person(Role.APPROVER, "approver-1")
    await approver.post(f"{proposed.headers['location']}/approval", version=proposed)
    answer = f"/v1/laboratories/{laboratory_id}/centre-answer"
    barred = await centre.post(answer, {"accepted": True, "remark": "同意"}, version=applied)
    assert (barred.status_code, barred.json()["code"]) == (409, "party-barred")
    # The measure is against one laboratory, not against the organisation.
    other = await second.post(path, await membership_form(second, credit_code=code, name="另一平台"))
    assert other.status_code == 201, other.text


async def test_the_audit_finds_nothing_and_then_what_was_changed_behind_its_back(house: House) -> None:
    found = await house.breaches()
    assert {check: found[check] for check in ("R20", "R21", "R22", "R23", "M8")} == {
        "R20": [], "R21": [], "R22": [], "R23": [], "M8": [],
    }  # fmt: skip
    agency, _, _ = await service_agency(house, "lab-agency-11")
    joined = await laboratory(house, agency)
    changed: Any = sa.text('UPDATE affiliations SET submission = submission || \'{"site": "x"}\' WHERE party_id = :id')
    async with house.owner() as connection:
        await connection.execute(changed, {"id": joined.json()["party_id"]})
    breaches: list[str] = (await house.breaches())["R20"]
    assert len(breaches) == 1
    assert "submission" in breaches[0]


async def test_papers_are_the_reporter_s_own(house: House) -> None:
    agency, _, _ = await service_agency(house, "lab-agency-12")
    stranger = house.person(Role.SERVICE_AGENCY, "lab-stranger")
    borrowed = await accreditation(agency, document_id=await upload(stranger))
    answer: httpx.Response = await agency.post(
        "/v1/laboratories", await laboratory_form(agency, accreditations=[borrowed])
    )
    assert (answer.status_code, answer.json()["code"]) == (422, "document-unknown")


async def test_an_application_is_corrected_where_it_was_made(house: House) -> None:
    applicant = house.person(Role.CLAIMANT, "outsider-6")
    form = await membership_form(applicant)
    applied = await applicant.post(f"/v1/field-centres/{NEW_MATERIALS}/laboratories", form)
    laboratory_id = applied.json()["party_id"]
    returned = await officer_of(house).post(
        f"/v1/affiliations/{laboratory_id}/return", {"remark": "授权函未盖章"}, version=applied
    )
    for centre, status in (("fct_01dxeayx00fbgb6fbc8b7dp50n", 404), (NEW_MATERIALS, 200)):
        path = f"/v1/field-centres/{centre}/laboratories/{laboratory_id}/correction"
        answer = await applicant.post(path, form | {"site": "新址二号"}, version=returned)
        assert answer.status_code == status, answer.text
    assert answer.json()["submission"]["site"] == "新址二号"
    wrong_kind = f"/v1/referral-agencies/{laboratory_id}/correction"
    mixed_up = await applicant.post(wrong_kind, await referral_form(applicant), version=answer)
    assert mixed_up.status_code == 404
