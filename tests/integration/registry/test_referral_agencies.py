"""Referral agencies over HTTP, on a real database: from the application to the enterprises they serve (faq 4)."""

import asyncio
from datetime import timedelta

import httpx

from shared.events.registry.affiliations import AffiliationGranted, AgencyAccountClosed, AgencyAccountOpened
from shared.http.policy import Role
from tests.integration.registry.bodies import company, fresh_code
from tests.integration.registry.house import House, Person
from tests.integration.registry.institutions import (
    CONTACT,
    PARTS,
    PROFILE,
    insisted,
    officer_of,
    referral_agency,
    referral_form,
    reviewed,
    upload,
    verdicts,
)

A_DAY = timedelta(days=1)
TODAY = "2026-11-23"


async def listed(house: House, principal: str) -> tuple[Person, httpx.Response]:
    person, joined = await referral_agency(house, principal)
    path = f"/v1/referral-agencies/{joined.json()['party_id']}/profile"
    described = await person.post(path, PROFILE, version=joined)
    assert described.status_code == 200, described.text
    return person, described


async def on_the_list(house: House, day: str | None = None) -> set[str]:
    await house.project()
    query = {"on": day} if day else {}
    answer = await house.client.get("/v1/referral-agencies", params=query | {"limit": "200"})
    assert answer.status_code == 200, answer.text
    return {item["party_id"] for item in answer.json()["items"]}


async def test_an_institution_applies_is_reviewed_and_gets_its_account(house: House) -> None:
    applicant = house.person(Role.CLAIMANT, "referral-1")
    applied = await applicant.post("/v1/referral-agencies", await referral_form(applicant))
    assert applied.status_code == 201, applied.text
    party_id = applied.json()["party_id"]
    found = {finding["rule"]: finding["outcome"] for finding in applied.json()["findings"]}
    assert found == {
        "served-enterprises": "pass",
        "promotion-undertaking": "recorded",
        "promotion-events": "pass",
        "working-rules": "needs_review",
    }
    joined = await reviewed(house, applied)
    assert (joined.json()["stage"], joined.json()["since"]) == ("granted", TODAY)
    accounts = [fact for fact in await house.facts() if isinstance(fact, AgencyAccountOpened)]
    assert [(a.role, a.principal) for a in accounts if a.party_id == party_id] == [("referral_agency", "referral-1")]
    assert (await applicant.get(f"/v1/affiliations/{party_id}")).json() == joined.json()


async def test_every_rule_that_fails_is_named_with_value_source_and_remedy(house: House) -> None:
    applicant = house.person(Role.PROVIDER, "referral-2")
    form = await referral_form(
        applicant,
        enterprises=29,
        promotion_events=1,
        undertaking_given=False,
        working_mechanism={"document_id": await upload(applicant), "sets_out": PARTS[:2]},
    )
    refused = await applicant.post("/v1/referral-agencies", form)
    assert refused.status_code == 422
    problems = {error["code"]: error for error in refused.json()["errors"]}
    assert set(problems) == {
        "referral-enterprises-too-few",
        "referral-undertaking-missing",
        "referral-events-too-few",
        "referral-working-rules-incomplete",
    }
    assert problems["referral-enterprises-too-few"]["value"] == 29
    assert problems["referral-working-rules-incomplete"]["value"] == ["enterprises_within_reach"]
    assert refused.json()["rule"]["article"] == "faq 4"
    assert refused.json()["remedy"]


async def test_a_returned_application_is_corrected_and_a_refused_one_tells_why(house: House) -> None:
    applicant, officer = house.person(Role.CLAIMANT, "referral-3"), officer_of(house)
    form = await referral_form(applicant)
    applied = await applicant.post("/v1/referral-agencies", form)
    path = f"/v1/affiliations/{applied.json()['party_id']}"
    returned = await officer.post(f"{path}/return", {"remark": "请补充总体情况"}, version=applied)
    assert (returned.status_code, returned.json()["stage"]) == (200, "returned")
    early = await officer.post(f"{path}/review", verdicts("referral_agency"), version=returned)
    assert (early.status_code, early.json()["code"]) == (409, "affiliation-not-in-this-stage")
    mend = f"/v1/referral-agencies/{applied.json()['party_id']}/correction"
    other = await applicant.post(mend, form | {"credit_code": fresh_code("52")}, version=returned)
    assert (other.status_code, other.json()["code"]) == (422, "credit-code-stays")
    corrected = await applicant.post(mend, form | {"enterprises": 46}, version=returned)
    assert (corrected.json()["stage"], corrected.json()["submission"]["enterprises"]) == ("requested", 46)
    stale = await officer.post(f"{path}/review", verdicts("referral_agency"), version=returned)
    assert stale.status_code == 412
    refused = await reviewed(house, corrected, "working_rules")
    assert (refused.json()["stage"], refused.json()["unmet"]) == ("refused", ["working_rules"])
    written = (await applicant.get(path)).json()["steps"]
    assert written[0]["remarks"] == {"reason": "请补充总体情况"}
    assert written[1]["remarks"]["working_rules"] == "已核查 working_rules"
    again = await applicant.post("/v1/referral-agencies", await referral_form(applicant))
    assert again.status_code == 201


async def test_the_office_looks_at_every_condition_once(house: House) -> None:
    applicant, officer = house.person(Role.CLAIMANT, "referral-4"), officer_of(house)
    applied = await applicant.post("/v1/referral-agencies", await referral_form(applicant))
    path = f"/v1/affiliations/{applied.json()['party_id']}/review"
    whole = verdicts("referral_agency")["verdicts"]
    for given in (whole[:2], [*whole, whole[0]]):
        answer = await officer.post(path, {"verdicts": given}, version=applied)
        assert (answer.status_code, answer.json()["code"]) == (422, "conditions-not-all-reviewed")


async def test_anothers_application_and_papers_do_not_exist(house: House) -> None:
    applicant, stranger = house.person(Role.CLAIMANT, "referral-5"), house.person(Role.CLAIMANT, "referral-6")
    paper = await upload(applicant)
    applied = await applicant.post("/v1/referral-agencies", await referral_form(applicant, undertaking=paper))
    path = f"/v1/affiliations/{applied.json()['party_id']}"
    assert (await stranger.get(path)).status_code == 404
    assert (await stranger.post(f"{path}/withdrawal", {"reason": "x"}, version=applied)).status_code == 404
    mend = f"/v1/referral-agencies/{applied.json()['party_id']}/correction"
    assert (await stranger.post(mend, await referral_form(stranger), version=applied)).status_code == 404
    assert (await stranger.get(f"/v1/documents/{paper}")).status_code == 404
    assert (await officer_of(house).get(f"/v1/documents/{paper}")).status_code == 200
    borrowed = await stranger.post("/v1/referral-agencies", await referral_form(stranger, undertaking=paper))
    assert (borrowed.status_code, borrowed.json()["code"]) == (422, "document-unknown")


async def test_every_look_at_an_application_is_recorded(house: House) -> None:
    applicant, auditor = house.person(Role.CLAIMANT, "referral-13"), house.person(Role.AUDITOR, "auditor-1")
    applied = await applicant.post("/v1/referral-agencies", await referral_form(applicant))
    party_id = applied.json()["party_id"]
    seen = await officer_of(house).get(f"/v1/affiliations/{party_id}")
    assert (await reviewed(house, seen)).status_code == 200
    assert (await house.person(Role.PROVIDER, "stranger").get(f"/v1/affiliations/{party_id}")).status_code == 404
    records = (await auditor.get("/v1/access-records", subject=party_id)).json()["items"]
    assert [(record["principal"], record["operation"], record["fields"]) for record in records] == [
        ("officer-1", "reviewAffiliation", ["contact", "credit_code"]),
        ("officer-1", "getAffiliation", ["contact", "credit_code"]),
    ]


async def test_two_applications_with_one_code_at_once_leave_one(house: House) -> None:
    code = fresh_code("52")
    rivals = [house.person(Role.CLAIMANT, f"referral-rival-{number}") for number in range(4)]
    forms = [await referral_form(rival, credit_code=code) for rival in rivals]
    answers = await asyncio.gather(
        *(insisted(rival, "/v1/referral-agencies", form) for rival, form in zip(rivals, forms, strict=True))
    )
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"credit-code-taken"}
    winner = rivals[[answer.status_code for answer in answers].index(201)]
    twin = await winner.post("/v1/referral-agencies", await referral_form(winner))
    assert (twin.status_code, twin.json()["code"]) == (409, "principal-has-agency")


async def test_an_agency_is_public_once_its_profile_is_complete_and_by_date_for_ever(house: House) -> None:
    person, joined = await referral_agency(house, "referral-7")
    party_id = joined.json()["party_id"]
    path = f"/v1/referral-agencies/{party_id}"
    assert party_id not in await on_the_list(house)
    assert (await house.client.get(path)).status_code == 404
    described = await person.post(f"{path}/profile", PROFILE, version=joined)
    assert described.status_code == 200, described.text
    assert party_id in await on_the_list(house)
    seen = await house.client.get(path)
    assert (seen.json()["listed"], seen.json()["introduction"]) == (True, PROFILE["introduction"])
    assert CONTACT["person"] not in seen.text
    first_day = seen.json()["listed_on"]
    day_before = (house.clock.instant.date() - A_DAY).isoformat()
    assert party_id not in await on_the_list(house, day_before)
    house.clock.instant += 3 * A_DAY
    removed = await officer_of(house).post(
        f"/v1/affiliations/{party_id}/removal", {"reason": "连续两年未开展工作"}, version=described
    )
    assert (removed.status_code, removed.json()["ended"]) == (200, "removed")
    assert party_id not in await on_the_list(house)
    assert party_id in await on_the_list(house, first_day)
    then = (await house.client.get(path, params={"on": first_day})).json()
    assert (then["listed"], then["left_on"]) == (True, removed.json()["since"])
    assert (await house.client.get(path)).json()["listed"] is False
    closed = [fact.party_id for fact in await house.facts() if isinstance(fact, AgencyAccountClosed)]
    assert party_id in closed
    late = await person.post(f"{path}/profile", PROFILE, version=removed)
    assert (late.status_code, late.json()["code"]) == (409, "affiliation-not-in-this-stage")


async def test_training_and_the_two_events_of_the_undertaking_are_recorded(house: House) -> None:
    person, described = await listed(house, "referral-8")
    path = f"/v1/referral-agencies/{described.json()['party_id']}"
    today = house.clock.instant.date()
    training = {"held_on": today.isoformat(), "attended": True, "title": "业务培训", "place": "线上"}
    trained = await officer_of(house).post(f"{path}/trainings", training)
    assert (trained.status_code, trained.json()["trainings"][0]["attended"]) == (201, True)
    early = {**training, "held_on": (today - A_DAY).isoformat()}
    assert (await officer_of(house).post(f"{path}/trainings", early)).json()["code"] == "held-before-joining"
    plan = {"planned_for": (today + 2 * A_DAY).isoformat(), "title": "政策宣讲会", "place": "丰台科技园"}
    for _ in range(2):
        planned = await person.post(f"{path}/events", plan)
        assert planned.status_code == 201, planned.text
    past = await person.post(f"{path}/events", plan | {"planned_for": (today - A_DAY).isoformat()})
    assert (past.status_code, past.json()["code"]) == (422, "event-planned-in-the-past")
    first, second = planned.json()["events"]
    report = {"held_on": plan["planned_for"], "enterprises": 42}
    too_early = await person.post(f"{path}/events/{first['event_id']}/report", report, version=planned)
    assert (too_early.status_code, too_early.json()["code"]) == (422, "held-in-the-future")
    house.clock.instant += 2 * A_DAY
    held = await person.post(f"{path}/events/{first['event_id']}/report", report, version=planned)
    assert (held.json()["events_held"], held.json()["events_needed"]) == (1, 2)
    twice = await person.post(f"{path}/events/{first['event_id']}/report", report, version=held)
    assert (twice.status_code, twice.json()["code"]) == (409, "event-not-planned")
    held = await person.post(f"{path}/events/{second['event_id']}/report", report, version=held)
    assert held.json()["events_held"] == 2
    await house.project()
    items = (await house.client.get("/v1/referral-agencies", params={"limit": "200"})).json()["items"]
    assert [item["events_held"] for item in items if item["party_id"] == described.json()["party_id"]] == [2]
    stranger = house.person(Role.REFERRAL_AGENCY, "referral-stranger")
    assert (await stranger.get(f"{path}/work")).status_code == 404
    assert (await stranger.post(f"{path}/events", plan)).status_code == 404


async def test_an_agency_serves_a_claimant_only_by_its_consent(house: House) -> None:
    person, described = await listed(house, "referral-9")
    agency_id = described.json()["party_id"]
    owner, other = house.person(Role.CLAIMANT, "served-1"), house.person(Role.CLAIMANT, "served-2")
    made = [await who.post("/v1/claimants", company()) for who in (owner, other)]
    claimant_id, others_id = [answer.json()["claimant_id"] for answer in made]
    path = f"/v1/referral-agencies/{agency_id}/referrals"
    assert (await owner.post(f"{path}/{claimant_id}/consent")).status_code == 404
    offered = await person.post(path, {"claimant_id": claimant_id})
    assert (offered.status_code, offered.json()["stage"]) == (201, "offered")
    again = await person.post(path, {"claimant_id": claimant_id})
    assert (again.status_code, again.json()["code"]) == (409, "referral-already-offered")
    nobody = await person.post(path, {"claimant_id": "clm_01jq8v5x0000000000000000zz"})
    assert (nobody.status_code, nobody.json()["code"]) == (422, "party-unknown")
    assert (await other.post(f"{path}/{claimant_id}/consent")).status_code == 404
    accepted = await owner.post(f"{path}/{claimant_id}/consent")
    assert (accepted.status_code, accepted.json()["stage"]) == (200, "accepted")
    await house.project()
    mine = (await owner.get("/v1/referrals")).json()["items"]
    assert [(item["agency_id"], item["stage"]) for item in mine] == [(agency_id, "accepted")]
    assert (await other.get("/v1/referrals")).json()["items"] == []
    assert (await person.get(f"/v1/referral-agencies/{agency_id}/work")).json()["serves"] == 1
    ended = await owner.post(f"{path}/{claimant_id}/end")
    assert (ended.status_code, ended.json()["stage"]) == (200, "ended")
    await person.post(path, {"claimant_id": others_id})
    declined = await person.post(f"{path}/{others_id}/end")
    assert declined.status_code == 200
    assert (await person.get(f"/v1/referral-agencies/{agency_id}/work")).json()["serves"] == 0


async def test_an_agency_that_has_left_serves_nobody(house: House) -> None:
    person, described = await listed(house, "referral-14")
    agency_id = described.json()["party_id"]
    owner = house.person(Role.CLAIMANT, "served-3")
    claimant_id = (await owner.post("/v1/claimants", company())).json()["claimant_id"]
    path = f"/v1/referral-agencies/{agency_id}/referrals"
    offered = await person.post(path, {"claimant_id": claimant_id})
    assert offered.status_code == 201
    seen = await person.get(f"/v1/affiliations/{agency_id}")
    left = await person.post(f"/v1/affiliations/{agency_id}/withdrawal", {"reason": "业务调整"}, version=seen)
    assert left.status_code == 200
    late = await owner.post(f"{path}/{claimant_id}/consent")
    assert (late.status_code, late.json()["code"]) == (409, "affiliation-not-in-this-stage")
    await house.project()
    (over,) = (await owner.get("/v1/referrals")).json()["items"]
    assert (over["stage"], over["ended_on"]) == ("ended", left.json()["since"])
    assert (await owner.get("/v1/referrals", stage="offered")).json()["items"] == []


async def test_who_is_disqualified_neither_applies_nor_goes_on(house: House) -> None:
    person, described = await listed(house, "referral-10")
    agency_id = described.json()["party_id"]
    officer, approver = officer_of(house), house.person(Role.APPROVER, "approver-1")
    measure = {"party_id": agency_id, "measure": "disqualify", "until": None, "grounds": "虚报服务企业"}
    proposed = await officer.post("/v1/sanctions", measure)
    assert (proposed.status_code, proposed.json()["party_kind"]) == (201, "referral_agency")
    await approver.post(f"{proposed.headers['location']}/approval", version=proposed)
    plan = {"planned_for": house.clock.instant.date().isoformat(), "title": "政策宣讲会", "place": "丰台科技园"}
    refused = await person.post(f"/v1/referral-agencies/{agency_id}/events", plan)
    assert (refused.status_code, refused.json()["code"]) == (409, "party-barred")
    code = (await person.get(f"/v1/affiliations/{agency_id}")).json()["submission"]["credit_code"]
    other = house.person(Role.CLAIMANT, "referral-11")
    barred = await other.post("/v1/referral-agencies", await referral_form(other, credit_code=code))
    assert (barred.status_code, barred.json()["code"]) == (409, "party-barred")
    standing = (await person.get(f"/v1/parties/{agency_id}/standing")).json()
    assert (standing["good"], standing["party_kind"]) == (False, "referral_agency")


async def test_a_measure_between_application_and_review_stops_the_review(house: House) -> None:
    applicant, officer = house.person(Role.CLAIMANT, "referral-12"), officer_of(house)
    form = await referral_form(applicant)
    applied = await applicant.post("/v1/referral-agencies", form)
    measure = {
        "party_id": applied.json()["party_id"], "measure": "disqualify", "until": None, "grounds": "提供虚假材料",
    }  # fmt: skip
    proposed = await officer.post("/v1/sanctions", measure)
    await house.person(Role.APPROVER, "approver-1").post(f"{proposed.headers['location']}/approval", version=proposed)
    stopped = await reviewed(house, applied)
    assert (stopped.status_code, stopped.json()["code"]) == (409, "party-barred")
    granted = [fact.party_id for fact in await house.facts() if isinstance(fact, AffiliationGranted)]
    assert applied.json()["party_id"] not in granted


async def test_what_was_said_of_persons_is_in_no_event_and_the_audit_finds_nothing(house: House) -> None:
    told = "".join(str(fact) for fact in await house.facts())
    for confidence in (CONTACT["person"], CONTACT["phone"], CONTACT["email"], "请补充总体情况", "连续两年未开展工作"):
        assert confidence not in told
    breaches = await house.breaches()
    assert {check: found for check, found in breaches.items() if check in {"R20", "R21", "R22", "R24", "M8"}} == {
        "R20": [], "R21": [], "R22": [], "R24": [], "M8": [],
    }  # fmt: skip
